"""The rows of erased customers in a frame of a source file or of its snapshot, without what is personal.

A row whose values all have the form of their columns keeps them: orders and amounts stay. Ids of the customers become
tokens, zip prefix and city a fixed word, comments null. In any other row, such as one shifted by a field, only keys
stay, as nobody knows what its values are. The number of rows never changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import ADDED_COLUMNS, CORRUPT, INGESTED, SEQUENCE, SOURCE_NAME, SourceFile
from olist_assets.contracts.source_values import ERASED, pattern
from olist_assets.governance.traces import ID, PERSONAL_KEYS, RECORD_KEYS, Traces, any_of

# These columns are required: an order has a place.
PLACES = ("customer_zip_code_prefix", "customer_city")
COMMENTS = ("review_comment_title", "review_comment_message")
KEYS = (*PERSONAL_KEYS, *RECORD_KEYS)
IS_THEIRS, IS_UNSURE = "_is_theirs", "_is_unsure"
A_KEY = f"{ID}|{ERASED}-[0-9a-f]+"


@dataclass(frozen=True)
class Found:
    """What to erase: the customers' ids with their replacements, and the ids of their orders and reviews."""

    replacements: dict[str, str] = field(default_factory=dict)
    records: frozenset[str] = frozenset()

    @property
    def traces(self) -> Traces:
        return Traces(frozenset(self.replacements), self.records)


def erased(frame: DataFrame, source: SourceFile, found: Found) -> DataFrame:
    """A source's frame, or its snapshot's, without what is personal: the same rows and columns otherwise."""
    if not found.traces:
        return frame
    marked = _marked(frame, source, found.traces)
    changed = {name: _changed(name, source, found.traces) for name in frame.columns if _may_change(name)}
    without = marked.withColumns(changed).drop(IS_THEIRS, IS_UNSURE)
    ids: dict[Any, Any] = dict(found.replacements)
    named = [name for name in source.columns if name in PERSONAL_KEYS]
    return without.replace(ids, subset=named) if named and ids else without


def to_change(frame: DataFrame, source: SourceFile, found: Found) -> DataFrame:
    """The rows of which `erased` changes more than ids, places and comments."""
    added = (F.col(name).isNotNull() for name in frame.columns if _is_added(name, source))
    marked = _marked(frame, source, found.traces)
    return marked.where(F.col(IS_THEIRS) & (F.col(IS_UNSURE) | _any(added)))


def _marked(frame: DataFrame, source: SourceFile, traces: Traces) -> DataFrame:
    """With two columns: whether a row is theirs, and whether it may have values that are not in their column."""
    texts = [name for name in frame.columns if _may_change(name)]
    own = [name for name in source.columns if name in KEYS]
    is_theirs = _holds(texts, traces) | _any(_has_one_of(name, traces.of(name)) for name in own)
    is_unsure = F.col(CORRUPT).isNotNull() | _any(_is_misplaced(name, source, traces) for name in source.coded)
    marks = {IS_THEIRS: F.coalesce(is_theirs, F.lit(False)), IS_UNSURE: F.coalesce(is_unsure, F.lit(False))}
    return frame.withColumns(marks)


def _is_misplaced(name: str, source: SourceFile, traces: Traces) -> Column:
    """Whether a value lacks the form of its column, or holds an id that belongs into another one."""
    if kind := source.types.get(name):
        text = F.trim(name)
        return (text != "") & ~text.rlike(rf"^({pattern(kind)})\z")
    return _holds([name], traces) & ~_has_one_of(name, traces.of(name))


def _changed(name: str, source: SourceFile, traces: Traces) -> Column:
    """A column after the erasure, except for the replacement of ids."""
    is_theirs, is_unsure, nothing = F.col(IS_THEIRS), F.col(IS_THEIRS) & F.col(IS_UNSURE), F.lit(None).cast("string")
    if name in (*PLACES, CORRUPT):
        return F.when(is_theirs & F.col(name).isNotNull(), F.lit(ERASED)).otherwise(F.col(name))
    if name in COMMENTS or _is_added(name, source):
        # The content of a column outside the contract is unknown.
        return F.when(is_theirs, nothing).otherwise(F.col(name))
    if name not in KEYS:
        return F.when(is_unsure, nothing).otherwise(F.col(name))
    key = F.lower(F.trim(name))
    stays = key.rlike(rf"^({A_KEY})\z") & ~_is_misplaced(name, source, traces)
    is_known = is_theirs & _has_one_of(name, traces.of(name))
    kept = F.when(is_known, key).otherwise(F.col(name)) if name in PERSONAL_KEYS else F.col(name)
    return F.when(is_unsure & ~F.coalesce(stays | is_known, F.lit(False)), nothing).otherwise(kept)


def _holds(names: Iterable[str], traces: Traces) -> Column:
    """Whether one of the columns has one of the ids anywhere in its text."""
    expression = any_of(traces.ids | traces.records)
    return F.lower(F.concat_ws("\n", *names)).rlike(expression) if expression else F.lit(False)


def _has_one_of(name: str, values: Iterable[str]) -> Column:
    listed = sorted(values)
    return F.lower(F.trim(name)).isin(*listed) if listed else F.lit(False)


def _may_change(name: str) -> bool:
    return name not in (INGESTED, SOURCE_NAME, SEQUENCE)


def _is_added(name: str, source: SourceFile) -> bool:
    return name not in (*source.columns, *ADDED_COLUMNS)


def _any(conditions: Iterable[Column]) -> Column:
    return reduce(or_, conditions, F.lit(False))
