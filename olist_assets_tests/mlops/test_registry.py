"""MLflow's client and registry: where it is, what it has, and what is reported where it has nothing."""

import subprocess
import sys

import pytest

from olist_assets.errors import OlistError
from olist_assets.mlops.flavours import CHAMPION_ALIASES, FLAVOUR_TAG
from olist_assets.mlops.places import DATABASE, local_folder, tracking_uri
from olist_assets.mlops.promotion import promote
from olist_assets.mlops.registry import (
    Metric,
    champion,
    champion_version,
    client,
    metrics_of,
    newest_version,
    required_champion,
    versions_of,
)
from olist_assets.settings import Address, Settings
from olist_assets_tests.mlops.conftest import MODEL, OTHER, OWN


def test_two_first_starts_at_once_both_find_a_database(settings):
    words = (
        "from olist_assets.settings import Settings; from olist_assets.mlops.registry import client; "
        f"client(Settings(warehouse={settings.warehouse!r}))"
    )
    starts = [subprocess.Popen([sys.executable, "-c", words], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [start.communicate()[1] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], errors


def test_a_broken_database_is_named(settings):
    database = local_folder(settings) / DATABASE
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database" * 100)
    with pytest.raises(OlistError, match=r"MLflow at sqlite:.*mlflow.db cannot be used: file is not a database"):
        client(settings)


def test_a_missing_driver_of_a_database_is_named(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    driver = settings.model_copy(update={"mlflow_tracking_uri": Address("postgresql+psycopg2://u:p@127.0.0.1:9/d")})
    with pytest.raises(OlistError, match=r"MLflow at postgresql.* cannot be used: import of psycopg2 halted"):
        client(driver)


def test_an_unreachable_server_is_named(settings, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # MLflow's own setting
    unreachable = settings.model_copy(update={"mlflow_tracking_uri": Address("http://127.0.0.1:9")})
    with pytest.raises(OlistError, match=r"MLflow at http://127.0.0.1:9 cannot be used.*MLFLOW_TRACKING_URI"):
        client(unreachable)


def test_a_warehouse_in_an_object_store_needs_an_address_of_mlflow(settings):
    with pytest.raises(OlistError, match="MLFLOW_TRACKING_URI"):
        tracking_uri(Settings(warehouse="s3://bucket/folder"))
    assert tracking_uri(settings) == f"sqlite:///{settings.warehouse_path}/mlflow/mlflow.db"


def test_a_model_without_versions_has_no_champion(tracked):
    mlflow = client(tracked)
    assert versions_of(mlflow, MODEL, OWN) == []
    assert (champion_version(mlflow, MODEL, OWN), champion(tracked, MODEL)) == (None, None)
    assert metrics_of(tracked, MODEL) == []
    with pytest.raises(OlistError, match=r"never trained.*olist materialize --select small_model"):
        newest_version(mlflow, MODEL, OWN)


def test_a_trained_model_that_was_not_promoted_has_no_champion_and_the_remedy_is_named(tracked, register):
    mlflow = register(0.7)
    assert len(versions_of(mlflow, MODEL, OWN)) == 1
    assert champion_version(mlflow, MODEL, OWN) is None
    with pytest.raises(OlistError, match=r"no champion of .* yet.*--select small_model,small_model_champion"):
        required_champion(tracked, MODEL)
    promote(tracked, MODEL)
    assert int(required_champion(tracked, MODEL).version) == 1


def test_the_newest_of_ten_versions_is_the_tenth(register):
    for _ in range(9):
        register(0.5)
    assert int(newest_version(register(0.5), MODEL, OWN).version) == 10


def test_each_flavour_has_its_own_newest_version_and_champion(register):
    register(0.5)
    mlflow = register(0.6, flavour=OTHER)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OTHER], "2")
    assert [int(newest_version(mlflow, MODEL, flavour).version) for flavour in (OWN, OTHER)] == [1, 2]
    assert champion_version(mlflow, MODEL, OWN) is None
    best = champion_version(mlflow, MODEL, OTHER)
    assert best is not None
    assert int(best.version) == 2


def test_versions_without_a_flavour_are_of_spark_and_keep_their_champion(register):
    mlflow = register(0.5, flavour="spark")
    mlflow.delete_model_version_tag(MODEL.name, "1", FLAVOUR_TAG)
    mlflow.set_registered_model_alias(MODEL.name, "champion", "1")
    best = champion_version(mlflow, MODEL, "spark")
    assert best is not None
    assert (int(best.version), champion_version(mlflow, MODEL, "sklearn")) == (1, None)


def test_a_champion_of_the_other_flavour_is_refused(register):
    mlflow = register(0.5, flavour=OTHER)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OWN], "1")
    with pytest.raises(OlistError, match=rf"version 1 has the alias .* trained with {OTHER}, not {OWN}.*olist mlflow"):
        champion_version(mlflow, MODEL, OWN)


def test_metrics_of_all_versions_are_listed_by_model_version_split_and_metric(tracked, register):
    register(0.7, **{"without_recency_days/test/auc_roc": 0.6})
    promote(tracked, MODEL)
    mlflow = register(0.8, 0.7)
    runs = {int(v.version): v.run_id for v in mlflow.search_model_versions(f"name = '{MODEL.name}'")}
    assert metrics_of(tracked, MODEL) == [
        Metric("small_model", 1, "test", "auc_roc", 0.7, runs[1]),
        Metric("small_model", 2, "champion", "auc_roc", 0.7, runs[2]),
        Metric("small_model", 2, "test", "auc_roc", 0.8, runs[2]),
        Metric("small_model/without_recency_days", 1, "test", "auc_roc", 0.6, runs[1]),
    ]
