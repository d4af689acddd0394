"""Which assets a benchmark makes: everything, or what the notebooks make."""

from typing import Literal, get_args

from bench.peers.notebooks.tables import TABLES
from olist_assets.catalog import catalog

Scope = Literal["everything", "notebooks"]
REJECTS = "silver_rejects"
SCOPES: tuple[Scope, ...] = get_args(Scope)


def everything() -> set[str]:
    """All tables, models and champions that `olist materialize` makes."""
    known = catalog()
    return {*known.business_tables, *known.models, *known.promotions}


def notebooks_scope() -> set[str]:
    """The tables that the notebooks make, the models that the platform needs for them, and the rejects.

    The checks of the silver tables count with the rejects.
    """
    return {*TABLES, REJECTS}.union(*(catalog().ancestors(name) for name in TABLES))


def beyond_notebooks() -> set[str]:
    """What the platform makes and the notebooks do not."""
    return everything() - notebooks_scope()
