"""governance.yaml says who sees what, and a mistake in it names file, role and what to do."""

import pytest

from olist_assets.catalog import all_tables
from olist_assets.errors import OlistError
from olist_assets.governance.roles import Denied, in_force, roles
from olist_assets.settings import Settings


def test_the_projects_own_file_is_sound(settings):
    found = roles(settings.governance)
    assert set(found) == {"admin", "analyst", "marketing", "finance"}
    assert {name for name, role in found.items() if not role.masked} == {"admin"}
    assert set(found["admin"].grants) == set(found["analyst"].grants) == set(all_tables())
    assert {name for name in found["marketing"].grants if not name.startswith("gold_")} == set()
    assert found["marketing"].grants["gold_customer_metrics"].rows == "customer_state = 'SP'"
    seen = {
        c.name for name, grant in found["finance"].grants.items() for c in grant.visible(all_tables()[name]) if c.pii
    }
    assert seen == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no `roles:`"),
        ("roles: {}", "has no `roles:`"),
        ("roles: [", "cannot be read"),
        ("roles: {ana: 3}", "role ana: a mapping with"),
        ("roles: {ana: {about: A, tables: {gold_nothing: {}}}}", "role ana: gold_nothing fits no table"),
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
def test_a_mistake_names_file_and_role(tmp_path, text, message):
    path = tmp_path / "governance.yaml"
    path.write_text(text)
    with pytest.raises(OlistError) as refused:
        roles(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_says_which_setting_names_it(tmp_path):
    with pytest.raises(OlistError, match="OLIST_GOVERNANCE"):
        roles(tmp_path / "none.yaml")


def test_doctor_says_what_is_wrong_with_the_file(olist, settings, monkeypatch, tmp_path):
    assert "admin, analyst, marketing, finance in " in olist("doctor")[1]
    (tmp_path / "governance.yaml").write_text("roles: {ana: 3}")
    monkeypatch.setenv("OLIST_GOVERNANCE", str(tmp_path / "governance.yaml"))
    assert "role ana: a mapping with" in olist("doctor")[1]


def test_the_first_pattern_that_fits_counts_and_what_none_fits_is_not_seen(tmp_path):
    path = tmp_path / "governance.yaml"
    path.write_text("roles: {r: {about: A, tables: {gold_daily_metrics: {columns: [order_date]}, 'gold_*': {}}}}")
    role = roles(path)["r"]
    assert role.grants["gold_daily_metrics"].columns == ("order_date",)
    assert role.grants["gold_customer_metrics"].columns == ()
    role.require(["gold_daily_metrics"])
    with pytest.raises(Denied, match="Role r may not read bronze_orders"):
        role.require(["bronze_orders"])


def test_the_role_is_the_one_asked_for_else_the_environments(settings, monkeypatch):
    assert in_force(settings) is None
    assert getattr(in_force(settings, "finance"), "name", None) == "finance"
    monkeypatch.setenv("OLIST_ROLE", "analyst")
    assert getattr(in_force(Settings()), "name", None) == "analyst"
    with pytest.raises(OlistError, match=r"There is no role 'nobody'.*admin, analyst"):
        in_force(settings, "nobody")
