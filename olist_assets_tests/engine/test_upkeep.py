"""Upkeep changes files and no row, keeps what a week may still need, and says what it gave."""

import shutil
from datetime import date, timedelta

import dagster as dg
import pytest

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.engine import upkeep as maintenance
from olist_assets.engine import write_plan as writes
from olist_assets.errors import OlistError
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.engine.upkeep import MaintenanceConfig, footprint, maintained
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets.engine.write_plan import Span
from olist_assets_tests.conftest import use
from olist_assets_tests.rows import frame

DONE, WRONG_USE = 0, 2


@pytest.fixture(scope="module")
def made_day_by_day(spark, sample, tmp_path_factory):
    """silver_orders as five days made one by one leave it; gives the folder."""
    folder = tmp_path_factory.mktemp("days")
    manager = DeltaIOManager(spark=Spark(), schema_policy=SchemaPolicy())
    with pytest.MonkeyPatch.context() as patch:
        use(patch, folder, sample)
        patch.setattr(writes, "ROWS_PER_FILE", 1)
        for at in range(5):
            day = date(2018, 1, 1) + timedelta(at)
            rows = frame(spark, SILVER_ORDERS, {"order_id": str(at), "order_date": day})
            manager.store(rows, SILVER_ORDERS, Span("order_date", day, day + timedelta(1)), {"run_id": "r"})
    return folder


@pytest.fixture
def many_files(made_day_by_day, sample, monkeypatch, tmp_path):
    """Settings over a copy of it."""
    shutil.copytree(made_day_by_day / "warehouse", tmp_path / "warehouse")
    return use(monkeypatch, tmp_path, sample)


def rows(settings):
    return sorted(map(repr, lakehouse.open_table(settings, "silver_orders").to_pyarrow_table().to_pylist()))


def test_small_files_are_joined_and_old_ones_go_only_when_forced(many_files):
    before = rows(many_files)
    assert footprint(many_files, "silver_orders").files == 5
    ((name, was, now),) = maintained(MaintenanceConfig(), Spark())
    assert (name, was["files"], now["files"]) == ("silver_orders", 5, 1)
    (entry,) = audit_log.latest(many_files, 10, {"action": "maintain"})
    assert entry["tables"] == ["silver_orders"]
    # Files that versions of the last week consist of stay.
    assert now["files_on_disk"] == was["files_on_disk"] + 1
    assert rows(many_files) == before
    ((_, _, now),) = maintained(MaintenanceConfig(retention_hours=0, force=True), Spark())
    assert now["files_on_disk"] == now["files"] == 1
    assert rows(many_files) == before


def test_less_than_a_week_needs_force(olist, many_files):
    with pytest.raises(OlistError, match="needs --force"):
        list(maintained(MaintenanceConfig(retention_hours=1), Spark()))
    code, text = olist("maintain", "--retain-hours", "1")
    assert (code, "needs --force" in text) == (WRONG_USE, True)
    code, text = olist("maintain", "--select", "silver_orders")
    assert code == DONE, text
    assert "files 5 to 1" in text


def test_the_job_reports_what_it_gave_as_an_observation(many_files):
    with dg.DagsterInstance.ephemeral() as storage:
        result = maintenance.maintenance.execute_in_process(instance=storage, resources={"spark": Spark()})
        (seen,) = storage.fetch_observations(dg.AssetKey("silver_orders"), limit=10).records
    assert result.success
    assert seen.asset_observation is not None
    figures = {name: value.value for name, value in seen.asset_observation.metadata.items()}
    assert (figures["files_before"], figures["files_after"]) == (5, 1)
