"""OpenLineage events are sent by a sensor, and by `olist` after its own runs, if a receiver is configured.

A receiver is configured as for any use of the library `openlineage-python`: by OPENLINEAGE_URL or its other settings.
"""

import os
from pathlib import Path

import dagster as dg

from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse

# A transport, or a file with one; the library also looks for that file in two places.
VARIABLES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT")
FILES = (Path("openlineage.yml"), Path("~/.openlineage/openlineage.yml"))
HOW_TO = "Configure a receiver, for example by OPENLINEAGE_URL: docs/lineage.md."


def is_configured() -> bool:
    """Whether the library has a receiver; without one it would print each event."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").lower() == "true":
        return False
    return any(name.startswith(VARIABLES) for name in os.environ) or any(file.expanduser().is_file() for file in FILES)


def undelivered(storage: dg.DagsterInstance, warehouse: Warehouse) -> str | None:
    """Send new events after a run; returns the reason if they were not delivered."""
    if not is_configured():
        return None
    from olist_assets.lineage.events import send_new

    try:
        send_new(storage, warehouse)
    except OlistError as error:
        return str(error)
    return None


def lineage_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor `openlineage_events`."""

    @dg.sensor(minimum_interval_seconds=30)
    def openlineage_events(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Send the OpenLineage events of finished runs; after a failed tick the next one sends them again."""
        if not is_configured():
            return dg.SkipReason(HOW_TO)
        from olist_assets.lineage.events import send_new

        return dg.SkipReason(f"Runs whose events were sent: {send_new(context.instance, warehouse)}.")

    return openlineage_events
