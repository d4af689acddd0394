"""Names and texts in SQL: what the engine reads is what was given, whatever quotes are in it."""

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from olist_assets.contracts.quoting import identifier, literal, spark_literal, spark_path

TEXTS = [
    "plain",
    "it's",
    "''",
    'say "so"',
    '"',
    r"back\slash",
    "ends in \\",
    r"\'",
    "`tick`",
    "a -- comment",
    "x'; DROP TABLE t; --",
    "línea\nnext",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_duckdb_reads_a_literal_as_the_text(text):
    assert duckdb.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_duckdb_reads_an_identifier_as_the_name(text):
    found = duckdb.execute(f"SELECT {identifier(text)} FROM (SELECT 7 AS {identifier(text)})")
    assert (found.description[0][0], found.fetchall()) == (text, [(7,)])


@pytest.mark.spark
def test_spark_reads_a_literal_as_the_text(spark):
    row = spark.sql(f"SELECT {', '.join(f'{spark_literal(text)} AS c{at}' for at, text in enumerate(TEXTS))}").first()
    assert list(row) == TEXTS


@pytest.mark.spark
def test_spark_reads_the_table_at_a_path_with_quotes(spark, tmp_path):
    path = tmp_path / 'it\'s `a` "folder"'
    write_deltalake(str(path), pa.table({"seven": [7]}))
    assert spark.sql(f"SELECT seven FROM {spark_path(path)}").first() == (7,)
