"""`olist forget`: a customer erased from every table and every old version, with proof.

The list of erasures comes first, and each later step can be repeated: if the command is killed, the same command
finishes the rest.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.table import Table
from olist_assets.engine.io_manager import as_received
from olist_assets.engine.upkeep import maintain
from olist_assets.engine.write_plan import Write
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log, erasures, masking
from olist_assets.governance.erasing import Found, erased, to_change
from olist_assets.governance.erasures import Erasures, Person
from olist_assets.governance.traces import SUBJECTS
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.lakehouse.removal import remove_earlier_versions
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.operations.broker import broker_folder
from olist_assets.operations.database_redaction import redact_databases
from olist_assets.operations.forget_events import erase_events, merges_finished, stored_events
from olist_assets.operations.forget_topic import OfTopic, erase_from_topic
from olist_assets.operations.person import create_views, known_person
from olist_assets.operations.platform import Platform
from olist_assets.operations.proof import Proof, Sought, prove, recognizable, spellings
from olist_assets.operations.runs import Request, materialize
from olist_assets.operations.selection import with_downstream
from olist_assets.orchestration.runless import report_written
from olist_assets.order_events.batches import EVENTS
from olist_assets.source.csv_file import remove_copies

Report = Callable[[str], None]
"""Called with a line of text for each step."""


def forget(platform: Platform, given: str, report: Report, of_topic: OfTopic = "keep") -> Proof:
    """Erase the customer that a `customer_unique_id` or an order's `customer_id` identifies. Raises OlistError.

    `of_topic` says what happens to the messages in Kafka. The audit log gets the customer's token and the result of
    the proof.
    """
    warehouse = platform.warehouse
    started, secret = time.monotonic(), masking.secret(platform.settings)
    person, texts = known_person(platform, given)
    with merges_finished(platform):
        # Only now: the first merge into a table creates it.
        snapshots = (*_snapshots(platform), *_others_with(platform, person))
        written = {table.name for table in snapshots} | stored_events(platform)
        names = _affected(platform, written)
        erasures.add(warehouse, person)
        report(f"On the list of erasures: {erasures.path(warehouse)}")
        if EVENTS in names:
            erase_from_topic(platform, person.traces, of_topic, report)
        # Messages first: they may give further ids to the person.
        erase_events(platform, person.traces, _own_texts(platform, texts, person.traces.records), report)
        _erase_snapshots(platform, snapshots, person, report)
    _remake(platform, names - written, report)
    with merges_finished(platform):
        # Old files of the snapshots say which orders and comments belong to whom: they stay until the rest is clean.
        _remove_old_versions(platform, sorted(names, key=lambda name: (name in written, name)), report)
    remove_copies(platform.settings)
    report("Removed the copies of the source files in the cache. Reading every file in the warehouse.")
    proof = _proof(platform, Sought(person.traces, _own_texts(platform, texts)), report)
    audit_log.record(
        warehouse, "forget", sorted(names), statement=f"{masking.token(secret, person.unique_id)}: {_counts(proof)}",
        seconds=time.monotonic() - started, error="still found" if proof.hits else None,
    )  # fmt: skip
    if proof.hits:
        raise OlistError(
            f"The customer is still there: {proof.described(warehouse.root)}. Files that belong to no table of the "
            "platform are yours to delete; then run the command again."
        )
    return proof


def _snapshots(platform: Platform) -> list[Table]:
    """Those about customers; of a table that no event has fed yet there may be none."""
    tables = {BRONZE[subject].name: BRONZE[subject] for subject in SUBJECTS}
    return [tables[name] for name in platform.warehouse.existing_tables(tables)]


def _others_with(platform: Platform, person: Person) -> list[Table]:
    """Further snapshots with something personal in their rows, such as a record that did not parse."""
    found = Found(dict.fromkeys(person.traces.ids, ""), person.traces.records)
    names = [table.name for subject, table in BRONZE.items() if subject not in SUBJECTS]
    others = platform.warehouse.existing_tables(names)
    return [
        table for table in BRONZE.values()
        if table.source and table.name in others
        and to_change(platform.engine.read_table(others[table.name]), table.source, found).limit(1).count()
    ]  # fmt: skip


def _affected(platform: Platform, written: Iterable[str]) -> set[str]:
    """The tables to erase from. Raises ForeignFiles: found later, one that cannot be rewritten would end it halfway."""
    affected = with_downstream(platform, written)
    existing = platform.warehouse.existing_tables({*platform.catalog.business_tables, *written})
    names = affected & set(existing)
    for name in sorted(names):
        require_plain_files(existing[name])
    return names


def _erase_snapshots(platform: Platform, snapshots: Iterable[Table], person: Person, report: Report) -> None:
    """Rewrite the snapshots, each from itself: the source may have changed or disappeared."""
    warehouse, engine = platform.warehouse, platform.engine
    found = _found(platform, person)
    for table in snapshots:
        path = warehouse.path(table.name)
        with warehouse.lock(path, "olist forget"):
            assert table.source is not None
            stored = warehouse.open(table.name)
            contract, frame = as_received(table, engine.read_table(stored), stored)
            rows = Write(erased(frame, table.source, found))
            engine.write(path, contract, rows, schema_change(shape(stored), contract), user_metadata(forget=True))
        report(f"Erased from {table.name}.")
    with platform.instance() as storage:
        for table in snapshots:
            report_written(storage, warehouse, table, warehouse.open(table.name))


def _found(platform: Platform, person: Person) -> Found:
    """What belongs to the person, and to all others on the list, in the snapshots."""
    warehouse = platform.warehouse
    listed = Erasures(warehouse)
    with warehouse.sql() as con:
        create_views(con, platform)
        found = listed.found(con)
    own = {known: token for known in person.traces.ids if (token := listed.token(known))}
    return Found(found.replacements | own, found.records | person.traces.records)


def _remake(platform: Platform, names: set[str], report: Report) -> None:
    if not names:
        # A run without a selection would make everything.
        return
    report(f"Making again what depends on them: {', '.join(sorted(names))}.")
    run = materialize(platform, Request(names, platform.calendar.days), lambda *_: None)
    if missing := names - run.materialized:
        why = "; ".join(f"{step}: {reason}" for step, reason in run.failures.items())
        raise OlistError(
            f"Not made: {', '.join(sorted(missing))} ({why}). The erasure is not complete: run the command again."
        )


def _remove_old_versions(platform: Platform, names: Iterable[str], report: Report) -> None:
    """Keep only the newest version of each table: remove old data files, and log entries about their rows."""
    warehouse, engine = platform.warehouse, platform.engine
    for name in names:
        maintain(warehouse, engine, lambda *_: None, names=[name], retention_hours=0, force=True)
        path = warehouse.path(name)
        with warehouse.lock(path, "olist forget"):
            # A commit without files: the log entries before it contain the smallest and largest id of each old file.
            when = datetime.now(UTC).isoformat(timespec="seconds")
            engine.set_property(path, "olist.forgot", when)
            remove_earlier_versions(path)
        report(f"Old versions of {name} are gone.")


def _own_texts(platform: Platform, texts: Iterable[str], records: Iterable[str] = ()) -> tuple[str, ...]:
    """The texts by which the person's comments can be recognized: those that no review has beside these records."""
    warehouse, known = platform.warehouse, recognizable(texts)
    reviews = BRONZE["order_reviews"]
    stored = warehouse.existing_tables([reviews.name])
    if not stored:
        return known
    with warehouse.sql({"reviews": stored[reviews.name]}) as con:
        query = (
            "SELECT text FROM (SELECT unnest($1) AS text) ANTI JOIN (SELECT lower(concat_ws(chr(10), "
            "review_comment_title, review_comment_message)) AS other FROM reviews WHERE list_has_any($2, "
            "[lower(trim(review_id)), lower(trim(order_id))]) IS NOT TRUE) ON contains(other, lower(text))"
        )
        return tuple(text for (text,) in con.execute(query, [list(known), list(records)]).fetchall()) if known else ()


def _proof(platform: Platform, sought: Sought, report: Report) -> Proof:
    """Read everything; what may be cleaned without a table made again is cleaned, and then everything is read again."""
    warehouse = platform.warehouse
    with warehouse.sql() as con:
        messages = broker_folder(platform.settings)
        proof = prove(con, platform.catalog, warehouse.root, sought, messages)
        found = [warehouse.root / name for name in proof.hits]
        tables = [
            name for name in warehouse.existing_tables() if any(warehouse.path(name) in file.parents for file in found)
        ]
        _remove_old_versions(platform, tables, report)
        texts = sorted({spelled for text in sought.texts for spelled in spellings(text)})
        databases = redact_databases(found, texts)
        for database in databases:
            report(f"Removed from {database}.")
        is_logged = any(audit_log.path(warehouse).parent in file.parents for file in found)
        if is_logged:
            report(f"Removed from {audit_log.redact(warehouse, texts)} entries of the audit log.")
        is_changed = bool(tables or databases or is_logged)
        return prove(con, platform.catalog, warehouse.root, sought, messages) if is_changed else proof


def _counts(proof: Proof) -> str:
    return f"{proof.files} files, {proof.bytes} bytes read, {len(proof.hits)} hits"
