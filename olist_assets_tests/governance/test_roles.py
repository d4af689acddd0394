"""governance.yaml says who sees what; an error in it names the file, the role and the remedy."""

from dataclasses import replace
from pathlib import Path

import pytest

from olist_assets.errors import OlistError
from olist_assets.governance.roles import PACKAGED, Denied, in_force, roles, roles_file
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings


@pytest.fixture
def with_file(warehouse: Warehouse, tmp_path: Path):
    """The warehouse with a file of roles of this text."""

    def make(text: str | None) -> Warehouse:
        path = tmp_path / "governance.yaml"
        if text is not None:
            path.write_text(text)
        return replace(warehouse, settings=warehouse.settings.model_copy(update={"governance": path}))

    return make


def test_the_packaged_file_is_valid_and_means_what_it_says(warehouse: Warehouse, tables):
    found = roles(warehouse)
    assert set(found) == {"admin", "analyst", "marketing", "finance"}
    assert {name for name, role in found.items() if not role.masked} == {"admin"}
    grants = {name: role.grants(tables) for name, role in found.items()}
    assert set(grants["admin"]) == set(tables.tables)
    # The snapshots of the source, and nothing else.
    snapshots = {name for name in tables.tables if name.startswith("bronze_")}
    assert set(grants["analyst"]) == set(tables.tables) - snapshots
    assert {name for name in grants["marketing"] if not name.startswith("gold_")} == set()
    assert grants["marketing"]["gold_customer_metrics"].rows == "customer_state = 'SP'"
    finance = grants["finance"].items()
    assert {
        column.name for name, grant in finance for column in grant.visible(tables.table(name)) if column.pii
    } == set()


def test_the_file_is_that_of_the_settings_else_of_the_working_directory_else_of_the_package(
    settings: Settings, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert roles_file(settings) == PACKAGED
    (tmp_path / "governance.yaml").write_text("")
    assert roles_file(settings).resolve() == tmp_path / "governance.yaml"
    named = settings.model_copy(update={"governance": tmp_path / "none.yaml"})
    assert roles_file(named) == tmp_path / "none.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no `roles:`"),
        ("roles: {}", "has no `roles:`"),
        ("roles: [", "cannot be read"),
        ("roles: {ana: 3}", "role ana: must be a mapping with"),
        ("roles: {ana: {about: A, tables: {gold_nothing: {}}}}", "role ana: gold_nothing matches no table"),
        ("roles: {ana: {about: A, table: {}}}", "role ana: tables: Field required; table: Extra inputs"),
        (
            "roles: {ana: {about: A, tables: {gold_daily_metrics: {columns: [nothing]}}}}",
            "role ana, table gold_daily_metrics: it has no column nothing. Columns: order_date",
        ),
        (
            "roles: {ana: {about: A, tables: {gold_daily_metrics: {rows: nothing > 1}}}}",
            "role ana, table gold_daily_metrics: `rows: nothing > 1` is no condition",
        ),
        (
            "roles: {ana: {about: A, tables: {gold_daily_metrics: {rows: order_date IN (FROM bronze_orders)}}}}",
            "is no condition on its columns",
        ),
    ],
)
def test_an_error_names_file_and_role(with_file, tmp_path, text, message):
    with pytest.raises(OlistError) as refused:
        roles(with_file(text))
    assert message in str(refused.value)
    assert str(tmp_path / "governance.yaml") in str(refused.value)


def test_a_missing_file_is_an_error_with_the_setting_that_names_it(with_file):
    with pytest.raises(OlistError, match=r"governance\.yaml cannot be read.*OLIST_GOVERNANCE"):
        roles(with_file(None))


def test_doctor_reports_the_roles_and_what_is_wrong_with_the_file(olist_with, settings, with_file):
    assert "admin, analyst, marketing, finance in " in olist_with(settings)("doctor")[1]
    assert "role ana: must be a mapping with" in olist_with(with_file("roles: {ana: 3}").settings)("doctor")[1]


def test_the_first_pattern_that_matches_applies_and_a_table_without_one_is_not_seen(with_file, tables):
    text = "roles: {r: {about: A, tables: {gold_daily_metrics: {columns: [order_date]}, 'gold_*': {}}}}"
    role = roles(with_file(text))["r"]
    assert role.masked
    grants = role.grants(tables)
    assert grants["gold_daily_metrics"].columns == ("order_date",)
    assert grants["gold_customer_metrics"].columns == ()
    role.require(tables, ["gold_daily_metrics"])
    with pytest.raises(Denied, match=r"Role r may not read bronze_orders\. It sees: .*gold_daily_metrics"):
        role.require(tables, ["gold_daily_metrics", "bronze_orders"])


def test_the_role_is_the_named_one_else_that_of_the_settings(warehouse: Warehouse):
    assert in_force(warehouse) is None
    assert getattr(in_force(warehouse, "finance"), "name", None) == "finance"
    analyst = replace(warehouse, settings=warehouse.settings.model_copy(update={"role": "analyst"}))
    assert getattr(in_force(analyst), "name", None) == "analyst"
    assert getattr(in_force(analyst, "finance"), "name", None) == "finance"
    with pytest.raises(OlistError, match=r"There is no role 'nobody'.*admin, analyst"):
        in_force(warehouse, "nobody")
