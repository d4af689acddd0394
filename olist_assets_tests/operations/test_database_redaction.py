"""Texts are removed from all rows, free pages and logs of a database; other values stay."""

import json
import sqlite3
from contextlib import closing

import pytest

from olist_assets.errors import OlistError
from olist_assets.operations import database_redaction
from olist_assets.operations.database_redaction import redact_databases
from olist_assets.operations.proof import spellings

ID, COMMENT = "0123456789abcdef0123456789abcdef", 'Não "chegou"'
TEXTS = {spelled for text in (ID, COMMENT) for spelled in spellings(text)}


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "index.db"
    with closing(sqlite3.connect(path)) as con:
        con.executescript("PRAGMA secure_delete = OFF; CREATE TABLE events (id INTEGER PRIMARY KEY, event, size)")
        events = [json.dumps({"error": f"cannot cast {ID.upper()}"}), json.dumps({"message": COMMENT}), "nothing", None]
        con.executemany("INSERT INTO events (event, size) VALUES (?, 7)", [(event,) for event in (*events, ID)])
        con.execute("DELETE FROM events WHERE event = ?", (ID,))
        con.commit()
    return path


def test_texts_are_replaced_and_json_stays_json(database):
    assert redact_databases([database], TEXTS) == [database]
    with closing(sqlite3.connect(database)) as con:
        rows = con.execute("SELECT event, size FROM events ORDER BY id").fetchall()
    assert rows == [('{"error": "cannot cast erased"}', 7), ('{"message": "erased"}', 7), ("nothing", 7), (None, 7)]
    content = database.read_bytes().lower()
    assert ID.encode() not in content
    assert not list(database.parent.glob("*-journal"))


def test_journal_of_a_database_that_is_in_use_is_emptied(database):
    with closing(sqlite3.connect(database)) as con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("INSERT INTO events (event) VALUES (?)", (ID,))
        con.commit()
        log = database.with_name("index.db-wal")
        assert ID.encode() in log.read_bytes()
        assert redact_databases([log], TEXTS) == [database]
        assert ID.encode() not in log.read_bytes()


def test_other_files_are_left_alone(tmp_path):
    text, log = tmp_path / "log", tmp_path / "lost.db-wal"
    text.write_text(ID)
    log.write_text(ID)
    assert redact_databases([text, log], TEXTS) == []
    assert text.read_text() == ID


def test_database_that_is_locked_is_an_error(database, monkeypatch):
    monkeypatch.setattr(database_redaction, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(database)) as con:
        con.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OlistError, match="cannot be rewritten: database is locked"):
            redact_databases([database], TEXTS)
