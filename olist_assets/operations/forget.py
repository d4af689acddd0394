"""`olist forget`: a customer erased from every table and every old version, with proof.

The list of erasures comes first, and each step after it may be done again: killed in the middle, the same command
finishes what is left. Only Spark can write the tables' clustering, so it does; all else runs without it.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import dagster as dg
import duckdb

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.bronze.snapshots import BRONZE
from olist_assets.catalog import tables
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.governance import erasures, masking
from olist_assets.governance.erasures import Erasures, Person
from olist_assets.operations.proof import Proof, prove
from olist_assets.orchestration.instance import instance
from olist_assets.lakehouse.locks import table_lock
from olist_assets.engine.upkeep import MaintenanceConfig, maintained
from olist_assets.engine.spark.session import Spark
from olist_assets.operations.runs import Request, materialize
from olist_assets.operations.selection import ALL_DAYS, with_downstream
from olist_assets.settings import Settings

Tell = Callable[[str], None]
# In this order: an order's customer leads to its reviews for as long as the tables named after them are as they were.
SNAPSHOTS = tuple(BRONZE[subject] for subject in ("order_reviews", "orders", "customers"))


def forget(settings: Settings, given: str, tell: Tell) -> Proof:
    """Erase the customer that a `customer_unique_id` or an order's `customer_id` names. Raises OlistError.

    `tell` hears of each step. The audit log has the customer's hash, and what was proven.
    """
    started, secret = time.monotonic(), masking.secret(settings)
    person = known_person(settings, given)
    erasures.add(settings, person)
    tell(f"On the list of erasures: {erasures.path(settings)}")
    names = sorted(with_downstream(table.name for table in SNAPSHOTS) & set(lakehouse.made(settings, tables())))
    _erase_snapshots(settings, tell)
    _remake(set(names) - {table.name for table in SNAPSHOTS}, tell)
    # The snapshots' old files tell whose orders are whose: until the rest is clean, they stay.
    snapshots_last = sorted(names, key=lambda name: (name in {table.name for table in SNAPSHOTS}, name))
    _forget_versions(settings, snapshots_last, tell)
    tell("Reading every file under the warehouse.")
    proof = prove(settings.warehouse_path, person.ids)
    audit_log.record(
        settings, "forget", names, statement=f"{masking.token(secret, person.unique_id)}: {_counted(proof)}",
        seconds=time.monotonic() - started, error="still found" if proof.hits else None,
    )  # fmt: skip
    if proof.hits:
        raise OlistError(f"The customer is still there: {proof.described(settings.warehouse_path)}")
    return proof


def known_person(settings: Settings, given: str) -> Person:
    """Whom an id names, by any version of the snapshot whose files are there. Raises OlistError for nobody."""
    path = lakehouse.table_path(settings, BRONZE["customers"].name)
    log = delta_log.log_folder(path)
    files = [str(file) for file in path.rglob("*.parquet") if log not in file.parents]
    with duckdb.connect() as con:
        lakehouse.create_view(con, "customers", lakehouse.open_table(settings, path.name), files)
        rows = con.execute(
            "SELECT DISTINCT customer_unique_id, customer_id FROM customers WHERE customer_unique_id IN "
            "(SELECT customer_unique_id FROM customers WHERE customer_unique_id = $1 OR customer_id = $1)",
            [given],
        ).fetchall()
    if rows and given not in {unique_id for unique_id, _ in rows}:
        given = rows[0][0]
    elif not rows and not Erasures(settings).knows(given):
        raise OlistError(
            f"No customer and no order has the id {given!r}: it is neither a customer_unique_id nor a customer_id of "
            f"{path.name}, and nobody of that id was erased. Is OLIST_WAREHOUSE right ({settings.warehouse_path})?"
        )
    return Person(given, tuple(customer_id for _, customer_id in rows))


def _erase_snapshots(settings: Settings, tell: Tell) -> None:
    """Write the three snapshots anew, each from itself: the source may have moved on, or away."""
    session = Spark().session
    for table in SNAPSHOTS:
        path = lakehouse.table_path(settings, table.name)
        with table_lock(path, settings.lock_timeout, "olist forget"):
            opened = {
                contract.name.removeprefix("bronze_"): lakehouse.open_table(settings, contract.name)
                for contract in SNAPSHOTS
            }
            with lakehouse.connection(opened) as con:
                found = Erasures(settings).found(con)
            assert table.source is not None
            frame = erasures.erased(session.read.format("delta").load(str(path)), table.source, found)
            frame.write.format("delta").mode("overwrite").option("userMetadata", '{"forget": true}').save(str(path))
        tell(f"Erased from {table.name}.")
    with instance() as storage:
        for table in SNAPSHOTS:
            _report(settings, storage, table)


def _report(settings: Settings, storage: dg.DagsterInstance, table: Table) -> None:
    written = lakehouse.open_table(settings, table.name)
    figures = {"dagster/row_count": lakehouse.statistics(written)["rows"], "delta_version": written.version()}
    storage.report_runless_asset_event(dg.AssetMaterialization(table.name, metadata=figures))


def _remake(names: set[str], tell: Tell) -> None:
    tell(f"Making what was made from them: {', '.join(sorted(names))}.")
    report = materialize(Request(names, ALL_DAYS), lambda *_: None)
    if missing := names - report.made:
        why = "; ".join(f"{step}: {reason}" for step, reason in report.failures.items())
        raise OlistError(f"Not made: {', '.join(sorted(missing))} ({why}). Nobody is erased yet: run it again.")


def _forget_versions(settings: Settings, names: Iterable[str], tell: Tell) -> None:
    """Leave of each table its newest version alone: old data files, and log entries that tell of their rows."""
    spark = Spark()
    for name in names:
        for _ in maintained(MaintenanceConfig(tables=[name], retention_hours=0, force=True), spark):
            pass
        path = lakehouse.table_path(settings, name)
        with table_lock(path, settings.lock_timeout, "olist forget"):
            # A commit that tells of no file: those before it say between which ids the rows of each old file lay.
            when = datetime.now(UTC).isoformat(timespec="seconds")
            spark.session.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('olist.forgot' = '{when}')")
            newest = lakehouse.open_table(settings, name)
            newest.create_checkpoint()
            for file in delta_log.files_before(path, newest.version()):
                file.unlink()
        tell(f"Old versions of {name} are gone.")


def _counted(proof: Proof) -> str:
    return f"{proof.files} files, {proof.bytes} bytes read, {len(proof.hits)} hits"
