"""An asset's code version changes with the code and the contract that decide on its rows, and with nothing else."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from olist_assets.catalog import catalog
from olist_assets.contracts.marks import Contract, contract_of
from olist_assets.contracts.source_files import SOURCES
from olist_assets.contracts.table import Table
from olist_assets.contracts.thresholds import Threshold
from olist_assets.orchestration import code_version as module
from olist_assets.orchestration.code_version import code_version, normalized_source

SOURCE_OF = module._source
CLEANING = "olist_assets.silver.cleaning"
CLEANED = {f"silver_{subject}" for subject in SOURCES if subject != "product_category_translation"}
CLEANED |= {"silver_purchases", "silver_rejects"}
# Code counts by the module: these import names of modules of cleaned tables.
IMPORT_CLEANED = {"silver_orders_master", "gold_geographic_metrics"}

Edit = Callable[[str, Callable[[str], str]], None]


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Changes the text of a module, as the versions read it; the edit must change something."""
    sources: dict[str, str] = {}

    def edited(name: str, change: Callable[[str], str]) -> None:
        before = sources.get(name, SOURCE_OF(name))
        sources[name] = change(before)
        assert sources[name] != before
        module._normalized.cache_clear()

    monkeypatch.setattr(module, "_source", lambda name: sources.get(name) or SOURCE_OF(name))
    yield edited
    module._normalized.cache_clear()


def contract(name: str) -> Contract:
    found = contract_of(catalog().functions[name])
    assert found is not None
    return found


def versions() -> dict[str, str]:
    """The version of every table, model and promotion."""
    return {name: code_version(function, contract(name)) for name, function in catalog().functions.items()}


def changed(edit: Edit, name: str, change: Callable[[str], str]) -> set[str]:
    """The assets whose version an edit changes."""
    before = versions()
    edit(name, change)
    after = versions()
    return {asset for asset in before if before[asset] != after[asset]}


def test_every_asset_has_a_version_of_16_digits_that_is_the_same_each_time():
    first = versions()
    module._normalized.cache_clear()
    assert versions() == first
    assert {len(version) for version in first.values()} == {16}
    assert len(set(first.values())) == len(first)


def test_a_changed_helper_changes_the_tables_that_use_it_and_no_other(edit):
    assert changed(edit, CLEANING, lambda text: text.replace('"duplicate_key"', '"twice"')) == CLEANED | IMPORT_CLEANED


def test_a_changed_function_changes_its_table_and_those_that_import_its_module(edit):
    def one_day_more(text: str) -> str:
        return text.replace('days_between("order_date", delivered)', 'days_between("order_date", delivered) + 1')

    found = changed(edit, "olist_assets.silver.silver_orders", one_day_more)
    assert found == {"silver_orders", "silver_purchases", "silver_rejects", "silver_orders_master"}
    assert changed(edit, "olist_assets.gold.gold_daily_metrics", lambda text: text + "\nNEW = 1\n") == {
        "gold_daily_metrics"
    }


def test_a_helper_of_the_models_changes_what_trains_and_scores_with_it_and_no_table_of_silver(edit):
    rows = "olist_assets.mlops.training_rows"
    found = changed(edit, rows, lambda text: text.replace("BUCKETS = 10_000", "BUCKETS = 1_000"))
    assert {"churn_model", "segmentation_model"} <= found
    assert not {name for name in found if name.startswith(("bronze", "silver", "monitoring"))}


def test_a_comment_a_docstring_and_formatting_change_nothing(edit):
    def rewritten(text: str) -> str:
        documented = text.replace('"""', '"""Rewritten. ', 1)
        commented = documented.replace("def accepted(", "# A comment.\n\n\n\ndef accepted(")
        return commented.replace("= _judged(bronze, rules)", "= _judged(\n        bronze,\n        rules,\n    )")

    assert changed(edit, CLEANING, rewritten) == set()


