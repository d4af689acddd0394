"""The roles of governance.yaml: which tables, columns and rows each may see, and whether masked."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.table import Column, Table
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings

PACKAGED = Path(__file__).with_name("governance.yaml")


class Denied(OlistError):
    """The role may not see the table or column asked for."""


class Grant(BaseModel):
    """The visible part of a table: its columns (none named: all), and the rows for which an SQL condition holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[str, ...] = ()
    rows: str | None = None

    def visible(self, table: Table) -> tuple[Column, ...]:
        """The visible columns of the contract, in its order."""
        return tuple(column for column in table.columns if not self.columns or column.name in self.columns)


class Role(BaseModel):
    """A role of the file; of its `tables`, names or patterns like `gold_*`, the first that matches a table applies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    about: str
    masked: bool = True
    tables: dict[str, Grant]

    def grants(self, catalog: Catalog) -> dict[str, Grant]:
        """The grant of each table that is visible at all, by the table's name."""
        matching = {
            name: [grant for pattern, grant in self.tables.items() if fnmatchcase(name, pattern)]
            for name in catalog.tables
        }
        return {name: found[0] for name, found in matching.items() if found}

    def require(self, catalog: Catalog, names: Iterable[str]) -> None:
        """Raises Denied for tables that the role does not see."""
        visible = self.grants(catalog)
        if hidden := [name for name in names if name not in visible]:
            seen = ", ".join(visible)
            raise Denied(f"Role {self.name} may not read {', '.join(hidden)}. It sees: {seen} (governance.yaml).")


def in_force(warehouse: Warehouse, name: str | None = None) -> Role | None:
    """The role of this name, else that of OLIST_ROLE; None where neither is given. Raises OlistError."""
    wanted = warehouse.settings.role if name is None else name
    if wanted is None:
        return None
    found = roles(warehouse)
    if wanted not in found:
        raise OlistError(f"There is no role {wanted!r} in {roles_file(warehouse.settings)}. Roles: {', '.join(found)}.")
    return found[wanted]


def roles_file(settings: Settings) -> Path:
    """The file of roles: the one that the settings name, by default in the working directory, else this package's."""
    if "governance" in settings.model_fields_set or settings.governance.exists():
        return settings.governance
    return PACKAGED


def roles(warehouse: Warehouse) -> dict[str, Role]:
    """All roles of the file by name. Raises OlistError that names the file, the role and the problem."""
    path = roles_file(warehouse.settings)
    try:
        read = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise OlistError(f"{path} cannot be read: {error}. OLIST_GOVERNANCE names the file of roles.") from error
    stated = read.get("roles") if isinstance(read, dict) else None
    if not isinstance(stated, dict) or not stated:
        raise OlistError(f"{path} has no `roles:`, a mapping of each role's name to its `about` and `tables`.")
    with warehouse.sql() as con:
        return {str(name): _checked(con, warehouse.catalog, path, str(name), spec) for name, spec in stated.items()}


def _checked(con: duckdb.DuckDBPyConnection, catalog: Catalog, path: Path, name: str, spec: object) -> Role:
    where = f"{path}, role {name}"
    if not isinstance(spec, dict):
        raise OlistError(f"{where}: must be a mapping with `about` and `tables`.")
    try:
        role = Role.model_validate(spec | {"name": name})
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise OlistError(f"{where}: {'; '.join(problems)}.") from error
    for pattern in role.tables:
        if not any(fnmatchcase(table, pattern) for table in catalog.tables):
            raise OlistError(f"{where}: {pattern} matches no table. Tables: {', '.join(catalog.tables)}.")
    for table, grant in role.grants(catalog).items():
        _check_grant(con, f"{where}, table {table}", catalog.tables[table], grant)
    return role


def _check_grant(con: duckdb.DuckDBPyConnection, where: str, table: Table, grant: Grant) -> None:
    if unknown := [name for name in grant.columns if name not in table.column_names]:
        raise OlistError(f"{where}: it has no column {', '.join(unknown)}. Columns: {', '.join(table.column_names)}.")
    if grant.rows is None:
        return
    columns = ", ".join(f"{identifier(column.name)} {_duckdb_type(column)}" for column in table.columns)
    con.execute(f"CREATE OR REPLACE TABLE {identifier(table.name)} ({columns})")
    try:
        con.execute(f"SELECT 1 FROM {identifier(table.name)} WHERE ({grant.rows})")
    except duckdb.Error as error:
        problem = str(error).splitlines()[0]
        raise OlistError(
            f"{where}: `rows: {grant.rows}` is no condition on its columns ({problem}). For example: "
            "customer_state = 'SP'"
        ) from error


def _duckdb_type(column: Column) -> str:
    return re.sub(r"array<(.*)>", r"\1[]", column.type)
