"""Files of Spark ML as a pipeline of ours has them, made without Spark, for tests that change one thing in them."""

import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

SPARK = "org.apache.spark.ml"
PART = f"part-00000-{uuid.UUID(int=7)}-c000"
ROOT_UID, IMPUTER, ASSEMBLER, FOREST = (
    f"{name}_0123456789ab" for name in ("PipelineModel", "Imputer", "VectorAssembler", "RandomForestClassifier")
)
STAGES = {
    IMPUTER: f"{SPARK}.feature.ImputerModel",
    ASSEMBLER: f"{SPARK}.feature.VectorAssembler",
    FOREST: f"{SPARK}.classification.RandomForestClassificationModel",
}
SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"


def plant_pipeline(folder: Path) -> Path:
    """Write a pipeline of imputer, assembler and forest; returns the folder."""
    write_metadata(folder, PIPELINE)
    for at, (uid, name) in enumerate(STAGES.items()):
        write_metadata(folder / "stages" / f"{at}_{uid}", described(name, uid))
    write_rows(stage(folder, IMPUTER) / "data", {"x": [1.0]}, {"type": "struct", "fields": [field("x", "double")]})
    write_rows(stage(folder, FOREST) / "data", {"treeID": [0]}, None)
    tree = described(f"{SPARK}.classification.DecisionTreeClassificationModel", "dtc_0123456789ab")
    write_rows(stage(folder, FOREST) / "treesMetadata", {"_1": [0], "_2": [json.dumps(tree)]}, None)
    return folder


def stage(folder: Path, uid: str) -> Path:
    return folder / "stages" / f"{list(STAGES).index(uid)}_{uid}"


def described(name: str, uid: str, **params: Any) -> dict[str, Any]:
    return {
        "class": name, "timestamp": 1, "sparkVersion": "4.2.0", "uid": uid, "paramMap": params, "defaultParamMap": {}
    }  # fmt: skip


PIPELINE = described(f"{SPARK}.PipelineModel", ROOT_UID, stageUids=list(STAGES))


def write_metadata(folder: Path, content: Any) -> None:
    """Write the metadata of a pipeline or stage: an object, or the bytes of the file."""
    (folder / "metadata").mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else f"{json.dumps(content)}\n".encode()
    metadata_file(folder).write_bytes(data)
    (folder / "metadata" / "_SUCCESS").touch()
    (folder / "metadata" / f".{PART}.txt.crc").write_bytes(b"crc")


def metadata_file(folder: Path) -> Path:
    return folder / "metadata" / f"{PART}.txt"


def field(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def write_rows(folder: Path, columns: dict[str, list[Any]], schema: Any) -> None:
    """Write a Parquet file as Spark does, with a Spark schema in its description."""
    folder.mkdir(exist_ok=True)
    text = schema if isinstance(schema, bytes) else json.dumps(schema or {"type": "struct", "fields": []}).encode()
    rows = pa.table(columns)
    with parquet.ParquetWriter(folder / f"{PART}.snappy.parquet", rows.schema, store_schema=False) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({SCHEMA: text, b"org.apache.spark.version": b"4.2.0"})
    (folder / "_SUCCESS").touch()
