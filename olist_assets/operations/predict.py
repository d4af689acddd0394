"""Batch scoring: a champion's probabilities for customers from a file or another table."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.model import Model
from olist_assets.contracts.source_files import CORRUPT
from olist_assets.engine.engine import Engine
from olist_assets.errors import OlistError
from olist_assets.lakehouse import sql
from olist_assets.lakehouse.delta_log import log_folder
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.reader_features import require_known_features
from olist_assets.lakehouse.schemas import shape
from olist_assets.mlops.registry import load, required_champion
from olist_assets.operations.platform import Platform
from olist_assets.source.csv_file import csv_file

RESULTS = ("probability", "prediction")
WORD, NESTED = re.compile(r"\w+"), re.compile("struct|map|variant")


def predict(platform: Platform, model: Model, source: Path, target: Path) -> int:
    """Write the rows of `source` with the model's score to `target`; returns the champion's version.

    Both are a CSV file with a header, or the folder of a Delta table. Raises OlistError, before anything is written,
    if there is no champion, a feature is missing or not a number, or `target` exists.
    """
    if target.exists():
        raise OlistError(f"{target} exists already: give another --output, or move it away.")
    settings = platform.settings
    rows = _read(platform.engine, source)
    best = required_champion(settings, model)
    champion = load(settings, best)
    wanted = champion.features
    if missing := [name for name in wanted if name not in rows.columns]:
        raise OlistError(f"{source} lacks {', '.join(missing)}. {model.name} needs: {', '.join(wanted)}.")
    # Engines do not tell `Probability` from `probability`.
    results = {name.casefold() for name in (str(model.score), *RESULTS)}
    if taken := [name for name in rows.columns if name.casefold() in results]:
        raise OlistError(f"{source} already has a column {taken[0]}, which is the name of a result.")
    numbers = rows.withColumns({name: F.col(name).try_cast("double") for name in wanted})
    _require_numbers(rows, wanted, source)
    scored = champion.score(numbers).select(*rows.columns, F.col("probability").alias(str(model.score)))
    _write(platform, scored, target)
    return int(best.version)


def _read(engine: Engine, source: Path) -> DataFrame:
    if log_folder(source).is_dir():
        table = _opened(source)
        _require_plain_columns(table, source)
        return engine.read_table(table)
    if not source.is_file():
        raise OlistError(f"{source} is neither a CSV file nor the folder of a Delta table.")
    file = csv_file(source, str(source), engine.settings.cache)
    if file.misfits:
        raise OlistError(
            f"{source} has records with another number of fields than its header, the first at line "
            f"{file.first_misfit}."
        )
    return engine.read_csv(file).drop(CORRUPT)


def _opened(source: Path) -> DeltaTable:
    try:
        return open_delta(source)
    except DeltaError as error:
        require_known_features(source)
        raise OlistError(f"The Delta table {source} cannot be opened: {str(error).splitlines()[0]}") from error


def _require_plain_columns(table: DeltaTable, source: Path) -> None:
    """Raises OlistError for a name that is not a word: to an engine, `a.b` is a field of `a`, and `*` all columns."""
    wrong = [
        f"{name!a} ({kind})" for name, (kind, _) in shape(table).items()
        if not WORD.fullmatch(name) or NESTED.search(kind)
    ]  # fmt: skip
    if wrong:
        raise OlistError(
            f"{source} has columns that a CSV file cannot have: {', '.join(wrong)}. Their names must be words of "
            "letters, digits and underscores, and their values no structures. Rename or remove them."
        )


def _require_numbers(rows: DataFrame, wanted: tuple[str, ...], source: Path) -> None:
    """An empty value is unknown and scored as such; any other text must be a number. Raises OlistError."""
    wrong = {name: F.col(name).isNotNull() & F.isnull(F.col(name).try_cast("double")) for name in wanted}
    (found,) = rows.select(*(F.count(F.when(is_wrong, 1)).alias(name) for name, is_wrong in wrong.items())).collect()
    counts = {name: count for name, count in found.asDict().items() if count}
    if counts:
        listed = ", ".join(f"{name} (records: {count})" for name, count in counts.items())
        raise OlistError(f"{source} has values that are not numbers: {listed}.")


def _write(platform: Platform, scored: DataFrame, target: Path) -> None:
    if target.suffix != ".csv":
        platform.engine.save(scored, target)
        return
    with TemporaryDirectory(dir=target.parent) as scratch, sql.session(platform.settings) as con:
        partial = Path(scratch, target.name)
        con.from_arrow(scored.toArrow()).write_csv(str(partial), header=True)
        partial.rename(target)
