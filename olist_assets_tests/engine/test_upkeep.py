"""Upkeep changes files and no row, keeps the files that a week may still need, and reports sizes before and after."""

import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from olist_assets import jobs
from olist_assets.catalog import catalog
from olist_assets.engine import write_plan
from olist_assets.engine.engine import Engine
from olist_assets.engine.upkeep import Footprint, footprint, maintain
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.conftest import settings_in
from olist_assets_tests.engine.writing import FIELDS, io_manager, orders, span

pytestmark = pytest.mark.engines
DONE, WRONG_USE = 0, 2


@pytest.fixture(scope="module")
def written_day_by_day(spark, sample, tmp_path_factory) -> Path:
    """A warehouse whose silver_orders was written in five runs of one day each."""
    warehouse = Warehouse(settings_in(tmp_path_factory.mktemp("days"), sample), catalog())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_plan, "ROWS_PER_FILE", 1)
        for at in range(5):
            day = str(date(2018, 1, 1) + timedelta(at))
            io_manager(warehouse).store(
                orders(spark, (str(at), day)), warehouse.catalog.table("silver_orders"), span(day), FIELDS
            )
    return warehouse.root


@pytest.fixture
def many_files(written_day_by_day, warehouse) -> Warehouse:
    """The test's warehouse with a copy of it."""
    shutil.copytree(written_day_by_day, warehouse.root)
    return warehouse


def rows(warehouse: Warehouse) -> list[str]:
    return sorted(map(repr, warehouse.open("silver_orders").to_pyarrow_table().to_pylist()))


def maintained(warehouse: Warehouse, engine: Engine, **options) -> list[tuple[str, Footprint, Footprint]]:
    """Maintain a warehouse; what was reported."""
    reported: list[tuple[str, Footprint, Footprint]] = []
    maintain(warehouse, engine, lambda *sizes: reported.append(sizes), **options)
    return reported


def test_small_files_are_joined_and_old_ones_are_removed_only_when_forced(many_files, engine):
    before = rows(many_files)
    ((name, was, now),) = maintained(many_files, engine)
    assert name == "silver_orders"
    assert was.files > now.files == 1
    (entry,) = audit_log.latest(many_files, 10, {"action": "maintain"})
    assert entry["tables"] == ["silver_orders"]
    # Files of the last week's versions stay.
    assert now.files_on_disk == was.files_on_disk + 1
    assert rows(many_files) == before
    ((_, _, now),) = maintained(many_files, engine, retention_hours=0, force=True)
    assert now.files_on_disk == now.files == 1
    assert rows(many_files) == before


def test_only_named_tables_are_maintained(many_files, engine):
    before = footprint(many_files, "silver_orders")
    assert maintained(many_files, engine, names=["bronze_orders"]) == []
    assert footprint(many_files, "silver_orders") == before


def test_a_footprint_is_the_size_of_the_newest_version_and_of_what_is_on_disk(many_files):
    path = many_files.path("silver_orders")
    newest = [Path(uri.removeprefix("file://")) for uri in many_files.open("silver_orders").file_uris()]
    on_disk = [file for file in path.rglob("*.parquet") if file.parent.name != "_delta_log"]
    assert footprint(many_files, "silver_orders") == Footprint(
        files=len(newest),
        bytes=sum(file.stat().st_size for file in newest),
        files_on_disk=len(on_disk),
        bytes_on_disk=sum(file.stat().st_size for file in on_disk),
        log_files=sum(file.is_file() for file in (path / "_delta_log").iterdir()),
    )


def test_less_than_a_week_needs_force(olist, many_files, engine):
    with pytest.raises(OlistError, match="needs --force"):
        maintained(many_files, engine, retention_hours=1)
    code, text = olist("maintain", "--retain-hours", "1")
    assert (code, "needs --force" in text) == (WRONG_USE, True)
    code, text = olist("maintain", "--select", "silver_orders")
    assert code == DONE, text
    assert re.search("files [45] to 1", text)


def test_the_job_reports_the_sizes_as_an_observation(many_files, engine):
    resources = {"engine": engine, "warehouse": many_files}
    with dg.DagsterInstance.ephemeral() as storage:
        result = jobs.maintenance.execute_in_process(instance=storage, resources=resources)
        (seen,) = storage.fetch_observations(dg.AssetKey("silver_orders"), limit=10).records
    assert result.success
    assert seen.asset_observation is not None
    sizes = {name: value.value for name, value in seen.asset_observation.metadata.items()}
    assert sizes["files_before"] in (4, 5)  # Sail's second write joins its file with that of the first
    assert sizes["files_after"] == 1
