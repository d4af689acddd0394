"""Standard output of the commands: whatever it is connected to, it never stops a command and loses nothing silently."""

import codecs
import csv
import errno
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from olist_assets.printable import printable_lines

STANDARD_OUTPUT = 1
# What the commands draw, for a terminal whose encoding has no such characters.
DRAWN = {**dict.fromkeys("┌┬┐├┼┤└┴┘┏┳┓┡╇┩", "+"), **dict.fromkeys("─━", "-"), **dict.fromkeys("│┃", "|")}
DRAWN |= {"✓": "+", "✗": "x", "…": "..."}


class Output(io.FileIO):
    """A file that keeps its first error instead of raising it, and drops what is written afterwards.

    A run must not stop because the reader of its progress has gone, and the disk of its log may be full.
    """

    error: OSError | None = None
    has_lost = False

    def write(self, data: Any, /) -> int:
        try:
            if self.error is None:
                return super().write(data) or 0
        except OSError as error:
            self.error = error
        self.has_lost = True
        return memoryview(data).nbytes

    @property
    def problem(self) -> str | None:
        """Why output was lost; None if nothing was, or if its reader closed the pipe because it had enough."""
        if self.error is None or not self.has_lost or isinstance(self.error, BrokenPipeError):
            return None
        return self.error.strerror


@contextmanager
def standard_output() -> Iterator[Output]:
    """Let everything that is printed go through an Output, in the terminal's encoding."""
    if sys.stdout is None:
        # Python's way to say that it was started without one (`>&-`).
        raw = Output(os.devnull, "wb")
        raw.error = OSError(errno.EBADF, os.strerror(errno.EBADF))
    else:
        sys.stdout.flush()
        raw = Output(STANDARD_OUTPUT, "wb", closefd=False)
    encoding = getattr(sys.stdout, "encoding", "utf-8")
    codecs.register_error("drawn", _drawn)
    with (
        io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="drawn", line_buffering=raw.isatty()) as stream,
        redirect_stdout(stream),
    ):
        yield raw
        stream.flush()


def _drawn(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace characters that an encoding lacks: what we draw by ASCII, any other by its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    plain = (DRAWN.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in found)
    return "".join(plain), error.end


def print_records(records: Sequence[Mapping[str, Any]], names: Sequence[str], form: str) -> None:
    """Print records as `csv` or `json`, in UTF-8; only a terminal gets its own encoding and no control characters."""
    text = io.StringIO(newline="")
    if form == "json":
        text.write(json.dumps(records, indent=2) + "\n")
    else:
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(records)
    sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write(printable_lines(text.getvalue()))
    else:
        sys.stdout.buffer.write(text.getvalue().encode())
    sys.stdout.flush()
