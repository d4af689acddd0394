"""The pooled elasticity by pyfixest beside that of gold_price_elasticities, on the same weeks of OLIST_WAREHOUSE.

make bench-decisions
"""

from importlib import import_module
from time import process_time

import click
import numpy as np

from olist_assets.catalog import catalog
from olist_assets.decisions.price_tests.analysis import ALL, POOLED
from olist_assets.lakehouse.arrow_sql import query
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.ml.gold_price_elasticities import WEEKS
from olist_assets.settings import Settings

# Weeks between the first and the last one of an offer: those two are in the panel because of a sale.
INNER = """
SELECT units, offer, category_number * 1000000 + month AS category_month, ln(price_before) AS log_price FROM weeks
QUALIFY price_before IS NOT NULL AND week_number < max(week_number) OVER (PARTITION BY offer)
ORDER BY offer, week_number
"""
MODEL = "units ~ log_price | offer + category_month"


@click.command()
def main() -> None:
    """Print estimate, standard error and processor seconds of both."""
    warehouse = Warehouse(Settings(), catalog())
    tables = ("gold_price_panel", "silver_products", "gold_price_elasticities")
    stored = {name: warehouse.rows(warehouse.open(name)) for name in tables}
    of_all = f"SELECT estimate, standard_error FROM fits WHERE scope = '{POOLED}' AND name = '{ALL}'"
    (own,) = query(of_all, fits=stored.pop("gold_price_elasticities")).to_pylist()
    click.echo(f"{'platform':<10}{own['estimate']:>14.8f}{own['standard_error']:>14.8f}")
    frame = query(INNER, weeks=query(WEEKS, **stored)).to_pandas()
    begin = process_time()
    pyfixest = import_module("pyfixest")
    # The default demeaner does not converge on these effects.
    fit = pyfixest.fepois(MODEL, frame, vcov={"CRV1": "offer"}, demeaner=pyfixest.demeaners.LsmrDemeaner())
    estimate, error = (np.asarray(found)[0] for found in (fit.coef(), fit.se()))
    click.echo(f"{'pyfixest':<10}{estimate:>14.8f}{error:>14.8f}{process_time() - begin:>8.1f} CPU s")


if __name__ == "__main__":
    main()
