"""The incidents on the Health page: the worst first, with who was notified and what to do; and the score of a table."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from olist_assets.alerts.positions import notified_sinks, position_file
from olist_assets.dashboard.health import incidents
from olist_assets.dashboard.health.incidents import notified_text, timeline
from olist_assets.dashboard.health.score import EVALUATIONS, quality_score
from olist_assets.gold.gold_category_metrics import GOLD_CATEGORY_METRICS
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.monitoring.event_log import EventLog
from olist_assets.monitoring.monitoring_incidents import acknowledge, close, current_incidents
from olist_assets.orchestration.dagster_storage import pass_rates
from olist_assets.settings import Settings
from olist_assets_tests.dashboard.conftest import evaluation, messages, report, rerun, shown
from olist_assets_tests.rows import store

CATEGORIES = GOLD_CATEGORY_METRICS.name


@pytest.fixture
def table(warehouse: Warehouse) -> None:
    store(warehouse, GOLD_CATEGORY_METRICS, {})


def texts(app) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption)).replace("\\", "")


@pytest.mark.usefixtures("table")
def test_open_incident_is_first_with_what_it_touches_and_what_to_do(
    storage: dg.DagsterInstance, settings: Settings, warehouse: Warehouse
):
    report(storage, evaluation("silver_orders", "order_id_is_unique", passed=False, offending_rows=2))
    for number in range(3):
        report(storage, evaluation(f"bronze_{number}", "duplicates_are_usual", passed=False, blocking=False))
    sent = {
        "file": {"revision": 1, "incident": 1, "sent": {"1": ["failed check", 1767225600.0, 1], "2": ["warning", 0, 1]}}
    }
    position_file(settings).write_text(json.dumps(sent))
    log = EventLog(storage, warehouse)
    acknowledge(warehouse, log, 1, "a [note](http://x)")
    app = shown("health")
    found = texts(app)
    assert app.subheader[0].value == "Incidents"
    assert "#1 silver_orders: order_id_is_unique" in app.markdown[0].value.replace("\\", "")
    for part in (
        "offending_rows: 2", "Affects silver_orders_master", "Notified: file (2026-01-01 00:00 UTC)",
        "docs/runbooks.md#a-check-failed", "olist incidents ack 2", "acknowledged by", "a [note](http://x)",
    ):  # fmt: skip
        assert part in found, part
    assert "olist incidents ack 1" not in found
    assert list(app.dataframe[0].value["incident"]) == ["#4 bronze_2: duplicates_are_usual"]
    assert notified_sinks(storage, settings).keys() == {1}


@pytest.mark.usefixtures("table")
def test_role_that_does_not_see_the_table_sees_no_incident(
    storage: dg.DagsterInstance, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    report(storage, evaluation("silver_orders", "order_id_is_unique", passed=False))
    monkeypatch.setenv("OLIST_ROLE", "finance")
    app = shown("health")
    assert "The incidents could not be read" in messages(app)
    assert "#1 silver_orders" not in texts(app)
    monkeypatch.delenv("OLIST_ROLE")
    close(warehouse, EventLog(storage, warehouse), 1, None)
    assert [each.value for each in rerun(app).success] == ["No open incidents."]


@pytest.fixture
def memory() -> Iterator[dg.DagsterInstance]:
    """A storage that is created faster than one on the disk."""
    with dg.DagsterInstance.ephemeral() as storage:
        yield storage


def test_timeline_has_an_end_for_each_incident(memory: dg.DagsterInstance, warehouse: Warehouse):
    report(memory, evaluation("silver_orders", "order_id_is_unique", passed=False))
    report(memory, evaluation("silver_orders", "order_id_is_unique", passed=True))
    report(memory, evaluation("silver_products", "product_id_is_unique", passed=False))
    now = datetime.now(UTC)
    drawn = timeline(current_incidents(warehouse, EventLog(memory, warehouse)), now).to_dict()["datasets"]
    rows = next(iter(drawn.values()))
    assert [row["incident"] for row in rows] == ["#2 silver_products", "#1 silver_orders"]
    assert all(row["from"] < row["to"] for row in rows)


def test_text_of_others_is_no_markdown():
    assert incidents.shown("a_b [x](y) <b>") == r"a\_b \[x\]\(y\) \<b\>"
    assert notified_text({}) == "nobody"


def test_score_weighs_blocking_checks_and_knows_the_last_evaluations_only(memory: dg.DagsterInstance):
    for passed in (*[False] * 3, *[True] * EVALUATIONS):
        report(memory, evaluation(CATEGORIES, "old", passed=passed))
    for passed in (True, False):
        report(memory, evaluation(CATEGORIES, "half", passed=passed, blocking=False))
    rates = {check: rate for (_, check), rate in pass_rates(memory, EVALUATIONS).items()}
    assert rates == {"old": 1.0, "half": 0.5}
    assert quality_score(rates, {"old": True, "half": False}) == 100 * 3.5 / 4
    assert quality_score(rates, {"old": False, "half": False, "never": True}) == 75
    assert quality_score({"removed": 1.0}, {"other": True}) is None
