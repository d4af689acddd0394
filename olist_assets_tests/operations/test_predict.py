"""`olist predict`: scores of customers from a file, and the files that it refuses."""

import csv
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.cli.models import SCORING_MODELS
from olist_assets.ml.churn_model import FEATURES
from olist_assets_tests.conftest import Olist

DONE, WRONG_USE = 0, 2
VALID = dict.fromkeys(FEATURES, "1") | {"customer": 'Ana, "A"', "avg_review_score": ""}
Row = dict[str, str]


@pytest.fixture
def customers(tmp_path: Path) -> Callable[..., str]:
    """Write customers as a CSV file."""

    def write(*rows: Row) -> str:
        path = tmp_path / "customers.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return str(path)

    return write


@pytest.fixture
def olist_after_run(finished, olist_with) -> Olist:
    """`olist` with the champions of the finished run."""
    return olist_with(finished.settings)


def test_the_models_offered_are_those_that_score(tables):
    assert tuple(name for name, model in tables.models.items() if model.score) == SCORING_MODELS


def test_each_row_gets_its_probability_and_keeps_its_columns(olist_after_run, customers, tmp_path):
    target = tmp_path / "scored.csv"
    recent = VALID | {"recency_days": "1", "customer": "Bo"}
    given = customers(VALID | {"recency_days": "400"}, recent)
    code, text = olist_after_run("predict", "--input", given, "--output", str(target))
    assert (code, "scored by churn_model version 1" in text) == (DONE, True), text
    with target.open(newline="") as file:
        ana, bo = csv.DictReader(file)
    assert (ana["customer"], ana["avg_review_score"], bo["customer"]) == ('Ana, "A"', "", "Bo")
    assert 0 <= float(bo["churn_probability"]) < 0.5 < float(ana["churn_probability"]) <= 1


def test_a_delta_table_is_scored_into_a_delta_table(olist_after_run, finished, tmp_path):
    with finished.warehouse.sql({"t": finished.warehouse.open("gold_customer_metrics")}) as con:
        bought = con.sql("FROM t WHERE frequency > 0").to_arrow_table()
    write_deltalake(str(tmp_path / "in"), bought)
    code, text = olist_after_run("predict", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"))
    assert code == DONE, text
    columns = ["customer_unique_id", "churn_probability"]
    stored, scored = (
        {row[columns[0]]: row[columns[1]] for row in delta.to_pyarrow_table(columns=columns).to_pylist()}
        for delta in (finished.warehouse.open("gold_customer_churn_predictions"), DeltaTable(str(tmp_path / "out")))
    )
    assert len(scored) == len(bought) > 0
    assert scored == stored


@pytest.mark.parametrize(
    "name", ["a.b", "*", "", "a`b", "`a.b`", "x` STRING, `y", "a b", "a\nb", "\x1b[31mred", "input.frequency", "é😀"]
)
def test_column_that_an_engine_reads_as_another_one_is_refused(olist_after_run, tmp_path, name):
    given, target = _delta_table(tmp_path, name, pa.array(["1"])), tmp_path / "out.csv"
    code, text = olist_after_run("predict", "--input", given, "--output", str(target))
    assert (code, target.exists()) == (WRONG_USE, False), text
    assert f"{name!a} (string)" in text


@pytest.mark.parametrize("value", [{"f": 1}, [{"f": 1}]], ids=str)
def test_column_of_structures_is_refused(olist_after_run, tmp_path, value):
    given, target = _delta_table(tmp_path, "nested", pa.array([value])), tmp_path / "out.csv"
    code, text = olist_after_run("predict", "--input", given, "--output", str(target))
    assert (code, target.exists()) == (WRONG_USE, False), text
    assert "'nested' (" in text


@pytest.mark.parametrize(
    ("row", "words", "reason"),
    [
        ({"customer": "a"}, (), "lacks recency_days, frequency"),
        (VALID | {"frequency": "twice"}, (), "frequency (records: 1)"),
        (VALID | {"churn_probability": "1"}, (), "already has a column churn_probability"),
        (VALID | {"prediction": "1"}, (), "already has a column prediction"),
        (VALID | {"PROBABILITY": "1"}, (), "already has a column PROBABILITY"),
        (VALID, ("--model", "repurchase_model"), "lacks tenure_days"),
    ],
    ids=[
        "no features",
        "not a number",
        "a column of the score's name",
        "a column of a result's name",
        "a column of a result's name in capitals",
        "another model's features",
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_before_anything_is_written(
    olist_after_run, customers, tmp_path, row, words, reason
):
    target = tmp_path / "scored.csv"
    code, text = olist_after_run("predict", "--input", customers(row), "--output", str(target), *words)
    assert (code, reason in text, target.exists()) == (WRONG_USE, True, False), text


def test_paths_that_do_not_exist_or_are_taken_are_named(olist_after_run, customers, tmp_path):
    given, taken = customers(VALID), tmp_path / "taken.csv"
    taken.write_text("mine")
    for words, reason in {
        ("--input", str(tmp_path / "nowhere.csv"), "--output", str(tmp_path / "x.csv")): "neither a CSV file nor",
        ("--input", given, "--output", str(taken)): "exists already",
        ("--input", given, "--output", str(tmp_path / "no" / "x.csv")): "is not a folder",
    }.items():
        code, text = olist_after_run("predict", *words)
        assert (code, reason in text) == (WRONG_USE, True), text
    assert taken.read_text() == "mine"


def test_without_a_champion_it_says_how_to_train_and_promote_one(spark, olist, tmp_path):
    given = tmp_path / "customers.csv"
    given.write_text(",".join(FEATURES) + "\n")
    code, text = olist("predict", "--input", str(given), "--output", str(tmp_path / "x.csv"))
    assert (code, "olist materialize --select churn_model,churn_model_champion" in text) == (WRONG_USE, True), text


def test_scoring_alone_names_the_champions_that_do_not_exist(olist):
    code, text = olist("materialize", "--select", "gold_customer_segments_ml")
    assert code == WRONG_USE
    assert "segmentation_model_champion (never made)" in text


def _delta_table(folder: Path, extra: str, values: pa.Array) -> str:
    """A table with a valid customer and one more column."""
    columns = {name: pa.array([1.0]) for name in FEATURES} | {extra: values}
    write_deltalake(str(folder / "in"), pa.table(columns))
    return str(folder / "in")
