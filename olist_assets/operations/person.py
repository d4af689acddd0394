"""Who a given id is: all ids of the person, and their comments, in all versions of the snapshots that have files.

Records that came as order events count too, also those that no snapshot has any more.
"""

import csv
import re
from collections.abc import Iterator

import duckdb
from deltalake import DeltaTable

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.source_files import CORRUPT, INGESTED, SEQUENCE, SOURCE_NAME
from olist_assets.contracts.source_values import ERASED, pattern
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.governance.erasures import Erasures, Person
from olist_assets.governance.event_traces import create_subjects
from olist_assets.governance.traces import (
    PERSONAL_KEYS,
    SUBJECTS,
    Traces,
    any_of,
    follow,
    is_distinctive,
    normal,
    require_one_person,
)
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.sql import create_view
from olist_assets.operations.platform import Platform
from olist_assets.order_events.batches import EVENTS


def known_person(platform: Platform, given: str) -> tuple[Person, tuple[str, ...]]:
    """The customer of an id, and the texts in the reviews. Raises OlistError if no customer has the id."""
    warehouse, listed = platform.warehouse, Erasures(platform.warehouse)
    # Once the tables are clean, only the tokens lead to the orders.
    token = listed.token(given)
    seeds = {known: () for known in (given, token) if known}
    with warehouse.sql() as con:
        create_views(con, platform)
        if token is None and not _is_known(con, normal(given)):
            raise OlistError(
                f"No customer and no order has the id {given!r}: it is neither a customer_unique_id nor a customer_id "
                f"of {BRONZE['customers'].name}, and no customer with that id was erased. Is OLIST_WAREHOUSE right "
                f"({warehouse.root})?"
            )
        found = follow(con, seeds, ())
        require_one_person(found)
        comments = tuple(sorted(set(_texts(con, found.traces.records))))
        ids = frozenset(known for known in found.traces.ids if not known.startswith(f"{ERASED}-"))
        unique_id = _unique_id(con, ids) or normal(given)
    return Person(unique_id, Traces(ids, found.traces.records)), comments


def create_views(con: duckdb.DuckDBPyConnection, platform: Platform) -> None:
    """Views of the three snapshots, and of the messages, each over the files of all versions.

    A snapshot's view has the records in the messages too.
    """
    catalog = platform.catalog
    existing = platform.warehouse.existing_tables([EVENTS, *(BRONZE[subject].name for subject in SUBJECTS)])
    _create_view(con, platform, EVENTS, existing.get(EVENTS), catalog.table(EVENTS))
    create_subjects(con, EVENTS, "received_")
    for subject in SUBJECTS:
        contract = BRONZE[subject]
        _create_view(con, platform, f"stored_{subject}", existing.get(contract.name), contract)
        con.execute(f"CREATE VIEW {subject} AS FROM stored_{subject} UNION ALL BY NAME FROM received_{subject}")


def _create_view(
    con: duckdb.DuckDBPyConnection, platform: Platform, view: str, stored: DeltaTable | None, contract: Table
) -> None:
    if stored is None:
        con.register(view, arrow_schema(contract).empty_table())
        return
    path = platform.warehouse.path(contract.name)
    log = delta_log.log_folder(path)
    create_view(con, view, stored, [str(file) for file in path.rglob("*.parquet") if log not in file.parents])


def _is_known(con: duckdb.DuckDBPyConnection, given: str) -> bool:
    """Whether a customer has the id, perhaps in a record whose values are in the wrong columns, or a message."""
    columns = ", ".join(map(identifier, (*BRONZE["customers"].column_names,)))
    is_named = " OR ".join(f"lower(trim({name})) = $1" for name in PERSONAL_KEYS)
    is_held = f" OR contains(lower(concat_ws(chr(10), {columns})), $1)" if is_distinctive(given) else ""
    ((count,),) = con.execute(f"SELECT count(*) FROM customers WHERE {is_named}{is_held}", [given]).fetchall()
    if count or not is_distinctive(given):
        return count > 0
    messages = f"SELECT count(*) FROM {EVENTS} WHERE contains(lower(concat_ws(chr(10), key, value)), $1)"
    ((count,),) = con.execute(messages, [given]).fetchall()
    return count > 0


def _unique_id(con: duckdb.DuckDBPyConnection, ids: frozenset[str]) -> str | None:
    known = "SELECT lower(trim(customer_unique_id)) AS known FROM customers"
    query = f"SELECT min(known) FROM ({known}) WHERE known IN (SELECT unnest($1))"
    ((unique_id,),) = con.execute(query, [sorted(ids)]).fetchall()
    return unique_id


def _texts(con: duckdb.DuckDBPyConnection, records: frozenset[str]) -> Iterator[str]:
    """What may be a comment in the rows of some orders and reviews; a shifted record may have it in any column."""
    expression = any_of(records)
    if expression is None:
        return
    names = [
        name
        for name, *_ in con.execute("DESCRIBE order_reviews").fetchall()
        if name not in (INGESTED, SOURCE_NAME, SEQUENCE)
    ]
    columns = ", ".join(map(identifier, names))
    query = f"SELECT {columns} FROM order_reviews WHERE regexp_matches(concat_ws(chr(10), {columns}), $1, 'i')"
    for row in con.execute(query, [expression]).fetchall():
        texts = dict(zip(names, row, strict=True))
        corrupt = texts.pop(CORRUPT) or ""
        yield from filter(_is_wording, (*filter(None, texts.values()), *next(csv.reader([corrupt]), ())))


def _is_wording(text: str) -> bool:
    is_coded = is_distinctive(normal(text)) or re.fullmatch(pattern("timestamp"), text.strip())
    return not is_coded and re.search("[^\\W\\d_]", text) is not None
