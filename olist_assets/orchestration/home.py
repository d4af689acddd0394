"""Where Dagster keeps its history: one folder per warehouse, whatever the working directory of a command."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import quote

import platformdirs
from filelock import FileLock

from olist_assets.settings import Settings

CONFIG, STATE, EVENTS = "dagster.yaml", ".dagster", "events"
# A folder of the packaged configuration, relative as it is packaged or with the home that it was written for.
FOLDER = re.compile(rf'^(\s+base_dir: )"?(?:.*/)?({re.escape(STATE)}(?:/\w+)?)"?$', re.MULTILINE)
OURS = "olist_assets.orchestration.event_log"


def dagster_home(settings: Settings) -> Path:
    """The folder with dagster.yaml and the history: DAGSTER_HOME, else beside the tables like MLflow's.

    The history of a warehouse in an object store is in the user's data folder.
    """
    if settings.dagster_home:
        return settings.dagster_home.expanduser().resolve()
    if settings.is_in_object_store:
        return platformdirs.user_data_path("olist-assets") / "dagster" / quote(settings.warehouse, safe="")
    return settings.warehouse_path / "dagster"


def with_folders_in(home: Path, config: str) -> str:
    """A configuration with the folders of the packaged one in this home; another project's configuration as it is.

    Dagster reads relative folders in the working directory, so that two of them would have two histories.
    """
    return FOLDER.sub(lambda found: found[1] + json.dumps(str(home / found[2])), config) if OURS in config else config


def adopt_history(settings: Settings, home: Path) -> None:
    """Copy the history of a warehouse that has tables from where earlier versions kept it: in the working directory."""
    warehouse = settings.warehouse_path
    is_new = settings.dagster_home is None or _has_relative_folders(home / CONFIG)
    if not is_new or (home / STATE).exists() or not (warehouse / "bronze").exists():
        return
    places = (Path.cwd(), warehouse.parent)
    found = next((place for place in places if (place / STATE / EVENTS).is_dir()), None)
    if found is None:
        return
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "adopt.lock"):
        if (home / STATE).exists():
            return
        partial = home / f"{STATE}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(found / STATE, partial)
        if (found / CONFIG).exists() and not (home / CONFIG).exists():
            shutil.copyfile(found / CONFIG, home / CONFIG)
        partial.rename(home / STATE)


def _has_relative_folders(config: Path) -> bool:
    if not config.is_file() or config.is_symlink():
        return False
    text = config.read_text(encoding="utf-8")
    return OURS in text and f"base_dir: {STATE}" in text
