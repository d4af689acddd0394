"""What an engine makes of given text. The test process asks its own engine, and Sail's by a process of its own.

`python -m olist_assets_tests.engines.answers` answers one question per line, as JSON: the name of a function of this
module and its arguments.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
from pyspark.sql import DataFrame

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.catalog import catalog
from olist_assets.cli import main as cli_main
from olist_assets.engine.choice import engine_of
from olist_assets.engine.engine import Engine
from olist_assets.kafka.connection import Kafka
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.stream import EventStream
from olist_assets.settings import Settings
from olist_assets.silver.cleaning import accepted, exact_cast, rejected
from olist_assets.source.csv_file import csv_file
from olist_assets_tests.rows import frame
from olist_assets_tests.silver.rules import RULES

Text = str | None
Rows = list[list[str]]
"""A line of names and types, then the rows, each value as text."""


def casts(engine: Engine, kinds: Sequence[str], texts: Sequence[Text]) -> Rows:
    """The exact cast of each text to each of the types."""
    rows = pa.table({"at": range(len(texts)), "text": pa.array(texts, pa.string())})
    values = (exact_cast("text", kind).alias(kind) for kind in kinds)
    return table_rows(engine.session.createDataFrame(rows).select("at", "text", *values))


def cleaned(engine: Engine, subject: str, records: Sequence[dict[str, Text]]) -> list[Rows]:
    """The accepted and the rejected rows of a cleaned table; a record names the columns that are not simply valid."""
    bronze = frame(engine.session, BRONZE[subject], *records)
    return [table_rows(rule(bronze, RULES[subject])) for rule in (accepted, rejected)]


def read(engine: Engine, path: str) -> Rows:
    """The records of a source file."""
    return table_rows(engine.read_csv(csv_file(Path(path), path, engine.settings.cache)))


def stored(engine: Engine, warehouse: str, name: str) -> Rows:
    """The rows of a table of a warehouse."""
    opened = Warehouse(Settings(warehouse=warehouse), catalog()).open(name)
    return table_rows(engine.read_table(opened))


def took(engine: Engine, variables: Mapping[str, str]) -> list[int]:
    """Take what the topic of these environment variables has; the number of messages of each batch."""
    with patch.dict(os.environ, variables):
        settings = Settings()
    stream = EventStream(Warehouse(settings, catalog()), engine, Kafka.of(settings))
    return [merged.row["rows"] for merged in stream.take_available()]


def olist(_: Engine, variables: Mapping[str, str], words: Sequence[str]) -> tuple[object, str]:
    """Run `olist` in this process with these environment variables; the exit code and everything that was printed."""
    with (
        patch.dict(os.environ, variables),
        patch.object(sys, "argv", ["olist", *words]),
        tempfile.TemporaryFile("w+") as printed,
    ):
        code: object = None
        with _printing_to(printed.fileno()):
            try:
                cli_main.main()
            except SystemExit as done:
                code = done.code
        printed.seek(0)
        return code, printed.read()


@contextmanager
def _printing_to(file: int) -> Iterator[None]:
    """Standard output and standard error go to a file, also those of libraries that are not written in Python."""
    own = {stream: os.dup(stream.fileno()) for stream in (sys.stdout, sys.stderr)}
    for stream in own:
        stream.flush()
        os.dup2(file, stream.fileno())
    try:
        yield
    finally:
        for stream, copy in own.items():
            stream.flush()
            os.dup2(copy, stream.fileno())
            os.close(copy)


def table_rows(rows: DataFrame) -> Rows:
    """The rows of a frame in any order, with the types of its columns; timestamps as microseconds."""
    found = rows.toArrow()
    values = [
        (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for column in found.columns
    ]
    types = [f"{field.name} {field.dataType.simpleString()}" for field in rows.schema.fields]
    return [types, *sorted([repr(value) for value in row] for row in zip(*values, strict=True))]


ANSWERS: dict[str, Callable] = {answer.__name__: answer for answer in (casts, cleaned, olist, read, stored, took)}


def main() -> None:
    """Answer questions until the input ends."""
    engine = engine_of(Settings())
    # Started before `olist` changes the environment and restores it: PySpark keeps there that it is over Connect.
    assert engine.session
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(ANSWERS[name](engine, *arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
