"""A trained model in the registry: it is loaded as it was, rolled back by its alias, and refused if it was changed."""

from collections.abc import Callable

import mlflow
import pytest
from pyspark.sql import DataFrame, SparkSession

from olist_assets.mlops.flavours import CHAMPION_ALIASES, FLAVOUR_TAG
from olist_assets.mlops.model_refused import ModelRefused
from olist_assets.mlops.places import artifacts, tracking_uri
from olist_assets.mlops.promotion import PROMOTED, compare, promote
from olist_assets.mlops.registry import REFUSED_PARAM, Champion, Trained, champion, client, required_champion
from olist_assets.mlops.stored_files import DIGEST
from olist_assets.mlops.tracking import ADDRESS, Training
from olist_assets_tests.mlops.conftest import MODEL, OWN

pytestmark = pytest.mark.engines


@pytest.fixture
def rows(spark: SparkSession) -> DataFrame:
    return spark.range(60).selectExpr("id", "CAST(id % 7 AS DOUBLE) AS x", "CAST(id % 3 = 0 AS INT) AS label")


@pytest.fixture
def train(tracked, estimators, rows, monkeypatch) -> Callable[[int], Trained]:
    """Trains a forest with a seed and registers it as the next version."""
    monkeypatch.setenv(ADDRESS, tracking_uri(tracked))  # MLflow writes it there
    folder = (artifacts(tracked) / MODEL.name).as_uri()
    mlflow.set_tracking_uri(tracking_uri(tracked))
    mlflow.set_experiment(experiment_id=mlflow.create_experiment(MODEL.name, folder))

    def version(seed: int) -> Trained:
        forest = estimators.random_forest(("x",), ("x",), label="label", trees=2, depth=2, seed=seed).fit(rows)
        with mlflow.start_run():
            return Training(mlflow, MODEL, None, tracked).register(forest)

    return version


def probabilities(model: Champion | Trained, rows: DataFrame) -> list[float]:
    scored = (model if isinstance(model, Champion) else model.fitted).score(rows)
    return [row.probability for row in scored.orderBy("id").collect()]


def test_a_version_knows_its_flavour_and_its_features_and_scores_as_it_was_trained(tracked, train, rows):
    trained = train(1)
    version = client(tracked).get_model_version(MODEL.name, str(trained.version))
    assert version.tags[FLAVOUR_TAG] == OWN
    assert promote(tracked, MODEL).version == 1
    best = champion(tracked, MODEL)
    assert best is not None
    assert best.fitted is not trained.fitted
    assert best.fitted.features == ("x",)
    assert probabilities(best, rows) == probabilities(trained, rows)


def test_an_alias_given_to_an_older_version_rolls_back(tracked, train, rows):
    first, second = train(1), train(2)
    assert probabilities(first, rows) != probabilities(second, rows)
    assert promote(tracked, MODEL).version == 2
    client(tracked).set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OWN], "1")
    best = champion(tracked, MODEL)
    assert best is not None
    assert (best.version, probabilities(best, rows)) == (1, probabilities(first, rows))


def test_a_version_whose_files_were_changed_is_not_loaded(tracked, train):
    train(1)
    promote(tracked, MODEL)
    (file,) = artifacts(tracked).rglob("MLmodel")
    file.write_text(file.read_text() + " ")
    assert int(required_champion(tracked, MODEL).version) == 1
    with pytest.raises(ModelRefused, match="are not the model that was registered"):
        champion(tracked, MODEL)


def test_a_champion_without_a_digest_is_refused_and_replaced_by_the_next_version(tracked, train):
    train(1)
    promote(tracked, MODEL)
    client(tracked).delete_model_version_tag(MODEL.name, "1", DIGEST)
    with pytest.raises(ModelRefused, match="registered without a digest"):
        champion(tracked, MODEL)
    trained = train(2)
    assert not compare(client(tracked), MODEL, OWN).is_as_good
    client(tracked).log_param(trained.run_id, REFUSED_PARAM, 1)
    assert promote(tracked, MODEL).decision == PROMOTED
    assert int(required_champion(tracked, MODEL).version) == 2
