"""The notebook API: four functions, as the role in force, without an engine and without Dagster."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from olist_assets.api import Lakehouse
from olist_assets.errors import OlistError
from olist_assets.gold.gold_customer_metrics import GOLD_CUSTOMER_METRICS
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS
from olist_assets.governance import audit_log
from olist_assets_tests.conftest import PROJECT, environment
from olist_assets_tests.rows import store

DAY = date(2018, 1, 1)


@pytest.fixture
def lakehouse(warehouse, monkeypatch):
    """Over two versions of the daily metrics and one customer, with a secret for masks."""
    store(warehouse, GOLD_DAILY_METRICS, {"order_date": DAY, "revenue": Decimal("1.50")})
    store(warehouse, GOLD_DAILY_METRICS, {"order_date": DAY, "revenue": Decimal("2.50")})
    store(warehouse, GOLD_CUSTOMER_METRICS, {"customer_unique_id": "known", "customer_city": "sao paulo"})
    for name, value in environment(warehouse.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OLIST_MASK_SALT", "a secret of some length for tests")
    return Lakehouse()


def test_sql_returns_the_rows_as_arrow_and_as_a_frame(lakehouse):
    rows = lakehouse.sql("SELECT order_date, revenue FROM gold_daily_metrics")
    assert rows.to_pylist() == [{"order_date": DAY, "revenue": Decimal("2.50")}]
    assert float(rows.to_pandas()["revenue"].sum()) == 2.5


def test_a_table_is_read_at_its_newest_or_at_an_earlier_version(lakehouse):
    older, newest = lakehouse.history("gold_daily_metrics")[1], lakehouse.table("gold_daily_metrics")
    assert newest["revenue"].to_pylist() == [Decimal("2.50")]
    assert lakehouse.table("gold_daily_metrics", version=older.version)["revenue"].to_pylist() == [Decimal("1.50")]


def test_the_contract_describes_the_columns(lakehouse):
    assert lakehouse.contract("gold_daily_metrics") == GOLD_DAILY_METRICS


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda lake: lake.table("gold_nothing"), "There is no table 'gold_nothing'"),
        (lambda lake: lake.table("silver_orders"), "olist materialize --select silver_orders"),
        (lambda lake: lake.table("gold_daily_metrics", version=99), "has no version 99"),
        (lambda lake: lake.sql("SELECT nothing FROM gold_daily_metrics"), "nothing"),
        (lambda lake: lake.history("silver_orders"), "does not exist yet"),
        (lambda lake: lake.contract("gold_nothing"), "There is no table 'gold_nothing'"),
    ],
)
def test_a_mistake_is_an_error_with_the_remedy(lakehouse, ask, text):
    with pytest.raises(OlistError, match=text):
        ask(lakehouse)


def test_a_role_sees_masked_rows_and_only_its_tables(lakehouse, warehouse):
    masked = Lakehouse(role="analyst").table("gold_customer_metrics").to_pylist()
    assert masked[0]["customer_unique_id"].startswith("masked-")
    assert masked[0]["customer_city"] is None
    finance = Lakehouse(role="finance")
    for ask in (finance.table, finance.history, finance.contract):
        with pytest.raises(OlistError, match="may not read gold_customer_metrics"):
            ask("gold_customer_metrics")
    assert len(finance.contract("silver_orders_master").columns) == 11
    entries = audit_log.latest(warehouse, 10, {"table": "gold_customer_metrics"})
    assert {entry["role"] for entry in entries} == {"analyst", "finance"}


def test_an_unknown_role_is_refused_at_once(lakehouse):
    with pytest.raises(OlistError, match="There is no role 'nobody'"):
        Lakehouse(role="nobody")


def test_the_role_of_the_environment_is_in_force(lakehouse, monkeypatch):
    monkeypatch.setenv("OLIST_ROLE", "finance")
    with pytest.raises(OlistError, match="may not read"):
        Lakehouse().table("gold_customer_metrics")


def test_the_first_answer_needs_neither_dagster_nor_an_engine(lakehouse):
    script = (
        "import sys; from olist_assets import Lakehouse; "
        "print(Lakehouse().sql('SELECT count(*) AS n FROM gold_daily_metrics').to_pylist()); "
        "print([name for name in sys.argv[1:] if name in sys.modules])"
    )
    slow = ("dagster", "mlflow", "pandas", "pyspark.ml", "pyspark.sql.connect")
    done = subprocess.run([sys.executable, "-c", script, *slow], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[{'n': 1}]", "[]"], done.stderr


def test_the_notebook_runs(lakehouse):
    cells = json.loads((PROJECT / "docs" / "notebook.ipynb").read_text())["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    namespace: dict[str, Any] = {}
    for code in codes:
        exec(code, namespace)
    assert float(namespace["revenue"]["revenue"].sum()) == 2.5
    assert namespace["then"].num_rows == 1
