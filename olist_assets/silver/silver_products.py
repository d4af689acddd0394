"""silver_products: the catalogue with typed measures and the category in both languages."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting
from olist_assets.contracts.source_values import UNKNOWN_CATEGORY
from olist_assets.contracts.table import Column, Table
from olist_assets.silver.cleaning import Rules, accepted

SILVER_PRODUCTS = Table(
    name="silver_products",
    description="Products of the catalogue, sold or not, with their category and measures.",
    grain="One row per product.",
    key=("product_id",),
    columns=(
        Column("product_id", "string", "Identifier of the product."),
        Column("product_category_name", "string", "Category of the product in Portuguese.", nullable=True),
        Column(
            "product_category_name_english", "string",
            "Category of the product in English; in Portuguese without a translation, `unknown` without a category.",
        ),
        Column("product_name_length", "int", "Number of characters in the product's name.", nullable=True, minimum=0),
        Column(
            "product_description_length", "int", "Number of characters in the product's description.", nullable=True,
            minimum=0,
        ),
        Column("product_photos_qty", "int", "Number of published photos of the product.", nullable=True, minimum=0),
        Column("product_weight_g", "int", "Weight of the product.", nullable=True, unit="g", minimum=0),
        Column("product_length_cm", "int", "Length of the product.", nullable=True, unit="cm", minimum=0),
        Column("product_height_cm", "int", "Height of the product.", nullable=True, unit="cm", minimum=0),
        Column("product_width_cm", "int", "Width of the product.", nullable=True, unit="cm", minimum=0),
    ),
    accounting=Accounting(source="bronze_products", kept="SELECT count(*) FROM silver_products"),
)  # fmt: skip
RULES = Rules(subject="products", key=("product_id",), required=("product_id",))
TRANSLATION_RULES = Rules(
    subject="product_category_translation",
    key=("product_category_name",),
    required=("product_category_name", "product_category_name_english"),
)


@table_asset(SILVER_PRODUCTS)
def silver_products(bronze_products: DataFrame, bronze_product_category_translation: DataFrame) -> DataFrame:
    """Products with typed measures, under the right spelling of their names, and the category in both languages."""
    translation = accepted(bronze_product_category_translation, TRANSLATION_RULES)
    english = translation.select("product_category_name", "product_category_name_english")
    # One row per category on the right.
    products = accepted(bronze_products, RULES).join(F.broadcast(english), on="product_category_name", how="left")
    category = F.coalesce("product_category_name_english", "product_category_name", F.lit(UNKNOWN_CATEGORY))
    return products.withColumnsRenamed(
        {
            "product_name_lenght": "product_name_length",
            "product_description_lenght": "product_description_length",
        }
    ).select(
        *(
            category.alias(name) if name == "product_category_name_english" else name
            for name in SILVER_PRODUCTS.column_names
        )
    )
