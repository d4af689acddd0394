"""The lakehouse for notebooks and scripts: four functions, no engine, no Dagster.

    from olist_assets import Lakehouse

    lakehouse = Lakehouse()
    lakehouse.sql("SELECT * FROM gold_daily_metrics ORDER BY order_date").to_pandas()
    lakehouse.table("silver_orders", version=3)
    lakehouse.history("silver_orders")
    lakehouse.contract("silver_orders").column("delivery_days").description

Everything is answered as the role in force (OLIST_ROLE, or `Lakehouse(role=...)`) and entered in the audit log, as by
`olist sql`.
"""

from dataclasses import replace

import pyarrow as pa

from olist_assets.catalog import catalog
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.table import Table
from olist_assets.governance.access import answer
from olist_assets.governance.roles import Role, in_force
from olist_assets.lakehouse import time_travel
from olist_assets.lakehouse.time_travel import Version
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.user import name_user


class Lakehouse:
    """The tables of a warehouse, read as a role."""

    def __init__(self, warehouse: str | None = None, *, role: str | None = None) -> None:
        """Read the warehouse of OLIST_WAREHOUSE, or the one at this folder or s3:// address.

        Raises OlistError for a role that does not exist.
        """
        name_user()
        settings = Settings() if warehouse is None else Settings(warehouse=warehouse)
        self._warehouse, self._role = Warehouse(settings, catalog()), role
        in_force(self._warehouse, role)

    def sql(self, query: str) -> pa.Table:
        """The rows of a query in DuckDB's SQL over the tables by bare name; `.to_pandas()` makes a frame of them.

        Each table is read at its newest version. A statement without a result gives a table without columns. Raises
        OlistError for a query that fails or is denied.
        """
        return self._rows(query, None)

    def table(self, name: str, version: int | None = None) -> pa.Table:
        """All visible rows and columns of a table, at its newest or at an earlier version.

        Raises OlistError for an unknown table or version, and if the role may not read the table.
        """
        self._warehouse.catalog.table(name)
        return self._rows(f"FROM {identifier(name)}", version)

    def history(self, name: str, limit: int = 20) -> list[Version]:
        """The newest versions of a table, newest first: when, by which run, which days, how many rows.

        Raises OlistError for an unknown or missing table, and if the role may not read it.
        """
        self._require(name)
        return time_travel.history(self._warehouse, name, limit)

    def contract(self, name: str) -> Table:
        """The contract of a table with its visible columns: grain, key, types, comments, units.

        Raises OlistError for an unknown table, and if the role may not read it.
        """
        table = self._warehouse.catalog.table(name)
        role = self._require(name)
        if role is None:
            return table
        return replace(table, columns=role.grants(self._warehouse.catalog)[name].visible(table))

    def _require(self, name: str) -> Role | None:
        role = in_force(self._warehouse, self._role)
        if role:
            role.require(self._warehouse.catalog, [self._warehouse.catalog.table(name).name])
        return role

    def _rows(self, query: str, version: int | None) -> pa.Table:
        opener = None if version is None else time_travel.at_version(self._warehouse, query, version)
        rows = answer(self._warehouse, query, opener, role=self._role)
        return pa.table({}) if rows is None else rows
