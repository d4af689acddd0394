"""A platform over a copy of the finished tables, and `olist` as a process of its own over it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from olist_assets.operations.platform import Platform
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun, environment
from olist_assets_tests.copies import copy_of

OLIST = str(Path(sys.executable).with_name("olist"))
OlistProcess = Callable[..., tuple[int, str]]


@pytest.fixture
def copied(finished: FinishedRun, tmp_path: Path) -> Platform:
    return Platform(copy_of(finished, tmp_path))


@pytest.fixture
def olist_process(copied: Platform) -> OlistProcess:
    """Run `olist` over the copy; returns the exit code and everything printed, as one line."""

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [OLIST, *words], capture_output=True, text=True, check=False, timeout=300, env=inherited(copied.settings)
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return run


def inherited(settings: Settings, **more: str) -> dict[str, str]:
    """The environment of a process over these settings."""
    return os.environ | environment(settings) | more
