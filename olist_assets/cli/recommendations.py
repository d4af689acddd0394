"""The command that shows recommendations, without an engine."""

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table as Grid

from olist_assets.cli.options import WIDTH, SafeConsole, console, format_option
from olist_assets.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa


@click.command()
@click.argument("product", required=False)
@click.option("--customer", help="Instead: the next categories of the customer with this customer_unique_id.")
@click.option("--state", help="Instead: the products that customers of this state order most, as SP.")
@format_option
@click.option("--as", "role", help="A role of governance.yaml.  [default: OLIST_ROLE]")
def recommend(product: str | None, customer: str | None, state: str | None, form: str, role: str | None) -> None:
    """Show what to recommend beside a PRODUCT, to a customer or in a state, and why.

    A product is given by its id, or by a beginning of it that no other product has. Like each query, it is in the
    audit log, and a masked role knows customers by their tokens only.

    \b
    olist recommend aca2eb7d00ea1a7b8ebd4e68314663af
    olist recommend aca2eb7d --format json
    olist recommend --customer 8d50f5eadf50201ccdcedfb9e2ac8455
    olist recommend --state SP --format csv > popular.csv
    """
    if sum(given is not None for given in (product, customer, state)) != 1:
        raise click.UsageError("Give either a PRODUCT, --customer or --state.")
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.sql import print_rows
    from olist_assets.lakehouse.warehouse import Warehouse
    from olist_assets.operations.recommend import for_customer, for_product, for_state

    warehouse = Warehouse(Settings(), catalog())
    if product is not None:
        rows = for_product(warehouse, product, role)
    elif customer is not None:
        rows = for_customer(warehouse, customer, role)
    else:
        rows = for_state(warehouse, str(state), role)
    if form == "table":
        _print_grid(rows)
    else:
        print_rows(warehouse.settings, rows, form)


def _print_grid(rows: "pa.Table") -> None:
    """The rows with whole ids; an id that all rows share is the title."""
    shared = rows["product_id"][0].as_py() if "recommended_product_id" in rows.column_names else None
    names = [name for name in rows.column_names if not shared or name != "product_id"]
    grid = Grid(title=f"Beside {shared}" if shared else None)
    for name in names:
        grid.add_column(name.removeprefix("product_").removesuffix("_english").replace("_", " "), no_wrap=True)
    for row in rows.select(names).to_pylist():
        grid.add_row(*map(_shown, row.values()))
    SafeConsole(width=max(console.width, WIDTH)).print(grid)


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
