"""A platform whose settings name the test's Kafka, and its stream."""

from collections.abc import Iterator

import dagster as dg
import pytest

from olist_assets.kafka.connection import Kafka
from olist_assets.operations.order_stream import event_stream
from olist_assets.operations.platform import Platform
from olist_assets.order_events.stream import EventStream
from olist_assets.settings import Settings
from olist_assets_tests.order_events.events import settings_for


@pytest.fixture
def platform(kafka: Kafka, settings: Settings) -> Platform:
    return Platform(settings_for(kafka, settings))


@pytest.fixture
def stream(platform: Platform, spark) -> EventStream:
    del spark  # the engine finds it running
    return event_stream(platform, skip_missing=False)


@pytest.fixture
def storage(platform: Platform) -> Iterator[dg.DagsterInstance]:
    with platform.instance() as opened:
        yield opened
