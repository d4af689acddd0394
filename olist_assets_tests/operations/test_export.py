"""An export is a warehouse of its own that holds what a role sees, whole or not at all."""

import pytest

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import table
from olist_assets.governance import export as exports
from olist_assets.governance import masking
from olist_assets.settings import Settings
from olist_assets_tests.governance.conftest import SECRET

DONE, WRONG_USE = 0, 2
PERSON = "0123456789abcdef0123456789abcdef"
CUSTOMERS = "gold_customer_metrics"


@pytest.fixture
def warehouse(store, secret) -> Settings:
    store(
        CUSTOMERS,
        {"customer_unique_id": PERSON, "customer_city": "campinas", "customer_state": "SP"},
        {"customer_unique_id": "b" * 32, "customer_city": "niteroi", "customer_state": "RJ"},
    )
    store("gold_daily_metrics", {"orders_count": 7})
    return Settings()


def test_an_export_answers_as_a_warehouse_and_holds_no_id(olist, warehouse, monkeypatch, tmp_path):
    target = tmp_path / "analysts"
    code, text = olist("export", str(target), "--as", "analyst")
    assert code == DONE, text
    assert "2 tables" in text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    monkeypatch.setenv("OLIST_WAREHOUSE", str(target))
    code, text = olist("sql", "--format", "csv", f"SELECT customer_unique_id, customer_city FROM {CUSTOMERS}")
    assert code == DONE, text
    assert f"{masking.token(SECRET.encode(), PERSON)}," in text
    for file in target.rglob("*"):
        assert not file.is_file() or PERSON.encode() not in file.read_bytes()
    fields = lakehouse.open_table(Settings(), CUSTOMERS).schema().fields
    assert [f.metadata.get("comment") for f in fields] == [c.description for c in table(CUSTOMERS).columns]
    (entry,) = audit_log.latest(warehouse, 1, {"action": "export"})
    assert (entry["role"], entry["rows"], entry["tables"]) == ("analyst", 3, [CUSTOMERS, "gold_daily_metrics"])


def test_rows_and_tables_of_other_roles_stay_out(olist, warehouse, tmp_path):
    assert olist("export", str(tmp_path / "m"), "--as", "marketing")[0] == DONE
    assert [path.name for path in (tmp_path / "m" / "gold").iterdir()] == [CUSTOMERS]
    assert lakehouse.statistics(lakehouse.open_table(_at(warehouse, tmp_path / "m"), CUSTOMERS))["rows"] == 1
    code, text = olist("export", str(tmp_path / "x"), "--as", "marketing", "--select", "gold_daily_metrics")
    assert (code, "may not read gold_daily_metrics" in text) == (WRONG_USE, True)


def test_it_refuses_the_raw_warehouse_a_folder_in_use_and_nobody(olist, warehouse, tmp_path):
    for place in (warehouse.warehouse_path, warehouse.warehouse_path / "export"):
        code, text = olist("export", str(place), "--as", "admin")
        assert (code, "lies in the raw warehouse" in text) == (WRONG_USE, True)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("")
    code, text = olist("export", str(tmp_path / "used"), "--as", "analyst")
    assert (code, "is there already" in text) == (WRONG_USE, True)
    code, text = olist("export", str(tmp_path / "new"))
    assert (code, "name one with --as" in text) == (WRONG_USE, True)


def test_a_failed_export_leaves_nothing(olist, warehouse, monkeypatch, tmp_path):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "_write", full)
    before = sorted(tmp_path.iterdir())
    code, text = olist("export", str(tmp_path / "new"), "--as", "analyst")
    assert code == WRONG_USE
    assert "No space left on device. Nothing was exported" in text
    assert sorted(tmp_path.iterdir()) == before


def _at(settings: Settings, folder) -> Settings:
    return settings.model_copy(update={"warehouse": str(folder)})
