"""A contract's columns as an Arrow schema, for everything that is written by deltalake."""

import re

import pyarrow as pa

from olist_assets.contracts.table import Column, Table

SIMPLE_TYPES = {
    "boolean": pa.bool_(),
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(table: Table) -> pa.Schema:
    """The columns in order, with types, nullability and comments."""
    return pa.schema([arrow_field(column) for column in table.columns])


def arrow_field(column: Column) -> pa.Field:
    """A column with its type, nullability and comment."""
    return pa.field(column.name, arrow_type(column.type), column.nullable, {"comment": column.description})


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a Spark SQL type name. Raises KeyError for a type that no contract has."""
    if found := re.fullmatch(r"decimal\((\d+),(\d+)\)", name):
        return pa.decimal128(int(found[1]), int(found[2]))
    if found := re.fullmatch(r"array<(.+)>", name):
        return pa.list_(arrow_type(found[1]))
    return SIMPLE_TYPES[name]
