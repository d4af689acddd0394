"""How a stored table's schema differs from its contract, and which differences are safe to apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from olist_assets.contracts.table import Column, Table

# Delta's names of types where Spark SQL has another one.
SPARK_NAMES = {"integer": "int", "long": "bigint"}
# Type and nullability by column name.
Shape = Mapping[str, tuple[str, bool]]


@dataclass(frozen=True)
class SchemaChange:
    """The changes from a stored schema to its contract: nullable columns to add, and breaking changes."""

    added: tuple[Column, ...]
    breaking: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.breaking)

    def described(self) -> list[str]:
        return [*(f"{c.name} {c.type} is new" for c in self.added), *self.breaking]


def shape(table: DeltaTable) -> Shape:
    """The stored columns in order, with Spark SQL's type names."""
    return {field.name: (_type_name(field.type), field.nullable) for field in table.schema().fields}


def has_other_comments(stored: DeltaTable, contract: Table) -> bool:
    """Whether the contract describes a stored column in other words."""
    comments = _comments(stored)
    return any(comments.get(column.name, column.description) != column.description for column in contract.columns)


def commented_as(stored: DeltaTable, schema: pa.Schema) -> pa.Schema:
    """The schema with the comments of a stored table, to which deltalake appends no rows with others."""
    comments = _comments(stored)
    return pa.schema(
        field.with_metadata({"comment": comments[field.name]}) if comments.get(field.name) else field
        for field in schema
    )


def _comments(stored: DeltaTable) -> dict[str, Any]:
    return {field.name: field.metadata.get("comment") for field in stored.schema().fields}


def _type_name(kind: Any) -> str:
    if hasattr(kind, "element_type"):
        return f"array<{_type_name(kind.element_type)}>"
    return SPARK_NAMES.get(kind.type, str(kind.type))


def schema_change(stored: Shape, contract: Table) -> SchemaChange:
    """The change from the stored columns to the contract's. Only a new nullable column keeps every stored row valid."""
    added = tuple(c for c in contract.columns if c.name not in stored and c.nullable)
    breaking = [
        f"{c.name} {c.type} is new and required" for c in contract.columns if c.name not in stored and not c.nullable
    ]
    breaking += [f"{name} {stored[name][0]} is gone" for name in stored if name not in contract.column_names]
    for column in contract.columns:
        kind, nullable = stored.get(column.name, (column.type, column.nullable))
        if kind != column.type:
            breaking.append(f"{column.name} is {column.type} instead of {kind}")
        elif nullable and not column.nullable:
            breaking.append(f"{column.name} is required now")
        elif column.nullable and not nullable:
            breaking.append(f"{column.name} may be null now")
    return SchemaChange(added, tuple(breaking))
