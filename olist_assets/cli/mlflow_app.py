"""MLflow's server behind the guard: the application `olist` of MLflow, which pyproject.toml makes known to it."""

from olist_assets.settings import Settings
from olist_assets.web_guard import Guard


def guarded() -> Guard:
    from mlflow.server.fastapi_app import app

    return Guard(app, Settings().origins)
