"""Sail beside the test process's own engine: `olist` as a process, and one that answers questions."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from olist_assets.settings import Settings
from olist_assets_tests.conftest import PROJECT, environment

ON_SAIL = {"OLIST_ENGINE": "sail"}


class Ask(Protocol):
    """Asks Sail a question of `answers`: the name of the function and its arguments."""

    def __call__(self, name: str, *arguments: Any) -> Any: ...


def olist_on_sail(settings: Settings, *words: str) -> tuple[int, str]:
    """Run `olist` on Sail; returns the exit code and everything that was printed."""
    command = [str(Path(sys.executable).with_name("olist")), *words]
    variables = os.environ | environment(settings) | ON_SAIL
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


@contextmanager
def asking_sail() -> Iterator[Ask]:
    """A process on Sail that answers questions while the body runs."""
    command = [sys.executable, "-m", "olist_assets_tests.engines.answers"]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=PROJECT, env=os.environ | ON_SAIL, **pipes) as process:
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
