"""No hostile query gets a raw value, writes a file or takes more than its limits: hostile_queries.py lists them."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pydantic import ByteSize

from olist_assets.errors import OlistError
from olist_assets.governance import access, masking
from olist_assets.governance.locked_connection import create_tables, fill
from olist_assets.governance.query_process import LimitReached
from olist_assets.governance.roles import in_force
from olist_assets.lakehouse.sql import query_rows
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.governance.conftest import COMMENT, CUSTOMERS, ORDERS_OWN, OTHER, PERSON, SECRET
from olist_assets_tests.governance.hostile_queries import HOSTILE

PLANTED = "text of another role's export"
RAW = (PERSON, OTHER, ORDERS_OWN, COMMENT, "campinas", "13056", SECRET, PLANTED)
# Through the process that answers them, which takes as long as fifty in this one.
IN_FULL = HOSTILE[:: len(HOSTILE) // 6]
Answer = Callable[[str], str]


@pytest.fixture
def places(stored_customers: Warehouse, tmp_path: Path, monkeypatch) -> dict[str, Path]:
    """Folders that a process may usually write to, each with a file of somebody else; the working directory is one."""
    found = {name: tmp_path / "places" / name for name in ("here", "home", "temporary")}
    for folder in (*found.values(), found["here"] / ".tmp"):
        folder.mkdir(parents=True)
        (folder / "planted.csv").write_text(PLANTED)
        with sqlite3.connect(folder / "planted.db") as con:
            con.execute("CREATE TABLE t AS SELECT ?", [PLANTED])
    monkeypatch.chdir(found["here"])
    monkeypatch.setenv("HOME", str(found["home"]))
    monkeypatch.setenv("TMPDIR", str(found["temporary"]))
    return found | {"folder": stored_customers.path(CUSTOMERS)}


@pytest.fixture
def written(places: dict[str, Path]) -> Callable[[], set[str]]:
    """All files of these places."""
    return lambda: {str(path) for folder in places.values() for path in folder.rglob("*") if path.name != ".lock"}


def filled_in(query: str, places: dict[str, Path]) -> str:
    """A query with the places' paths."""
    for name, path in {**places, "files": places["folder"] / "*.parquet"}.items():
        query = query.replace(f"{{{name}}}", str(path))
    return query


@pytest.fixture
def in_this_process(stored_customers: Warehouse) -> Iterator[Answer]:
    """The answer of a locked connection with the analyst's rows: everything that it returns, or its error.

    Making the connection takes longer than most queries. A statement that fails changes nothing, so the next query gets
    the same connection; after any other query it gets a new one.
    """
    names = (CUSTOMERS, "gold_daily_metrics", "silver_order_reviews")
    opened = {name: stored_customers.open(name) for name in names}
    role, limits = in_force(stored_customers, "analyst"), access.limits_of(stored_customers.settings)
    assert role
    with stored_customers.sql(opened) as raw:
        seen = {name: access.visible_rows(stored_customers, raw, name, role).to_arrow_table() for name in names}
    unchanged: list[duckdb.DuckDBPyConnection] = []
    with ExitStack() as stack:

        def locked() -> duckdb.DuckDBPyConnection:
            stack.close()
            con = stack.enter_context(limits.opened())
            create_tables(con, {name: rows.schema for name, rows in seen.items()})
            for name, rows in seen.items():
                fill(con, name, rows.to_reader())
            limits.shut_off(con)
            return con

        def answer(query: str) -> str:
            con = unchanged.pop() if unchanged else locked()
            try:
                rows = query_rows(con, query, opened)
            except OlistError as error:
                if ";" not in query:
                    unchanged.append(con)
                return str(error)
            return "" if rows is None else str(rows.to_pylist())

        yield answer


def text_of(answer: Callable[[], pa.Table | None]) -> str:
    try:
        rows = answer()
    except OlistError as error:
        return str(error)
    return "" if rows is None else str(rows.to_pylist())


def leaks(results: dict[str, str]) -> dict[str, str]:
    return {query: text for query, text in results.items() if any(value in text for value in RAW)}


