"""The Olist lakehouse. `from olist_assets import Lakehouse` is the interface for notebooks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from olist_assets.api import Lakehouse as Lakehouse


def __getattr__(name: str) -> Any:
    """Import the notebook API at its first use, so that importing a module of the package stays cheap."""
    if name != "Lakehouse":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from olist_assets.api import Lakehouse

    return Lakehouse
