"""The command for price tests."""

from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table as Grid

from olist_assets.cli.options import AS_WIDE_AS_IT_IS, SafeConsole, console, format_option
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.operations.price_tests import PriceTests


@click.command("price-tests")
@click.option("--category", "categories", multiple=True, help="A category in English; several may be given.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many tests.")
@format_option
@click.option("--as", "role", help="A role of governance.yaml.  [default: OLIST_ROLE]")
def price_tests(categories: tuple[str, ...], limit: int, form: str, role: str | None) -> None:
    """List which price tests to run first, by the expected gain in revenue per week.

    It is a list of tests, not of prices. Without evidence that prices predict sales it is empty and says so. A unit
    cost can be assumed when the table is made: see docs/decisions.md.

    \b
    olist price-tests
    olist price-tests --category toys --category baby --limit 5
    olist price-tests --format csv > price_tests.csv
    """
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.sql import print_rows
    from olist_assets.lakehouse.warehouse import Warehouse
    from olist_assets.operations.price_tests import price_tests as listed

    warehouse = Warehouse(Settings(), catalog())
    found = listed(warehouse, categories, limit, role)
    if form != "table":
        print_rows(warehouse.settings, found.allowed, form)
        return
    _print_evidence(found)
    if found.allowed.num_rows:
        SafeConsole(width=AS_WIDE_AS_IT_IS).print(_grid(found.allowed.to_pylist()))
    else:
        console.print("No test is allowed.")
    for reason, scenarios in found.refused.items():
        console.print(f"{scenarios:,} refused: {escape(reason.replace('_', ' '))}")


def _print_evidence(found: "PriceTests") -> None:
    """What the list rests on: a line per estimate."""
    titles = {
        "pooled": ("Elasticity of all offers", "{:.2f}"),
        "placebo": ("Effect of the price four weeks ahead, which should be zero", "{:.2f}"),
        "out_of_sample": ("Deviance of later months with a price, against none", "{:+.1%}"),
    }
    for scope, (title, form) in titles.items():
        row = found.evidence.get(scope)
        if row is None or row["low"] is None:
            console.print(f"{title}: not known")
        else:
            estimate, low, high = (form.format(row[name]) for name in ("estimate", "low", "high"))
            console.print(f"{title}: {estimate} \\[{low}, {high}]")


def _grid(rows: list[dict[str, Any]]) -> Grid:
    grid = Grid(title="Price tests by expected gain")
    for heading in ("rank", "product", "seller", "category"):
        grid.add_column(heading, no_wrap=True)
    for heading in ("step", "price", "new", "revenue", "95 %", "P(gain)", "BRL/week", "weeks alone", "offers, 8 weeks"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        grid.add_row(
            str(row["rank"]),
            escape(row["product_id"]),
            escape(row["seller_id"]),
            escape(row["product_category_name_english"]),
            f"{row['step']:+d} %",
            f"{row['price']:,.2f}",
            f"{row['new_price']:,.2f}",
            f"{row['revenue_change']:+.1%}",
            f"{row['low']:+.1%} to {row['high']:+.1%}",
            f"{row['p_gain']:.0%}",
            f"{row['expected_gain']:+,.2f}",
            "-" if row["weeks_to_test"] is None else f"{row['weeks_to_test']:,}",
            "-" if row["offers_to_test"] is None else f"{row['offers_to_test']:,}",
        )
    return grid
