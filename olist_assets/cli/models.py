"""Commands about trained models."""

import os
import sys
from pathlib import Path

import click

from olist_assets.cli.options import console
from olist_assets.cli.serving import become
from olist_assets.errors import OlistError
from olist_assets.loopback import HOST, require_free
from olist_assets.settings import Settings
from olist_assets.web_guard import hosts_of, loopback_origins

# Repeated here because the contracts would import Spark for `--help`; a test compares both.
SCORING_MODELS = ("churn_model", "repurchase_model")


@click.command()
@click.option("--input", "source", type=click.Path(path_type=Path), required=True, help="CSV file or Delta table.")
@click.option("--output", "target", type=click.Path(path_type=Path), required=True, help="New CSV file or Delta table.")
@click.option("--model", type=click.Choice(SCORING_MODELS), default="churn_model", show_default=True)
def predict(source: Path, target: Path, model: str) -> None:
    """Score customers with a model's champion: their rows, with its probability as a new column.

    A missing feature is an error; an empty value counts as unknown.

    \b
    olist predict --input new_customers.csv --output scored.csv
    olist predict --model repurchase_model --input warehouse/new_customers --output warehouse/scored
    """
    if not target.parent.is_dir():
        raise OlistError(f"{target.parent} is not a folder: --output needs an existing one.")
    from olist_assets.governance.audit_log import audited
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.predict import predict as score

    platform = Platform(Settings())
    texts = f"{model}: {source} to {target}"
    with console.status(f"Scoring {source}"), audited(platform.warehouse, "predict", [], statement=texts):
        version = score(platform, platform.catalog.models[model], source, target)
    console.print(f"[green]✓[/] {target}: scored by {model} version {version}", soft_wrap=True)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def mlflow(port: int) -> None:
    """Open MLflow's UI on the loopback address: runs, metrics, plots and versions; stop it with Ctrl-C.

    To roll a model back, give its alias to another version of the same flavour there: `sklearn_champion` on Sail,
    `champion` on Spark. Scoring then uses that version.

    \b
    olist mlflow
    olist mlflow --port 5001
    """
    settings = Settings()
    from olist_assets.mlops.places import is_server, tracking_uri
    from olist_assets.mlops.registry import client

    if is_server(settings):
        raise OlistError(f"MLflow's server has its own UI: {tracking_uri(settings)}")
    require_free(port)
    client(settings)
    console.print(f"http://{HOST}:{port} (Ctrl-C ends it)")
    # By the environment: other users of the machine see a process's arguments, and this address may have a password.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = tracking_uri(settings)
    # As a module: the script `mlflow` may be in another folder, or nowhere.
    command = [sys.executable, "-m", "mlflow", "ui"]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    # The application behind the guard. MLflow's own lists of hosts would refuse a reverse proxy that the guard allows.
    command += ["--app-name", "olist", *_lists_of_mlflow([*loopback_origins(port), *settings.origins])]
    become(command)


def _lists_of_mlflow(origins: list[str]) -> list[str]:
    """The options of MLflow's own checks, which know the hosts of a server and the origins of its pages."""
    hosts = sorted(set().union(*map(hosts_of, origins)))
    return ["--allowed-hosts", ",".join(hosts), "--cors-allowed-origins", ",".join(origins)]
