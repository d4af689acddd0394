"""`olist predict`: scores of customers from a file, and what it says of a file that it cannot score."""

import csv

import pytest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import models
from olist_assets.cli.models import SCORING_MODELS
from olist_assets.ml.churn_model import FEATURES

DONE, WRONG_USE = 0, 2
SOUND = dict.fromkeys(FEATURES, "1") | {"customer": 'Ana, "A"', "avg_review_score": ""}


@pytest.fixture
def customers(finished, monkeypatch, tmp_path):
    """Write customers as a CSV file; the champions are those of the finished run."""
    finished.use(monkeypatch)

    def write(*rows):
        path = tmp_path / "customers.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return str(path)

    return write


def test_the_models_offered_are_those_that_score():
    assert tuple(name for name, model in models().items() if model.score) == SCORING_MODELS


def test_each_row_gets_its_probability_and_keeps_its_columns(olist, customers, tmp_path):
    target = tmp_path / "scored.csv"
    recent = SOUND | {"recency_days": "1", "customer": "Bo"}
    given = customers(SOUND | {"recency_days": "400"}, recent)
    code, text = olist("predict", "--input", given, "--output", str(target))
    assert (code, "scored by churn_model version 1" in text) == (DONE, True)
    with target.open(newline="") as file:
        ana, bo = csv.DictReader(file)
    assert (ana["customer"], ana["avg_review_score"], bo["customer"]) == ('Ana, "A"', "", "Bo")
    assert 0 <= float(bo["churn_probability"]) < 0.5 < float(ana["churn_probability"]) <= 1


def test_a_delta_table_is_scored_into_a_delta_table(olist, finished, monkeypatch, spark, tmp_path):
    finished.use(monkeypatch)
    source = spark.read.format("delta").load(str(lakehouse.table_path(finished.settings, "gold_customer_metrics")))
    source.where("frequency > 0").write.format("delta").save(str(tmp_path / "in"))
    assert olist("predict", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"))[0] == DONE
    stored = lakehouse.table_path(finished.settings, "gold_customer_churn_predictions")
    expected = {
        row[0]: row[1]
        for row in spark.read.format("delta")
        .load(str(stored))
        .select("customer_unique_id", "churn_probability")
        .collect()
    }
    scored = spark.read.format("delta").load(str(tmp_path / "out"))
    assert {row.customer_unique_id: row.churn_probability for row in scored.collect()} == expected


@pytest.mark.parametrize(
    ("row", "words", "said"),
    [
        ({"customer": "a"}, (), "lacks recency_days, frequency"),
        (SOUND | {"frequency": "twice"}, (), "frequency (for example 'twice')"),
        (SOUND | {"churn_probability": "1"}, (), "has a column churn_probability already"),
        (SOUND, ("--model", "repurchase_model"), "lacks tenure_days"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_before_anything_is_written(
    olist, customers, tmp_path, row, words, said
):
    target = tmp_path / "scored.csv"
    code, text = olist("predict", "--input", customers(row), "--output", str(target), *words)
    assert (code, said in text, target.exists()) == (WRONG_USE, True, False), text


def test_paths_that_are_not_there_or_taken_are_named(olist, customers, tmp_path):
    given, taken = customers(SOUND), tmp_path / "taken.csv"
    taken.write_text("mine")
    for words, said in {
        ("--input", str(tmp_path / "nowhere.csv"), "--output", str(tmp_path / "x.csv")): "neither a CSV file nor",
        ("--input", given, "--output", str(taken)): "is there already",
        ("--input", given, "--output", str(tmp_path / "no" / "x.csv")): "is no folder",
    }.items():
        code, text = olist("predict", *words)
        assert (code, said in text) == (WRONG_USE, True), text
    assert taken.read_text() == "mine"


def test_without_a_champion_it_says_how_to_train_one(olist, settings, tmp_path):
    given = tmp_path / "customers.csv"
    given.write_text(",".join(FEATURES) + "\n")
    code, text = olist("predict", "--input", str(given), "--output", str(tmp_path / "x.csv"))
    assert (code, "olist materialize --select churn_model" in text) == (WRONG_USE, True), text


def test_scoring_alone_asks_for_the_models_that_are_not_trained(olist, settings):
    code, text = olist("materialize", "--select", "gold_customer_segments_ml")
    assert code == WRONG_USE
    assert "segmentation_model (never made)" in text
