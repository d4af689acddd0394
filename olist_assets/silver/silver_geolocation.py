"""silver_geolocation: the place of each zip code prefix, from all points with that prefix."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting
from olist_assets.contracts.source_values import STATES
from olist_assets.contracts.table import Column, Table
from olist_assets.silver.cleaning import Rules, accepted

# Brazil's extreme points (IBGE): Chui and Monte Caburai, Nascente do Moa and Ponta do Seixas.
SOUTH, NORTH, WEST, EAST = -33.75, 5.28, -73.99, -34.79
SILVER_GEOLOCATION = Table(
    name="silver_geolocation",
    description="The place of each zip code prefix. Points outside Brazil's bounds do not count for its coordinates.",
    grain="One row per zip code prefix.",
    key=("zip_code_prefix",),
    columns=(
        Column("zip_code_prefix", "string", "First five digits of a zip code."),
        Column(
            "city", "string",
            "City of the place that most points of the prefix name; of equally frequent places the first by name.",
        ),
        Column(
            "state", "string",
            "State of the place that most points of the prefix name, as two letters; of equally frequent places the "
            "first by name.",
            accepted=STATES,
        ),
        Column(
            "latitude", "double", "Median latitude in degrees of the points in Brazil; null without one.",
            nullable=True, minimum=SOUTH, maximum=NORTH,
        ),
        Column(
            "longitude", "double", "Median longitude in degrees of the points in Brazil; null without one.",
            nullable=True, minimum=WEST, maximum=EAST,
        ),
        Column("points", "int", "Number of points with the prefix, repeated ones included.", minimum=1),
        Column("points_outside", "int", "Number of these points that lie outside Brazil's bounds.", minimum=0),
    ),
    accounting=Accounting(
        source="bronze_geolocation", kept="SELECT coalesce(sum(points), 0) FROM silver_geolocation"
    ),
)  # fmt: skip
PREFIX = "geolocation_zip_code_prefix"
PLACE = ("geolocation_city", "geolocation_state")
# Many points are published several times, and all of them count.
RULES = Rules(
    subject="geolocation",
    key=(PREFIX,),
    required=(PREFIX, "geolocation_lat", "geolocation_lng", *PLACE),
    has_unique_key=False,
)


@table_asset(SILVER_GEOLOCATION)
def silver_geolocation(bronze_geolocation: DataFrame) -> DataFrame:
    """Zip code prefixes with their most frequent place, and the median of their points in Brazil."""
    points = accepted(bronze_geolocation, RULES)
    lat, lng = F.col("geolocation_lat"), F.col("geolocation_lng")
    is_inside = lat.between(SOUTH, NORTH) & lng.between(WEST, EAST)
    centres = points.groupBy(PREFIX).agg(
        F.median(F.when(is_inside, lat)).alias("latitude"),
        F.median(F.when(is_inside, lng)).alias("longitude"),
        F.count("*").cast("int").alias("points"),
        F.sum(F.when(is_inside, 0).otherwise(1)).cast("int").alias("points_outside"),
    )
    # One row per prefix on both sides.
    joined = centres.join(places(points), on=PREFIX, how="inner")
    return joined.withColumnRenamed(PREFIX, "zip_code_prefix").select(*SILVER_GEOLOCATION.column_names)


def places(points: DataFrame) -> DataFrame:
    """One row per prefix: the city and state that most of its points name together."""
    named = points.groupBy(PREFIX, *PLACE).agg(F.count("*").alias("named"))
    most_frequent = F.min_by(F.struct(*PLACE), F.struct(-F.col("named"), *PLACE)).alias("place")
    city, state = (F.col("place")[name] for name in PLACE)
    return named.groupBy(PREFIX).agg(most_frequent).select(PREFIX, city.alias("city"), state.alias("state"))
