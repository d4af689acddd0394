"""Law 10: one floor looks down only. The order of the rooms is that of docs/architecture.md."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from inspect import getfile
from itertools import takewhile
from pathlib import Path

from olist_assets.catalog import LAYERS
from olist_assets_tests.laws.source_code import FILES, PACKAGE, calls, imported_files, imported_modules, room, tree

# The rooms of the page, the highest floor first; rooms on one line do not import each other.
PAGE = PACKAGE.parent / "docs" / "architecture.md"
LINES = PAGE.read_text(encoding="utf-8").split("## Rooms")[1].split("```")[1].strip().splitlines()
FLOORS = [[word.rstrip("/") for word in takewhile(lambda w: w.endswith(("/", ".py")), line.split())] for line in LINES]
FLOOR_OF = {name: -at for at, names in enumerate(FLOORS) for name in names}
# The entry `import olist_assets`: it imports the notebook API on demand, and no room imports it.
ENTRY = Path("__init__.py")
# Where settings are read from the environment.
EDGE = {"cli", "dashboard", "definitions.py", "api.py", "settings.py"}
WITHOUT_DAGSTER = {"contracts", "source", "lakehouse", "governance", "bronze", "silver", "gold", "ml"}
TABLE_MODULES = {Path(getfile(f)).relative_to(PACKAGE) for layer in LAYERS.values() for f in layer}
Codes = dict[Path, ast.Module]


def codes() -> Codes:
    return {file: tree(file) for file in FILES if file != ENTRY}


def upward_imports(code_of: Codes) -> Iterator[str]:
    """Imports of a room that is not on a lower floor."""
    for file, code in code_of.items():
        for imported in sorted(imported_files(code)):
            if room(file) != room(imported) and FLOOR_OF[room(imported)] >= FLOOR_OF[room(file)]:
                yield f"{file} -> {imported}"


def circle(code_of: Codes) -> list[str]:
    """Files that import each other in a circle; none is the good case."""
    try:
        TopologicalSorter({file: imported_files(code) for file, code in code_of.items()}).prepare()
    except CycleError as error:
        return [f"{imported} <- {file}" for imported, file in zip(error.args[1], error.args[1][1:], strict=False)]
    return []


def settings_below_the_edge(code_of: Codes) -> Iterator[str]:
    """Files below the edge that read settings from the environment."""
    for file, code in code_of.items():
        if room(file) not in EDGE and "Settings" in {called for _, called in calls(code)}:
            yield f"{file} -> Settings()"


def dagster_imports(code_of: Codes) -> Iterator[str]:
    """Imports of Dagster by rooms that work without it, and of its private modules outside orchestration."""
    for file, code in code_of.items():
        may_not = room(file) in WITHOUT_DAGSTER or file in {*TABLE_MODULES, Path("catalog.py"), Path("api.py")}
        for module in sorted(set(imported_modules(code))):
            package, *rest = module.split(".")
            is_private = package == "dagster_shared" or (package == "dagster" and any(p.startswith("_") for p in rest))
            if (may_not and package.startswith("dagster")) or (is_private and room(file) != "orchestration"):
                yield f"{file} -> {module}"


def test_the_page_lists_every_room_once_and_no_other():
    assert sorted(name for floor in FLOORS for name in floor) == sorted({room(f) for f in FILES if f != ENTRY})


def test_a_room_imports_only_rooms_on_lower_floors():
    assert list(upward_imports(codes())) == []


def test_no_files_import_each_other_in_a_circle():
    assert circle(codes()) == []


def test_only_the_edge_reads_settings_from_the_environment():
    assert list(settings_below_the_edge(codes())) == []


def test_rooms_that_work_without_dagster_do_not_import_it_and_only_orchestration_uses_its_private_modules():
    assert list(dagster_imports(codes())) == []


def test_packages_have_empty_init_files():
    assert [file for file in FILES if file.name == "__init__.py" and file != ENTRY and tree(file).body] == []


def written(**files: str) -> Codes:
    """Code of files by their paths, `__` for `/`."""
    return {Path(f"{name.replace('__', '/')}.py"): ast.parse(text) for name, text in files.items()}


def test_each_kind_of_violation_is_found():
    below = "if TYPE_CHECKING:\n    from olist_assets.engine.upkeep import maintain"
    beside = "def late():\n    from olist_assets.lineage import events"
    upward = written(lakehouse__sql=below, alerts__tick=beside, gold__measures="import olist_assets.silver.cleaning")
    assert list(upward_imports(upward)) == [
        "lakehouse/sql.py -> engine/upkeep.py", "alerts/tick.py -> lineage/events.py",
    ]  # fmt: skip
    assert circle(
        written(
            checks__spec="from olist_assets.checks import kinds", checks__kinds="import olist_assets.checks.volume",
            checks__volume="from olist_assets.checks.spec import Check",
        )
    )  # fmt: skip
    reading = written(checks__spec="settings = Settings()", mlops__plots="s.Settings()", api="Settings()")
    assert len(list(settings_below_the_edge(reading))) == 2
    named = written(gold__measures="import dagster as dg", jobs="from dagster import _core", catalog="import dagster")
    assert [line.split(" -> ")[0] for line in dagster_imports(named)] == [
        "gold/measures.py", "jobs.py", "catalog.py",
    ]  # fmt: skip
