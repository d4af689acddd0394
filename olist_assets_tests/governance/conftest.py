"""A secret for masks, in the settings of every test of this room that takes it."""

import pytest
from pydantic import SecretStr

from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings

SECRET = "a secret of some length for tests"


@pytest.fixture
def secret_settings(settings: Settings) -> Settings:
    """The settings with a secret."""
    return settings.model_copy(update={"mask_salt": SecretStr(SECRET)})


@pytest.fixture
def secret_warehouse(secret_settings: Settings, warehouse: Warehouse) -> Warehouse:
    """The warehouse with a secret."""
    return Warehouse(secret_settings, warehouse.catalog)
