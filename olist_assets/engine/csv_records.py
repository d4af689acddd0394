"""A source file as a frame of text, on both engines: the options of their readers, and the records that do not fit."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from olist_assets.contracts.source_files import CORRUPT
from olist_assets.source.csv_file import CsvFile

# Neither engine finds doubled quotes by itself.
CSV_OPTIONS: dict[str, Any] = {
    "header": True,
    "multiLine": True,
    "sep": ",",
    "quote": '"',
    "escape": '"',
    "encoding": "UTF-8",
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
}


def text_columns(names: Sequence[str]) -> StructType:
    return StructType([StructField(name, StringType()) for name in names])


def with_misfits(records: DataFrame, file: CsvFile) -> DataFrame:
    """The records with CORRUPT, and those with another number of fields than the header, whole in CORRUPT."""
    fitting = records.withColumn(CORRUPT, F.lit(None).cast("string"))
    if not file.misfits:
        return fitting
    misfits = [_parsed(text, file.header) for text in file.misfits]
    return fitting.unionByName(records.sparkSession.createDataFrame(misfits, text_columns((*file.header, CORRUPT))))


def _parsed(record: str, columns: Sequence[str]) -> tuple[str | None, ...]:
    """The fields of a record that are there, up to the number of columns, and the whole record."""
    # Not `splitlines`, which also splits at other characters, such as U+2028.
    fields = next(csv.reader(StringIO(record, newline="")))
    known = [field or None for field in fields[: len(columns)]]
    return (*known, *[None] * (len(columns) - len(known)), record)
