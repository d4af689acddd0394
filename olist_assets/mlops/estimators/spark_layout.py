"""The proof that a folder holds a pipeline that we train, before Spark reads it.

`PipelineModel.load` imports and calls whatever class the metadata of a stage names, and Spark makes an object of the
class that a Parquet file's schema gives for a column. So the folder must have exactly the files, and name exactly the
classes, of our own pipelines; anything else is refused without being understood.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyarrow import ArrowException, parquet

from olist_assets.mlops.estimators.strict_json import strict_object
from olist_assets.mlops.model_refused import ModelRefused

# The first is written by Spark, the second by Spark Connect's client. Neither is loaded by this name.
PIPELINES = ("org.apache.spark.ml.PipelineModel", "pyspark.ml.pipeline.PipelineModel")
PREPARATION = ("feature.ImputerModel", "feature.VectorAssembler", "feature.StandardScalerModel")
ASSEMBLER = PREPARATION[1]
LAST = (
    "classification.RandomForestClassificationModel",
    "classification.LogisticRegressionModel",
    "clustering.KMeansModel",
)
# The folders of a stage beside its metadata.
DATA = {name: {"data"} for name in (*PREPARATION, *LAST)} | {ASSEMBLER: set(), LAST[0]: {"data", "treesMetadata"}}
TREE = "org.apache.spark.ml.classification.DecisionTreeClassificationModel"
COLUMN_CLASSES = {
    f"{package}.ml.linalg.{name}" for package in ("org.apache.spark", "pyspark") for name in ("VectorUDT", "MatrixUDT")
}
SCHEMA, WRITER = b"org.apache.spark.sql.parquet.row.metadata", b"org.apache.spark.version"

PART = r"part-\d{5}-[0-9a-f-]{36}-c\d{3}"
TEXT, ROWS = re.compile(rf"{PART}\.txt"), re.compile(rf"{PART}\.snappy\.parquet")
DONE, CHECKSUM = "_SUCCESS", re.compile(r"\.(.+)\.crc")
UID = re.compile(r"[A-Za-z]+_[0-9a-f]{12}")
MAX_METADATA_BYTES = 1 << 20


def require_our_pipeline(folder: Path) -> None:
    """Raises ModelRefused, with the place in the folder, for everything that none of our pipelines has."""
    metadata = _metadata(folder)
    if metadata["class"] not in PIPELINES:
        raise _refused(folder, f"it is of the class {metadata['class']!r}, not a pipeline")
    uids = metadata["paramMap"].get("stageUids")
    if not isinstance(uids, list) or not all(isinstance(uid, str) and UID.fullmatch(uid) for uid in uids):
        raise _refused(folder, "its list of stages is not one of ours")
    stages = [folder / "stages" / f"{at}_{uid}" for at, uid in enumerate(uids)]
    _require_names(folder, {"metadata", "stages"})
    _require_names(folder / "stages", {stage.name for stage in stages})
    _require_our_order(folder, [_stage(path, uid) for path, uid in zip(stages, uids, strict=True)])


def _stage(folder: Path, uid: str) -> str:
    """The class of a stage, one of ours, without the name of Spark's package."""
    metadata = _metadata(folder)
    name = str(metadata["class"]).removeprefix("org.apache.spark.ml.")
    if metadata["class"] != f"org.apache.spark.ml.{name}" or name not in DATA:
        raise _refused(folder, f"it is of the class {metadata['class']!r}, which no model of ours has")
    if metadata["uid"] != uid:
        raise _refused(folder, "its name is not that in the list of stages")
    _require_names(folder, {"metadata", *DATA[name]})
    for data in DATA[name]:
        for file in _parts(folder / data, ROWS):
            _require_our_schema(file)
            if data == "treesMetadata":
                _require_trees(file)
    return name


def _require_our_order(folder: Path, classes: list[str]) -> None:
    *preparation, last = classes or [""]
    in_order = [name for name in PREPARATION if name in preparation]
    if last not in LAST or preparation != in_order or ASSEMBLER not in preparation:
        raise _refused(folder, f"its stages are {', '.join(classes) or 'none'}, which no model of ours has")


def _metadata(folder: Path) -> dict[str, Any]:
    """What the one metadata file of a pipeline or stage says."""
    files = _parts(folder / "metadata", TEXT)
    if len(files) != 1 or files[0].stat().st_size > MAX_METADATA_BYTES:
        raise _refused(folder / "metadata", f"it is {len(files)} files, or one of more than a megabyte")
    try:
        # Spark takes the first of the lines, which end with either character.
        line = files[0].read_bytes().removesuffix(b"\n").decode()
        if "\n" in line or "\r" in line:
            raise ValueError("it has more than one line")
        found = strict_object(line)
    except ValueError as error:
        raise _refused(files[0], f"it is not metadata: {error}") from error
    if not {"class", "uid", "paramMap", "defaultParamMap"} <= found.keys() or not isinstance(found["paramMap"], dict):
        raise _refused(files[0], "it is not metadata: a part is missing")
    return found


def _parts(folder: Path, name: re.Pattern[str]) -> list[Path]:
    """The files that Spark reads in a folder that it wrote, which has nothing else but its marks."""
    if not folder.is_dir():
        raise _refused(folder, "it is not a folder")
    parts = []
    for path in sorted(folder.iterdir()):
        checksum = CHECKSUM.fullmatch(path.name)
        marked = checksum[1] if checksum else path.name
        if not path.is_file() or not (marked == DONE or name.fullmatch(marked)):
            raise _refused(path, "no model of ours has such a file")
        if path.name == marked and marked != DONE:
            parts.append(path)
    return parts


def _require_names(folder: Path, names: set[str]) -> None:
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if different := sorted(found ^ names):
        raise _refused(folder / different[0], "it is missing, or no model of ours has it")


def _require_our_schema(file: Path) -> None:
    try:
        stored = parquet.read_metadata(file).metadata or {}
        if not stored.keys() <= {SCHEMA, WRITER}:
            raise ValueError("its description has other entries than ours")
        foreign = set(_column_classes(strict_object(stored.get(SCHEMA, b"{}")))) - COLUMN_CLASSES
    except (ValueError, ArrowException, OSError) as error:
        raise _refused(file, f"it is not a Parquet file of a model: {error}") from error
    if foreign:
        raise _refused(file, f"a column is of the class {min(foreign)!r}, which no model of ours has")


def _column_classes(schema: Any) -> Iterator[str]:
    """The classes that a Spark schema names, at any depth."""
    if isinstance(schema, dict):
        yield from (str(schema[key]) for key in ("class", "pyClass", "serializedClass") if key in schema)
        schema = list(schema.values())
    if isinstance(schema, list):
        for value in schema:
            yield from _column_classes(value)


def _require_trees(file: Path) -> None:
    try:
        texts = [text for row in parquet.read_table(file).to_pylist() for text in row.values() if isinstance(text, str)]
        foreign = {str(strict_object(text).get("class")) for text in texts} - {TREE}
    except (ValueError, ArrowException, OSError) as error:
        raise _refused(file, f"it does not describe trees: {error}") from error
    if foreign:
        raise _refused(file, f"a tree is of the class {min(foreign)!r}")


def _refused(where: Path, why: str) -> ModelRefused:
    return ModelRefused(f"{where} is not of a model that was trained here: {why}. It was not loaded.")
