"""The automation with a real daemon: new and changed days arrive, and everything downstream becomes current by itself.

Some minutes long, so it is run by `make test-automation`.
"""

import csv
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest
import requests

from olist_assets.contracts.source_files import SOURCES
from olist_assets.kafka.topic import create
from olist_assets.operations.broker import Broker
from olist_assets.operations.platform import Platform
from olist_assets.operations.replay import Faults, Sent, replay
from olist_assets.operations.stale import stale
from olist_assets.orchestration.job_names import STREAM
from olist_assets.settings import Address, Settings
from olist_assets_tests.conftest import environment, make, settings_in
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.servers import free_port, server, wait_until

LOCATION = "olist_assets_tests.automation.location"
ORDERS = SOURCES["orders"].name
OF_ORDERS = {
    SOURCES["customers"].name: "customer_id",
    **{SOURCES[subject].name: "order_id" for subject in ("order_items", "order_payments", "order_reviews")},
}
STREAMED = ("customers", "orders", "order_items", "order_payments", "order_reviews")
SECONDS = 900
SOON, NOT_TODAY = timedelta(minutes=2), timedelta(hours=12)
# Of gold those that no model takes part in: trainings are weekly, and a rebuild would train anew.
COMPARED = (
    "gold_customer_metrics", "gold_product_metrics", "gold_category_metrics", "gold_geographic_metrics",
    "gold_daily_metrics", "silver_rejects",
)  # fmt: skip
LOCATION_ENTRIES = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  ... on RepositoryLocation { repositories { name } } } } } } }"""
START = """
mutation Start($sensor: SensorSelector!) {
  startSensor(sensorSelector: $sensor) { __typename ... on PythonError { message } }
}"""

pytestmark = [pytest.mark.automation, pytest.mark.timeout(2 * SECONDS)]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def day_of(order: dict[str, str]) -> str:
    return order["order_purchase_timestamp"][:10]


def days_of_delivered(data: Path) -> list[str]:
    """The day of each delivered order, in order."""
    return sorted(day_of(order) for order in rows_of(data / ORDERS) if order["order_status"] == "delivered")


def keep_orders(data: Path, kept: list[dict[str, str]]) -> None:
    """Leave only these orders in the files, with their customers, items, payments and reviews."""
    write_rows(data / ORDERS, kept)
    for name, key in OF_ORDERS.items():
        known = {order[key] for order in kept}
        write_rows(data / name, [row for row in rows_of(data / name) if row[key] in known])


def write_earlier_state(data: Path) -> tuple[list[str], str]:
    """Take the last three days with a delivered order from the files, and change one order of an old day.

    Returns these three days, and the old one.
    """
    days = sorted({*days_of_delivered(data)})
    new_days, changed_day = days[-3:], days[len(days) // 2]
    earlier = [order for order in rows_of(data / ORDERS) if day_of(order) < new_days[0]]
    changed = next(o for o in earlier if day_of(o) == changed_day and o["order_status"] == "delivered")
    changed["order_status"] = "canceled"
    keep_orders(data, earlier)
    return new_days, changed_day


@contextmanager
def dagster_dev(platform: Platform, log: Path, until_night: timedelta) -> Iterator[str]:
    """The address of Dagster's UI and daemon over the platform, whose nightly tick comes after this time."""
    tick, port = datetime.now(UTC) + until_night, free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "-m",
        LOCATION,
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    env = environment(platform.settings) | {
        "OLIST_DAGSTER_URL": url,
        "TEST_NIGHTLY": f"{tick.minute} {tick.hour} * * *",
    }
    with server(command, port, log, env):
        yield url


def ask(url: str, query: str, **variables: Any) -> dict[str, Any]:
    answer = requests.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=60)
    answer.raise_for_status()
    return answer.json()["data"]


def turn_on(url: str, *sensors: str) -> None:
    """As the switches in the UI do."""

    def repositories() -> list[dict[str, Any]]:
        (entry,) = ask(url, LOCATION_ENTRIES)["workspaceOrError"]["locationEntries"]
        return entry["locationOrLoadError"].get("repositories", [])

    wait_until(lambda: bool(repositories()), "the code location is loaded")
    repository = repositories()[0]["name"]
    for sensor in sensors:
        selector = {"repositoryLocationName": LOCATION, "repositoryName": repository, "sensorName": sensor}
        assert ask(url, START, sensor=selector)["startSensor"]["__typename"] == "Sensor"


def newest(storage: dg.DagsterInstance, name: str) -> float:
    event = storage.get_latest_materialization_event(dg.AssetKey(name))
    return event.timestamp if event else 0.0


