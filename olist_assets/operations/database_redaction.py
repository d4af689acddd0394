"""Texts removed from SQLite databases: the event logs of Dagster and MLflow's runs may quote a value of a row."""

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.source_values import ERASED
from olist_assets.errors import OlistError

SQLITE = b"SQLite format 3\0"
BUSY_SECONDS = 60.0


def redact_databases(files: Iterable[Path], texts: Iterable[str]) -> list[Path]:
    """Replace texts, in lower or upper case, in all tables of the databases among some files; returns these."""
    expression = re.compile("|".join(sorted(map(re.escape, texts), key=len, reverse=True)), re.IGNORECASE)
    databases = sorted({found for file in files if (found := _database(file))})
    for database in databases:
        _redact(database, expression)
    return databases


def _database(file: Path) -> Path | None:
    """The database that a file is, or whose journal it is."""
    main = file.with_name(re.sub("-(wal|journal|shm)$", "", file.name))
    if not main.is_file():
        return None
    with main.open("rb") as opened:
        return main if opened.read(len(SQLITE)) == SQLITE else None


def _redact(database: Path, expression: re.Pattern[str]) -> None:
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as con:
            con.create_function("without", 1, lambda text: expression.sub(ERASED, text))
            con.create_function("has", 1, lambda text: isinstance(text, str) and bool(expression.search(text)))
            for table in _tables(con):
                for column in _columns(con, table):
                    named = identifier(column)
                    con.execute(f"UPDATE {identifier(table)} SET {named} = without({named}) WHERE has({named})")
            con.commit()
            # Until then, deleted values stay in free pages and in the write-ahead log.
            con.execute("VACUUM")
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise OlistError(f"{database} cannot be rewritten: {error}. End what uses it, and run it again.") from error


def _tables(con: sqlite3.Connection) -> list[str]:
    return [name for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL")]


def _columns(con: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in con.execute(f"PRAGMA table_info({identifier(table)})")]
