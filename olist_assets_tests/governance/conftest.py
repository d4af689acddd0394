"""Small tables written without a JVM, and a secret for their masks."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import table
from olist_assets.contracts.table import Column
from olist_assets.settings import Settings

SECRET = "a secret of some length for tests"
SIMPLE = {
    "string": (pa.string(), "x"),
    "int": (pa.int32(), 1),
    "double": (pa.float64(), 1.0),
    "date": (pa.date32(), date(2018, 1, 1)),
    "timestamp": (pa.timestamp("us", tz="UTC"), datetime(2018, 1, 1, tzinfo=UTC)),
    "array<string>": (pa.list_(pa.string()), ["x"]),
}
Store = Callable[..., None]


@pytest.fixture
def store(settings: Settings) -> Store:
    """Put rows into a table; a row names the columns that matter."""

    def stored(name: str, *rows: dict[str, Any]) -> None:
        types = {column.name: _sound(column) for column in table(name).columns}
        values = {column: [row.get(column, sound) for row in rows] for column, (_, sound) in types.items()}
        schema = pa.schema([(column, kind) for column, (kind, _) in types.items()])
        write_deltalake(str(lakehouse.table_path(settings, name)), pa.table(values, schema), mode="overwrite")
        # A version of its own, as the platform's first one only makes the table.
        write_deltalake(str(lakehouse.table_path(settings, name)), pa.table(values, schema), mode="overwrite")

    return stored


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """The secret in force."""
    monkeypatch.setenv("OLIST_MASK_SALT", SECRET)
    return SECRET


def _sound(column: Column) -> tuple[pa.DataType, Any]:
    if column.type.startswith("decimal"):
        precision, scale = map(int, column.type.removeprefix("decimal(").rstrip(")").split(","))
        return pa.decimal128(precision, scale), Decimal("1.00")
    kind, sound = SIMPLE[column.type]
    return kind, None if column.nullable else sound
