"""`olist`: the platform from a terminal. Exit codes: 0 done, 1 a table or check failed, 2 wrong use or input."""

import atexit
import gc
import sys
import warnings
from types import ModuleType

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.markup import escape

from olist_assets.cli import (
    alerts,
    demand,
    governance,
    incidents,
    kafka,
    models,
    price_tests,
    recommendations,
    runs,
    servers,
    setup,
    streaming,
    tables,
    versions,
)
from olist_assets.cli.options import INTERRUPTED, WRONG_USE, SafeConsole, console
from olist_assets.cli.output import standard_output
from olist_assets.errors import OlistError
from olist_assets.loopback import bypass_proxy
from olist_assets.private_files import keep_private
from olist_assets.redaction import redacted
from olist_assets.settings import Settings, may_be_secret, variable
from olist_assets.user import name_user

# New objects between two searches for garbage; Python's own number is 700.
GARBAGE_THRESHOLD = 5_000

# Dagster, PySpark and DuckDB are imported where a command needs them: `--help` must not wait for them.


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="olist-assets")
def olist() -> None:
    """The Olist lakehouse: CSV files to bronze, silver, gold and machine-learning Delta tables, with checks."""


def _commands(module: ModuleType) -> list[click.Command]:
    """The commands of a module, without those of its groups."""
    found = [value for value in vars(module).values() if isinstance(value, click.Command)]
    nested = [command for group in found if isinstance(group, click.Group) for command in group.commands.values()]
    return [command for command in found if command not in nested]


for _module in (
    runs,
    tables,
    versions,
    governance,
    models,
    demand,
    recommendations,
    price_tests,
    servers,
    streaming,
    kafka,
    alerts,
    incidents,
    setup,
):
    for _command in _commands(_module):
        olist.add_command(_command)


def main() -> None:
    """Entry point: a user's mistake is a message, not a stack trace."""
    _collect_less_garbage()
    bypass_proxy()
    # Warnings for developers about beta interfaces of Dagster do not concern this command's user.
    warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
    # Ranks over all products or customers need them in one partition; Spark Connect's client warns about it.
    warnings.filterwarnings("ignore", message=".*No Partition Defined for Window operation")
    with standard_output() as output:
        code = _exit_code()
    if output.problem:
        code = _refused(f"Standard output cannot be written: {output.problem}. What was printed is not complete.")
    sys.exit(code)


def _exit_code() -> int:
    """Run the command of this process's arguments; a user's mistake is a message on standard error."""
    try:
        name_user()
        keep_private()
        return olist.main(prog_name="olist", standalone_mode=False) or 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OlistError as error:
        return _refused(str(error))
    except ValidationError as error:
        return _refused("; ".join(map(_problem, error.errors())))
    except (click.Abort, KeyboardInterrupt):
        console.print("Stopped. Finished tables stay; the others are unchanged.")
        return INTERRUPTED
    except _unreachable() as error:
        return _refused(f"The warehouse cannot be reached: {error}")


def _collect_less_garbage() -> None:
    """Search fewer times for garbage among the 300,000 objects of the libraries, which live as long as the process."""
    # By default, importing the libraries alone starts five searches of all objects: half a second.
    gc.set_threshold(GARBAGE_THRESHOLD)
    # An exit searches all of them too, for a second, to free what ends with the process anyway.
    atexit.register(gc.freeze)


def _problem(error: ErrorDetails) -> str:
    """A setting that cannot be read: its variable, the expected form and the value, unless it may be a secret."""
    name, message = str(error["loc"][0]), error["msg"].removeprefix("Value error, ")
    if name not in Settings.model_fields:
        return f"{name}: {message}"
    shown = "" if may_be_secret(name) else f" (it is {error['input']!r})"
    return f"{variable(name)}: {message}{shown}"


def _unreachable() -> tuple[type[Exception], ...]:
    """Errors of a store that does not answer or refuses the credentials; looked up only after an error."""
    from olist_assets.lakehouse.object_store import store_errors

    return (PermissionError, *store_errors())


def _refused(message: str) -> int:
    SafeConsole(stderr=True, highlight=False).print(f"[red]Error:[/] {escape(redacted(message))}", soft_wrap=True)
    return WRONG_USE
