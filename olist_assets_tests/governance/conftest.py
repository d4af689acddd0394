"""A secret for masks, and a few customers with it."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from olist_assets.governance.roles import PACKAGED
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.rows import store

SECRET = "a secret of some length for tests"
CUSTOMERS = "gold_customer_metrics"
PERSON, ORDERS_OWN = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
OTHER, COMMENT = "b" * 32, "my secret comment"


ENGINEER = """
  engineer:
    about: Repairs the pipeline. Sees all tables, the snapshots of the source too, masked.
    tables: {"*": {}}
"""


@pytest.fixture
def secret_settings(settings: Settings, tmp_path: Path) -> Settings:
    """The settings with a secret, and with a masked role that sees the snapshots of the source."""
    file = tmp_path / "roles.yaml"
    file.write_text(PACKAGED.read_text() + ENGINEER)
    return settings.model_copy(update={"mask_salt": SecretStr(SECRET), "governance": file})


@pytest.fixture
def secret_warehouse(secret_settings: Settings, warehouse: Warehouse) -> Warehouse:
    """The warehouse with a secret."""
    return Warehouse(secret_settings, warehouse.catalog)


@pytest.fixture
def stored_customers(secret_warehouse: Warehouse) -> Warehouse:
    """Two customers, one of them in São Paulo; an order of that one, a comment and a day."""
    tables = secret_warehouse.catalog.tables
    store(
        secret_warehouse,
        tables[CUSTOMERS],
        {"customer_unique_id": PERSON, "customer_city": "campinas", "customer_state": "SP", "frequency": 1},
        {"customer_unique_id": OTHER, "customer_city": "niteroi", "customer_state": "RJ", "frequency": 2},
    )
    of_order = {"customer_id": ORDERS_OWN, "customer_unique_id": PERSON, "customer_zip_code_prefix": "13056"}
    store(
        secret_warehouse, tables["bronze_customers"], of_order | {"customer_city": "campinas", "customer_state": "SP"}
    )
    review = {"review_id": "r", "review_comment_message": COMMENT, "review_score": 5}
    store(secret_warehouse, tables["silver_order_reviews"], review)
    store(secret_warehouse, tables["gold_daily_metrics"], {"orders_count": 7})
    return secret_warehouse
