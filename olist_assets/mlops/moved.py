"""A warehouse that was moved or copied, and with it MLflow's database, which stores where its files were."""

import sqlite3
from contextlib import closing
from pathlib import Path

OURS = "/mlflow/artifacts"
# Where MLflow stores the address of a file or folder of its own.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_move(database: Path, artifacts: Path) -> None:
    """Replace the folder of the artifacts that a database names by the one that is beside it now.

    Without this, a copy would read and write the files of the original, and fail once it is gone.
    """
    now = artifacts.as_uri()
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        for before in _folders(connection) - {now}:
            for table, column in ADDRESSES:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (now, len(before) + 1, len(before) + 1, f"{before}/"),
                )


def _folders(connection: sqlite3.Connection) -> set[str]:
    """The folders of which each experiment of ours has one."""
    experiments = connection.execute("SELECT name, artifact_location FROM experiments").fetchall()
    ends = ((location or "", f"/{name}") for name, location in experiments)
    return {location.removesuffix(end) for location, end in ends if location.endswith(f"{OURS}{end}")}
