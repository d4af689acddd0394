"""Every command over a table that another writer changed: refused with the table and the feature, or read rightly."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.engine.choice import engine_of
from olist_assets.governance import audit_log, erasures
from olist_assets.governance.erasures import Erasures, Person
from olist_assets.governance.traces import Traces
from olist_assets.lakehouse.history_table import append_new
from olist_assets.lakehouse.reader_features import ForeignFiles
from olist_assets.lakehouse.statistics import written_at
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.ml.churn_model import FEATURES
from olist_assets.monitoring.monitoring_durations import MONITORING_DURATIONS
from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import ENGINE, FinishedRun, Olist
from olist_assets_tests.copies import copy_of
from olist_assets_tests.foreign import with_column_mapping, with_deletion_vectors, with_feature

DONE, FAILED, WRONG_USE = 0, 1, 2
NAME, SECRET = "silver_orders", "a secret of some length for tests"
COUNT = f"SELECT count(*) AS n FROM {NAME}"
CHANGES = {"deletionVectors": with_deletion_vectors, "columnMapping": with_column_mapping}
by_sail = pytest.mark.skipif(ENGINE == "spark", reason="Spark itself reads such tables rightly")
OlistWith = Callable[..., Olist]


@pytest.fixture
def copied(finished: FinishedRun, tmp_path: Path) -> Platform:
    """A copy of the finished tables, with a secret."""
    return Platform(copy_of(finished, tmp_path, mask_salt=SECRET))


@pytest.fixture(params=CHANGES)
def feature(request: pytest.FixtureRequest, copied: Platform) -> str:
    """The reader feature that silver_orders has and uses."""
    CHANGES[request.param](copied.warehouse.path(NAME))
    return request.param


def versions(warehouse: Warehouse) -> dict[str, int]:
    return {name: table.version() for name, table in warehouse.existing_tables().items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sql", COUNT), WRONG_USE),
        (("sql", "SHOW TABLES"), WRONG_USE),
        (("sql", "--as", "analyst", COUNT), WRONG_USE),
        (("sql", "--as-of", "2100-01-01", COUNT), WRONG_USE),
        (("tables",), WRONG_USE),
        (("checks", "--select", NAME), FAILED),
        (("checks", "--select", "silver_orders_master"), FAILED),
        (("diff", NAME, "{last}", "{foreign}"), WRONG_USE),
        (("export", "{folder}/export", "--as", "analyst", "--select", NAME), WRONG_USE),
        (("forget", "{customer}"), WRONG_USE),
        (("maintain", "--select", NAME), WRONG_USE),
        (("doctor",), FAILED),
        (("restore", NAME, "--version", "{foreign}"), WRONG_USE),
        (("materialize", "--select", NAME, "--day", "2018-01-10"), FAILED),
        (("materialize", "--select", "silver_orders_master", "--day", "2018-01-10"), WRONG_USE),
        pytest.param(("stale",), WRONG_USE, marks=by_sail),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_that_reads_the_table_is_refused_and_changes_nothing(
    copied, feature, olist_with: OlistWith, tmp_path, words, expected
):
    warehouse = copied.warehouse
    with warehouse.sql({"c": warehouse.open("bronze_customers")}) as con:
        ((customer,),) = con.execute("SELECT min(customer_unique_id) FROM c").fetchall()
    before = versions(warehouse)
    values = {"folder": tmp_path, "customer": customer, "foreign": before[NAME], "last": before[NAME] - 1}
    code, text = olist_with(copied.settings)(*(word.format(**values) for word in words))
    line = " ".join(text.split())
    assert code == expected, text
    assert f"{NAME} cannot be read from its files, which have the Delta feature {feature}" in line
    assert "Traceback" not in text
    assert versions(warehouse) == before
    assert not (tmp_path / "export").exists()
    assert not erasures.path(warehouse).exists()


def test_earlier_versions_and_other_tables_are_read(copied, feature, olist_with, finished):
    olist, rows = olist_with(copied.settings), finished.report.rows
    last = finished.warehouse.open(NAME)
    for when in (("--version", str(last.version())), ("--as-of", written_at(last).isoformat())):
        assert olist("sql", "--format", "csv", *when, COUNT) == (DONE, f"n\n{rows[NAME]}\n")
    assert olist("checks", "--select", "gold_daily_metrics")[0] == DONE
    code, text = olist("history", "--format", "csv", NAME)
    assert (code, len(text.splitlines())) == (DONE, last.version() + 3), text
    code, text = olist("monitor")
    assert (code, "✓ monitoring_tables" in text) == (FAILED, True), text


def test_a_restore_is_the_way_back(copied, feature, olist_with, finished):
    olist, rows = olist_with(copied.settings), finished.report.rows[NAME]
    last = finished.warehouse.open(NAME).version()
    code, text = olist("restore", NAME, "--version", str(last))
    assert code == DONE, text
    assert f"version {last + 2} has the content of version {last}: {rows:,} rows, before unknown" in " ".join(
        text.split()
    )
    assert olist("sql", "--format", "csv", COUNT) == (DONE, f"n\n{rows}\n")
    for words in (
        ("checks", "--select", NAME),
        ("diff", NAME, str(last), str(last + 2)),
        ("stale",),
        ("tables",),
        ("doctor",),
    ):
        code, text = olist(*words)
        assert code == DONE, text
    code, text = olist("materialize", "--select", NAME, "--day", "2018-01-10")
    assert code == DONE, text


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@by_sail
def test_predict_refuses_a_table_of_others(finished, olist_with, tmp_path, change):
    with finished.warehouse.sql({"t": finished.warehouse.open("gold_customer_metrics")}) as con:
        write_deltalake(str(tmp_path / "customers"), con.sql(f"SELECT {', '.join(FEATURES)} FROM t").to_arrow_table())
    change(tmp_path / "customers")
    words = ("--input", str(tmp_path / "customers"), "--output", str(tmp_path / "out"))
    code, text = olist_with(finished.settings)("predict", *words)
    assert (code, "customers cannot be read from its files" in " ".join(text.split())) == (WRONG_USE, True), text


def test_predict_refuses_an_unknown_feature_and_a_broken_log(finished, olist_with, tmp_path):
    source = tmp_path / "customers"
    olist = olist_with(finished.settings)
    write_deltalake(str(source), finished.warehouse.rows(finished.warehouse.open("gold_customer_metrics")))
    shutil.copytree(source, tmp_path / "broken")
    with_feature(source, "brandNew")
    code, text = olist("predict", "--input", str(source), "--output", str(tmp_path / "out"))
    assert (code, "brandNew" in text) == (WRONG_USE, True), text
    next((tmp_path / "broken" / "_delta_log").glob("*.json")).write_text("{")
    code, text = olist("predict", "--input", str(tmp_path / "broken"), "--output", str(tmp_path / "out"))
    assert (code, "cannot be opened" in " ".join(text.split())) == (WRONG_USE, True), text


def test_the_platforms_own_lists_are_refused_too(copied):
    warehouse = copied.warehouse
    erasures.add(warehouse, Person("a" * 32, Traces(frozenset({"a" * 32, "b" * 32}))))
    erasures.add(warehouse, Person("c" * 32, Traces(frozenset({"c" * 32, "d" * 32}))))
    DeltaTable(str(erasures.path(warehouse))).optimize.compact()
    with_deletion_vectors(erasures.path(warehouse))
    with pytest.raises(ForeignFiles, match="erasures"):
        Erasures(warehouse)
    audit_log.record(warehouse, "query", [NAME])
    audit_log.compact(warehouse)
    assert audit_log.latest(warehouse, 1, {})
    with_column_mapping(warehouse.path(audit_log.NAME))
    for read in (lambda: audit_log.latest(warehouse, 1, {}), lambda: audit_log.compact(warehouse)):
        with pytest.raises(ForeignFiles, match="columnMapping"):
            read()
    append_new(warehouse, MONITORING_DURATIONS, [])
    with_feature(warehouse.path(MONITORING_DURATIONS.name), "deletionVectors")
    assert append_new(warehouse, MONITORING_DURATIONS, []) == 0
    with_column_mapping(warehouse.path(MONITORING_DURATIONS.name))
    with pytest.raises(ForeignFiles, match=MONITORING_DURATIONS.name):
        append_new(warehouse, MONITORING_DURATIONS, [])


@by_sail
def test_no_upkeep_of_sail_touches_deletion_vectors(copied, spark):
    with_deletion_vectors(copied.warehouse.path(NAME))
    path, engine = copied.warehouse.path(NAME), engine_of(copied.settings)
    for change in (
        lambda: engine.vacuum(path, 0),
        lambda: engine.optimize(path, copied.catalog.table(NAME)),
        lambda: engine.set_property(path, "olist.forgot", "now"),
    ):
        with pytest.raises(ForeignFiles, match=NAME):
            change()
