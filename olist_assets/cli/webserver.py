"""Dagster's webserver behind the guard; started by `olist ui`, or by hand in a deployment.

    python -m olist_assets.cli.webserver -h 127.0.0.1 -p 3000 -w deploy/postgres/workspace.yaml

The options are those of `dagster-webserver`, which answers any web page that is open in a browser on its machine.
"""

from typing import Any

from dagster_webserver import cli

from olist_assets.private_files import keep_private
from olist_assets.settings import Settings
from olist_assets.web_guard import Guard

APPLICATION = "create_app_from_workspace_process_context"


def main() -> None:
    keep_private()
    allowed_origins = Settings().origins
    # The command has no option for a wrapper, and hands what this function returns to its HTTP server.
    create = getattr(cli, APPLICATION)

    def guarded(*args: Any, **options: Any) -> Guard:
        return Guard(create(*args, **options), allowed_origins)

    setattr(cli, APPLICATION, guarded)
    cli.main()


if __name__ == "__main__":
    main()
