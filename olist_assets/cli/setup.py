"""Commands around the platform: its settings, sample data, the UI."""

import sys
from pathlib import Path

import click

from olist_assets.cli.options import FAILED, console
from olist_assets.cli.serving import serve
from olist_assets.errors import OlistError
from olist_assets.loopback import HOST, require_free
from olist_assets.settings import SAMPLE_DATA, Settings, variable


@click.command()
def doctor() -> int:
    """Print the settings in force and what is wrong with them.

    \b
    olist doctor
    OLIST_DATA=~/Downloads/brazilian-ecommerce.zip olist doctor
    """
    from olist_assets.operations.doctor import examine
    from olist_assets.operations.platform import Platform

    settings, problems = Settings(), 0
    for name, value in settings.model_dump().items():
        console.print(f"  {variable(name):<22} {value}", soft_wrap=True)
    for found in examine(Platform(settings)):
        problems += found.is_problem
        mark = "[red]✗[/]" if found.is_problem else "[yellow]![/]" if found.is_warning else "[green]✓[/]"
        console.print(f"{mark} {found.subject:<16} {found.text}", soft_wrap=True)
    return FAILED if problems else 0


@click.command("sample-data")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--scale", type=float, default=1.0, show_default=True, help="1 is 99,441 orders; 0.01 to 100.")
@click.option("--seed", type=int, default=42, show_default=True, help="The same seed gives the same bytes.")
@click.option("--dirty", is_flag=True, help="Add broken records and print their number by kind.")
@click.option("--force", is_flag=True, help="Replace files of the same names that this command did not write.")
def sample_data(directory: Path, *, scale: float, seed: int, dirty: bool, force: bool) -> None:
    """Write a synthetic dataset with the shape of the real one.

    \b
    olist sample-data data/sample
    olist sample-data /tmp/large --scale 10
    olist sample-data /tmp/dirty --scale 0.1 --dirty
    """
    _write_sample(directory, scale=scale, seed=seed, dirty=dirty, force=force)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def ui(port: int) -> int:
    """Open Dagster's UI and daemon on the loopback address; stop them with Ctrl-C.

    \b
    olist ui
    olist ui --port 3001
    """
    from olist_assets.orchestration.instance import WORKSPACE, prepared_home

    require_free(port)
    prepared_home(Settings())
    # As a module: the script `olist` may be in another folder, or nowhere. The workspace names the code location;
    # what is turned on in the UI is stored under that name.
    command = [sys.executable, "-m", "olist_assets.orchestration.dev", "olist_assets.cli.webserver"]
    command += ["-w", str(WORKSPACE)]
    console.print(f"http://{HOST}:{port} (Ctrl-C ends it)")
    return serve([*command, "-h", HOST, "-p", str(port)])


def write_sample_if_missing() -> None:
    """Write the default sample if no data is configured and there is none."""
    settings = Settings()
    if settings.data == SAMPLE_DATA and not settings.data.exists():
        console.print(f"There is no data yet: writing a synthetic sample to {SAMPLE_DATA} (OLIST_DATA names your own).")
        _write_sample(settings.data, scale=1.0, seed=42, dirty=False, force=False)


def _write_sample(directory: Path, *, scale: float, seed: int, dirty: bool, force: bool) -> None:
    from olist_assets.sample_data.generator import write_sample

    with console.status("") as status:
        try:
            summary = write_sample(
                directory,
                scale=scale,
                seed=seed,
                dirty=dirty,
                force=force,
                on_progress=lambda table, rows: status.update(f"{table}: {rows:,} records"),
            )
        except (ValueError, OSError) as error:
            raise OlistError(str(error)) from error
    for table, rows in summary.rows.items():
        console.print(f"  {table:<30} {rows:>12,} records")
    for (table, reason), rows in summary.injected.items():
        console.print(f"  broken: {table:<22} {rows:>12,} {reason}")
    console.print(f"Written to {directory}", soft_wrap=True)
