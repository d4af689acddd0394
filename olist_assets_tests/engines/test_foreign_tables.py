"""Tables that Spark itself gave reader features: refused from their files, read by Spark, and mended as advised."""

from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession

from olist_assets.contracts.quoting import spark_path
from olist_assets.engine.choice import engine_of
from olist_assets.engine.sail.delta_writer import opened_to_write
from olist_assets.lakehouse.reader_features import ForeignFiles, require_plain_files
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.rows import store

pytestmark = pytest.mark.spark
NAME, ROWS, KEPT = SILVER_ORDERS.name, 9, 5
WRONG_USE = 2
Statements = tuple[str, ...]
DELETION: Statements = (
    "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')",
    "DELETE FROM {t} WHERE delivery_days >= 5",
)
REPLACEMENT: Statements = (
    "CREATE OR REPLACE TABLE {t} USING delta TBLPROPERTIES ('delta.columnMapping.mode' = 'name') "
    "AS SELECT * FROM {t} WHERE delivery_days < 5",
)
RENAMED: Statements = (
    "DELETE FROM {t} WHERE delivery_days >= 5",
    "ALTER TABLE {t} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
    "ALTER TABLE {t} RENAME COLUMN customer_id TO customer",
)
WIDENED: Statements = (
    "DELETE FROM {t} WHERE delivery_days >= 5",
    "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')",
    "ALTER TABLE {t} ALTER COLUMN delivery_days TYPE bigint",
)
CHANGES = {"deletionVectors": DELETION, "columnMapping": REPLACEMENT, "renamed": RENAMED, "typeWidening": WIDENED}
Run = Callable[..., None]


@pytest.fixture
def run(spark: SparkSession, warehouse: Warehouse) -> Run:
    """Run statements of Spark over silver_orders, which has nine orders in its newest version."""
    store(warehouse, SILVER_ORDERS, *({"order_id": str(at), "delivery_days": at} for at in range(ROWS)))

    def run(*statements: str) -> None:
        for statement in statements:
            spark.sql(statement.format(t=spark_path(warehouse.path(NAME))))

    return run


@pytest.mark.parametrize("change", CHANGES)
def test_spark_reads_what_is_refused_and_the_advice_mends_it(run, warehouse, olist, change):
    run(*CHANGES[change])
    table = warehouse.open(NAME)
    with pytest.raises(ForeignFiles) as refused:
        require_plain_files(table)
    code, text = olist("sql", f"SELECT count(*) FROM {NAME}")
    assert (code, str(refused.value)) == (WRONG_USE, " ".join(text.split()).removeprefix("Error: "))
    assert engine_of(warehouse.settings).read_table(table).count() == KEPT
    advice = str(refused.value).split("In Spark: ")[1].split(". Or: ")[0]
    run(*advice.split("; "))
    mended = warehouse.open(NAME)
    assert warehouse.rows(mended).num_rows == statistics(mended).rows == KEPT
    if change != "typeWidening":  # only DROP FEATURE ends it, after which Spark alone can write the table
        opened_to_write(warehouse.path(NAME)).alter.set_table_properties({"olist.test": "1"}, False)
    assert warehouse.rows(warehouse.open(NAME)).num_rows == KEPT


@pytest.mark.cases
@pytest.mark.parametrize("change", CHANGES)
def test_spark_restores_an_earlier_version(run, warehouse, change):
    last = warehouse.open(NAME).version()
    run(*CHANGES[change])
    engine_of(warehouse.settings).restore(warehouse.path(NAME), last, "{}")
    assert warehouse.rows(warehouse.open(NAME)).num_rows == statistics(warehouse.open(NAME)).rows == ROWS
