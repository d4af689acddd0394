"""Where MLflow is: its address, its database, and the root below which the files of models may be."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from olist_assets.errors import OlistError
from olist_assets.mlops.model_refused import ModelRefused
from olist_assets.paths import plain_path
from olist_assets.settings import Settings

DATABASE = "mlflow.db"
# What MLflow takes as the root of artifacts for a database without a server.
OF_A_DATABASE = Path("mlruns")
HTTP = re.compile("https?://", re.IGNORECASE)
OF_A_SERVER = "mlflow-artifacts:/"
ADDRESS = re.compile(r"[a-z][\w+.-]+:/", re.ASCII)
# No `..`, no hidden name, no percent-encoding, and no character that Spark or Hadoop would take for a pattern.
BELOW = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


def tracking_uri(settings: Settings) -> str:
    """The address of MLflow, of a server without credentials. Raises OlistError if it must be set and is not."""
    if settings.mlflow_tracking_uri is None:
        return sqlite(local_folder(settings) / DATABASE)
    return settings.mlflow_tracking_uri.link if is_server(settings) else settings.mlflow_tracking_uri.get_secret_value()


def is_server(settings: Settings) -> bool:
    """Whether MLflow is a server that answers over HTTP."""
    address = settings.mlflow_tracking_uri
    return address is not None and bool(HTTP.match(address.get_secret_value()))


def credentials(settings: Settings) -> dict[str, str]:
    """MLflow's own variables for the credentials in a server's address.

    MLflow quotes the address that it is given in its errors, and they are stored with the run.
    """
    if settings.mlflow_tracking_uri is None or not is_server(settings):
        return {}
    address = urlsplit(settings.mlflow_tracking_uri.get_secret_value())
    found = {"MLFLOW_TRACKING_USERNAME": address.username, "MLFLOW_TRACKING_PASSWORD": address.password}
    return {name: unquote(value) for name, value in found.items() if value}


def sqlite(path: Path) -> str:
    """The address of a database file. SQLAlchemy decodes it, but MLflow makes a folder of it as it is."""
    return f"sqlite:///{plain_path(path)}"


def local_folder(settings: Settings) -> Path:
    if settings.is_in_object_store:
        raise OlistError(
            "MLflow's database cannot be in an object store: set MLFLOW_TRACKING_URI to a server or database."
        )
    return settings.warehouse_path / "mlflow"


def artifacts(settings: Settings) -> Path:
    """The folder of the files that runs log, one folder per experiment, where no server keeps them."""
    return local_folder(settings) / "artifacts"


def artifact_root(settings: Settings) -> str:
    """The address below which a version's files must be: OLIST_MLFLOW_ARTIFACTS, or where MLflow puts them."""
    if settings.mlflow_artifacts:
        root = settings.mlflow_artifacts.get_secret_value()
        return root if ADDRESS.match(root) else Path(root).expanduser().absolute().as_uri()
    if settings.mlflow_tracking_uri is None:
        return artifacts(settings).as_uri()
    return OF_A_SERVER if is_server(settings) else OF_A_DATABASE.absolute().as_uri()


def checked_address(settings: Settings, stored: str) -> str:
    """The address of a version's files, made of the root and plain names. Raises ModelRefused if it is elsewhere.

    The registry's address comes from whoever may write to MLflow: it is taken apart and never opened as it is.
    """
    root = artifact_root(settings).rstrip("/")
    below = _below(urlsplit(root), urlsplit(stored))
    if below is None:
        raise ModelRefused(
            f"The registry has the files of the model at {stored!r}, which is not below {root}, where models are "
            "stored. Nothing was read. OLIST_MLFLOW_ARTIFACTS names another root."
        )
    return f"{root}/{below}"


def _below(root: SplitResult, stored: SplitResult) -> str | None:
    """The part of an address after the root, None if it is elsewhere or not of plain names."""
    is_path = root.scheme == "file" and stored.scheme == ""
    if (stored.scheme, stored.netloc) != (root.scheme, root.netloc) and not is_path:
        return None
    folder, path = f"{unquote(root.path).rstrip('/')}/", stored.path if is_path else unquote(stored.path)
    below = path.removeprefix(folder)
    is_below = path.startswith(folder) and BELOW.fullmatch(below)
    return below if is_below and not stored.query and not stored.fragment else None
