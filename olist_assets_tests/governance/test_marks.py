"""Personal data is marked wherever it flows, and the catalogue shows it."""

import re

import pytest

from olist_assets.catalog import all_tables

PERSONAL = re.compile(
    r"customer_id|customer_unique_id|customer_zip_code_prefix|review_comment_\w+|_corrupt_record|record|value"
)


@pytest.mark.parametrize("name", all_tables())
def test_law_every_column_of_a_personal_name_is_marked(name):
    personal = {c.name for c in all_tables()[name].columns if PERSONAL.fullmatch(c.name)} - _figures(name)
    assert {c.name for c in all_tables()[name].columns if c.pii} - {"customer_city"} == personal


@pytest.mark.parametrize("name", all_tables())
def test_law_a_city_is_marked_where_a_row_is_one_persons(name):
    contract = all_tables()[name]
    if "customer_city" in contract.column_names:
        # A row of gold_geographic_metrics is a city's.
        assert (contract.column("customer_city").pii == "remove") == (name != "gold_geographic_metrics")


def test_the_catalogue_shows_the_marks():
    schema = all_tables()["bronze_customers"].asset_args()["metadata"]["dagster/column_schema"]
    tags = {column.name: dict(column.tags) for column in schema.columns}
    assert tags["customer_unique_id"] == {"pii": "hash"}
    assert tags["customer_zip_code_prefix"] == {"pii": "cut"}
    assert tags["customer_state"] == {}


def _figures(name: str) -> set[str]:
    """Columns that only share the name: the value of a figure."""
    return {c.name for c in all_tables()[name].columns if c.type != "string"}
