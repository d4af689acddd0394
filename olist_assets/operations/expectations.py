"""The suites of a contract run by Great Expectations on a stored table, with Data Docs on request. No engine.

GX is the extra `gx`, and is imported only by a run.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from olist_assets.checks.kinds import file_check, foreign_key_check, rows_expected
from olist_assets.checks.spec import Check, CheckContext
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.rules import ForeignKey
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.governance.audit_log import audited
from olist_assets.lakehouse.schemas import shape
from olist_assets.lakehouse.statistics import statistics
from olist_assets.operations.expectation_suites import Expectation, Suites, parent, stored_as, suites_of
from olist_assets.operations.platform import Platform
from olist_assets.redaction import without_values

VALUES_SHOWN, VALUES_PRINTED = 20, 3
NO_ANALYTICS = {"GX_ANALYTICS_ENABLED": "false"}


@dataclass(frozen=True)
class Outcome:
    """Whether the expectations that are equivalent to a check are met, and what is wrong with those that are not."""

    check: Check
    problems: tuple[str, ...]

    @property
    def met(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Report:
    """The outcomes by check, the checks without an equivalent, and the first page of the Data Docs, if asked for."""

    outcomes: tuple[Outcome, ...]
    not_expressible: tuple[Check, ...]
    page: str | None


@dataclass(frozen=True)
class _Batch:
    """A suite, the data to run it on, and how many unexpected values its results may contain."""

    name: str
    expectations: Sequence[Expectation]
    frame: pd.DataFrame
    values_shown: int = VALUES_SHOWN


def expectations(platform: Platform, name: str, docs: Path | None = None) -> Report:
    """Run the suites of a table; with `docs`, write Data Docs into this folder.

    Raises OlistError, also without the extra `gx` and for a folder that cannot be written.
    """
    gx = _great_expectations()
    table = platform.catalog.table(name)
    suites = suites_of(table, platform.catalog.tables)
    with audited(platform.warehouse, "expectations", [name], statement=str(docs) if docs else None) as reading:
        unmade = _tables_not_made_yet(platform, table, suites)
        batches, parameters = _data(platform, table, suites, unmade)
        reading.rows = len(batches[-1].frame)
        results, page = _validated(gx, batches, parameters, docs)
    outcomes = (
        Outcome(check, tuple(unmade.get(check.name) or _problems(check, results))) for check in suites.checks.values()
    )
    return Report(tuple(outcomes), suites.not_expressible, page)


def _great_expectations() -> Any:
    # Version 1.24 sends nothing; a later one may again ask this variable, and does so when it is imported.
    os.environ.update(NO_ANALYTICS)
    try:
        return import_module("great_expectations")
    except ImportError as error:
        raise OlistError(
            f"Expectations need the extra gx: pip install 'olist-assets[gx]'; in a clone: make test-gx ({error})."
        ) from error


def _tables_not_made_yet(platform: Platform, table: Table, suites: Suites) -> dict[str, list[str]]:
    """What is missing, by the name of a check that reads other tables."""
    read = {name for check in suites.checks.values() for name in check.reads} - {table.name}
    missing = read - {*platform.warehouse.existing_tables(read)}
    found = {name: [t for t in check.reads if t in missing] for name, check in suites.checks.items()}
    return {check: [f"{name} does not exist yet" for name in names] for check, names in found.items() if names}


def _data(
    platform: Platform, table: Table, suites: Suites, unmade: Mapping[str, list[str]]
) -> tuple[list[_Batch], dict[str, int]]:
    """Schema and rows of the newest version as batches, and the numbers of rows that checks expect."""
    warehouse, delta = platform.warehouse, platform.warehouse.open(table.name)
    expected = [expectation for expectation in suites.rows if expectation.check.name not in unmade]
    read = {name for expectation in expected for name in expectation.check.reads} - {table.name}
    keys = [key for key in table.foreign_keys if foreign_key_check(key).name not in unmade]
    with warehouse.sql({table.name: delta, **warehouse.existing_tables(read)}) as sql:
        on = CheckContext(warehouse, platform.calendar, table, statistics(delta), delta, sql)
        rows = _rows_frame(on, _rows_query(table, keys, shape(delta)))
        parameters = {count.name: on.scalar(count.sql) for count in table.row_counts if count.name not in unmade}
        if table.source:
            parameters[file_check(table.source).name], _ = rows_expected(on, table.source)
    # Not even values of other columns: together with a personal one they may be shown as the key of a row.
    values_shown = 0 if any(column.pii for column in table.columns) else VALUES_SHOWN
    schema = _Batch(f"{table.name}.schema", suites.schema, _schema_frame(on))
    return [schema, _Batch(table.name, expected, rows, values_shown)], parameters


def _schema_frame(on: CheckContext) -> pd.DataFrame:
    """The stored columns in order, with one row: the type and nullability of each."""
    # As in `schema_matches_contract`, new columns of a source are no difference.
    known = {*on.table.column_names} if on.table.source else {*shape(on.delta)}
    return pd.DataFrame({name: [stored_as(*stored)] for name, stored in shape(on.delta).items() if name in known})


def _rows_frame(on: CheckContext, query: str) -> pd.DataFrame:
    try:
        rows = on.sql.sql(query).to_arrow_table()
    except duckdb.Error as error:
        raise OlistError(f"The rows of {on.table.name} cannot be read: {without_values(str(error))}") from None
    # Arrow's types keep decimals, whole numbers beside nulls, and lists as they are stored.
    return rows.to_pandas(types_mapper=pd.ArrowDtype)


def _rows_query(table: Table, foreign_keys: Iterable[ForeignKey], stored: Iterable[str]) -> str:
    """All rows with the values to which their foreign keys refer; a value occurs once in what is joined."""
    keys = [key for key in foreign_keys if key.column in {*stored}]
    # Not as subqueries of the joins: in these, DuckDB takes a missing column for one of the table on the left.
    values = [
        f"p{at} AS (SELECT DISTINCT {identifier(key.to_column)} AS value FROM {identifier(key.to_table)})"
        for at, key in enumerate(keys)
    ]
    parents = "".join(f", p{at}.value AS {identifier(parent(key))}" for at, key in enumerate(keys))
    joins = "".join(f" LEFT JOIN p{at} ON t.{identifier(key.column)} = p{at}.value" for at, key in enumerate(keys))
    known = f"WITH {', '.join(values)} " if values else ""
    return f"{known}SELECT t.*{parents} FROM {identifier(table.name)} t{joins}"


def _validated(
    gx: Any, batches: Iterable[_Batch], parameters: dict[str, int], docs: Path | None
) -> tuple[list[Any], str | None]:
    """GX's results of all expectations, and the first page of the Data Docs."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    results = [result for batch in batches for result in _results(gx, context, batch, parameters)]
    return results, _data_docs(context, docs) if docs else None


