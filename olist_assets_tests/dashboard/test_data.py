"""Queries of the pages: the newest version, missing tables, the audit log."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.dashboard import data
from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.dashboard.business_rows import write
from olist_assets_tests.foreign import with_column_mapping, with_deletion_vectors

ORDERS = "silver_orders_master"
QUERY = f"SELECT count(*) AS placed FROM {ORDERS}"


def test_query_that_is_answered_from_the_cache_is_audited_once(warehouse: Warehouse):
    write(warehouse, ORDERS)
    assert data.answer(QUERY)["placed"].tolist() == data.answer(QUERY)["placed"].tolist() == [800]
    (entry,) = audit_log.latest(warehouse, 10, {})
    assert (entry["action"], entry["tables"]) == (data.ACTION, [ORDERS])
    assert entry["statement"] == f"SELECT count(*) AS n1 FROM {ORDERS}"
    assert (entry["rows"], entry["error"], entry["outcome"]) == (1, None, "answered")


def test_query_that_fails_is_one_message_and_audited_with_its_error(warehouse: Warehouse):
    write(warehouse, ORDERS)
    for file in warehouse.path(ORDERS).glob("*.parquet"):
        file.write_bytes(b"not parquet")
    with pytest.raises(data.QueryFailed, match=f"{ORDERS} could not be read"):
        data.answer(QUERY)
    (entry,) = audit_log.latest(warehouse, 10, {})
    assert (entry["tables"], entry["outcome"], entry["rows"]) == ([ORDERS], "failed", None)
    assert entry["error"].startswith("Invalid Input Error")


def test_a_role_gets_the_answer_of_a_query_with_parameters(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    write(warehouse, ORDERS)
    monkeypatch.setenv("OLIST_ROLE", "admin")
    filtered = f"SELECT count(*) AS placed, count(order_id) AS ids FROM {ORDERS} WHERE order_status = $status"
    expected = data.answer(f"SELECT any_value(order_status) AS status FROM {ORDERS}")["status"].iloc[0]
    found = data.answer(filtered, status=expected)
    assert found["placed"].tolist() == found["ids"].tolist() == [800]
    assert data.answer(filtered, status="none")["placed"].tolist() == [0]


def test_an_answer_is_cached_only_as_long_as_the_roles_are_the_same(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    write(warehouse, ORDERS)
    roles = tmp_path / "roles.yaml"
    monkeypatch.setenv("OLIST_GOVERNANCE", str(roles))
    monkeypatch.setenv("OLIST_ROLE", "viewer")
    roles.write_text(
        f"roles: {{viewer: {{about: a viewer, masked: false, tables: {{{ORDERS}: {{rows: order_id IS NOT NULL}}}}}}}}"
    )
    assert data.answer(QUERY)["placed"].tolist() == [800]
    roles.write_text(
        f"roles: {{viewer: {{about: a viewer, masked: false, tables: {{{ORDERS}: {{rows: order_id IS NULL}}}}}}}}"
    )
    assert data.answer(QUERY)["placed"].tolist() == [0]
    roles.write_text("roles: {viewer: {about: a viewer, masked: false, tables: {gold_daily_metrics: {}}}}")
    with pytest.raises(data.QueryFailed, match="may not read"):
        data.answer(QUERY)


@pytest.mark.parametrize("role", ["admin", None])
def test_a_role_gets_no_answer_that_cannot_be_logged(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, role: str | None
):
    write(warehouse, ORDERS)
    # A file in the place of the log's folder, as in a warehouse that cannot be written to.
    (warehouse.root / "audit").write_text("")
    if role is None:
        assert data.answer(QUERY)["placed"].tolist() == [800]
        return
    monkeypatch.setenv("OLIST_ROLE", role)
    with pytest.raises(data.QueryFailed, match="Not in the audit log"):
        data.answer(QUERY)


@pytest.mark.parametrize("change", [with_deletion_vectors, with_column_mapping])
def test_table_of_another_writer_is_refused_until_it_is_restored(warehouse: Warehouse, change: Callable[[Path], None]):
    write(warehouse, ORDERS)
    last = warehouse.open(ORDERS).version()
    change(warehouse.path(ORDERS))
    with pytest.raises(data.QueryFailed, match=f"{ORDERS} cannot be read from its files"):
        data.answer(QUERY)
    DeltaTable(str(warehouse.path(ORDERS))).restore(last)
    assert data.answer(QUERY)["placed"].tolist() == [800]


def test_result_belongs_to_the_caller(warehouse: Warehouse):
    write(warehouse, ORDERS)
    data.answer(QUERY)["placed"] = 0
    assert data.answer(QUERY)["placed"].tolist() == [800]


def test_missing_table_is_not_a_failure(warehouse: Warehouse):
    write(warehouse, ORDERS)
    with pytest.raises(data.Missing, match="olist materialize --select gold_daily_metrics --upstream"):
        data.answer(f"FROM gold_daily_metrics JOIN {ORDERS} USING (order_date)")


def test_table_that_was_only_created_is_missing_and_one_with_a_single_commit_is_not(warehouse: Warehouse):
    DeltaTable.create(str(warehouse.path("gold_daily_metrics")), pa.schema([("n", pa.int32())]))
    with pytest.raises(data.Missing, match="Not materialized yet: gold_daily_metrics"):
        data.answer("FROM gold_daily_metrics")
    write_deltalake(str(warehouse.path("gold_segment_profiles")), pa.table({"n": [7]}))
    assert data.answer("FROM gold_segment_profiles")["n"].tolist() == [7]


def test_settings_are_read_again_when_the_environment_changes(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    assert data.warehouse() is data.warehouse()
    assert data.settings().warehouse == warehouse.settings.warehouse
    monkeypatch.setenv("OLIST_WAREHOUSE", "elsewhere")
    assert data.settings().warehouse == "elsewhere"
