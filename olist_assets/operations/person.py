"""Who a given id is: all ids of the person, and their comments, in all versions of the snapshots that have files."""

import csv
import re
from collections.abc import Iterator

import duckdb

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.source_files import CORRUPT, INGESTED, SOURCE_NAME
from olist_assets.contracts.source_values import ERASED, pattern
from olist_assets.errors import OlistError
from olist_assets.governance.erasures import Erasures, Person
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
from olist_assets.lakehouse.sql import create_view
from olist_assets.operations.platform import Platform


def known_person(platform: Platform, given: str) -> tuple[Person, tuple[str, ...]]:
    """The customer of an id, and the texts in the reviews. Raises OlistError if no customer has the id."""
    warehouse, listed = platform.warehouse, Erasures(platform.warehouse)
    # Once the tables are clean, only the tokens lead to the orders.
    token = listed.token(given)
    seeds = {known: () for known in (given, token) if known}
    with warehouse.sql() as con:
        _create_views(con, platform)
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


def _create_views(con: duckdb.DuckDBPyConnection, platform: Platform) -> None:
    """Views of the three snapshots, each over the files of all its versions."""
    for subject in SUBJECTS:
        name = BRONZE[subject].name
        path = platform.warehouse.path(name)
        log = delta_log.log_folder(path)
        files = [str(file) for file in path.rglob("*.parquet") if log not in file.parents]
        create_view(con, subject, platform.warehouse.open(name), files)


def _is_known(con: duckdb.DuckDBPyConnection, given: str) -> bool:
    """Whether a customer has the id, perhaps in a record whose values are in the wrong columns."""
    columns = ", ".join(map(identifier, (*BRONZE["customers"].column_names,)))
    is_named = " OR ".join(f"lower(trim({name})) = $1" for name in PERSONAL_KEYS)
    is_held = f" OR contains(lower(concat_ws(chr(10), {columns})), $1)" if is_distinctive(given) else ""
    ((count,),) = con.execute(f"SELECT count(*) FROM customers WHERE {is_named}{is_held}", [given]).fetchall()
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
        name for name, *_ in con.execute("DESCRIBE order_reviews").fetchall() if name not in (INGESTED, SOURCE_NAME)
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
