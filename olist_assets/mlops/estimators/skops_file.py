"""A scikit-learn model as one file that contains no code, and the proof of such a file before it is read.

See https://skops.readthedocs.io/en/stable/persistence.html for the format, and for why types are examined.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from olist_assets.mlops.estimators.strict_json import strict_object
from olist_assets.mlops.model_refused import ModelRefused

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FILE, SCHEMA = "model.skops", "schema.json"
# The types of our models that skops does not trust by itself; see `_is_sound` for the second.
UNTRUSTED = ("numpy.dtype", "sklearn.tree._tree.Tree")
# What makes each value in our files. skops trusts hundreds of other types, functions among them.
OUR_TYPES = {
    "ObjectNode": {
        "sklearn.cluster._kmeans.KMeans",
        "sklearn.dummy.DummyClassifier",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.tree._classes.DecisionTreeClassifier",
    },
    "TreeNode": {"sklearn.tree._tree.Tree"},
    "NdArrayNode": {"numpy.float64", "numpy.int32", "numpy.int64", "numpy.ndarray"},
    "DTypeNode": {"numpy.dtype"},
    "DictNode": {"builtins.dict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "TypeNode": {"builtins.str"},
    "JsonNode": {"builtins.str"},
}
LAST = ("RandomForestClassifier", "LogisticRegression", "DummyClassifier", "KMeans")
MAX_BYTES = 1 << 30
# Of a model that was changed: the parts of its file contradict each other.
BROKEN = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, BadZipFile, NotImplementedError)


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file with these values; its content differs between calls."""
    from skops.io import dumps

    path.write_bytes(dumps(dict(values)))


def values_in(path: Path) -> dict[str, Any]:
    """The values in a file, if it has the types of our models and no other. Raises ModelRefused."""
    from skops.io import loads

    content = path.read_bytes() if path.is_file() else b""
    try:
        foreign = sorted(_foreign_types(content))
        values = {} if foreign else loads(content, trusted=list(UNTRUSTED))
    except BROKEN as error:
        raise ModelRefused(f"{path} is not a file of skops: {error}. It was not loaded.") from error
    if foreign:
        raise ModelRefused(f"{path} contains types that no model of ours has: {', '.join(foreign)}. It was not loaded.")
    _require_our_values(path, values)
    return values


def _foreign_types(content: bytes) -> set[str]:
    with ZipFile(io.BytesIO(content)) as archive:
        names, size = archive.namelist(), sum(entry.file_size for entry in archive.infolist())
        if len(set(names)) != len(names) or size > MAX_BYTES:
            raise ValueError("a part occurs twice, or it is too large")
        nodes = list(_nodes(strict_object(archive.read(SCHEMA))))
    _require_one_meaning(nodes)
    named = ((str(node.get("__loader__")), f"{node.get('__module__')}.{node.get('__class__')}") for node in nodes)
    return {f"{name} ({loader})" for loader, name in named if name not in OUR_TYPES.get(loader, ())}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of a schema that names a type or a loader, at any depth."""
    if isinstance(schema, dict):
        if "__loader__" in schema or "__class__" in schema:
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for value in schema:
            yield from _nodes(value)


def _require_one_meaning(nodes: Iterable[dict[str, Any]]) -> None:
    """Raises ValueError if skops would read another value than the one that stands at a place, or beyond an array."""
    by_id: dict[Any, dict[str, Any]] = {}
    for node in nodes:
        # skops takes the first value of an id for all. It writes a large value again where it occurs again.
        first = by_id.setdefault(node.get("__id__", id(node)), node)
        if first != node and {first.get("__loader__"), node.get("__loader__")} & {"JsonNode", "TupleNode"}:
            raise ValueError("two values have the same id")
        if node.get("__loader__") == "TreeNode" and node["__reduce__"]["args"]["content"][2]["content"] != "1":
            raise ValueError("a tree has more than one output, for which its memory is read without a check")


def _require_our_values(path: Path, values: Any) -> None:
    from sklearn.pipeline import Pipeline

    if not isinstance(values, dict) or values.keys() != {"pipeline", "features", "may_be_missing"}:
        raise ModelRefused(f"{path} does not hold a pipeline and its features. It was not loaded.")
    pipeline, features, may_be_missing = values["pipeline"], values["features"], values["may_be_missing"]
    are_names = all(isinstance(names, list) and all(isinstance(n, str) for n in names)
                    for names in (features, may_be_missing))  # fmt: skip
    try:
        is_ours = isinstance(pipeline, Pipeline) and are_names and _is_sound(pipeline, len(features))
    except BROKEN:
        is_ours = False
    if not is_ours:
        raise ModelRefused(f"{path} does not hold a pipeline that fits its features. It was not loaded.")


def _is_sound(pipeline: "Pipeline", features: int) -> bool:
    """Whether its steps are those of ours, and what scikit-learn reads without a check stays within its arrays.

    A forged tree would crash the process, or read beyond them: https://github.com/scikit-learn/scikit-learn/pull/34558
    """
    *preparation, last = [type(step).__name__ for _, step in pipeline.steps]
    if last not in LAST or not {*preparation} <= {"SimpleImputer", "StandardScaler"}:
        return False
    model: Any = pipeline[-1]
    if last == "KMeans":
        return model.cluster_centers_.shape == (model.n_clusters, features)
    if last != "RandomForestClassifier":
        return True
    return model.n_features_in_ == features and all(_is_sound_tree(one, model) for one in model.estimators_)


def _is_sound_tree(one: Any, forest: Any) -> bool:
    tree = one.tree_
    at = np.arange(tree.node_count)
    left, right, split = tree.children_left, tree.children_right, tree.children_left != -1
    is_after = (left > at) & (right > at) & (left < len(at)) & (right < len(at))
    has_feature = (tree.feature >= 0) & (tree.feature < forest.n_features_in_)
    is_of_forest = tree.n_outputs == 1 and tree.max_n_classes == len(forest.classes_)
    fits = one.n_features_in_ == forest.n_features_in_ and len(one.classes_) == len(forest.classes_)
    return bool(len(at) and is_of_forest and fits and (is_after & has_feature)[split].all())