def _results(gx: Any, context: Any, batch: _Batch, parameters: dict[str, int]) -> list[Any]:
    suite = context.suites.add(gx.ExpectationSuite(batch.name))
    for expected in batch.expectations:
        severity = "critical" if expected.check.blocking else "warning"
        kind = getattr(gx.expectations, expected.kind)
        suite.add_expectation(kind(**expected.arguments, severity=severity, meta={"check": expected.check.name}))
    asset = context.data_sources.add_pandas(batch.name).add_dataframe_asset(batch.name)
    data = asset.add_batch_definition_whole_dataframe(batch.name)
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=batch.name, data=data, suite=suite))
    return definition.run(
        batch_parameters={"dataframe": batch.frame},
        expectation_parameters=parameters,
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": batch.values_shown},
    ).results


def _data_docs(context: Any, docs: Path) -> str:
    """Write the pages; GX removes those of an earlier run from the folder, and no other file. Raises OlistError."""
    folder = docs.expanduser().resolve()
    for site in [*context.variables.data_docs_sites]:
        context.delete_data_docs_site(site)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        context.add_data_docs_site(
            "docs", {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index}
        )
        context.build_data_docs()
    except OSError as error:
        raise OlistError(f"Cannot write Data Docs to {folder}: {error.strerror or error}.") from error
    return str(folder / "index.html")


def _problems(check: Check, results: Iterable[Any]) -> Iterator[str]:
    """What is wrong, by expectation of a check."""
    for result in results:
        config = result.expectation_config
        if not result.success and config.meta["check"] == check.name:
            subject = config.kwargs.get("column") or ", ".join(config.kwargs.get("column_list", ["rows"]))
            yield f"{config.type} ({subject}): {_difference(result)}"


def _difference(result: Any) -> str:
    if "unexpected_count" in result.result:
        values = result.result["partial_unexpected_list"][:VALUES_PRINTED]
        examples = f": {', '.join(map(str, values))}" if values else ""
        return f"{result.result['unexpected_count']:,} unexpected{examples}"
    if "observed_value" in result.result:
        return f"observed {result.result['observed_value']}"
    # GX reports an error once per metric that it prevents.
    raised = result.exception_info
    errors = [raised] if "exception_message" in raised else raised.values()
    return "; ".join(dict.fromkeys(without_values(str(error["exception_message"])) for error in errors))
