"""How a source file's columns differ from its contract: new columns are kept, any other difference stops a run."""

import re
from dataclasses import dataclass

import duckdb

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.source_files import SourceFile
from olist_assets.contracts.source_values import CALLED, pattern
from olist_assets.errors import OlistError
from olist_assets.settings import Settings
from olist_assets.source.csv_file import RECORD, CsvFile, shown, source_file

# A column's type is judged by the first records of the file, if enough of them have a value.
RECORDS_JUDGED, MIN_VALUES = 10_000, 10
DECIMAL_COMMA = r"\s*[+-]?[0-9.]*,[0-9]{1,6}\s*"


@dataclass(frozen=True)
class Drift:
    """Differences of a file from its contract; an entry of `retyped` names a column, its type and where to look."""

    header: tuple[str, ...]
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    is_reordered: bool = False
    retyped: tuple[str, ...] = ()
    respelled: tuple[str, ...] = ()
    """Names that the contract spells in another way; they are read all the same."""

    @property
    def is_breaking(self) -> bool:
        """Whether reading the file anyway would lose or distort values that downstream tables need."""
        return bool(self.missing or self.is_reordered or self.retyped)

    def described(self) -> dict[str, list[str]]:
        """The differences by kind; empty where there are none."""
        order = [", ".join(self.header)] if self.is_reordered else []
        kinds = {"added": self.added, "missing": self.missing, "reordered": order, "retyped": self.retyped}
        kinds |= {"respelled": self.respelled}
        return {kind: list(found) for kind, found in kinds.items() if found}


def drift(con: duckdb.DuckDBPyConnection, settings: Settings, source: SourceFile) -> Drift:
    """Compare a file's header and types with its contract. Raises OlistError for a header that no table can have."""
    return _drift_of_file(con, source, source_file(settings, source))


def checked_file(
    con: duckdb.DuckDBPyConnection, settings: Settings, source: SourceFile, *, allow_change: bool = False
) -> tuple[CsvFile, Drift]:
    """A readable source file and its drift. Raises OlistError that names file, column and remedy."""
    file = source_file(settings, source)
    found = _drift_of_file(con, source, file)
    if found.is_breaking and not allow_change:
        parts = []
        if found.missing:
            parts.append(f"missing columns {list(found.missing)}, unexpected columns {list(found.added) or 'none'}")
        if found.is_reordered:
            parts.append(f"columns are reordered, expected {', '.join(source.columns)}")
        parts += found.retyped
        raise OlistError(
            f"{shown(settings, source)}: {'; '.join(parts)}. Nothing was written. --allow-schema-change reads it "
            "anyway: missing columns become null, and rows whose values do not cast become rejects."
        )
    return file, found


def _drift_of_file(con: duckdb.DuckDBPyConnection, source: SourceFile, file: CsvFile) -> Drift:
    return drift_of(con, source, file.numbered_sql, file.header, file.respelled)


def drift_of(
    con: duckdb.DuckDBPyConnection,
    source: SourceFile,
    records: str,
    header: tuple[str, ...],
    respelled: tuple[str, ...] = (),
) -> Drift:
    """Compare records, SQL for a relation of these columns as text and of RECORD, with the contract of their file."""
    added = tuple(name for name in header if name not in source.columns)
    missing = tuple(name for name in source.columns if name not in header)
    kept = [name for name in header if name in source.columns]
    is_reordered = not missing and kept != list(source.columns)
    return Drift(header, added, missing, is_reordered, _retyped(con, records, header, source), respelled)


def _retyped(
    con: duckdb.DuckDBPyConnection, records: str, header: tuple[str, ...], source: SourceFile
) -> tuple[str, ...]:
    """Columns most of whose values can no longer be read as the type that silver casts them to."""
    judged = {name: kind for name, kind in source.types.items() if name in header}
    if not judged:
        return ()
    counts = ", ".join(
        f"count({identifier(name)}), count({identifier(name)}) FILTER (NOT ({_reads_as(name, kind)})), "
        f"first({RECORD} ORDER BY {RECORD}) FILTER (NOT ({_reads_as(name, kind)})), "
        f"any_value({identifier(name)}) FILTER (NOT ({_reads_as(name, kind)}))"
        for name, kind in judged.items()
    )
    row = con.execute(f"SELECT {counts} FROM (FROM {records} LIMIT {RECORDS_JUDGED})").fetchone()
    assert row is not None
    found = []
    for at, (name, kind) in enumerate(judged.items()):
        values, wrong, record, example = row[4 * at : 4 * at + 4]
        if values >= MIN_VALUES and wrong * 2 > values:
            hint = " (decimal commas: write the numbers with points)" if re.fullmatch(DECIMAL_COMMA, example) else ""
            # Without the value: a column may have got the values of another one, such as ids.
            where = f"{wrong} of {values}, the first in record {record}"
            found.append(f"{name} was {CALLED.get(kind, kind)} and most values are not ({where}){hint}")
    return tuple(found)


def _reads_as(name: str, kind: str) -> str:
    """SQL: whether a text is a value of this type. A cast of DuckDB would judge otherwise than silver does."""
    return f"regexp_full_match(trim({identifier(name)}), {literal(pattern(kind))})"
