"""Personal data are marked in the contracts wherever they flow."""

import re

import pytest

from olist_assets.catalog import catalog

TABLES = catalog().tables
PERSONAL = re.compile(
    r"customer_id|customer_unique_id|customer_zip_code_prefix|review_comment_\w+|_corrupt_record|record|value|key"
)


def personal(name: str) -> set[str]:
    """Columns that have the name of personal data; a number only shares the name, as the value of a metric."""
    return {c.name for c in TABLES[name].columns if PERSONAL.fullmatch(c.name) and c.type == "string"}


@pytest.mark.parametrize("name", TABLES)
def test_law_every_column_with_the_name_of_personal_data_is_marked(name):
    assert {c.name for c in TABLES[name].columns if c.pii} - {"customer_city"} == personal(name)


def test_the_names_are_those_of_many_tables():
    assert sum(bool(personal(name)) for name in TABLES) > 10


@pytest.mark.parametrize("name", [name for name in TABLES if "customer_city" in TABLES[name].column_names])
def test_law_a_city_is_marked_where_a_row_belongs_to_one_customer(name):
    # A row of gold_geographic_metrics belongs to a city.
    expected = None if name == "gold_geographic_metrics" else "remove"
    assert TABLES[name].column("customer_city").pii == expected
