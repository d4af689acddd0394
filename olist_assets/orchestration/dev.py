"""`dagster dev` with another webserver than Dagster's own.

    python -m olist_assets.orchestration.dev MODULE -w workspace.yaml -h 127.0.0.1 -p 3000

MODULE takes the options of `dagster_webserver`; the others are those of `dagster dev`.
"""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from dagster._cli import dev
from dagster._cli import main as dagster

START = "open_ipc_subprocess"
OWN_WEBSERVER, OWN_DAEMON = "dagster_webserver", "dagster._daemon"


def replaced(command: Sequence[str], webserver: str) -> list[str]:
    """The command of a service, with the module `webserver` in place of Dagster's own.

    Raises ValueError for any service but these two: it could be a webserver that nothing guards.
    """
    if OWN_WEBSERVER not in command and OWN_DAEMON not in command:
        raise ValueError(f"`dagster dev` starts an unknown service: {command}")
    return [webserver if word == OWN_WEBSERVER else word for word in command]


def main() -> None:
    _, webserver, *words = sys.argv
    # `dagster dev` has no option for the program that it starts.
    start_service = getattr(dev, START)

    def start(command: Sequence[str], **options: Any) -> subprocess.Popen:
        return start_service(replaced(command, webserver), **options)

    setattr(dev, START, start)
    sys.argv = ["dagster", "dev", *words]
    dagster()


if __name__ == "__main__":
    main()
