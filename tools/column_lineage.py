"""Derives `olist_assets/contracts/column_lineage.json` from query plans: the columns that each column is computed from.

Each asset function over frames is called with empty frames of its upstream tables, and each column of the analyzed plan
of its result is followed back to the columns of those frames. `olist_assets/contracts/column_lineage.py` defines what
counts. The plan is read through the classic session's `_jdf`, which Spark Connect does not have: the platform itself
does not use it.
"""

import inspect
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, cast

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from olist_assets.catalog import catalog
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.catalog import is_config
from olist_assets.contracts.column_lineage import FILE, Lineage
from olist_assets.contracts.table import Table
from olist_assets.engine.spark.engine import SparkEngine
from olist_assets.ml import churn_model, repurchase_features, repurchase_model, segmentation_model
from olist_assets.mlops.flavours import ESTIMATORS
from olist_assets.mlops.registry import Champion
from olist_assets.settings import Settings

SPARK_ML = ESTIMATORS["spark"]
Origins = set[tuple[str, str]]
# Only the first child of these expressions is the value; the others decide which rows, or which row of several.
FIRST_CHILD_ONLY = {"WindowExpression", "AggregateExpression", "MinBy", "MaxBy"}
# These return one of their argument's values unchanged: a struct stays a struct.
VALUE_UNCHANGED = {"Alias", "Min", "Max", "First", *FIRST_CHILD_ONLY}


class Node:
    """A node of a plan or an expression: its class as `kind`, Spark's JSON object as `fields`, `children` in order."""

    def __init__(self, flat: Iterator[dict[str, Any]]) -> None:
        self.fields = next(flat)
        self.kind = self.fields["class"].rsplit(".", 1)[1]
        self.children = [Node(flat) for _ in range(self.fields["num-children"])]

    @property
    def id(self) -> int:
        return self.fields["exprId"]["id"]

    def expressions(self, field: str) -> "list[Node]":
        return [Node(iter(flat)) for flat in self.fields.get(field, ())]

    def output(self) -> list[int]:
        """Ids of the attributes that a plan's node returns. Raises NotImplementedError for a kind not needed so far."""
        for field in ("projectList", "aggregateExpressions", "output"):
            if field in self.fields:
                return [expression.id for expression in self.expressions(field)]
        if self.kind == "Union" or len(self.children) == 1:
            return self.children[0].output() + [added.id for added in self.expressions("windowExpressions")]
        raise NotImplementedError(f"The output of a {self.kind} below a union is not known here.")

    def walk(self) -> "Iterator[Node]":
        yield self
        for child in self.children:
            yield from child.walk()


class Plan:
    """An analyzed plan: the expressions behind each attribute, and the attributes that are columns of tables."""

    def __init__(self, frame: DataFrame) -> None:
        self.root = Node(iter(json.loads(cast(Any, frame)._jdf.queryExecution().analyzed().toJSON())))
        self._column: dict[int, tuple[str, str]] = {}
        # Several below a union: one per side.
        self._expressions: defaultdict[int, list[Node]] = defaultdict(list)
        for node in self.root.walk():
            self._read(node)

    def _read(self, node: Node) -> None:
        if node.kind == "SubqueryAlias":
            table = node.fields["identifier"]["name"]
            self._column |= {a.id: (table, a.fields["name"]) for a in node.children[0].expressions("output")}
        for field in ("projectList", "aggregateExpressions", "windowExpressions"):
            for output in node.expressions(field):
                if output.kind == "Alias":
                    self._expressions[output.id].append(output)
        if node.kind == "Generate":
            generator = Node(iter(node.fields["generator"]))
            for output in node.expressions("generatorOutput"):
                self._expressions[output.id] += generator.children
        if node.kind == "Union":
            self._read_union(node)

    def _read_union(self, union: Node) -> None:
        first, *others = (child.output() for child in union.children)
        for other in others:
            for id_, other_id in zip(first, other, strict=True):
                if id_ != other_id:
                    self._expressions[id_].append(_attribute(other_id))

    def origins(self, expression: Node, field: tuple[int, ...] = ()) -> Origins:
        """The tables' columns that an expression is computed from; with `field`, that field of its struct."""
        if expression.kind == "AttributeReference":
            own = {self._column[expression.id]} if expression.id in self._column else set[tuple[str, str]]()
            return own | self._of_all(self._expressions[expression.id], field)
        if expression.kind == "GetStructField":
            return self.origins(expression.children[0], (expression.fields["ordinal"], *field))
        if expression.kind == "CreateNamedStruct":
            values = expression.children[1::2]
            return self.origins(values[field[0]], field[1:]) if field else self._of_all(values)
        values = expression.children[:1] if expression.kind in FIRST_CHILD_ONLY else expression.children
        return self._of_all(values, field if expression.kind in VALUE_UNCHANGED else ())

    def _of_all(self, expressions: list[Node], field: tuple[int, ...] = ()) -> Origins:
        return set[tuple[str, str]]().union(*(self.origins(one, field) for one in expressions))


