"""The platform's own fields in a Delta commit (`userMetadata`): one writer and one reader for all of them."""

import json
from typing import Any

from deltalake import CommitProperties, Transaction

# Metrics of checks whose names have changed: evaluations by an older version of this package stay readable.
RENAMED = {"most": "max_psi", "most_days_behind": "max_days_behind", "most_difference": "max_difference"}


def user_metadata(
    *, run_id: str | None = None, partitions: str | None = None, code_version: str | None = None, **more: Any
) -> str:
    """The fields of a commit as JSON: the run, its partitions, the version of the code, and anything else."""
    return json.dumps({"run_id": run_id, "partitions": partitions, "code_version": code_version} | more)


def commit_properties(metadata: str, *transactions: Transaction) -> CommitProperties:
    """The same fields for a commit by deltalake, and the versions of applications that it stands for."""
    return CommitProperties(custom_metadata={"userMetadata": metadata}, app_transactions=list(transactions) or None)


def read_user_metadata(text: Any) -> dict[str, Any]:
    """The fields of a commit; the text of another writer, which may be anything, is the field `text`."""
    try:
        fields = json.loads(text or "{}")
    except (TypeError, ValueError):
        fields = text
    return fields if isinstance(fields, dict) else {"text": fields}


def current_names(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metrics of a check under the names in use today."""
    return {RENAMED.get(name, name): value for name, value in metadata.items()}