def is_current(platform: Platform, storage: dg.DagsterInstance, since: float, days: list[str]) -> bool:
    """Whether every table is newer than everything that it is made from, and the daily tables have these days."""
    if storage.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED])):
        return False
    at = {name: newest(storage, name) for name in platform.catalog.functions}
    written = [storage.get_materialized_partitions(dg.AssetKey(name)) for name in platform.catalog.daily_tables]
    if at["bronze_orders"] < since or not all(partitions.issuperset(days) for partitions in written):
        return False
    return all(
        at[name] >= at[parent]
        for name, table in platform.catalog.business_tables.items()
        for parent in platform.catalog.parents(name)
        if not (table.layer == "gold" and parent.startswith("bronze_"))
    )


def assert_as_rebuilt(after: Platform, settings: Settings) -> None:
    """Nothing is stale, and the tables are those that a batch run makes of the complete files."""
    assert not stale(after)
    rebuilt = Platform(settings)
    assert make(rebuilt, ",".join(f"*{name}" for name in COMPARED)).succeeded
    for name in (*after.catalog.daily_tables, *COMPARED):
        assert stored_rows(after.warehouse, name) == stored_rows(rebuilt.warehouse, name), name


def test_three_new_days_and_one_changed_day_make_everything_current(sample: Path, tmp_path: Path, spark):
    del spark  # the platform's engine finds it running
    data = tmp_path / "data"
    shutil.copytree(sample, data)
    new_days, changed_day = write_earlier_state(data)
    platform = Platform(settings_in(tmp_path, data))
    assert make(platform, "*").succeeded
    assert str(platform.calendar.last) < new_days[0]
    shutil.copytree(sample, data, dirs_exist_ok=True)

    since = time.time()
    with dagster_dev(platform, tmp_path / "dev.log", SOON) as url, platform.instance() as storage:
        turn_on(url, "automation", "orders_changed")
        wait_until(lambda: is_current(platform, storage, since, new_days), "everything is current", SECONDS)

    after = Platform(platform.settings)
    assert str(after.calendar.last) >= new_days[-1]
    rows = after.warehouse.rows_by_day(after.warehouse.open("silver_orders"), "order_date")
    delivered = days_of_delivered(data)
    assert {day: rows[day] for day in (changed_day, *new_days)} == {
        day: delivered.count(day) for day in (changed_day, *new_days)
    }
    assert_as_rebuilt(after, settings_in(tmp_path / "rebuilt", data))


def test_events_of_a_new_day_reach_gold_by_themselves(broker: Broker, sample: Path, tmp_path: Path, spark):
    del spark  # the platform's engine finds it running
    data, new = tmp_path / "data", tmp_path / "new"
    shutil.copytree(sample, data)
    shutil.copytree(sample, new)
    new_day = days_of_delivered(sample)[-1]
    arriving = [order for order in rows_of(sample / ORDERS) if day_of(order) >= new_day]
    keep_orders(data, [order for order in rows_of(sample / ORDERS) if day_of(order) < new_day])
    keep_orders(new, arriving)
    kafka = broker.kafka("new_day")
    create(kafka)
    platform = Platform(settings_in(tmp_path, data, kafka=Address(kafka.servers), kafka_topic=kafka.topic))
    assert make(platform, "*").succeeded
    assert str(platform.calendar.last) < new_day

    since = time.time()
    with dagster_dev(platform, tmp_path / "dev.log", NOT_TODAY) as url, platform.instance() as storage:
        turn_on(url, "automation", "orders_changed", "order_events")
        from_new = platform.settings.model_copy(update={"data": new})
        replay(from_new, STREAMED, Faults(), sent=Sent(), on_progress=lambda _: None)
        wait_until(lambda: is_current(platform, storage, since, [new_day]), "everything is current", SECONDS)
        assert storage.get_runs(dg.RunsFilter(job_name=STREAM))

    after = Platform(platform.settings)
    delivered = {order["order_id"] for order in arriving if order["order_status"] == "delivered"}
    items = [row for row in rows_of(sample / SOURCES["order_items"].name) if row["order_id"] in delivered]
    metrics = after.warehouse.rows(after.warehouse.open("gold_daily_metrics"))
    (of_day,) = metrics.filter(pc.field("order_date") == date.fromisoformat(new_day)).to_pylist()
    assert (of_day["orders_count"], of_day["items_sold"]) == (len(delivered), len(items))
    assert of_day["revenue"] == sum(Decimal(row["price"]) + Decimal(row["freight_value"]) for row in items)
    assert_as_rebuilt(after, settings_in(tmp_path / "rebuilt", sample))
