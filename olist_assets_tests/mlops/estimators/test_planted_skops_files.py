"""Planted files of skops: what no model of ours has is refused, and nothing of it is called."""

import ast
import io
import json
import pickle
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from skops.io import dumps

from olist_assets.mlops.estimators.scikit_learn import ScikitLearnEstimators
from olist_assets.mlops.estimators.skops_file import FILE, SCHEMA
from olist_assets.mlops.model_refused import ModelRefused

ESTIMATORS = ScikitLearnEstimators()
MANY = "1000000000"
ROWS, LABELS = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(2, max_depth=2, random_state=1, bootstrap=False).fit(ROWS, LABELS)


def content(step: Any, **others: Any) -> bytes:
    pipeline = Pipeline([("model", step)])
    return dumps({"pipeline": pipeline, "features": ["x"], "may_be_missing": [], **others})


def schema_changed(change: Callable[[str], str]) -> bytes:
    """A forest's file with another schema; the arrays stay."""
    return rewritten(lambda name, data: change(data.decode()).encode() if name == SCHEMA else data)


def rewritten(change: Callable[[str, bytes], bytes]) -> bytes:
    result = io.BytesIO()
    with ZipFile(io.BytesIO(content(forest()))) as good, ZipFile(result, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, change(name, good.read(name)))
    return result.getvalue()


def forged_nodes(field: str, value: int) -> bytes:
    """A forest whose trees have another child or feature at their root."""

    def forge(name: str, data: bytes) -> bytes:
        array: Any = np.load(io.BytesIO(data)) if name.endswith(".npy") else np.zeros(1)
        if field not in (array.dtype.names or ()):
            return data
        array[field][0] = value
        forged = io.BytesIO()
        np.save(forged, array)
        return forged.getvalue()

    return rewritten(forge)


def trees_changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    """A forest whose trees are described in another way."""

    def changed(node: Any) -> Any:
        if isinstance(node, dict):
            node = {name: changed(value) for name, value in node.items()}
            if node.get("__loader__") == "TreeNode":
                change(node)
        return [changed(value) for value in node] if isinstance(node, list) else node

    return schema_changed(lambda text: json.dumps(changed(json.loads(text))))


def arguments(tree: dict[str, Any]) -> dict[str, Any]:
    return tree["__reduce__"]["args"]


def number_of_nodes(tree: dict[str, Any]) -> dict[str, Any]:
    return tree["content"]["content"]["node_count"]


def twice(name: str) -> bytes:
    result = io.BytesIO(content(forest()))
    with ZipFile(result, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(name, json.dumps({"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}))
    return result.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a pickle": lambda: pickle.dumps({"pipeline": 1}),
    "a function": lambda: content(FunctionTransformer(ast.parse)),
    "a function of numpy, which skops trusts": lambda: content(FunctionTransformer(np.exp)),
    "a partial function": lambda: content(FunctionTransformer(partial(ast.parse, mode="eval"))),
    "an operator": lambda: content(FunctionTransformer(attrgetter("__class__"))),
    "a method": lambda: dumps({"pipeline": SVC().fit(ROWS, LABELS).score}),
    "an estimator of another kind, which skops trusts": lambda: content(SVC().fit(ROWS, LABELS)),
    "another ensemble": lambda: content(GradientBoostingClassifier().fit(ROWS, LABELS)),
    "a type": lambda: content(forest(), features=[Pipeline]),
    "no pipeline": lambda: dumps({"pipeline": forest(), "features": ["x"], "may_be_missing": []}),
    "features that are numbers": lambda: content(forest(), features=[1]),
    "more features than the forest has": lambda: content(forest(), features=["x", "y"]),
    "a forest that was not fitted": lambda: content(RandomForestClassifier(2)),
    "a forest in a pipeline within": lambda: content(Pipeline([("model", forest())])),
    "a forest before the last step": lambda: dumps(
        {"pipeline": Pipeline([("a", forest()), ("b", forest())]), "features": ["x"], "may_be_missing": []}
    ),
    "clusters of more features": lambda: content(KMeans(2).fit(ROWS), features=["x", "y"]),
    "no steps": lambda: dumps({"pipeline": Pipeline([]), "features": ["x"], "may_be_missing": []}),
    "no features": lambda: dumps({"pipeline": Pipeline([("model", forest())])}),
    "a list": lambda: dumps([forest()]),
    "a schema twice": lambda: twice(SCHEMA),
    "a key twice": lambda: schema_changed(lambda text: text.replace("{", '{"__class__": "system", ', 1)),
    "a module of code": lambda: schema_changed(lambda text: text.replace("sklearn.pipeline", "os", 1)),
    "a loader of code": lambda: schema_changed(lambda text: text.replace("ObjectNode", "FunctionNode", 1)),
    "a loader that does not exist": lambda: schema_changed(lambda text: text.replace("ObjectNode", "X", 1)),
    "a schema that is a list": lambda: schema_changed(lambda text: f"[{text}]"),
    "100,000 brackets": lambda: schema_changed(lambda _: "[" * 100_000),
    "a reference to nothing": lambda: schema_changed(lambda text: text.replace('.npy"', '.x"')),
    "arrays that are pickles": lambda: rewritten(lambda name, data: data if name == SCHEMA else pickle.dumps(data)),
    "a number with the id of another one": lambda: trees_changed(
        lambda tree: number_of_nodes(tree).update(content="2", __id__=arguments(tree)["content"][2]["__id__"])
    ),
    "arguments with the id of others": lambda: trees_changed(lambda tree: arguments(tree).update(__id__=7)),
    "a tree of many outputs": lambda: trees_changed(lambda tree: arguments(tree)["content"][2].update(content=MANY)),
    "a child beyond the tree": lambda: forged_nodes("left_child", 1 << 40),
    "a child before the tree": lambda: forged_nodes("right_child", -5),
    "a tree in a circle": lambda: forged_nodes("left_child", 0),
    "a feature beyond the row": lambda: forged_nodes("feature", 1 << 40),
    "a feature before the row": lambda: forged_nodes("feature", -1),
}


def test_a_file_of_ours_is_accepted(tmp_path, settings):
    (tmp_path / FILE).write_bytes(content(forest()))
    assert ESTIMATORS.load(tmp_path, settings).features == ("x",)


@pytest.mark.parametrize("name", FILES)
def test_a_planted_file_is_refused(tmp_path, settings, name):
    (tmp_path / FILE).write_bytes(FILES[name]())
    with pytest.raises(ModelRefused, match=rf"{FILE} .* It was not loaded\.$"):
        ESTIMATORS.load(tmp_path, settings)
