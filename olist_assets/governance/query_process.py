"""A role's query in a process that holds nothing else: `python -m olist_assets.governance.query_process`.

DuckDB counts neither all of its memory nor all of its time: `lpad('x', 2000000000)` took 8 GB and a minute with limits
of 512 MB and 5 s. So the operating system limits both. The process has no environment, may not write a file, and gets
the rows that the role sees.

Both sides talk through pipes. The request and the tables' schemas are answered by the columns that the query reads;
their rows are answered by the result. Requests and replies are lines of JSON, schemas and rows are Arrow streams.
"""

import json
import os
import resource
import select
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Event, Thread, Timer
from typing import IO, Any

import duckdb
import pyarrow as pa

from olist_assets.contracts.quoting import identifier
from olist_assets.errors import OlistError
from olist_assets.governance.locked_connection import Limits, create_tables, fill, needed_columns
from olist_assets.lakehouse.connection import MIB

# What the process may use beside DuckDB's memory: for the libraries and for the result.
OWN_BYTES = 512 * MIB
BATCH_ROWS = 65_536
# DuckDB ends most queries by itself at their limit.
GRACE_SECONDS = 2.0
Relations = Mapping[str, duckdb.DuckDBPyRelation]


class QueryFailed(OlistError):
    """DuckDB refused the query; the text is DuckDB's."""


class LimitReached(OlistError):
    """The query needed more than the query of a role may."""


def ask(query: str, relations: Relations, named: Sequence[str], limits: Limits) -> pa.Table | None:
    """The rows of a query over these relations; None for a statement without a result.

    `named` are the tables that its text names. Raises QueryFailed and LimitReached.
    """
    command = [sys.executable, "-m", "olist_assets.governance.query_process"]
    # The environment may hold secrets; the path may have been changed since this process started.
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=env, cwd="/", bufsize=-1) as process:
        try:
            return _Answering(process, limits).answer(query, relations, named)
        finally:
            process.kill()


@dataclass(frozen=True)
class _Answering:
    """The process, seen from the side that asks."""

    process: Popen
    limits: Limits

    def answer(self, query: str, relations: Relations, named: Sequence[str]) -> pa.Table | None:
        request = {"query": query, "named": named, "limits": asdict(self.limits), "tables": list(relations)}
        first = self._reply_to(request, (relation.limit(0) for relation in relations.values()))
        columns = {name: ", ".join(map(identifier, names)) for name, names in first["columns"].items()}
        last = self._reply_to({}, (relations[name].project(listed) for name, listed in columns.items()))
        return pa.ipc.open_stream(self._replies).read_all() if last["has_rows"] else None

    @property
    def _replies(self) -> IO[bytes]:
        assert self.process.stdout
        return self.process.stdout

    def _reply_to(self, request: dict[str, Any], relations: Iterable[duckdb.DuckDBPyRelation]) -> dict[str, Any]:
        """The reply to a request with these rows. Raises QueryFailed and LimitReached."""
        requests, is_late = self.process.stdin, Event()
        assert requests
        # A process that refuses a query ends without reading the rest.
        with suppress(BrokenPipeError):
            _write(requests, request)
            for relation in relations:
                _write_rows(requests, relation.to_arrow_reader(BATCH_ROWS))
            requests.flush()
        timer = Timer(self.limits.seconds + GRACE_SECONDS, lambda: (is_late.set(), self.process.kill()))
        timer.start()
        line = self._replies.readline()
        timer.cancel()
        if is_late.is_set():
            raise LimitReached(_too_long(self.limits))
        if not line.endswith(b"\n"):
            raise LimitReached(_too_much_memory(self.limits))
        reply = json.loads(line)
        if limit := reply.get("limit"):
            raise LimitReached(limit)
        if error := reply.get("error"):
            raise QueryFailed(error)
        return reply


def _too_long(limits: Limits) -> str:
    return f"The query took longer than {limits.seconds:g} s, which a role's query may take (OLIST_QUERY_SECONDS)."


