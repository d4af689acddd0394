"""A source file as a frame of text. Records that do not fit the header, which Sail refuses, are read separately."""

import csv
import shutil
import uuid
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from olist_assets.contracts.source_files import CORRUPT
from olist_assets.source.dialect import CSV_OPTIONS, Span, scan


def read_records(session: SparkSession, path: Path, columns: Sequence[str], scratch: Path) -> DataFrame:
    """All records of a file: its columns, and CORRUPT; `scratch` is a folder for a copy without the misfits."""
    schema = _text_columns(*columns)
    misfits = scan(path, len(columns)).misfits
    fitting = _without(path, misfits, scratch) if misfits else path
    # Without a line end among the options both kinds are read, also within one file.
    frame = session.read.schema(schema).options(**CSV_OPTIONS).csv(str(fitting))
    records = frame.withColumn(CORRUPT, F.lit(None).cast("string"))
    if not misfits:
        return records
    broken = [_parsed(text, columns) for text in _texts(path, misfits)]
    return records.unionByName(session.createDataFrame(broken, _text_columns(*columns, CORRUPT)))


def _text_columns(*names: str) -> StructType:
    return StructType([StructField(name, StringType()) for name in names])


def _texts(path: Path, spans: Iterable[Span]) -> list[str]:
    """The records at these bytes of a file, without their line ends."""
    texts = list[str]()
    with path.open("rb") as opened:
        for span in spans:
            opened.seek(span.start)
            texts.append(opened.read(span.end - span.start).rstrip(b"\r\n").decode())
    return texts


def _parsed(record: str, columns: Sequence[str]) -> tuple[str | None, ...]:
    """The fields of a record that are there, up to the number of columns, and the whole record."""
    # Not `splitlines`, which also splits at other characters, such as U+2028.
    fields = next(csv.reader(StringIO(record, newline="")))
    known = [field or None for field in fields[: len(columns)]]
    return (*known, *[None] * (len(columns) - len(known)), record)


def _without(path: Path, spans: Iterable[Span], folder: Path) -> Path:
    """A copy of the file without the records at these bytes."""
    target = folder / f"{uuid.uuid4().hex}-{path.name}"
    with path.open("rb") as source, target.open("wb") as copy:
        for span in spans:
            copy.write(source.read(span.start - source.tell()))
            source.seek(span.end)
        shutil.copyfileobj(source, copy)
    return target
