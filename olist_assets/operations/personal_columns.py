"""Which values of a Parquet file may be personal, by the contracts of the tables and by the names of its columns."""

import re

from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.source_values import ERASED, NULL_WORDS

EVENT = ("after", "op", "seq", "table")
KEY_PART = f"[0-9a-f]{{32}}|[0-9a-f-]{{36}}|[0-9]+|{ERASED}(-[0-9a-f]+)?"


class PersonalColumns:
    """Which columns of a Parquet file may have something personal, by the contracts of the tables."""

    def __init__(self, catalog: Catalog) -> None:
        columns = [column for table in catalog.tables.values() for column in table.columns]
        # An id that is another customer's is not theirs, and their own ids are sought everywhere.
        personal = {column.name for column in columns if column.pii in ("cut", "remove")}
        self._harmless = {column.name for column in columns} - personal

    def test_of(self, name: str) -> str | None:
        """SQL for whether a row may have something personal in a column; None for a column that cannot."""
        if name in self._harmless:
            return None
        text = f"{identifier(name)}::VARCHAR"
        is_there = f"coalesce({text}, '{ERASED}') NOT SIMILAR TO '{ERASED}(-[0-9a-f]+)?'"
        if name == "value":
            # Of a rejected row: numbers and times are kept, as are ids and words for a missing value.
            harmless = "|".join(("[-0-9eE:.+ ]*", "[0-9a-f]{32}", *map(re.escape, NULL_WORDS)))
            is_personal = f"({is_there} AND NOT regexp_full_match(lower({text}), {literal(harmless)}))"
            # Of a message that was erased: an event with nothing but its record.
            is_event = f"json_valid({text}) AND list_sort(json_keys({text})) = {list(EVENT)}"
            after = f"({text} -> '$.after')"
            return f"(CASE WHEN {is_event} THEN {self._has_value(after)} ELSE {is_personal} END)"
        if name == "key":
            # Of a message or a deleted record: ids, numbers and tokens, which are sought everywhere if they are theirs.
            return f"NOT regexp_full_match(lower(coalesce({text}, '')), '({KEY_PART})?(/({KEY_PART}))*')"
        if name == "record":
            return f"(CASE WHEN json_valid({text}) THEN {self._has_value(text)} ELSE {is_there} END)"
        return is_there

    def _has_value(self, record: str) -> str:
        """SQL for whether a JSON object has something personal in a column that is not harmless."""
        harmless = ", ".join(map(literal, sorted(self._harmless)))
        keys = f"list_filter(json_keys({record}), lambda k: k NOT IN ({harmless}))"
        values = f"list_transform({keys}, lambda k: coalesce({record} ->> k, '{ERASED}'))"
        return f"len(list_filter({values}, lambda v: v <> '{ERASED}')) > 0"
