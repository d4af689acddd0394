"""Building the package as a user gets it, and installing it into a new virtual environment."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

from olist_assets_tests.conftest import PROJECT

PIP = ("-m", "pip", "--disable-pip-version-check")
# Files beside the package that the build reads.
BUILD_FILES = ("pyproject.toml", "README.md")
CODE_FOLDERS = ("olist_assets", "olist_assets_tests", "bench", "tools")


def checked(command: list[str], folder: Path, env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return its output. Raises AssertionError with the output if it fails."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def build_sdist(folder: Path) -> Path:
    """The source distribution, built by the declared backend from a copy of the project."""
    copy = folder / "project"
    for name in CODE_FOLDERS:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BUILD_FILES:
        shutil.copy(PROJECT / name, copy)
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    checked([sys.executable, "-c", code, str(folder)], copy)
    return next(folder.glob("*.tar.gz"))


def build_wheel(sdist: Path, folder: Path) -> Path:
    """The wheel, built from the source distribution with the installed setuptools."""
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder))
    checked([sys.executable, *PIP, "wheel", *options, str(sdist)], folder)
    return next(folder.glob("*.whl"))


def package_files() -> set[str]:
    """All files of the package in the project, relative to it."""
    files = (path for path in (PROJECT / "olist_assets").rglob("*") if path.is_file())
    return {path.relative_to(PROJECT).as_posix() for path in files if "__pycache__" not in path.parts}


def sdist_files(sdist: Path) -> set[str]:
    """The files of a source distribution, relative to its only folder."""
    with tarfile.open(sdist) as archive:
        return {member.name.split("/", 1)[1] for member in archive if member.isfile()}


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel, and an empty folder to work in."""

    environment: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def olist(self) -> str:
        return str(self.python.with_name("olist"))

    @property
    def env(self) -> dict[str, str]:
        """The environment of a user who has set nothing, with the cache of the tests."""
        own = ("OLIST_", "MLFLOW_", "OPENLINEAGE_", "DAGSTER_", "PYTHON", "VIRTUAL_ENV", "COVERAGE_", "PYTEST_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        cache = {name: value for name, value in os.environ.items() if name == "OLIST_CACHE"}
        return inherited | cache | {"PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *words: str, **more_env: str) -> str:
        """The output of `olist` with these words. Raises AssertionError if it fails."""
        return checked([self.olist, *words], self.folder, self.env | more_env)

    def evaluate(self, code: str) -> str:
        """The output of Python code in the environment. Raises AssertionError if it fails."""
        return checked([str(self.python), "-c", code], self.folder, self.env).strip()


def install(wheel: Path, folder: Path, *, with_dependencies: bool) -> Installation:
    """A new environment with the wheel; without dependencies it sees those of this process."""
    installation = Installation(folder / "venv", folder / "empty")
    installation.folder.mkdir()
    venv.create(installation.environment, with_pip=False)
    options = () if with_dependencies else ("--no-deps", "--no-index")
    pip = [sys.executable, *PIP, "--python", str(installation.python), "install", "--quiet", *options, str(wheel)]
    checked(pip, folder)
    if not with_dependencies:
        own_packages = Path(sysconfig.get_path("purelib", vars={"base": str(installation.environment)}))
        (own_packages / "gate.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return installation
