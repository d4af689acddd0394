"""A scikit-learn model as one file that contains no code, and the proof of such a file before it is read.

See https://skops.readthedocs.io/en/stable/persistence.html for the format, and for why types are examined.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from olist_assets.errors import OlistError

FILE, DIGEST = "model.skops", "sha256"
# The types of our models that skops does not trust by itself. A forged tree can crash the process: that a file is the
# registered one is proven by its digest before.
OUR_TYPES = ("numpy.dtype", "sklearn.tree._tree.Tree")


def content_of(values: Mapping[str, Any]) -> bytes:
    """The content of a file with these values; it differs between calls."""
    from skops.io import dumps

    return dumps(dict(values))


def digest_of(content: bytes) -> str:
    """The SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def values_in(path: Path, digest: str | None) -> dict[str, Any]:
    """The values in a file, if it is the one with this digest and has no foreign type. Raises OlistError."""
    from skops.io import get_untrusted_types, loads

    content = path.read_bytes()
    if digest_of(content) != digest:
        raise OlistError(
            f"{path} is not the model that was registered: its SHA-256 is not the version's tag `{DIGEST}`. It was not "
            "loaded. Restore the file, or train the model again."
        )
    try:
        foreign = set(get_untrusted_types(data=content)) - set(OUR_TYPES)
    except ValueError as error:
        raise OlistError(f"{path} is not a file of skops: {error} It was not loaded. Train the model again.") from error
    if foreign:
        raise OlistError(
            f"{path} contains types that no model of ours has: {', '.join(sorted(foreign))}. It was not loaded. "
            "Train the model again."
        )
    return loads(content, trusted=list(OUR_TYPES))
