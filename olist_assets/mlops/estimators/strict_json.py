"""JSON that every parser reads in the same way: what was checked here is what another program reads."""

import json
from typing import Any


def strict_object(text: str | bytes) -> dict[str, Any]:
    """A JSON object without repeated keys, of which parsers take the first or the last. Raises ValueError."""
    try:
        found = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
