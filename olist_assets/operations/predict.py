"""Batch scoring: a champion's probabilities for customers from a file or another table."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from olist_assets.contracts.model import Model
from olist_assets.errors import OlistError
from olist_assets.mlops.estimators.spark_ml import probability
from olist_assets.mlops.registry import features_of, load, required_champion
from olist_assets.operations.platform import Platform
from olist_assets.source.dialect import SPARK_OPTIONS, line_end


def predict(platform: Platform, model: Model, source: Path, target: Path) -> int:
    """Write the rows of `source` with the model's score to `target`; returns the champion's version.

    Both are a CSV file with a header, or the folder of a Delta table. Raises OlistError, before anything is written,
    if there is no champion, a feature is missing or not a number, or `target` exists.
    """
    if target.exists():
        raise OlistError(f"{target} exists already: give another --output, or move it away.")
    settings = platform.settings
    rows = _read(platform.spark.session, source)
    best = required_champion(settings, model)
    wanted = features_of(settings, best)
    if missing := [name for name in wanted if name not in rows.columns]:
        raise OlistError(f"{source} lacks {', '.join(missing)}. {model.name} needs: {', '.join(wanted)}.")
    if str(model.score) in rows.columns:
        raise OlistError(f"{source} already has a column {model.score}, which is the name of the result.")
    numbers = rows.withColumns({name: F.col(name).try_cast("double") for name in wanted})
    _require_numbers(rows, wanted, source)
    scored = load(settings, best).transform(numbers).select(*rows.columns, probability().alias(str(model.score)))
    _write(scored, target)
    return int(best.version)


def _read(spark: SparkSession, source: Path) -> DataFrame:
    if (source / "_delta_log").is_dir():
        return spark.read.format("delta").load(str(source))
    if not source.is_file():
        raise OlistError(f"{source} is neither a CSV file nor the folder of a Delta table.")
    return spark.read.options(**SPARK_OPTIONS, lineSep=line_end(source)).csv(str(source))


def _require_numbers(rows: DataFrame, wanted: tuple[str, ...], source: Path) -> None:
    """An empty value is unknown and scored as such; any other text must be a number. Raises OlistError."""
    wrong = {name: F.col(name).isNotNull() & F.isnull(F.col(name).try_cast("double")) for name in wanted}
    found = rows.select(*(F.min(F.when(is_wrong, F.col(name))).alias(name) for name, is_wrong in wrong.items()))
    (examples,) = found.collect()
    values = {name: value for name, value in examples.asDict().items() if value is not None}
    if values:
        listed = ", ".join(f"{name} (for example {value!r})" for name, value in values.items())
        raise OlistError(f"{source} has values that are not numbers: {listed}.")


def _write(scored: DataFrame, target: Path) -> None:
    if target.suffix != ".csv":
        scored.write.format("delta").save(str(target))
        return
    with TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch) / "scored"
        scored.coalesce(1).write.option("escape", '"').csv(str(folder), header=True)
        shutil.move(next(folder.glob("part-*.csv")), target)
