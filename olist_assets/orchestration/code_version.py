"""The version of an asset's code: a hash of everything in this package that decides on its content.

Included are the function's module, every module of the layers, of `mlops` and of `decisions` that it imports, directly
or not, and the contract. Comments, docstrings, formatting and the order of imports do not count.
"""

import ast
import hashlib
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from inspect import getmodule
from pathlib import Path
from typing import Any

from olist_assets.contracts.marks import Contract

PACKAGE = "olist_assets"
COUNTED_ROOMS = ("bronze", "silver", "gold", "ml", "monitoring", "mlops", "decisions")
DIGITS = 16
Import = ast.Import | ast.ImportFrom


def code_version(function: Callable[..., Any], contract: Contract) -> str:
    """The version of a marked function's code, 16 hex digits."""
    module = getmodule(function)
    assert module is not None
    modules = {module.__name__: _normalized(module.__name__)[0]}
    waiting = [module.__name__]
    while waiting:
        for name in _normalized(waiting.pop())[1]:
            if name not in modules:
                modules[name] = _normalized(name)[0]
                waiting.append(name)
    content = [f"{name}\n{modules[name]}" for name in sorted(modules)]
    return hashlib.sha256("\n".join([*content, _contract_text(contract)]).encode()).hexdigest()[:DIGITS]


def normalized_source(source: str) -> str:
    """Source code without comments, docstrings and formatting, with a module's imports sorted."""
    tree = ast.parse(source)
    imports = sorted(line for node in tree.body if isinstance(node, Import) for line in _import_lines(node))
    tree.body = [node for node in tree.body if not isinstance(node, Import)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A docstring is an expression of a constant; so are the strings below a module's or class's names.
            node.body = [child for child in node.body if not _is_text(child)] or [ast.Pass()]
    return "\n".join([*imports, ast.unparse(tree)])


def _import_lines(node: Import) -> list[str]:
    """An import statement as one line per imported name."""
    if isinstance(node, ast.Import):
        return [ast.unparse(ast.Import([alias])) for alias in node.names]
    return [ast.unparse(ast.ImportFrom(node.module, [alias], node.level)) for alias in node.names]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _normalized(module: str) -> tuple[str, tuple[str, ...]]:
    """A module's normalized source, and the counted modules that it imports."""
    source = _source(module)
    return normalized_source(source), tuple(sorted(_imports(ast.parse(source))))


def _source(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None, f"there is no module {module}"
    assert spec.origin is not None, f"{module} has no source"
    return Path(spec.origin).read_text(encoding="utf-8")


def _imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if _is_counted(name) and _is_module(name)}


def _is_counted(name: str) -> bool:
    package, _, rest = name.partition(".")
    room, _, module = rest.partition(".")
    return package == PACKAGE and room in COUNTED_ROOMS and bool(module)


@cache
def _is_module(name: str) -> bool:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.submodule_search_locations is None


def _contract_text(value: Any) -> str:
    """A contract's data as text; functions in it are part of a module."""
    if hasattr(value, "__dataclass_fields__"):
        inner = ", ".join(f"{f.name}={_contract_text(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_contract_text, value))})"
    if isinstance(value, frozenset | set):
        return f"{{{', '.join(sorted(map(_contract_text, value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_contract_text(value[key])}' for key in sorted(value))}}}"
    return "function" if callable(value) else repr(value)
