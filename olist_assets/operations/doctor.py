"""`olist doctor`: is everything here that a run needs?"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.alerts.sinks import configured
from olist_assets.source.drift import checked_file
from olist_assets.errors import OlistError
from olist_assets.governance.roles import roles
from olist_assets.engine.spark.jars import jar_sets
from olist_assets.engine.spark.java import java_version
from olist_assets.settings import Settings
from olist_assets.contracts.source_files import SOURCES
from olist_assets.source.days import order_days
from olist_assets.source.files import source_folder

LOW_DISK_GB = 2


@dataclass(frozen=True)
class Finding:
    """What was found of one subject, and whether it stops a run."""

    subject: str
    text: str
    is_problem: bool = False


def examined(settings: Settings) -> Iterator[Finding]:
    """A finding a subject, the problems with what to do."""
    subjects: dict[str, Callable[[Settings], str]] = {
        "java": _java,
        "jars": _jars,
        "source data": _source,
        "warehouse": _warehouse,
        "disk": _disk,
        "roles": _roles,
        "alerts": _alerts,
    }
    for subject, examine in subjects.items():
        try:
            yield Finding(subject, examine(settings))
        except OlistError as error:
            yield Finding(subject, str(error), is_problem=True)


def _java(settings: Settings) -> str:
    return f"not needed: Spark is at {settings.spark_remote}" if settings.spark_remote else f"Java {java_version()}"


def _jars(settings: Settings) -> str:
    missing = [jar for jars in jar_sets(settings) for jar in jars.missing(settings.cache)]
    return f"{len(missing)} still to be fetched by the first run (network needed)" if missing else "cached and verified"


def _source(settings: Settings) -> str:
    folder = source_folder(settings)
    for source in SOURCES.values():
        checked_file(source)
    first, last = order_days(settings)
    return f"nine files in {folder}, orders from {first} to {last}"


def _warehouse(settings: Settings) -> str:
    lakehouse.require_writable(settings)
    return f"{len(lakehouse.tables_on_disk(settings))} tables in {settings.warehouse_path}"


def _roles(settings: Settings) -> str:
    return f"{', '.join(roles(settings.governance))} in {settings.governance}"


def _disk(settings: Settings) -> str:
    if settings.is_in_object_store:
        return "not asked: the warehouse is in an object store"
    free = shutil.disk_usage(settings.warehouse_path).free / 1e9
    if free < LOW_DISK_GB:
        raise OlistError(f"{free:.1f} GB free at {settings.warehouse_path}: make room before a run.")
    return f"{free:.0f} GB free"


def _alerts(settings: Settings) -> str:
    sinks = configured(settings)
    return f"to {', '.join(sinks)}; try them: olist alerts --test" if sinks else "off: no sink is configured"
