"""Derives `olist_assets/column_lineage.json` from the query plans: what each output attribute is computed from.

Each asset function is called with empty frames of its upstream tables, and the analyzed plan of what it returns is
followed from each column to the attributes of those frames. What counts is said in `olist_assets/column_lineage.py`.
The plan is read through the classic session's `_jdf`: this is no part of the platform, which knows Spark Connect only.
"""

import inspect
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, cast

import dagster as dg
from pyspark.ml import Pipeline
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from olist_assets.catalog import assets, tables
from olist_assets.contracts.column_lineage import FILE, Lineage
from olist_assets.contracts.table import Table
from olist_assets.ml import churn_model, repurchase_model, segmentation_model
from olist_assets.mlops.registry import Champion
from olist_assets.engine.spark.session import spark_config
from olist_assets.settings import Settings

Origins = set[tuple[str, str]]
# Of these only the first child gives the value; the others say which rows, or which row of several.
FIRST_CHILD_ONLY = {"WindowExpression", "AggregateExpression", "MinBy", "MaxBy"}
# These give one of their argument's values as it is: a struct stays a struct.
VALUE_AS_IT_IS = {"Alias", "Min", "Max", "First", *FIRST_CHILD_ONLY}


class Node:
    """A node of a plan or an expression: `kind` is its class, `fields` what Spark says of it, `children` in order."""

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
        """Ids of the attributes that a plan's node gives. Raises NotImplementedError where that was not needed yet."""
        for field in ("projectList", "aggregateExpressions", "output"):
            if field in self.fields:
                return [expression.id for expression in self.expressions(field)]
        if self.kind == "Union" or len(self.children) == 1:
            return self.children[0].output() + [made.id for made in self.expressions("windowExpressions")]
        raise NotImplementedError(f"What a {self.kind} below a union gives is not known here.")

    def walk(self) -> "Iterator[Node]":
        yield self
        for child in self.children:
            yield from child.walk()


class Plan:
    """An analyzed plan: what each attribute is made of, and which attributes are columns of given tables."""

    def __init__(self, frame: DataFrame) -> None:
        self.root = Node(iter(json.loads(cast(Any, frame)._jdf.queryExecution().analyzed().toJSON())))
        self._given: dict[int, tuple[str, str]] = {}
        # More than one where a union has several sides.
        self._made_of: defaultdict[int, list[Node]] = defaultdict(list)
        for node in self.root.walk():
            self._read(node)

    def _read(self, node: Node) -> None:
        if node.kind == "SubqueryAlias":
            table = node.fields["identifier"]["name"]
            self._given |= {a.id: (table, a.fields["name"]) for a in node.children[0].expressions("output")}
        for field in ("projectList", "aggregateExpressions", "windowExpressions"):
            for made in node.expressions(field):
                if made.kind == "Alias":
                    self._made_of[made.id].append(made)
        if node.kind == "Generate":
            generator = Node(iter(node.fields["generator"]))
            for made in node.expressions("generatorOutput"):
                self._made_of[made.id] += generator.children
        if node.kind == "Union":
            self._read_union(node)

    def _read_union(self, union: Node) -> None:
        first, *others = (child.output() for child in union.children)
        for other in others:
            for mine, theirs in zip(first, other, strict=True):
                if mine != theirs:
                    self._made_of[mine].append(_attribute(theirs))

    def origins(self, expression: Node, field: tuple[int, ...] = ()) -> Origins:
        """The tables' columns that an expression is computed from; with `field`, that field of the struct it gives."""
        if expression.kind == "AttributeReference":
            column = {self._given[expression.id]} if expression.id in self._given else set[tuple[str, str]]()
            return column | self._of_all(self._made_of[expression.id], field)
        if expression.kind == "GetStructField":
            return self.origins(expression.children[0], (expression.fields["ordinal"], *field))
        if expression.kind == "CreateNamedStruct":
            values = expression.children[1::2]
            return self.origins(values[field[0]], field[1:]) if field else self._of_all(values)
        taken = expression.children[:1] if expression.kind in FIRST_CHILD_ONLY else expression.children
        return self._of_all(taken, field if expression.kind in VALUE_AS_IT_IS else ())

    def _of_all(self, expressions: list[Node], field: tuple[int, ...] = ()) -> Origins:
        return set[tuple[str, str]]().union(*(self.origins(one, field) for one in expressions))