def _attribute(number: int) -> Node:
    return Node(iter([{"class": ".AttributeReference", "num-children": 0, "exprId": {"id": number}}]))


def lineage_of(frame: DataFrame) -> dict[str, list[tuple[str, str]]]:
    """The columns that each column of a frame is computed from, in frames made by `empty_frame`."""
    plan = Plan(frame)
    ids = dict(zip(frame.columns, plan.root.output(), strict=True))
    return {name: sorted(plan.origins(_attribute(number))) for name, number in ids.items()}


def empty_frame(spark: SparkSession, table: Table) -> DataFrame:
    """An empty frame of a table; the plan names its columns by the table."""
    types = ", ".join(f"`{column.name}` {column.type}" for column in table.columns)
    return spark.createDataFrame([], types).alias(table.name)


def result_of(spark: SparkSession, table: Table, function: Callable[..., DataFrame]) -> DataFrame:
    """The result of an asset function for empty upstream tables, with the columns that the IO manager adds."""
    arguments = {
        name: _argument(spark, parameter) for name, parameter in inspect.signature(function).parameters.items()
    }
    frame = function(**arguments)
    completed = table.trailing.complete(frame, PUBLISHED) if table.trailing else frame
    return completed.select(*table.column_names)


def _argument(spark: SparkSession, parameter: inspect.Parameter) -> Any:
    """An empty frame, a small champion, the default configuration, or the days of the published data."""
    if parameter.annotation is DataFrame:
        return empty_frame(spark, catalog().table(parameter.name))
    if parameter.annotation is Champion:
        return Champion(1, CHAMPIONS[parameter.name](spark))
    return parameter.annotation() if is_config(parameter) else RESOURCES[parameter.name]


def _rows(spark: SparkSession, features: tuple[str, ...], label: str = "label") -> DataFrame:
    """Four customers: enough to fit a model, whose quality does not matter here."""
    numbers = (F.col("id").cast("double").alias(name) for name in features)
    return spark.range(4).select(*numbers, (F.col("id") % 2).cast("int").alias(label))


def _forest(spark: SparkSession) -> Any:
    estimator = churn_model.estimator(SPARK_ML, churn_model.ForestConfig(trees=1, depth=1), churn_model.FEATURES)
    return estimator.fit(_rows(spark, churn_model.FEATURES, churn_model.LABEL))


def _regression(spark: SparkSession) -> Any:
    estimator = repurchase_model.regression_estimator(SPARK_ML, repurchase_model.RepurchaseConfig(iterations=1))
    return estimator.fit(_rows(spark, repurchase_features.FEATURES, repurchase_features.LABEL))


def _clusters(spark: SparkSession) -> Any:
    features = segmentation_model.FEATURES
    return SPARK_ML.kmeans(features, clusters=2, seed=1).fit(_rows(spark, features))


CHAMPIONS = {
    "churn_model_champion": _forest,
    "repurchase_model_champion": _regression,
    "segmentation_model_champion": _clusters,
}
RESOURCES = {"calendar": PUBLISHED}


def derived_lineage(spark: SparkSession) -> Lineage:
    """The lineage of every table that is computed from tables."""
    tables, functions = catalog().tables, catalog().functions
    return {
        name: declared_lineage(table)
        if _reads(functions[name], pa.Table)
        else lineage_of(result_of(spark, table, functions[name]))
        for name, table in tables.items()
        if _reads(functions[name], DataFrame) or _reads(functions[name], pa.Table)
    }


def declared_lineage(table: Table) -> dict[str, list[tuple[str, str]]]:
    """The lineage that the contract of a table made from Arrow rows declares."""
    origins = {column.name: (origin.split(".") for origin in column.made_from) for column in table.columns}
    return {name: sorted((parent, field) for parent, field in found) for name, found in origins.items()}


def _reads(function: Callable[..., Any], rows: type) -> bool:
    return any(parameter.annotation is rows for parameter in inspect.signature(function).parameters.values())


def file_text(lineage: Lineage) -> str:
    """The text of the file: one line per column."""
    blocks = (
        f" {json.dumps(table)}: {{\n"
        + ",\n".join(f"  {json.dumps(column)}: {json.dumps(origins)}" for column, origins in columns.items())
        + "\n }"
        for table, columns in lineage.items()
    )
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> None:
    settings = Settings().model_copy(update={"spark_remote": None})
    FILE.write_text(file_text(derived_lineage(SparkEngine(settings).session)))


if __name__ == "__main__":
    main()
