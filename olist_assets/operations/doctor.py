"""`olist doctor`: whether everything that a run needs is there."""

import getpass
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from olist_assets.alerts.sinks import configured
from olist_assets.contracts.calendar import span_text
from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.choice import engine_name, reason
from olist_assets.errors import Caution, OlistError
from olist_assets.governance import audit_log
from olist_assets.governance.roles import roles, roles_file
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import watermarks
from olist_assets.lakehouse.feeds import fed_table
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.operations.platform import Platform
from olist_assets.private_files import OTHERS
from olist_assets.source.drift import checked_file
from olist_assets.source.files import source_folder

LOW_DISK_GB = 2


@dataclass(frozen=True)
class Finding:
    """The result of one examination, whether it prevents a run, and whether it is a warning."""

    subject: str
    text: str
    is_problem: bool = False
    is_warning: bool = False


def examine(platform: Platform) -> Iterator[Finding]:
    """One finding per subject; a problem's text says what to do."""
    subjects: dict[str, Callable[[Platform], str]] = {
        "engine": _engine,
        "source data": _source,
        "order events": _kafka,
        "days": _days,
        "warehouse": _warehouse,
        "permissions": _permissions,
        "disk": _disk,
        "roles": _roles,
        "audit log": _audit_log,
        "alerts": _alerts,
    }
    of_engine = {subject: lambda _, find=find: find() for subject, find in platform.engine.findings().items()}
    for subject, examine_subject in {**subjects, **of_engine}.items():
        try:
            yield Finding(subject, examine_subject(platform))
        except Caution as caution:
            yield Finding(subject, str(caution), is_warning=True)
        except (OlistError, PermissionError) as error:
            yield Finding(subject, str(error), is_problem=True)


def _engine(platform: Platform) -> str:
    return f"{engine_name(platform.settings)} ({reason(platform.settings)})"


def _source(platform: Platform) -> str:
    """What each bronze table is made from: its file, or order events."""
    settings, warehouse = platform.settings, platform.warehouse
    fed = [subject for subject in SOURCES if fed_table(warehouse, f"bronze_{subject}")]
    with warehouse.sql() as con:
        for subject, source in SOURCES.items():
            if subject not in fed:
                checked_file(con, settings, source)
    number = len(SOURCES) - len(fed)
    called = {len(SOURCES): "nine files", 1: "1 file"}.get(number, f"{number} files")
    files = f"{called} in {source_folder(settings)}" if number else ""
    events = f"order events feed {', '.join(fed)}{_since(platform)}" if fed else ""
    found = ", ".join(filter(None, (files, events)))
    return f"{found}, orders from {span_text(platform.source_calendar().days)}"


def _since(platform: Platform) -> str:
    """Since when events have been merged, as far as the history of the batches tells."""
    tables = platform.warehouse.existing_tables(["monitoring_stream"])
    if not tables:
        return ""
    with platform.warehouse.sql(tables) as con:
        ((first,),) = con.execute("SELECT min(committed_at) FROM monitoring_stream").fetchall()
    return f" since {first:%Y-%m-%d}" if first else ""


def _kafka(platform: Platform) -> str:
    """Whether the Kafka of the order events answers, if they are used."""
    is_used = platform.settings.kafka or platform.warehouse.existing_tables(["bronze_order_events"])
    if not is_used:
        return "not used: OLIST_KAFKA is not set, and no order events are stored"
    kafka = Kafka.of(platform.settings)
    try:
        found = watermarks(kafka)
    except OlistError as error:
        # Only `olist stream` needs it.
        raise Caution(str(error)) from error
    messages = sum(following - first for first, following in found.values())
    return f"{messages:,} messages in {len(found)} partitions of {kafka.topic} at {kafka.servers}"


def _days(platform: Platform) -> str:
    """Days of the source that the daily tables do not know yet."""
    known, source = platform.calendar, platform.source_calendar()
    if platform.settings.days or (known.covers(source.first) and known.covers(source.last)):
        return f"daily tables from {span_text(known.days)}"
    raise OlistError(
        f"The source has orders from {span_text(source.days)}, the daily tables know {span_text(known.days)}. "
        "Read it with: olist materialize --select bronze_orders; then reload the code location in a running UI."
    )


def _warehouse(platform: Platform) -> str:
    platform.warehouse.require_writable()
    existing = platform.warehouse.existing_tables()
    for table in existing.values():
        require_plain_files(table)
    return f"{len(existing)} tables in {platform.warehouse.root}"


def _permissions(platform: Platform) -> str:
    """Whether file permissions keep other users of the machine out of the warehouse."""
    if platform.settings.is_in_object_store:
        return "not checked: the warehouse is in an object store"
    root = platform.warehouse.root
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & OTHERS:
        raise Caution(f"Other users of this machine can read {root} (mode {mode:o}). Keep them out: chmod 700 {root}")
    return f"only {getpass.getuser()} can read the warehouse"


def _roles(platform: Platform) -> str:
    return f"{', '.join(roles(platform.warehouse))} in {roles_file(platform.settings)}"


def _audit_log(platform: Platform) -> str:
    found = audit_log.verify(platform.warehouse)
    if found.problems:
        raise OlistError(f"{found.problems[0]}. All {len(found.problems):,} problems: olist audit --verify")
    return found.described()


def _disk(platform: Platform) -> str:
    if platform.settings.is_in_object_store:
        return "not checked: the warehouse is in an object store"
    free = shutil.disk_usage(platform.warehouse.root).free / 1e9
    if free < LOW_DISK_GB:
        raise OlistError(f"{free:.1f} GB free at {platform.warehouse.root}: make room before a run.")
    return f"{free:.0f} GB free"


def _alerts(platform: Platform) -> str:
    sinks = configured(platform.settings)
    return f"to {', '.join(sinks)}; try them: olist alerts --test" if sinks else "off: no sink is configured"