def _attribute(number: int) -> Node:
    return Node(iter([{"class": ".AttributeReference", "num-children": 0, "exprId": {"id": number}}]))


def lineage_of(frame: DataFrame) -> dict[str, list[tuple[str, str]]]:
    """What each column of a frame is computed from: columns of the frames made by `given`."""
    plan = Plan(frame)
    ids = dict(zip(frame.columns, plan.root.output(), strict=True))
    return {name: sorted(plan.origins(_attribute(number))) for name, number in ids.items()}


def given(spark: SparkSession, table: Table) -> DataFrame:
    """An empty frame of a table, whose columns the plan names by the table."""
    types = ", ".join(f"`{column.name}` {column.type}" for column in table.columns)
    return spark.createDataFrame([], types).alias(table.name)


def returned(spark: SparkSession, table: Table, function: Callable[..., DataFrame]) -> DataFrame:
    """What an asset function gives for empty upstream tables, as it is written."""
    arguments = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.annotation is DataFrame:
            arguments[name] = given(spark, tables()[name])
        elif parameter.annotation is Champion:
            arguments[name] = Champion(1, MODELS[name](spark))
        elif issubclass(parameter.annotation, dg.Config):
            arguments[name] = parameter.annotation()
    frame = function(**arguments)
    complete = table.trailing.complete if table.trailing else lambda rows: rows
    return complete(frame).select(*table.column_names)


def _rows(spark: SparkSession, features: tuple[str, ...], label: str = "label") -> DataFrame:
    """Four customers: enough to fit a model, whose figures do not matter here."""
    numbers = (F.col("id").cast("double").alias(name) for name in features)
    return spark.range(4).select(*numbers, (F.col("id") % 2).cast("int").alias(label))


def _forest(spark: SparkSession) -> Any:
    config = churn_model.ForestConfig(trees=1, depth=1)
    return churn_model.pipeline(config, churn_model.FEATURES).fit(_rows(spark, churn_model.FEATURES, churn_model.LABEL))


def _regression(spark: SparkSession) -> Any:
    classifier = repurchase_model.logistic_regression(repurchase_model.RepurchaseConfig(iterations=1))
    return repurchase_model.pipeline(classifier, _rows(spark, repurchase_model.FEATURES, repurchase_model.LABEL))


def _clusters(spark: SparkSession) -> Any:
    stages = [*segmentation_model.scaling(), KMeans(k=2, seed=1)]
    return Pipeline(stages=stages).fit(_rows(spark, segmentation_model.FEATURES))


MODELS = {"churn_model": _forest, "repurchase_model": _regression, "segmentation_model": _clusters}


def derived(spark: SparkSession) -> Lineage:
    """The lineage of every table that is made from tables."""
    made = {one.key.to_user_string(): one for one in assets()}
    found: Lineage = {}
    for table in tables().values():
        function = made[table.name].node_def.compute_fn.decorated_fn  # pyright: ignore[reportAttributeAccessIssue]
        if DataFrame in (parameter.annotation for parameter in inspect.signature(function).parameters.values()):
            found[table.name] = lineage_of(returned(spark, table, function))
    return found


def written(lineage: Lineage) -> str:
    """The file's text: a line a column."""
    blocks = (
        f" {json.dumps(table)}: {{\n"
        + ",\n".join(f"  {json.dumps(column)}: {json.dumps(origins)}" for column, origins in columns.items())
        + "\n }"
        for table, columns in lineage.items()
    )
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> None:
    builder = SparkSession.Builder()
    for name, value in spark_config(Settings()).items():
        builder = builder.config(name, value)
    FILE.write_text(written(derived(builder.getOrCreate())))


if __name__ == "__main__":
    main()
