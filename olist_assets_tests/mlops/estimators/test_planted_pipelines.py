"""Planted files of Spark ML: what no pipeline of ours has is refused before Spark starts."""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from olist_assets.engine.choice import engine_name
from olist_assets.mlops.estimators.spark_files import FILES
from olist_assets.mlops.estimators.spark_layout import require_our_pipeline
from olist_assets.mlops.estimators.spark_ml import SparkEstimators
from olist_assets.mlops.model_refused import ModelRefused
from olist_assets.settings import Settings
from olist_assets_tests.mlops.planted import (
    ASSEMBLER,
    FOREST,
    IMPUTER,
    PART,
    PIPELINE,
    ROOT_UID,
    SPARK,
    STAGES,
    described,
    field,
    metadata_file,
    plant_pipeline,
    stage,
    write_metadata,
    write_rows,
)

Attack = Callable[[Path], object]
CODE = described("joblib.numpy_pickle.load", ASSEMBLER)
# Python modules with a `load`, loaders that name further classes, and Java classes that no model of ours has.
CLASSES = (
    "joblib.load", "pickle", "cloudpickle.load", "os.system", "builtins.eval", "runpy.run_path", "mlflow.pyfunc",
    "subprocess.Popen", "importlib.import_module", "", "Imputer", "org.apache.spark.ml.feature.ImputerModel ",
    "pyspark.ml.pipeline.PipelineModel", f"{SPARK}.PipelineModel", f"{SPARK}.Pipeline",
    f"{SPARK}.tuning.CrossValidator", f"{SPARK}.classification.OneVsRestModel", f"{SPARK}.feature.SQLTransformer",
    f"{SPARK}.feature.RFormulaModel",
    f"{SPARK}.feature.ImputerModel$", f"{SPARK}.feature.Imputer", f"{SPARK}..feature.ImputerModel",
    f"{SPARK}.feature.ImputerModel\n", "org.apache.spark.ml.org.apache.spark.ml.feature.ImputerModel",
    "pyspark.ml.feature.ImputerModel", "pyspark.ml.evil.Stage", "pyspark.ml.util.os.system", None, 7, ["joblib.load"],
    {"class": "joblib.load"}, "org.apache.spark.ml.feature.\uff29mputerModel",
)  # fmt: skip


def stage_metadata(content: Any) -> Attack:
    return lambda folder: write_metadata(stage(folder, ASSEMBLER), content)


def root_metadata(**changes: Any) -> Attack:
    return lambda folder: write_metadata(folder, PIPELINE | changes)


def stages(*uids: Any) -> Attack:
    return root_metadata(paramMap={"stageUids": list(uids)})


def extra(name: str, content: bytes = json.dumps(CODE).encode()) -> Attack:
    return lambda folder: (stage(folder, ASSEMBLER) / name).write_bytes(content)


def columns(of: Any) -> Attack:
    schema = of if isinstance(of, bytes) else {"type": "struct", "fields": [field("x", of)]}
    return lambda folder: write_rows(stage(folder, IMPUTER) / "data", {"x": [1.0]}, schema)


def metadata_is_a_folder(folder: Path) -> None:
    metadata_file(stage(folder, ASSEMBLER)).unlink()
    write_metadata(metadata_file(stage(folder, ASSEMBLER)), CODE)


def metadata_is_a_link(folder: Path) -> None:
    (folder.parent / "code").write_text(json.dumps(CODE))
    metadata_file(stage(folder, ASSEMBLER)).unlink()
    metadata_file(stage(folder, ASSEMBLER)).symlink_to(folder.parent / "code")
    (stage(folder, ASSEMBLER) / "metadata").rename(folder.parent / "m")
    (stage(folder, ASSEMBLER) / "metadata").symlink_to(folder.parent / "gone")


def metadata_is_missing(folder: Path) -> None:
    metadata_file(stage(folder, ASSEMBLER)).unlink()


