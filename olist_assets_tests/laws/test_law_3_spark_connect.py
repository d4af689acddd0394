"""Law 3: Spark Connect only. What it lacks is not used, so that a setting alone chooses where the graph runs."""

import ast
from pathlib import Path

import pytest

from olist_assets_tests.laws.source_code import FILES, names, tree

NOT_IN_CONNECT = {
    "sparkContext", "SparkContext", "_sc", "rdd", "RDD", "_jvm", "_jdf", "_jsparkSession", "udf", "pandas_udf", "udtf",
    "mapInPandas", "applyInPandas",
}  # fmt: skip
# The Thrift server is a part of an embedded Spark: it is outside of the graph, and Connect has nothing like it.
THRIFT_SERVER = Path("engine/spark/thrift_server.py")


@pytest.mark.parametrize("file", [file for file in FILES if file != THRIFT_SERVER], ids=str)
def test_nothing_is_used_that_spark_connect_lacks(file):
    assert names(tree(file)) & NOT_IN_CONNECT == set()


def test_the_one_exception_needs_to_be_one():
    assert names(tree(THRIFT_SERVER)) & NOT_IN_CONNECT


@pytest.mark.parametrize(
    "violation",
    [
        "frame.rdd.map(f)",
        "session.sparkContext",
        "from pyspark.sql.functions import udf",
        "frame._jdf",
        "@F.udf\ndef f(): ...",
    ],
)
def test_each_kind_of_violation_is_found(violation):
    assert names(ast.parse(violation)) & NOT_IN_CONNECT
