"""Law 3: which engine runs is asked in the engine's room alone, so that the graph is the same on each."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from olist_assets_tests.laws.source_code import FILES, room, tree

NAMES = {"sail", "spark", "sklearn"}
# The tag of a stored model, which is data: it says by which library the model was trained.
OF_STORED_MODELS = Path("mlops/flavours.py")


def questions(code: ast.AST) -> Iterator[str]:
    """Every comparison with the name of an engine or a flavour, and every test of an object's engine class."""
    for node in ast.walk(code):
        if isinstance(node, ast.Compare | ast.MatchValue):
            texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
            if NAMES & {text for text in texts if isinstance(text, str)}:
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            found = ast.unparse(node)
            if "SailEngine" in found or "SparkEngine" in found:
                yield found


@pytest.mark.parametrize("file", [f for f in FILES if room(f) != "engine" and f != OF_STORED_MODELS], ids=str)
def test_no_file_outside_the_engine_room_asks_which_engine_runs(file):
    assert list(questions(tree(file))) == []


@pytest.mark.parametrize(
    "violation",
    [
        "if settings.engine == 'sail': ...",
        "x = 1 if engine_name(settings) != 'spark' else 2",
        "if engine.flavour in ('sklearn', 'other'): ...",
        "match engine.flavour:\n case 'spark': ...",
        "isinstance(engine, SailEngine)",
    ],
)
def test_each_kind_of_question_is_found(violation):
    assert list(questions(ast.parse(violation)))
