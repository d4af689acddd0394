"""Which engine runs: the only place that asks."""

from olist_assets.engine.engine import Engine
from olist_assets.settings import EngineName, Settings


def engine_of(settings: Settings) -> Engine:
    """The engine of these settings, not started yet."""
    if engine_name(settings) == "sail":
        from olist_assets.engine.sail.engine import SailEngine

        return SailEngine(settings)
    from olist_assets.engine.spark.engine import SparkEngine

    return SparkEngine(settings)


def engine_name(settings: Settings) -> EngineName:
    """OLIST_ENGINE; without it Sail, or Spark where a master or a Spark Connect server is set."""
    if settings.engine:
        return settings.engine
    return "spark" if settings.spark_master or settings.spark_remote else "sail"


def reason(settings: Settings) -> str:
    """Why the engine is the one that it is."""
    if settings.engine:
        return "OLIST_ENGINE"
    if settings.spark_remote:
        return "OLIST_SPARK_REMOTE is set"
    return "OLIST_SPARK_MASTER is set" if settings.spark_master else "default on one machine"
