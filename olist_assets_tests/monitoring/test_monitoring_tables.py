"""monitoring_tables: every version of every table is kept once, as its contract says, and can be queried."""

import dagster as dg

from olist_assets.lakehouse.schemas import shape
from olist_assets.monitoring.monitoring_durations import MONITORING_DURATIONS, monitoring_durations
from olist_assets.monitoring.monitoring_tables import MONITORING_TABLES, monitoring_tables


def test_each_version_is_kept_once_even_of_a_table_that_is_created_again(warehouse, write_orders, materialize):
    def kept():
        return warehouse.open(MONITORING_TABLES.name).to_pyarrow_table().to_pylist()

    write_orders(10)
    write_orders(20)
    assert materialize(monitoring_tables)
    write_orders(30)
    assert materialize(monitoring_tables)
    rows = sorted(kept(), key=lambda row: row["version"])
    assert [(row["table"], row["version"], row["rows"]) for row in rows] == [
        ("silver_orders", 0, 10), ("silver_orders", 1, 20), ("silver_orders", 2, 30),
    ]  # fmt: skip
    assert rows[0]["null_rates"] == '{"order_id": 0.1}'
    assert len({row["schema_hash"] for row in rows}) == 1
    warehouse.path("silver_orders").rename(warehouse.root / "away")
    write_orders(40)
    assert materialize(monitoring_tables)
    assert [row["rows"] for row in kept()].count(40) == 1
    assert len(kept()) == 4


def test_history_is_stored_as_its_contract_says_and_can_be_queried(warehouse, write_orders, materialize, olist):
    write_orders(10)
    with dg.DagsterInstance.ephemeral() as instance:
        assert materialize(monitoring_tables, monitoring_durations, instance=instance)
    for table in (MONITORING_TABLES, MONITORING_DURATIONS):
        found = warehouse.open(table.name)
        assert shape(found) == {c.name: (c.type, c.nullable) for c in table.columns}
        comments = [field.metadata.get("comment") for field in found.schema().fields]
        assert comments == [column.description for column in table.columns]
    code, text = olist("sql", "--format", "csv", 'SELECT "rows" FROM monitoring_tables')
    assert (code, text) == (0, "rows\n10\n")
    assert "monitoring_tables" in olist("tables")[1]
