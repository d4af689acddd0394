"""The package's source code as the laws read it: its files, their rooms, and what they import and call."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE_NAME = "olist_assets"
PACKAGE = Path(__file__).resolve().parents[2] / PACKAGE_NAME
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


@cache
def tree(file: Path) -> ast.Module:
    """The parsed source of a file of the package."""
    return ast.parse((PACKAGE / file).read_text(encoding="utf-8"))


def room(file: Path) -> str:
    """The room of a file: a folder of the package, or a module beside those folders."""
    return file.parts[0]


def imported_modules(code: ast.AST) -> Iterator[str]:
    """Every module that may be imported, also inside functions and for type checking only.

    Of `from a import b` these are `a` and `a.b`, since `b` may be a module.
    """
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            assert not node.level, f"relative import of {module}"
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_files(code: ast.AST) -> set[Path]:
    """The files of the package among the imported modules; packages are left out: their `__init__` is empty."""
    names = (module.split(".") for module in imported_modules(code))
    files = (Path(*parts[1:]).with_suffix(".py") for parts in names if parts[0] == PACKAGE_NAME and len(parts) > 1)
    return {file for file in files if file in FILES}


def calls(code: ast.AST) -> Iterator[tuple[str | None, str]]:
    """Every call, as the name before the last dot, if it is a plain name, and the name of what is called."""
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield None, node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield (node.func.value.id if isinstance(node.func.value, ast.Name) else ""), node.func.attr


def names(code: ast.AST) -> set[str]:
    """All names and attributes that the code uses or imports."""
    found: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.name.split(".")[-1])
    return found
