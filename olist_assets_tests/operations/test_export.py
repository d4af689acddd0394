"""An export is a separate warehouse with what a role sees, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from olist_assets.errors import OlistError
from olist_assets.governance import audit_log, masking
from olist_assets.lakehouse.commit_metadata import read_user_metadata
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations import export as exports
from olist_assets.operations.export import export
from olist_assets.operations.platform import Platform
from olist_assets.settings import Settings
from olist_assets_tests.conftest import Olist, settings_in
from olist_assets_tests.rows import store, stored_rows

DONE, WRONG_USE = 0, 2
SECRET = "a secret of some length for tests"
PERSON = "0123456789abcdef0123456789abcdef"
CUSTOMERS, DAYS = "gold_customer_metrics", "gold_daily_metrics"


@pytest.fixture
def settings(tmp_path: Path, sample: Path) -> Settings:
    """A warehouse in a folder of its own, so that a test sees what an export leaves beside it; and a secret."""
    return settings_in(tmp_path / "raw", sample, mask_salt=SECRET)


@pytest.fixture
def platform(settings: Settings, warehouse: Warehouse) -> Platform:
    """Two customers and one day."""
    tables = warehouse.catalog.tables
    store(
        warehouse,
        tables[CUSTOMERS],
        {"customer_unique_id": PERSON, "customer_city": "campinas", "customer_state": "SP"},
        {"customer_unique_id": "b" * 32, "customer_city": "niteroi", "customer_state": "RJ"},
    )
    store(warehouse, tables[DAYS], {"orders_count": 7})
    return Platform(settings)


def in_folder(platform: Platform, folder: Path) -> Warehouse:
    return Warehouse(Settings(warehouse=str(folder)), platform.catalog)


def test_an_export_answers_queries_as_a_warehouse_and_contains_no_id(
    platform, olist_with: Callable[[Settings], Olist], tmp_path
):
    target = tmp_path / "analysts"
    code, text = olist_with(platform.settings)("export", str(target), "--as", "analyst")
    assert code == DONE, text
    assert "2 tables" in text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert target.stat().st_mode & 0o777 == 0o755
    query = f"SELECT customer_unique_id, customer_city FROM {CUSTOMERS}"
    code, text = olist_with(Settings(warehouse=str(target)))("sql", "--format", "csv", query)
    assert code == DONE, text
    assert f"{masking.token(SECRET.encode(), PERSON)}," in text
    for file in target.rglob("*"):
        assert not file.is_file() or PERSON.encode() not in file.read_bytes()
    (entry,) = audit_log.latest(platform.warehouse, 1, {"action": "export"})
    assert (entry["role"], entry["rows"], entry["tables"]) == ("analyst", 3, [CUSTOMERS, DAYS])


def test_exported_tables_keep_their_comments_and_name_their_origin(platform, tmp_path):
    export(platform, tmp_path / "analysts", "analyst", None)
    exported = in_folder(platform, tmp_path / "analysts").open(CUSTOMERS)
    contract = platform.catalog.table(CUSTOMERS)
    comments = [field.metadata.get("comment") for field in exported.schema().fields]
    assert comments == [column.description for column in contract.columns]
    metadata = read_user_metadata(exported.history(1)[0]["userMetadata"])
    assert (metadata["role"], metadata["of_version"]) == ("analyst", platform.warehouse.open(CUSTOMERS).version())


def test_unmasked_rows_are_exported_as_they_are(platform, tmp_path):
    assert export(platform, tmp_path / "all", "admin", None) == {CUSTOMERS: 2, DAYS: 1}
    exported = in_folder(platform, tmp_path / "all")
    for name in (CUSTOMERS, DAYS):
        assert stored_rows(exported, name) == stored_rows(platform.warehouse, name)


def test_rows_and_tables_of_other_roles_are_not_exported(platform, tmp_path):
    assert export(platform, tmp_path / "m", "marketing", None) == {CUSTOMERS: 1}
    assert [path.name for path in (tmp_path / "m" / "gold").iterdir()] == [CUSTOMERS]
    assert statistics(in_folder(platform, tmp_path / "m").open(CUSTOMERS)).rows == 1
    with pytest.raises(OlistError, match=f"may not read {DAYS}"):
        export(platform, tmp_path / "x", "marketing", DAYS)
    assert not (tmp_path / "x").exists()


def test_a_selection_limits_the_exported_tables(platform, tmp_path):
    assert export(platform, tmp_path / "one", "analyst", DAYS) == {DAYS: 1}
    with pytest.raises(OlistError, match="exists yet"):
        export(platform, tmp_path / "none", "analyst", "gold_product_metrics")


@pytest.mark.parametrize("inside", [".", "export"])
def test_an_export_into_the_raw_warehouse_is_refused(platform, inside):
    with pytest.raises(OlistError, match="is inside the raw warehouse"):
        export(platform, platform.settings.warehouse_path / inside, "admin", None)


def test_an_export_into_a_folder_in_use_or_into_no_folder_is_refused(platform, tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("")
    with pytest.raises(OlistError, match="exists already"):
        export(platform, tmp_path / "used", "analyst", None)
    with pytest.raises(OlistError, match="is not a folder"):
        export(platform, tmp_path / "no" / "new", "analyst", None)


def test_an_export_without_a_role_is_refused(platform, olist, tmp_path):
    code, text = olist("export", str(tmp_path / "new"))
    assert (code, "name one with --as" in text) == (WRONG_USE, True)
    assert not (tmp_path / "new").exists()


def test_the_role_of_the_settings_is_the_default(platform, tmp_path):
    of_marketing = Platform(platform.settings.model_copy(update={"role": "marketing"}))
    assert export(of_marketing, tmp_path / "new", None, None) == {CUSTOMERS: 1}


def test_a_failed_export_leaves_nothing(platform, olist, monkeypatch, tmp_path):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "_write", full)
    before = sorted(tmp_path.iterdir())
    code, text = olist("export", str(tmp_path / "new"), "--as", "analyst")
    assert code == WRONG_USE
    assert "No space left on device. Nothing was exported" in text
    assert sorted(tmp_path.iterdir()) == before


def test_an_export_that_cannot_be_logged_leaves_nothing(platform, monkeypatch, tmp_path):
    def refused(*_: object, **__: object) -> None:
        raise OlistError("The audit log cannot be written.")

    monkeypatch.setattr(audit_log, "record", refused)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OlistError, match="audit log"):
        export(platform, tmp_path / "new", "analyst", None)
    assert sorted(tmp_path.iterdir()) == before