def stage_is_renamed(folder: Path) -> None:
    stage(folder, ASSEMBLER).rename(folder / "stages" / "1_*")


def udt(**names: str) -> dict[str, Any]:
    return {"type": "udt", **names, "sqlType": "double"}


GOOD = json.dumps(described(STAGES[ASSEMBLER], ASSEMBLER))
TWICE = GOOD.replace('"class"', '"class": "joblib.load", "class"', 1)
LAST_WINS = GOOD[:-1] + ', "class": "joblib.load"}'
ATTACKS: dict[str, Attack] = {
    **{f"stage of the class {name!r}": stage_metadata(described(STAGES[ASSEMBLER], ASSEMBLER) | {"class": name})
       for name in CLASSES},
    **{f"pipeline of the class {name!r}": root_metadata(**{"class": name})
       for name in ("joblib.load", f"{SPARK}.Pipeline", f"{SPARK}.classification.OneVsRestModel", None)},
    "a class twice, the first foreign": stage_metadata(TWICE.encode()),
    "a class twice, the last foreign": stage_metadata(LAST_WINS.encode()),
    "a class twice by an escape": stage_metadata(TWICE.replace('"class"', '"cl\\u0061ss"', 1).encode()),
    "another stage's name": stage_metadata(described(STAGES[ASSEMBLER], "VectorAssembler_ba9876543210")),
    "two lines, the first foreign": stage_metadata(f"{json.dumps(CODE)}\n{GOOD}".encode()),
    "two lines, the last foreign": stage_metadata(f"{GOOD}\n{json.dumps(CODE)}".encode()),
    "two lines by a carriage return": stage_metadata(f"{GOOD}\r{json.dumps(CODE)}".encode()),
    "an empty first line": stage_metadata(f"\n{GOOD}".encode()),
    "an empty file": stage_metadata(b""),
    "a byte order mark": stage_metadata(b"\xef\xbb\xbf" + GOOD.encode()),
    "UTF-16": stage_metadata(GOOD.encode("utf-16")),
    "bytes that are not UTF-8": stage_metadata(GOOD.encode() + b"\xff"),
    "a list": stage_metadata([CODE]),
    "a text": stage_metadata("joblib.load"),
    "NaN": stage_metadata(GOOD.replace("1,", "NaN,", 1).encode()),
    "a number of 10,000 digits": stage_metadata(GOOD.replace("1,", "1" * 10_000 + ",", 1).encode()),
    "100,000 brackets": stage_metadata(b"[" * 100_000),
    "two megabytes": stage_metadata(GOOD.encode() + b" " * (2 << 20)),
    "parameters that are a list": stage_metadata(described(STAGES[ASSEMBLER], ASSEMBLER) | {"paramMap": []}),
    "no parameters": stage_metadata({"class": STAGES[ASSEMBLER], "uid": ASSEMBLER}),
    "a second part file": extra(f"metadata/{PART.replace('00000', '00001')}.txt"),
    "a part file that is read first": extra("metadata/part-0"),
    "a gzip file": extra(f"metadata/{PART}.txt.gz", gzip.compress(json.dumps(CODE).encode())),
    "a deflate file": extra(f"metadata/{PART}.txt.deflate", zlib.compress(json.dumps(CODE).encode())),
    "a file of another name": extra("metadata/a.txt"),
    "a hidden file": extra("metadata/.hidden"),
    "a checksum of nothing of ours": extra("metadata/.a.crc"),
    "a file beside the metadata": extra("code.py"),
    "a folder of a partition": lambda folder: write_metadata(stage(folder, ASSEMBLER) / "metadata" / "a=1", CODE),
    "metadata that is a folder": metadata_is_a_folder,
    "metadata that is a broken link": metadata_is_a_link,
    "no metadata": metadata_is_missing,
    "a nested pipeline": lambda folder: plant_pipeline(stage(folder, ASSEMBLER)),
    "a stage that no list names": lambda folder: write_metadata(folder / "stages" / f"3_{IMPUTER}", CODE),
    "a stage named as a pattern": stage_is_renamed,
    "no stages": stages(),
    "stages in another order": stages(ASSEMBLER, IMPUTER, FOREST),
    "a stage twice": stages(IMPUTER, IMPUTER, FOREST),
    "a stage too few": stages(IMPUTER, ASSEMBLER),
    "a stage outside": stages(IMPUTER, ASSEMBLER, "../../../evil"),
    "a stage by an absolute path": stages(IMPUTER, ASSEMBLER, "/tmp/evil"),
    "a stage by an address": stages(IMPUTER, ASSEMBLER, "x/../../../http://evil/a"),
    "a stage by a pattern": stages(IMPUTER, ASSEMBLER, "{RandomForestClassifier_0123456789ab,evil}"),
    "a stage by a number": stages(IMPUTER, ASSEMBLER, 3),
    "stages as a text": root_metadata(paramMap={"stageUids": IMPUTER}),
    "stages as an object": root_metadata(paramMap={"stageUids": {IMPUTER: 1}}),
    "no list of stages": root_metadata(paramMap={}),
    "a file beside the pipeline": lambda folder: (folder / "a.py").touch(),
    "a forest without trees": lambda folder: [
        path.unlink() for path in (stage(folder, FOREST) / "treesMetadata").iterdir()
    ] and (stage(folder, FOREST) / "treesMetadata").rmdir(),
    "a column of a Java class": columns(udt(**{"class": "javax.script.ScriptEngineManager"})),
    "a column of a Java class in a list": columns({"type": "array", "elementType": udt(**{"class": "java.io.A"})}),
    "a column of a pickled class": columns(udt(pyClass="os.system", serializedClass="gASV")),
    "a column of a Python class": columns(udt(pyClass="os.system")),
    "a column's class twice": columns(b'{"class": "java.io.A", "class": "org.apache.spark.ml.linalg.VectorUDT"}'),
    "a schema that is no JSON": columns(b"StructType(List(StructField(x,java.io.A,true)))"),
    "data that are no Parquet file": lambda folder: (
        stage(folder, IMPUTER) / "data" / f"{PART}.snappy.parquet").write_bytes(b"PAR1 no PAR1"),
    "data in another format": lambda folder: (stage(folder, IMPUTER) / "data" / f"{PART}.orc").touch(),
    "a tree of another class": lambda folder: write_rows(
        stage(folder, FOREST) / "treesMetadata", {"_1": [0], "_2": [json.dumps(CODE)]}, None),
}  # fmt: skip


def test_a_pipeline_of_ours_is_accepted(tmp_path):
    require_our_pipeline(plant_pipeline(tmp_path / FILES))


def test_a_pipeline_as_spark_connect_writes_it_is_accepted(tmp_path):
    folder = plant_pipeline(tmp_path / FILES)
    write_metadata(folder, described("pyspark.ml.pipeline.PipelineModel", ROOT_UID, stageUids=list(STAGES)))
    require_our_pipeline(folder)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_planted_pipeline_is_refused_before_spark_starts(tmp_path, settings, name):
    folder = plant_pipeline(tmp_path / FILES)
    ATTACKS[name](folder)
    with pytest.raises(ModelRefused, match=r"not of a model that was trained here: .*\. It was not loaded\.$"):
        SparkEstimators().load(tmp_path, settings)


@pytest.mark.spark
@pytest.mark.skipif(engine_name(Settings()) != "spark", reason="needs Spark's own reader")
def test_data_with_a_foreign_schema_fail_with_one_message(tmp_path, settings, spark):
    plant_pipeline(tmp_path / FILES)
    with pytest.raises(ModelRefused, match=r"^Spark cannot read the files of the model: "):
        SparkEstimators().load(tmp_path, settings)
