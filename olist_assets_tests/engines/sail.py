"""Sail beside the test process's own engine: a process that answers questions and runs `olist`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from olist_assets.settings import Settings
from olist_assets_tests.conftest import PROJECT, environment, settings_of_the_user

ON_SAIL = {"OLIST_ENGINE": "sail"}


class Ask(Protocol):
    """Asks Sail a question of `answers`: the name of the function and its arguments."""

    def __call__(self, name: str, *arguments: Any) -> Any: ...


class OlistOnSail(Protocol):
    """Runs `olist` on Sail; returns the exit code and everything that was printed."""

    def __call__(self, settings: Settings, *words: str) -> tuple[int, str]: ...


@contextmanager
def asking_sail() -> Iterator[Ask]:
    """A process on Sail that answers questions while the body runs."""
    command = [sys.executable, "-m", "olist_assets_tests.engines.answers"]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    hidden = settings_of_the_user()
    variables = {name: value for name, value in os.environ.items() if name not in hidden} | ON_SAIL
    with subprocess.Popen(command, cwd=PROJECT, env=variables, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered = process.stdin, process.stdout

        def ask(name: str, *arguments: Any) -> Any:
            asked.write(json.dumps([name, *arguments]) + "\n")
            asked.flush()
            answer = answered.readline()
            assert answer, f"Sail cannot answer {name}: its error is above"
            return json.loads(answer)

        yield ask
        asked.close()


def olist_by(ask: Ask) -> OlistOnSail:
    """`olist` in the process that answers, so that its engine and imports are started once for all commands."""

    def run(settings: Settings, *words: str) -> tuple[int, str]:
        code, text = ask("olist", environment(settings) | ON_SAIL, words)
        return code, text

    return run
