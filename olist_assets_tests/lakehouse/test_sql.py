"""DuckDB over the tables: the limits of every connection, queries and their output, and tables named in a query."""

import ast
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from pydantic import ByteSize

import olist_assets
from olist_assets.errors import OlistError
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.governance import access
from olist_assets.governance.access import print_answer
from olist_assets.governance.roles import in_force
from olist_assets.lakehouse import sql
from olist_assets.lakehouse.sql import tables_named
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.rows import store

NAME = GOLD_SEGMENT_PROFILES.name
PACKAGE = Path(olist_assets.__file__).parent
# What opens a connection, or uses DuckDB's connection of the whole process, which has no limits.
CONNECTING = {"connect", "default_connection", "cursor", "sql", "query", "execute", "from_arrow", "read_csv"}


def connections_opened(module: ast.Module) -> set[str]:
    """What a module calls on `duckdb` itself to get a connection."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "duckdb":
            found |= {node.attr} & CONNECTING
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "duckdb":
            found |= {alias.name for alias in node.names} & CONNECTING
        if isinstance(node, ast.Import):
            # Under another name the calls above would be missed.
            found |= {f"as {a.asname}" for a in node.names if a.name.split(".")[0] == "duckdb" and a.asname}
    return found


def test_law_duckdb_is_opened_in_one_module_only():
    files = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
    found = {name: connections_opened(module) for name, module in files.items()}
    assert {name: calls for name, calls in found.items() if calls} == {"lakehouse/connection.py": {"connect"}}


@pytest.mark.parametrize(
    "code", ["duckdb.connect()", "x = duckdb.sql", "from duckdb import connect", "import duckdb as d"]
)
def test_the_law_recognizes_a_connection(code):
    assert connections_opened(ast.parse(code))


@contextmanager
def as_role(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with access.connection(warehouse, {}, in_force(warehouse, "admin"), "SELECT 1") as con:
        yield con


SESSIONS = {
    "session": lambda warehouse: sql.session(warehouse.settings),
    "warehouse": lambda warehouse: warehouse.sql(),
    "no role": lambda warehouse: access.connection(warehouse, {}, None, "SELECT 1"),
    "role": as_role,
}


@pytest.fixture
def small(settings: Settings, warehouse: Warehouse) -> Warehouse:
    """A warehouse whose settings give a query 512 MiB."""
    return Warehouse(settings.model_copy(update={"duckdb_memory": ByteSize(512 << 20)}), warehouse.catalog)


@pytest.mark.parametrize("kind", SESSIONS)
def test_every_connection_has_the_memory_of_the_settings_and_its_own_folder_or_none(small: Warehouse, kind):
    query = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    with SESSIONS[kind](small) as one, SESSIONS[kind](small) as other:
        ((memory, folder),), ((_, other_folder),) = (con.execute(query).fetchall() for con in (one, other))
    assert memory == "512.0 MiB"
    if kind == "role":
        assert (folder, other_folder) == ("", "")
        return
    assert folder != other_folder
    for path in (folder, other_folder):
        assert Path(path).is_relative_to(tempfile.gettempdir())
        assert not Path(path).is_relative_to(Path.cwd())


def test_a_large_result_goes_to_the_temporary_folder_which_is_removed(settings, monkeypatch, tmp_path):
    folder = tmp_path / "it's temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with sql.session(settings.model_copy(update={"duckdb_memory": ByteSize(256 << 20)})) as con:
        con.execute("CREATE TEMP TABLE t AS SELECT repeat(md5(i::VARCHAR), 16) AS x FROM range(1_000_000) r(i)")
        spilled = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert spilled > 0
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {".lock"}


def test_times_are_in_utc(settings):
    with sql.session(settings) as con:
        assert con.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


@pytest.fixture
def profiles(warehouse: Warehouse) -> Warehouse:
    """gold_segment_profiles with two rows."""
    names = ("Lost, or not", 'so "called"')
    rows = [{"segment": name, "segment_kind": "rfm", "revenue": Decimal("0.10")} for name in names]
    store(warehouse, GOLD_SEGMENT_PROFILES, *rows)
    return warehouse


def test_csv_and_json_are_exact_and_quoted(profiles: Warehouse, capfd):
    query = f"SELECT segment, revenue FROM {NAME} ORDER BY segment"
    print_answer(profiles, query, "csv")
    assert capfd.readouterr().out == 'segment,revenue\n"Lost, or not",0.10\n"so ""called""",0.10\n'
    print_answer(profiles, query, "json")
    assert json.loads(capfd.readouterr().out) == [
        {"segment": "Lost, or not", "revenue": 0.1},
        {"segment": 'so "called"', "revenue": 0.1},
    ]


def test_a_table_is_shown_with_its_types(profiles: Warehouse, capfd):
    print_answer(profiles, f"SELECT segment, revenue FROM {NAME}", "table")
    shown = capfd.readouterr().out
    assert all(word in shown for word in ("segment", "varchar", "decimal(14,2)", "Lost, or not"))


def test_show_tables_lists_the_existing_ones(profiles: Warehouse, capfd):
    print_answer(profiles, "SHOW TABLES", "csv")
    assert capfd.readouterr().out == f"name\n{NAME}\n"


def test_an_empty_table_answers_with_its_columns(warehouse: Warehouse, capfd):
    store(warehouse, SILVER_REJECTS)
    store(warehouse, SILVER_REJECTS)
    print_answer(warehouse, 'SELECT count(*) AS n, max("table") AS t FROM silver_rejects', "csv")
    assert capfd.readouterr().out == "n,t\n0,\n"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM gold_nothing", "gold_nothing does not exist"),
        ("SELEC 1", "syntax error"),
        (f"SELECT nothing FROM {NAME}", '"nothing" not found'),
        ("SELECT * FROM gold_daily_metrics", "olist materialize --select gold_daily_metrics"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(profiles: Warehouse, query, message):
    with pytest.raises(OlistError, match=message):
        print_answer(profiles, query, "table")


def test_queries_change_nothing(profiles: Warehouse):
    with pytest.raises(OlistError, match="Can only delete from base table"):
        print_answer(profiles, f"DELETE FROM {NAME}", "table")
    assert statistics(profiles.open(NAME)).rows == 2


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT 1", ()),
        ("FROM orders", ("orders",)),
        ("FROM items JOIN orders USING (id)", ("orders", "items")),
        ("FROM orders -- and not items\n", ("orders",)),
        ("FROM orders /* nor\nitems */", ("orders",)),
        ("FROM order_items, my_orders", ()),
        ('FROM main."orders"', ("orders",)),
        ("FROM query('FROM items')", ("items",)),
        ("SELECT 'ãé' AS a FROM items -- orders", ("items",)),
        ("FROM", ()),
        ("SELECT 'no end FROM orders", ("orders",)),
        ("", ()),
    ],
)
def test_tables_are_named_outside_comments_and_as_whole_words(query, names):
    assert tables_named(query, ("orders", "items")) == names
