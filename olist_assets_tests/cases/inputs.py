"""Variants of a clean sample as they arrive in practice, each made by a function of the sample and a target folder."""

import csv
import gzip
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from olist_assets.contracts.source_files import SOURCES

FILES = {subject: source.name for subject, source in SOURCES.items()}
Rows = list[list[str]]
Make = Callable[[Path, Path], object]
Change = Callable[[Rows], Rows]


def contents(sample: Path) -> dict[str, bytes]:
    return {name: (sample / name).read_bytes() for name in FILES.values()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def with_bytes(change: Callable[[bytes], bytes], *subjects: str) -> Make:
    """A copy of the sample in which the bytes of some files, or of all, are changed."""

    def make(sample: Path, target: Path) -> None:
        shutil.copytree(sample, target)
        for subject in subjects or FILES:
            path = target / FILES[subject]
            path.write_bytes(change(path.read_bytes()))

    return make


def with_rows(change: Change, *subjects: str, end: str = "\n", **dialect: Any) -> Make:
    """A copy of the sample in which the rows of some files, or of all, are changed, the header first."""

    def rewritten(content: bytes) -> bytes:
        rows = list(csv.reader(StringIO(content.decode("utf-8-sig"), newline="")))
        written = StringIO(newline="")
        csv.writer(written, lineterminator=end, **dialect).writerows(change(rows))
        return written.getvalue().encode()

    return with_bytes(rewritten, *subjects)


def in_folders(name: Callable[[str], str]) -> Make:
    def make(sample: Path, target: Path) -> None:
        for file, content in contents(sample).items():
            (target / name(file)).parent.mkdir(parents=True, exist_ok=True)
            (target / name(file)).write_bytes(content)

    return make


def in_zip(change: Callable[[dict[str, bytes]], Mapping[str, bytes]]) -> Make:
    return lambda sample, target: target.write_bytes(zipped(change(contents(sample))))


def lf(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def half_crlf(content: bytes) -> bytes:
    """CRLF from the middle of the file on."""
    middle = content.index(b"\n", len(content) // 2)
    return lf(content[:middle]) + lf(content[middle:]).replace(b"\n", b"\r\n")


def columns(subject: str, change: Callable[[str], str], *names: str) -> Change:
    """Change the values of some columns."""
    header = SOURCES[subject].columns
    at = [header.index(name) for name in names]
    return lambda rows: [rows[0], *([change(v) if i in at else v for i, v in enumerate(row)] for row in rows[1:])]


def value(row: int, name: str, text: str, subject: str = "orders") -> Change:
    """Change one value."""

    def change(rows: Rows) -> Rows:
        rows[row][SOURCES[subject].columns.index(name)] = text
        return rows

    return change


def whole_numbers_as_floats(subject: str) -> Make:
    names = [name for name, kind in SOURCES[subject].types.items() if kind == "int"]
    return with_rows(columns(subject, lambda text: f"{text}.0" if text else text, *names), subject)


def header_again(rows: Rows) -> Rows:
    """The header once more in the middle, as in a file that was joined of two."""
    middle = len(rows) // 2
    return [*rows[:middle], rows[0], *rows[middle:]]


def together(*changes: Make) -> Make:
    """A copy of the sample with changes of several files."""

    def make(sample: Path, target: Path) -> None:
        shutil.copytree(sample, target)
        for change in changes:
            changed = target.with_name("changed")
            change(target, changed)
            shutil.rmtree(target)
            changed.rename(target)

    return make


CLEANED: dict[str, tuple[Make, set[tuple[str, str]]]] = {
    "whole numbers as floats": (
        together(*map(whole_numbers_as_floats, ("order_items", "order_payments", "products"))),
        set(),
    ),
    "repeated headers": (with_rows(header_again), {(f"bronze_{name}", "repeated_header") for name in FILES}),
    "zip prefixes without zeros": (
        together(
            *(
                with_rows(columns(subject, lambda text: text.lstrip("0"), column), subject)
                for subject, column in (
                    ("customers", "customer_zip_code_prefix"),
                    ("sellers", "seller_zip_code_prefix"),
                    ("geolocation", "geolocation_zip_code_prefix"),
                )
            )
        ),
        set(),
    ),
}
"""Variants of which silver makes the tables of the clean sample, with the tables and reasons of their rejects."""

READ: dict[str, Make] = {
    "half CRLF": with_bytes(half_crlf, "customers", "sellers", "geolocation", "order_payments"),
    "header LF, body CRLF": with_bytes(
        lambda content: lf(content).replace(b"\n", b"\r\n").replace(b"\r\n", b"\n", 1), "sellers", "order_payments"
    ),
    "header CRLF, body LF": with_bytes(lambda content: lf(content).replace(b"\n", b"\r\n", 1), "customers", "orders"),
    "carriage returns": with_bytes(lambda content: lf(content).replace(b"\n", b"\r"), "sellers", "orders"),
    "doubled carriage returns": with_bytes(lambda content: lf(content).replace(b"\n", b"\r\r\n"), "order_items"),
    "no last line end": with_bytes(lambda content: content.rstrip(b"\r\n")),
    "byte order marks": with_bytes(lambda content: b"\xef\xbb\xbf" + content.removeprefix(b"\xef\xbb\xbf")),
    "everything in quotes": with_rows(lambda rows: rows, quoting=csv.QUOTE_ALL),
    "blank lines": with_bytes(lambda content: content + b"\n" * (not content.endswith(b"\n")) + b"\n   \n\n"),
    "lines of commas": with_rows(lambda rows: [rows[0], [""] * len(rows[0]), *rows[1:], [" "] * len(rows[0])]),
    "header in upper case": with_rows(lambda rows: [[name.upper() for name in rows[0]], *rows[1:]]),
    "header with spaces": with_rows(lambda rows: [[f" {name} " for name in rows[0]], *rows[1:]]),
    "spaces before the quotes of the header": with_bytes(
        lambda content: b", ".join(lf(content).split(b"\n", 1)[0].split(b",")) + b"\n" + lf(content).split(b"\n", 1)[1],
        "orders",
        "products",
    ),
    "zip": in_zip(lambda files: files),
    "zip in a zip": in_zip(lambda files: {"archive.zip": zipped({f"archive/{n}": c for n, c in files.items()})}),
    "zip with folders": in_zip(lambda files: {f"{'a' if 'order' in n else 'b'}/{n}": c for n, c in files.items()}),
    "gzip files": lambda sample, target: [
        in_folders(lambda name: f"{name}.gz")(sample, target),
        *(path.write_bytes(gzip.compress(path.read_bytes())) for path in target.iterdir()),
    ],
    "parent folder": in_folders(lambda name: f"archive/{name}"),
    "several folders": in_folders(lambda name: f"{'orders' if 'order' in name else 'others'}/{name}"),
}

REFUSED: dict[str, tuple[Make, str]] = {
    "semicolons": (with_rows(lambda rows: rows, delimiter=";"), "semicolons between its fields"),
    "tabs": (with_rows(lambda rows: rows, "customers", delimiter="\t"), "tabs between its fields"),
    "row numbers": (
        with_rows(lambda rows: [[str(at - 1) if at else "", *row] for at, row in enumerate(rows)], "order_items"),
        "column of row numbers in front",
    ),
    "lines in quotes": (
        with_bytes(lambda content: re.sub(rb"(?m)^(.+)$", rb'"\1"', lf(content)), "products"),
        "quotes around whole lines",
    ),
    "unclosed quote": (
        with_bytes(lambda content: content.replace(b",,,", b',,"muito bom,', 1), "order_reviews"),
        "order_reviews_dataset.csv in .*, line [0-9]+: a quote is opened and not closed",
    ),
    "quotes escaped by backslashes": (
        with_rows(
            columns("order_reviews", lambda text: f'{text} "x" y', "review_comment_message"), "order_reviews",
            quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\",
        ),
        r"line 2: a quote is escaped by a backslash",
    ),
    "decimal commas": (
        with_rows(columns("order_items", lambda text: text.replace(".", ","), "price", "freight_value"), "order_items"),
        "price was decimal.*decimal commas: write the numbers with points",
    ),
    "latin-1": (
        with_bytes(lambda content: content.decode().encode("latin-1", "replace"), "geolocation"), "is not UTF-8: "
    ),
    "two copies": (
        in_zip(lambda files: {f"{folder}/{name}": text for folder in ("a", "b") for name, text in files.items()}),
        "is there more than once: .*a/.* and .*b/",
    ),
    "damaged zip": (
        lambda sample, target: target.write_bytes(zipped(contents(sample))[:5000]), "is not a whole archive"
    ),
}  # fmt: skip
