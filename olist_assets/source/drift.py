"""How a source file's columns differ from those agreed on: new ones are taken along, all else stops a run."""

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from olist_assets.errors import OlistError
from olist_assets.settings import Settings
from olist_assets.contracts.source_files import SourceFile
from olist_assets.source.files import checked_text, source_folder

# A type is judged by so many records at the file's head, if as many of them as the second say something.
RECORDS_JUDGED, VALUES_NEEDED = 10_000, 10
# Columns that a snapshot adds.
RESERVED = ("ingestion_timestamp", "source_file", "_corrupt_record")
TIMESTAMP = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"


@dataclass(frozen=True)
class Drift:
    """Differences of a file from its contract; `retyped` says of a column what was expected and what stands there."""

    header: tuple[str, ...]
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    is_reordered: bool = False
    retyped: tuple[str, ...] = ()

    @property
    def is_breaking(self) -> bool:
        """Whether reading the file all the same would lose or bend what tables downstream are made from."""
        return bool(self.missing or self.is_reordered or self.retyped)

    def described(self) -> dict[str, list[str]]:
        """The differences by kind; empty where there are none."""
        order = [", ".join(self.header)] if self.is_reordered else []
        kinds = {"added": self.added, "missing": self.missing, "reordered": order, "retyped": self.retyped}
        return {kind: list(found) for kind, found in kinds.items() if found}


def drift(path: Path, source: SourceFile) -> Drift:
    """Compare header and types with the contract's. Raises OlistError for a header that no table can be made from."""
    header = _header(path)
    added = tuple(name for name in header if name not in source.columns)
    missing = tuple(name for name in source.columns if name not in header)
    kept = [name for name in header if name in source.columns]
    is_reordered = not missing and kept != list(source.columns)
    return Drift(header, added, missing, is_reordered, _retyped(path, source, header))


def checked_file(source: SourceFile, *, allow_change: bool = False) -> tuple[Path, Drift]:
    """A source file that can be read, and how it drifted. Raises OlistError naming file, column and what to do."""
    path = checked_text(source_folder(Settings()), source)
    found = drift(path, source)
    if found.is_breaking and not allow_change:
        parts = []
        if found.missing:
            parts.append(f"missing columns {list(found.missing)}, unexpected columns {list(found.added) or 'none'}")
        if found.is_reordered:
            parts.append(f"columns are reordered, expected {', '.join(source.columns)}")
        parts += found.retyped
        raise OlistError(
            f"{path}: {'; '.join(parts)}. Nothing was written. --allow-schema-change reads it all the same: what is "
            "missing becomes null, what does not cast becomes a reject."
        )
    return path, found


def _header(path: Path) -> tuple[str, ...]:
    with path.open("rb") as opened:
        first = opened.readline().decode("utf-8-sig", "replace")
    header = tuple(word.strip().strip('"') for word in first.split(","))
    wrong = [name for name in header if not re.fullmatch(r"\w+", name) or name in RESERVED or header.count(name) > 1]
    if wrong:
        raise OlistError(f"{path}: {wrong} in its header cannot be names of columns (twice, reserved, or not words).")
    return header


def _retyped(path: Path, source: SourceFile, header: tuple[str, ...]) -> tuple[str, ...]:
    """Columns most of whose values no longer read as what silver casts them to."""
    judged = {name: kind for name, kind in source.types.items() if name in header}
    if not judged:
        return ()
    figures = ", ".join(
        f'count("{name}"), count("{name}") FILTER (NOT ({_reads_as(name, kind)})), '
        f'any_value("{name}") FILTER (NOT ({_reads_as(name, kind)}))'
        for name, kind in judged.items()
    )
    with duckdb.connect() as con:
        row = con.execute(
            f"SELECT {figures} FROM (FROM read_csv($path, all_varchar = true, header = true, delim = ',', "
            f"quote = '\"', escape = '\"', strict_mode = false, parallel = false, ignore_errors = true) "
            f"LIMIT {RECORDS_JUDGED})",
            {"path": str(path)},
        ).fetchone()
    assert row is not None
    found = []
    for at, (name, kind) in enumerate(judged.items()):
        values, wrong, example = row[3 * at : 3 * at + 3]
        if values >= VALUES_NEEDED and wrong * 2 > values:
            found.append(f"{name} was {kind} and most values are not, like {example!r}")
    return tuple(found)


def _reads_as(name: str, kind: str) -> str:
    if kind == "timestamp":
        return f"regexp_full_match(\"{name}\", '{TIMESTAMP}')"
    return f'TRY_CAST("{name}" AS {kind}) IS NOT NULL'
