"""What the Delta log alone says about an opened version: rows, files, nulls, first and last day."""

from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
from deltalake import DeltaTable
from upath import UPath

from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.object_store import location, path_of
from olist_assets.lakehouse.reader_features import require_plain_files


@dataclass(frozen=True)
class TableStatistics:
    """Rows, files, bytes, and nulls by column, of those columns whose nulls the log counts."""

    rows: int
    files: int
    bytes: int
    nulls: dict[str, int]


def file_actions(table: DeltaTable) -> pa.Table:
    """One row per data file of the version, with the statistics of its columns in columns of their own.

    Raises ForeignFiles.
    """
    require_plain_files(table)
    # `pa.table` would import pandas, a fifth of the time of `olist tables`.
    return pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()


def statistics(table: DeltaTable) -> TableStatistics:
    """Statistics of a version, from the file statistics in its log."""
    actions = file_actions(table)
    records, sizes = (actions[key].to_pylist() for key in ("num_records", "size_bytes"))
    nulls: dict[str, int] = {}
    for name in actions.column_names:
        if name.startswith("null_count."):
            # Not every writer counts the nulls of every column: deltalake not those of arrays.
            counts = [count if rows else 0 for count, rows in zip(actions[name].to_pylist(), records, strict=True)]
            if None not in counts:
                nulls[name.removeprefix("null_count.")] = sum(counts)
    return TableStatistics(sum(records), len(actions), sum(sizes), nulls)


def day_bounds(table: DeltaTable, day: str) -> tuple[date, date] | None:
    """First and last day with a row; None where there is no row."""
    actions = file_actions(table)
    if not len(actions):
        return None
    return min(actions[f"min.{day}"].to_pylist()), max(actions[f"max.{day}"].to_pylist())


def files_with_highest(table: DeltaTable, column: str) -> list[str]:
    """The data files that may have the row with the highest value of a column."""
    actions, files = file_actions(table), data_files(table)
    name = f"max.{column}"
    highest = actions[name].to_pylist() if name in actions.column_names else [None] * len(files)
    # Without a bound, a file may have any value.
    known = max((value for value in highest if value is not None), default=None)
    return [file for file, value in zip(files, highest, strict=True) if value in (None, known)]


def data_files(table: DeltaTable) -> list[str]:
    """Paths of the Parquet files of the version."""
    return [path_of(uri) for uri in table.file_uris()]


def missing_files(table: DeltaTable) -> list[str]:
    """The data files of the version that do not exist any more."""
    return [file for file in data_files(table) if not UPath(file).exists()]


def written_at(table: DeltaTable) -> datetime:
    """When the version was committed (UTC)."""
    return delta_log.commit(location(table), table.version()).at
