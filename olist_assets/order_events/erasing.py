"""Messages of erased customers on their way into the table of messages, and in it.

The list of erasures is read under the lock of that table, before each append. `olist forget` writes the list first and
the table afterwards: so whatever was appended without knowing the list is rewritten by it, and all else is erased here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa

from olist_assets.engine.engine import Engine
from olist_assets.engine.erased_events import erased_events
from olist_assets.engine.write_plan import Write
from olist_assets.governance import erasures
from olist_assets.governance.erasing import Found
from olist_assets.governance.erasures import Erasures
from olist_assets.governance.event_traces import WORDS, create_messages, create_subjects, theirs
from olist_assets.governance.traces import follow
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.lakehouse.warehouse import Warehouse

PLACE = ("topic", "partition", "offset")
NOBODY = Found()


@dataclass(frozen=True)
class EventErasure:
    """Erases from messages what the list of erasures says, and what `olist forget` seeks besides."""

    warehouse: Warehouse
    engine: Engine

    def of_listed(self) -> Callable[[pa.Table], pa.Table] | None:
        """What erases the people on the list from messages; None if it is empty. The caller locks their table.

        An id that a message gives to an erased customer is theirs from then on.
        """
        listed = Erasures(self.warehouse)

        def erased(messages: pa.Table) -> pa.Table:
            rows, found = self._theirs(messages, listed)
            return self._with_erased(messages, rows, found) if rows else messages

        return erased if listed else None

    def rewrite(self, name: str, person: Found, texts: Iterable[str]) -> int:
        """Erase a person, and all who are on the list, from the table of messages; the number of changed ones."""
        path, contract = self.warehouse.path(name), self.warehouse.catalog.table(name)
        with self.warehouse.lock(path, "olist forget"):
            stored = self.warehouse.open(name)
            messages = self.warehouse.rows(stored)
            rows, found = self._theirs(messages, Erasures(self.warehouse), person, texts)
            if not rows:
                return 0
            changed = self._with_erased(messages.take(rows), range(len(rows)), found)
            frame = self.engine.session.createDataFrame(changed)
            places = frame.select(*PLACE)
            kept = self.engine.read_table(stored).join(places, on=list(PLACE), how="left_anti")
            frame = kept.select(*contract.column_names).unionByName(frame.select(*contract.column_names))
            change = schema_change(shape(stored), contract)
            self.engine.write(path, contract, Write(frame), change, user_metadata(forget=True))
        return len(rows)

    def _theirs(
        self, messages: pa.Table, listed: Erasures, person: Found = NOBODY, texts: Iterable[str] = ()
    ) -> tuple[list[int], Found]:
        """The rows of erased customers, and what to erase; who is who in the messages is put on the list."""
        with self.warehouse.sql() as con:
            create_messages(con, messages)
            known = listed.listed(con, WORDS)
            if not (known.labels or known.records or person.traces or texts):
                return [], NOBODY
            create_subjects(con, "as_received")
            followed = follow(con, known.labels, known.records)
            if listed.missing(followed.traces):
                erasures.add_followed(self.warehouse, followed)
            found = listed.found_with(followed)
            found = Found(found.replacements | person.replacements, found.records | person.records)
            return theirs(con, found.traces, person.traces, texts), found

    def _with_erased(self, messages: pa.Table, rows: Iterable[int], found: Found) -> pa.Table:
        """The messages with these rows erased."""
        places = list(rows)
        changed = erased_events(self.engine.session, messages.take(places), found)
        order = {place: len(messages) + at for at, place in enumerate(places)}
        both = pa.concat_tables([messages, changed.cast(messages.schema)])
        return both.take([order.get(row, row) for row in range(len(messages))])