def test_no_query_gets_anything_raw_and_none_writes_a_file(in_this_process: Answer, places, written):
    before = written()
    results = {query: in_this_process(filled_in(query, places)) for query in HOSTILE}
    assert len(results) >= 300
    assert leaks(results) == {}
    assert written() == before
    # Most of them are errors; those over tables that the role sees are answered.
    assert masking.token(SECRET.encode(), PERSON) in results["FROM gold_customer_metrics"]


def test_nor_does_one_through_the_process_that_answers_strangers(stored_customers: Warehouse, places, written):
    before = written()
    results = {
        query: text_of(lambda query=query: access.answer(stored_customers, filled_in(query, places), role="analyst"))
        for query in IN_FULL
    }
    assert leaks(results) == {}
    assert written() == before


def test_without_a_role_such_queries_reach_the_raw_rows(stored_customers: Warehouse, places):
    """So the tests above can fail."""
    reading = [query for query in HOSTILE if "{files}" in query or "planted.csv" in query]
    results = {q: text_of(lambda q=q: access.answer(stored_customers, filled_in(q, places))) for q in reading[:30]}
    assert len(leaks(results)) >= 5


def test_a_query_sees_no_variable_of_the_program_that_runs_it(stored_customers: Warehouse):
    secrets_of_the_caller = pa.table({"raw": [PERSON]})
    opened = {CUSTOMERS: stored_customers.open(CUSTOMERS)}
    with access.connection(stored_customers, opened, in_force(stored_customers, "analyst"), f"FROM {CUSTOMERS}") as con:
        assert con.sql(f"SELECT count(*) FROM {CUSTOMERS}").fetchall() == [(2,)]
        with pytest.raises(duckdb.CatalogException):
            con.sql("FROM secrets_of_the_caller")
    assert secrets_of_the_caller.num_rows == 1


# What DuckDB limits itself, and what only the process's own limits end.
TOO_MUCH = {
    "OLIST_DUCKDB_MEMORY": (
        "SELECT list_aggregate(range(300000000), 'sum')",
        "CREATE TABLE t AS FROM range(2000000000)",
    ),
    "OLIST_QUERY_SECONDS": (
        "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b",
        "SELECT levenshtein(repeat('a', 400000), repeat('b', 400000))",
        # The limit comes after the first row.
        "SELECT range FROM range(1000000000000) WHERE range % 10000000000 = 0",
    ),
    "OLIST_RESULT_SIZE": ("SELECT range, repeat('x', 1000) FROM range(100000000)",),
}


@pytest.mark.parametrize(
    ("setting", "query"), [(name, query) for name, queries in TOO_MUCH.items() for query in queries]
)
def test_a_query_that_needs_too_much_is_ended_by_a_limit_that_the_message_names(
    stored_customers: Warehouse, setting, query
):
    limits = {"duckdb_memory": ByteSize(256 << 20), "query_seconds": 2.0, "result_size": ByteSize(16 << 20)}
    limited = Warehouse(stored_customers.settings.model_copy(update=limits), stored_customers.catalog)
    started = time.monotonic()
    with pytest.raises(LimitReached, match=setting):
        access.answer(limited, query, role="analyst")
    # Far from a measurement: without limits these take minutes or all memory.
    assert time.monotonic() - started < 60


def test_an_error_after_the_first_rows_is_that_of_the_query(stored_customers: Warehouse):
    late = "SELECT CASE WHEN range = 900000 THEN ('late' || range)::INTEGER END FROM range(1000000)"
    with pytest.raises(OlistError, match="Could not convert string 'late900000'"):
        access.answer(stored_customers, late, role="analyst")


def test_the_process_has_no_environment_and_may_write_no_file(stored_customers: Warehouse, monkeypatch, tmp_path):
    shown = tmp_path / "shown"
    # A Python that starts with the process: what it can see, a query could see at best.
    (tmp_path / "sitecustomize.py").write_text(
        f"import os\nopen({str(shown)!r}, 'w').write(repr(dict(os.environ)) + os.getcwd())\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OLIST_MASK_SALT", SECRET)
    assert access.answer(stored_customers, "SELECT 1", role="analyst") is not None
    text = shown.read_text()
    assert "PYTHONPATH" in text
    assert SECRET not in text
    assert text.endswith("/")
