"""`olist forget`: a customer erased from every table and every old version, with proof.

The list of erasures comes first, and each later step can be repeated: if the command is killed, the same command
finishes the rest.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.engine.io_manager import as_received
from olist_assets.engine.upkeep import maintain
from olist_assets.engine.write_plan import Write
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log, erasures, masking
from olist_assets.governance.erasures import Erasures, Person
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.lakehouse.sql import create_view
from olist_assets.operations.platform import Platform
from olist_assets.operations.proof import Proof, prove
from olist_assets.operations.runs import Request, materialize
from olist_assets.operations.selection import with_downstream
from olist_assets.orchestration.runless import report_written

Report = Callable[[str], None]
"""Called with a line of text for each step."""
# In this order: an order's customer leads to its reviews as long as the later tables are unchanged.
SNAPSHOTS = tuple(BRONZE[subject] for subject in ("order_reviews", "orders", "customers"))
SNAPSHOT_NAMES = {table.name for table in SNAPSHOTS}


def forget(platform: Platform, given: str, report: Report) -> Proof:
    """Erase the customer that a `customer_unique_id` or an order's `customer_id` identifies. Raises OlistError.

    The audit log gets the customer's token and the result of the proof.
    """
    warehouse = platform.warehouse
    started, secret = time.monotonic(), masking.secret(platform.settings)
    affected = with_downstream(platform, SNAPSHOT_NAMES)
    existing = warehouse.existing_tables(platform.catalog.business_tables)
    names = sorted(affected & set(existing))
    for name in names:
        # Found later, a table that cannot be rewritten would end the erasure halfway.
        require_plain_files(existing[name])
    person = known_person(platform, given)
    erasures.add(warehouse, person)
    report(f"On the list of erasures: {erasures.path(warehouse)}")
    _erase_snapshots(platform, report)
    _remake(platform, set(names) - SNAPSHOT_NAMES, report)
    # The old files of the snapshots say which orders belong to whom: they stay until the rest is clean.
    snapshots_last = sorted(names, key=lambda name: (name in SNAPSHOT_NAMES, name))
    _remove_old_versions(platform, snapshots_last, report)
    report("Reading every file in the warehouse.")
    with warehouse.sql() as con:
        proof = prove(con, warehouse.root, person.ids)
    audit_log.record(
        warehouse, "forget", names, statement=f"{masking.token(secret, person.unique_id)}: {_counts(proof)}",
        seconds=time.monotonic() - started, error="still found" if proof.hits else None,
    )  # fmt: skip
    if proof.hits:
        raise OlistError(f"The customer is still there: {proof.described(warehouse.root)}")
    return proof


def known_person(platform: Platform, given: str) -> Person:
    """The customer of an id, from any version of the snapshot whose files exist. Raises OlistError if it is unknown."""
    warehouse, name = platform.warehouse, BRONZE["customers"].name
    path = warehouse.path(name)
    log = delta_log.log_folder(path)
    files = [str(file) for file in path.rglob("*.parquet") if log not in file.parents]
    with warehouse.sql() as con:
        create_view(con, "customers", warehouse.open(name), files)
        rows = con.execute(
            "SELECT DISTINCT customer_unique_id, customer_id FROM customers WHERE customer_unique_id IN "
            "(SELECT customer_unique_id FROM customers WHERE customer_unique_id = $1 OR customer_id = $1)",
            [given],
        ).fetchall()
    if rows and given not in {unique_id for unique_id, _ in rows}:
        given = rows[0][0]
    elif not rows and not Erasures(warehouse).knows(given):
        raise OlistError(
            f"No customer and no order has the id {given!r}: it is neither a customer_unique_id nor a customer_id of "
            f"{name}, and no customer with that id was erased. Is OLIST_WAREHOUSE right ({warehouse.root})?"
        )
    return Person(given, tuple(customer_id for _, customer_id in rows))


def _erase_snapshots(platform: Platform, report: Report) -> None:
    """Rewrite the three snapshots, each from itself: the source may have changed or disappeared."""
    warehouse, engine = platform.warehouse, platform.engine
    for table in SNAPSHOTS:
        path = warehouse.path(table.name)
        with warehouse.lock(path, "olist forget"):
            opened = {snapshot.name.removeprefix("bronze_"): warehouse.open(snapshot.name) for snapshot in SNAPSHOTS}
            with warehouse.sql(opened) as con:
                found = Erasures(warehouse).found(con)
            assert table.source is not None
            stored = opened[table.name.removeprefix("bronze_")]
            contract, frame = as_received(table, engine.read_table(stored), stored)
            rows = Write(erasures.erased(frame, table.source, found))
            engine.write(path, contract, rows, schema_change(shape(stored), contract), user_metadata(forget=True))
        report(f"Erased from {table.name}.")
    with platform.instance() as storage:
        for table in SNAPSHOTS:
            report_written(storage, warehouse, table, warehouse.open(table.name))


def _remake(platform: Platform, names: set[str], report: Report) -> None:
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
            newest = warehouse.open(name)
            newest.create_checkpoint()
            for file in delta_log.files_before(path, newest.version()):
                file.unlink()
        report(f"Old versions of {name} are gone.")


def _counts(proof: Proof) -> str:
    return f"{proof.files} files, {proof.bytes} bytes read, {len(proof.hits)} hits"
