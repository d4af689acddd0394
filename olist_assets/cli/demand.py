"""Commands about demand: forecasts and reorder points."""

import click

from olist_assets.cli.options import Number, format_option
from olist_assets.decisions.demand.rule import LEVELS, MAX_LEAD_DAYS, MIN_SERVICE, PRODUCT_SHARE, TOTAL
from olist_assets.settings import Settings


@click.command()
@click.option("--level", type=click.Choice([*LEVELS, PRODUCT_SHARE]), default=TOTAL, show_default=True)
@click.option("--name", help="A state, a category, category/state or a product.  [default: all of the level]")
@click.option("--days", type=click.IntRange(min=1), default=28, show_default=True, help="Days after the last one.")
@format_option
def forecast(level: str, name: str | None, *, days: int, form: str) -> None:
    """Units to be sold: of one series by day with its intervals, or of each series of a level in sum.

    The ends of several days' intervals do not add up: for days together see olist reorder. A product has its share of
    its category's forecast, without an interval.

    \b
    olist forecast --name total
    olist forecast --level category --name toys --days 28
    olist forecast --level category_state --name toys/SP --format csv > toys.csv
    olist forecast --level state --days 7
    """
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.sql import print_rows
    from olist_assets.lakehouse.warehouse import Warehouse
    from olist_assets.operations.demand import forecasts

    warehouse = Warehouse(Settings(), catalog())
    print_rows(warehouse.settings, forecasts(warehouse, level, name, days), form)


@click.command()
@click.option("--level", type=click.Choice(LEVELS), default="category", show_default=True)
@click.option("--name", help="A state, a category or category/state.  [default: all of the level]")
@click.option(
    "--lead-days", type=click.IntRange(1, MAX_LEAD_DAYS), default=14, show_default=True, help="From order to delivery."
)
@click.option(
    "--service",
    type=Number(MIN_SERVICE, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="Probability that the stock is enough for the lead time.",
)
@format_option
def reorder(level: str, name: str | None, *, lead_days: int, service: float, form: str) -> None:
    """The stock at which to order again: expected units of the lead time plus safety stock.

    By the errors that past forecasts over as many days had. Stock on hand, lead times and costs are not in the data.

    \b
    olist reorder --lead-days 14 --service 0.95
    olist reorder --level category --name toys --lead-days 21 --service 0.9
    olist reorder --level category_state --format csv > reorder.csv
    """
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.sql import print_rows
    from olist_assets.lakehouse.warehouse import Warehouse
    from olist_assets.operations.demand import reorder_points

    warehouse = Warehouse(Settings(), catalog())
    rows = reorder_points(warehouse, level, name, lead_days=lead_days, service_level=service)
    print_rows(warehouse.settings, rows, form)