def test_the_docstrings_of_functions_classes_and_names_change_nothing():
    plain = "LIMIT = 1\nclass A:\n    b: int = 2\ndef f():\n    return 3\nasync def g():\n    pass\n"
    documented = (
        '"""Module."""\nLIMIT = 1\n"""The limit."""\nclass A:\n    """Class."""\n    b: int = 2\n    """A field."""\n'
        'def f():\n    """Function."""\n    return 3\nasync def g():\n    """Only a docstring."""\n'
    )
    assert normalized_source(plain) == normalized_source(documented)
    assert normalized_source(plain) != normalized_source(plain.replace("3", "4"))
    assert normalized_source("a = 'text'") != normalized_source("a = 'another text'")


def test_the_order_of_imports_changes_nothing(edit):
    def turned(text: str) -> str:
        lines = text.splitlines()
        imports = [line for line in lines if line.startswith(("import ", "from "))]
        assert len(imports) > 3
        others = [line for line in lines if line not in imports]
        return "\n".join([*reversed(imports), *others])

    assert changed(edit, CLEANING, turned) == set()
    assert changed(edit, "olist_assets.silver.silver_rejects", turned) == set()


def test_an_added_a_renamed_and_a_removed_import_change_the_version():
    one = "from olist_assets.silver.cleaning import accepted, rejected\n"
    assert normalized_source(one) == normalized_source(
        "from olist_assets.silver.cleaning import rejected\nfrom olist_assets.silver.cleaning import accepted\n"
    )
    for other in (
        "from olist_assets.silver.cleaning import accepted\n",
        "from olist_assets.silver.cleaning import accepted, rejected as refused\n",
        "from olist_assets.silver.cleaning import accepted, rejected\nimport math\n",
    ):
        assert normalized_source(one) != normalized_source(other)


def test_a_module_that_is_imported_only_by_a_helper_counts(edit):
    assert changed(edit, "olist_assets.mlops.plots", lambda text: text + "\nNEW = 1\n") >= {"churn_model"}


def test_a_new_import_brings_in_the_code_of_its_module(edit):
    edit("olist_assets.gold.gold_daily_metrics", lambda text: f"from {CLEANING} import accepted\n{text}")
    found = changed(edit, CLEANING, lambda text: text + "\nNEW = 1\n")
    assert found == CLEANED | IMPORT_CLEANED | {"gold_daily_metrics"}


def table_versions(name: str, change: Callable[[Table], Table]) -> tuple[str, str]:
    """The version of a table's function with its contract, and with a changed one."""
    function, table = catalog().functions[name], catalog().table(name)
    return code_version(function, table), code_version(function, change(table))


CONTRACTS: dict[str, Callable[[Table], Table]] = {
    "comment": lambda t: replace(t, columns=(replace(t.columns[0], comment="Another comment."), *t.columns[1:])),
    "nullable": lambda t: replace(
        t, columns=(replace(t.columns[0], nullable=not t.columns[0].nullable), *t.columns[1:])
    ),
    "order of columns": lambda t: replace(t, columns=t.columns[::-1]),
    "grain": lambda t: replace(t, grain="One row per something else."),
    "threshold": lambda t: replace(t, thresholds=replace(t.thresholds, row_change=Threshold(9.0, "Another."))),
    "source types": lambda t: replace(t, source=t.source and replace(t.source, types={"order_id": "int"})),
}


@pytest.mark.parametrize("change", CONTRACTS.values(), ids=CONTRACTS)
def test_a_changed_contract_changes_the_tables_version(change):
    # All bronze tables share one module: only the contract distinguishes them.
    before, after = table_versions("bronze_orders", change)
    assert before != after


def test_equal_contracts_have_equal_versions_whatever_the_order_of_a_set_or_a_mapping():
    def same(table: Table) -> Table:
        assert table.source is not None
        source = replace(table.source, types=dict(sorted(table.source.types.items(), reverse=True)))
        return replace(table, kinds=frozenset(sorted(table.kinds, reverse=True)), source=source)

    before, after = table_versions("bronze_orders", same)
    assert before == after
