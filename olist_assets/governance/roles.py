"""The roles of governance.yaml: which tables, columns and rows each may see, and whether masked."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from olist_assets.catalog import all_tables
from olist_assets.contracts.table import Column, Table
from olist_assets.errors import OlistError
from olist_assets.settings import Settings


class Denied(OlistError):
    """The role may not see what was asked for."""


class Grant(BaseModel):
    """What is seen of a table: some columns (none named: all), and the rows that a condition in SQL holds for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[str, ...] = ()
    rows: str | None = None

    def visible(self, table: Table) -> tuple[Column, ...]:
        """Those of the contract's columns that are seen, in its order."""
        return tuple(column for column in table.columns if not self.columns or column.name in self.columns)


class Role(BaseModel):
    """A role of the file: `tables` names tables or patterns such as `gold_*`; the first that fits a table counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    about: str
    masked: bool = True
    tables: dict[str, Grant]

    @cached_property
    def grants(self) -> dict[str, Grant]:
        """The grant of each table that is seen at all, by the table's name."""
        fitting = {
            name: [grant for pattern, grant in self.tables.items() if fnmatchcase(name, pattern)]
            for name in all_tables()
        }
        return {name: found[0] for name, found in fitting.items() if found}

    def require(self, names: Iterable[str]) -> None:
        """Raises Denied for tables that the role does not see."""
        if hidden := [name for name in names if name not in self.grants]:
            seen = ", ".join(self.grants)
            raise Denied(f"Role {self.name} may not read {', '.join(hidden)}. It sees: {seen} (governance.yaml).")


def in_force(settings: Settings, name: str | None = None) -> Role | None:
    """The role of this name, else that of OLIST_ROLE; None where neither is given. Raises OlistError."""
    wanted = name or settings.role
    if wanted is None:
        return None
    found = roles(settings.governance)
    if wanted not in found:
        raise OlistError(f"There is no role {wanted!r} in {settings.governance}. Roles: {', '.join(found)}.")
    return found[wanted]


def roles(path: Path) -> dict[str, Role]:
    """All roles of the file by name. Raises OlistError that names file, role and what is wrong."""
    try:
        read = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise OlistError(f"{path} cannot be read: {error}. OLIST_GOVERNANCE names the file of roles.") from error
    stated = read.get("roles") if isinstance(read, dict) else None
    if not isinstance(stated, dict) or not stated:
        raise OlistError(f"{path} has no `roles:`, a mapping of each role's name to its `about` and `tables`.")
    return {str(name): _checked(path, str(name), said) for name, said in stated.items()}


def _checked(path: Path, name: str, said: object) -> Role:
    where = f"{path}, role {name}"
    if not isinstance(said, dict):
        raise OlistError(f"{where}: a mapping with `about` and `tables` is wanted.")
    try:
        role = Role.model_validate(said | {"name": name})
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise OlistError(f"{where}: {'; '.join(problems)}.") from error
    for pattern in role.tables:
        if not any(fnmatchcase(table, pattern) for table in all_tables()):
            raise OlistError(f"{where}: {pattern} fits no table. Tables: {', '.join(all_tables())}.")
    for table, grant in role.grants.items():
        _check_grant(f"{where}, table {table}", all_tables()[table], grant)
    return role


def _check_grant(where: str, table: Table, grant: Grant) -> None:
    if unknown := [name for name in grant.columns if name not in table.column_names]:
        raise OlistError(f"{where}: it has no column {', '.join(unknown)}. Columns: {', '.join(table.column_names)}.")
    if grant.rows is None:
        return
    columns = ", ".join(f'"{column.name}" {_duckdb_type(column)}' for column in table.columns)
    with duckdb.connect() as con:
        con.execute(f'CREATE TABLE "{table.name}" ({columns})')
        try:
            con.execute(f'SELECT 1 FROM "{table.name}" WHERE ({grant.rows})')
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise OlistError(
                f"{where}: `rows: {grant.rows}` is no condition on its columns ({said}). For example: "
                "customer_state = 'SP'"
            ) from error


def _duckdb_type(column: Column) -> str:
    return re.sub(r"array<(.*)>", r"\1[]", column.type)
