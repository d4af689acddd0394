"""When OpenLineage events are sent: by a sensor, and by `olist` after its own runs. Never before it is configured.

A receiver is named as the library `openlineage-python` has it, by OPENLINEAGE_URL or its other settings.
"""

import os
from pathlib import Path

import dagster as dg

from olist_assets.errors import OlistError

# A transport, or a file that names one; the library also looks for that file in two places.
NAMED_BY = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT")
FILES = (Path("openlineage.yml"), Path("~/.openlineage/openlineage.yml"))
HOW = "Name a receiver, for example by OPENLINEAGE_URL: docs/lineage.md."


def is_configured() -> bool:
    """Whether the library knows of a receiver; without one it would print each event."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").lower() == "true":
        return False
    return any(name.startswith(NAMED_BY) for name in os.environ) or any(file.expanduser().is_file() for file in FILES)


def not_delivered(storage: dg.DagsterInstance) -> str | None:
    """Send what is new; returns why it was not taken."""
    if not is_configured():
        return None
    from olist_assets.lineage.events import send_new

    try:
        send_new(storage)
    except OlistError as error:
        return str(error)
    return None


@dg.sensor(minimum_interval_seconds=30)
def openlineage_events(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send the OpenLineage events of runs that ended; a tick that fails sends them again the next time."""
    if not is_configured():
        return dg.SkipReason(HOW)
    from olist_assets.lineage.events import send_new

    return dg.SkipReason(f"Runs whose events were sent: {send_new(context.instance)}.")
