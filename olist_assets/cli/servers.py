"""Commands that start servers: Spark for runs, JDBC and the dashboard for readers."""

import os
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from olist_assets.cli.options import FAILED, console
from olist_assets.cli.serving import run_here, serve
from olist_assets.errors import OlistError
from olist_assets.loopback import HOST, ipv6_port_held, require_free
from olist_assets.settings import Settings
from olist_assets.web_guard import Guard

if TYPE_CHECKING:
    from olist_assets.operations.platform import Platform

STREAMLIT_OPTIONS = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    # Errors of the program itself are printed in the terminal and not shown on a page.
    "client.showErrorDetails": "none",
    "theme.primaryColor": "#2563eb",
    # Two cards fit side by side on a phone.
    "theme.metricValueFontSize": "1.5rem",
}


@click.command("spark-server")
@click.option("--port", type=click.IntRange(1, 65535), default=15002, show_default=True)
def spark_server(port: int) -> int:
    """Keep a warm Spark for runs on this machine, on the loopback address; stop it with Ctrl-C.

    Needs Java. Runs use it where OLIST_SPARK_REMOTE names it. It asks for a token, new at each start, which your own
    runs find in OLIST_CACHE; SPARK_CONNECT_AUTHENTICATE_TOKEN sets another one, for server and runs. Whoever has the
    token can do on this machine what you can.

    \b
    olist spark-server &
    export OLIST_SPARK_REMOTE=sc://localhost:15002
    olist materialize --day 2017-11-24
    """
    from olist_assets.engine.spark.connect_server import environment_of_server, server_command
    from olist_assets.engine.spark.connect_token import TOKEN_HOST, server_token, token_file

    settings = Settings()
    command = server_command(settings, port)
    with ipv6_port_held(port), server_token(settings.cache, port) as token:
        file = token_file(settings.cache, port)
        where = f"its token is in {file}" if file.exists() else "its token is that of the environment"
        console.print(
            f"OLIST_SPARK_REMOTE=sc://{TOKEN_HOST}:{port}; {where} (Ctrl-C ends it)", soft_wrap=True, markup=False
        )
        return serve(command, environment_of_server(settings, token))


@click.command("thrift-server")
@click.option("--select", help="Tables, in Dagster's selection syntax; commas unite.  [default: all existing tables]")
@click.option("--port", type=click.IntRange(1, 65535), default=10000, show_default=True)
def thrift_server(select: str | None, port: int) -> int:
    """Serve the tables to BI tools by JDBC, with Spark's Thrift server on the loopback address; stop it with Ctrl-C.

    Needs Java, whichever engine made the tables. They have their bare names; each query reads their newest versions.
    Clients need a password, which is new at each start or that of OLIST_THRIFT_PASSWORD. Only queries are answered:
    nothing that writes, reads other files, changes settings or calls Java.

    \b
    olist thrift-server
    olist thrift-server --select group:gold --port 10001
    """
    from olist_assets.engine.spark.submit import spark_submit
    from olist_assets.engine.spark.thrift_server import serve
    from olist_assets.operations.platform import Platform

    platform = Platform(Settings())
    names = _served_tables(platform, select)
    address = f"jdbc:hive2://{HOST}:{port}"

    def print_address(password: Path) -> None:
        status.stop()
        count = f"{len(names)} table{'s' * (len(names) > 1)}"
        console.print(f"{count} of {platform.warehouse.root} at {address} (Ctrl-C ends it)", soft_wrap=True)
        console.print(f"The password, for any user name, is in {password}", soft_wrap=True)
        beeline = spark_submit().with_name("beeline")
        console.print(f"Try: {beeline} -u {address} -n olist -w {password} -e 'SHOW TABLES'", soft_wrap=True)

    with console.status("Starting Spark") as status:
        try:
            serve(platform.warehouse, names, port, print_address)
        except KeyboardInterrupt:
            console.print("Stopped.")
            return 0
    console.print("[red]Spark's process has ended.[/]")
    return FAILED


def _served_tables(platform: "Platform", select: str | None) -> list[str]:
    if select:
        from olist_assets.operations.selection import selected

        chosen = selected(platform, select)
        names = [name for name in platform.catalog.business_tables if name in chosen]
        for name in names:
            platform.warehouse.open(name)
    else:
        names = list(platform.warehouse.existing_tables(platform.catalog.business_tables))
    if not names:
        raise OlistError(f"There is no table in {platform.warehouse.root} yet. Make them with: olist materialize")
    return names


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--as", "role", help="A role of governance.yaml.  [default: OLIST_ROLE]")
def dashboard(port: int, role: str | None) -> None:
    """Open the dashboard on the loopback address: business, decisions, health, streaming, lineage, audit, models.

    Ctrl-C ends it.

    \b
    olist dashboard
    olist dashboard --as analyst --port 8600
    """
    require_free(port)
    if role is not None:
        os.environ["OLIST_ROLE"] = role
    with console.status("Starting"):
        # The pages' imports take seconds, which the first reader should not wait for.
        from starlette.middleware import Middleware
        from streamlit import App

        from olist_assets.catalog import catalog
        from olist_assets.governance.roles import in_force
        from olist_assets.lakehouse.warehouse import Warehouse

        import_module("olist_assets.dashboard.storage")
    settings = Settings()
    warehouse = Warehouse(settings, catalog())
    # A wrong role is reported here instead of on a page.
    seen_as = in_force(warehouse)
    options = {"server.address": HOST, "server.port": port, **STREAMLIT_OPTIONS}
    whose = f" as {seen_as.name}" if seen_as else ""
    console.print(f"{warehouse.root}{whose} at http://{HOST}:{port} (Ctrl-C ends it)", soft_wrap=True)
    guard = Middleware(Guard, allowed_origins=settings.origins)
    with as_file(files("olist_assets.dashboard") / "app.py") as script:
        server = App(script, middleware=[guard])
        run_here(lambda: server.run(config=options))
