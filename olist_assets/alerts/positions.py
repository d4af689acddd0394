"""Where the positions of the sinks are stored, and which incidents they were sent."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from olist_assets.orchestration.dagster_storage import sensor_cursors
from olist_assets.orchestration.home import STATE, dagster_home
from olist_assets.settings import Settings

SENSOR = "alerts"


def position_file(settings: Settings) -> Path:
    """The file of `olist alerts --once`, which has no sensor to store its cursor."""
    return dagster_home(settings) / STATE / "alerts.json"


def notified_sinks(instance: dg.DagsterInstance, settings: Settings) -> dict[int, dict[str, datetime]]:
    """The sinks that were sent an open incident, by its number, each with the time of what it was sent."""
    file, found = position_file(settings), defaultdict(dict)
    cursors = [*sensor_cursors(instance, SENSOR), *([file.read_text()] if file.exists() else [])]
    for sink, state in (item for cursor in cursors for item in json.loads(cursor).items()):
        for number, (_, at, _) in state.get("sent", {}).items():
            # Without a time it was silenced before it was sent.
            if at:
                found[int(number)][sink] = datetime.fromtimestamp(at, UTC)
    return found