def _too_much_memory(limits: Limits) -> str:
    return (
        f"The query needs more than {limits.memory // MIB} MiB, which a role's query may use (OLIST_DUCKDB_MEMORY). "
        "Aggregate, or read fewer columns or rows."
    )


def _too_large(limits: Limits) -> str:
    return (
        f"The result is larger than {limits.result // MIB} MiB, which a role's query may return (OLIST_RESULT_SIZE). "
        "Aggregate or use LIMIT, or let whoever runs the platform export the tables: olist export."
    )


def _write(stream: IO[bytes], message: Mapping[str, Any]) -> None:
    stream.write(json.dumps(message).encode() + b"\n")


def _write_rows(stream: IO[bytes], rows: pa.RecordBatchReader) -> None:
    with pa.ipc.new_stream(stream, rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)


def main() -> None:
    """Answer the query on standard input."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    _end_with_writer_of(requests.fileno())
    request = json.loads(requests.readline())
    limits = Limits(**request["limits"])
    _limit(limits)
    try:
        rows = _answer(requests, replies, request, limits)
        _write(replies, {"has_rows": rows is not None})
        if rows is not None:
            _write_rows(replies, rows.to_reader())
    except (MemoryError, pa.ArrowMemoryError):
        _write(replies, {"limit": _too_much_memory(limits)})
    except LimitReached as reached:
        _write(replies, {"limit": str(reached)})
    except (duckdb.Error, OSError) as error:
        _write(replies, _reported(error, limits))


def _reported(error: duckdb.Error | OSError, limits: Limits) -> dict[str, str]:
    """The reply for an error. Arrow repeats one that comes after the first rows as an OSError with DuckDB's text."""
    text = str(error)
    if text.startswith("Out of Memory Error"):
        return {"limit": _too_much_memory(limits)}
    if text.startswith("INTERRUPT Error"):
        return {"limit": _too_long(limits)}
    return {"error": text}


def _end_with_writer_of(requests: int) -> None:
    """End this process as soon as the one that asks has ended, also by a signal: nobody waits for the answer then."""
    closed = select.poll()
    closed.register(requests, 0)  # for the end of its other side alone
    Thread(target=lambda: (closed.poll(), os._exit(1)), daemon=True).start()


def _limit(limits: Limits) -> None:
    """Let the system refuse memory and files, and end the process after its time."""
    used = resource.getpagesize() * int(Path("/proc/self/statm").read_text().split()[5])
    for kind, limit in {
        resource.RLIMIT_DATA: used + limits.memory + limits.result + OWN_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int((limits.seconds + GRACE_SECONDS) * (os.cpu_count() or 1)) + 1,
    }.items():
        resource.setrlimit(kind, (limit, limit))


def _answer(requests: IO[bytes], replies: IO[bytes], request: Mapping[str, Any], limits: Limits) -> pa.Table | None:
    query: str = request["query"]
    schemas = {name: pa.ipc.open_stream(requests).read_all().schema for name in request["tables"]}
    needed = needed_columns(limits, schemas, request["named"], query)
    columns = {name: names for name, names in needed.items() if names}
    _write(replies, {"columns": columns})
    replies.flush()
    requests.readline()
    with limits.opened() as con:
        create_tables(con, schemas)
        for name in columns:
            fill(con, name, pa.ipc.open_stream(requests))
        limits.shut_off(con)
        result = con.sql(query)
        return None if result is None else _small_enough(result.to_arrow_reader(BATCH_ROWS), limits)


def _small_enough(rows: pa.RecordBatchReader, limits: Limits) -> pa.Table:
    batches, size = [], 0
    for batch in rows:
        size += batch.nbytes
        if size > limits.result:
            raise LimitReached(_too_large(limits))
        batches.append(batch)
    return pa.Table.from_batches(batches, rows.schema)


if __name__ == "__main__":
    main()
