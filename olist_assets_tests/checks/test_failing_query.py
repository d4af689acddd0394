"""A query of a check that fails: its error does not quote a value of a row, which Dagster would keep."""

from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from olist_assets.checks.spec import CheckContext
from olist_assets.errors import OlistError


def test_error_of_a_query_does_not_quote_a_value():
    stub: Any = SimpleNamespace(name="small_table", first=None)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE small_table AS SELECT 'São Paulo' AS city")
        context = CheckContext(stub, stub, stub, stub, stub, con)
        with pytest.raises(OlistError, match="query of small_table's checks fails: Conversion Error") as raised:
            context.scalar("SELECT sum(city::INTEGER) FROM {table}")
    assert "Paulo" not in str(raised.value)
    assert raised.value.__suppress_context__
