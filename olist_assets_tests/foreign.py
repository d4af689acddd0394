"""Tables changed by another writer: commits with reader features of Delta that the platform does not use itself."""

import json
import struct
import time
import uuid
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable

from olist_assets.lakehouse.delta_log import commit
from olist_assets.lakehouse.statistics import data_files

Action = dict[str, Any]
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def with_feature(path: Path, *features: str) -> None:
    """Raise the protocol of a table, as setting a property `delta.feature.<name>` does."""
    _commit(path, [_protocol(3, *features)])


def with_deletion_vectors(path: Path, **vector: Any) -> None:
    """Delete two rows of a file by a deletion vector, as Spark does; `vector` overrides fields of its description."""
    add = next(action["add"] for action in _actions(path) if "add" in action)
    remove = {"path": add["path"], "deletionTimestamp": 0, "dataChange": True}
    vector = {"storageType": "i", "pathOrInlineDv": _inline(0, 1), "sizeInBytes": 36, "cardinality": 2, **vector}
    _commit(path, [_protocol(3, "deletionVectors"), {"remove": remove}, {"add": add | {"deletionVector": vector}}])


def with_column_mapping(path: Path) -> None:
    """Replace a table by one with the same rows whose files have other column names, as Spark does."""
    table, actions = DeltaTable(str(path)), _actions(path)
    schema, names = json.loads(table.schema().to_json()), dict[str, str]()
    for id_, field in enumerate(schema["fields"], 1):
        names[field["name"]] = f"col-{uuid.uuid4()}"
        field["metadata"] |= {
            "delta.columnMapping.id": id_,
            "delta.columnMapping.physicalName": names[field["name"]],
        }
    metadata = next(action["metaData"] for action in actions if "metaData" in action)
    metadata["schemaString"] = json.dumps(schema)
    metadata["configuration"] |= {
        "delta.columnMapping.mode": "name",
        "delta.columnMapping.maxColumnId": str(len(names)),
    }
    file = path / f"{uuid.uuid4()}.parquet"
    rows = pq.ParquetDataset(data_files(table)).read()
    pq.write_table(rows.rename_columns([names[name] for name in rows.column_names]), file)
    removed = [
        {"remove": {"path": action["add"]["path"], "deletionTimestamp": 0, "dataChange": True}}
        for action in actions
        if "add" in action
    ]
    added = {
        "path": file.name,
        "partitionValues": {},
        "size": file.stat().st_size,
        "modificationTime": 0,
        "dataChange": True,
        "stats": json.dumps({"numRecords": len(rows)}),
    }
    _commit(path, [_protocol(2), {"metaData": metadata}, *removed, {"add": added}])


def with_types(path: Path, feature: str, of_first: dict[str, Any] | str) -> None:
    """Give the first column another type, or fields of metadata about its earlier types."""
    metadata = next(action["metaData"] for action in _actions(path) if "metaData" in action)
    schema = json.loads(metadata["schemaString"])
    first = schema["fields"][0]
    if isinstance(of_first, str):
        first["type"] = of_first
    else:
        first["metadata"] |= of_first
    _commit(path, [_protocol(3, feature), {"metaData": metadata | {"schemaString": json.dumps(schema)}}])


def _protocol(reader_version: int, *features: str) -> Action:
    if reader_version < 3:
        return {"protocol": {"minReaderVersion": reader_version, "minWriterVersion": 5}}
    listed = {"readerFeatures": features, "writerFeatures": features}
    return {"protocol": {"minReaderVersion": reader_version, "minWriterVersion": 7, **listed}}


def _actions(path: Path) -> list[Action]:
    """The actions in force: the last metadata, and the files of the newest version."""
    table = DeltaTable(str(path))
    actions = [action for at in range(table.version() + 1) for action in commit(path, at).actions or ()]
    metadata = [action for action in actions if "metaData" in action][-1:]
    current = {Path(file).name for file in data_files(table)}
    return metadata + [action for action in actions if "add" in action and action["add"]["path"] in current]


def _commit(path: Path, actions: list[Action]) -> None:
    info = {"commitInfo": {"timestamp": int(time.time() * 1000), "operation": "DELETE"}}
    new = commit(path, DeltaTable(str(path)).version() + 1).path
    new.write_text("".join(json.dumps(action) + "\n" for action in (info, *actions)))


def _inline(*rows: int) -> str:
    """A deletion vector of these rows in Z85: one Roaring bitmap with one array container."""
    header = struct.pack("<iqi", 1681511377, 1, 0)
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16) + struct.pack(f"<{len(rows)}H", *rows)
    words = struct.unpack(f">{(len(header) + len(bitmap)) // 4}I", header + bitmap)
    return "".join(Z85[word // 85**power % 85] for word in words for power in (4, 3, 2, 1, 0))
