"""Commands that serve: Spark to runs, the tables to other programs."""

import os
from pathlib import Path

import click

from olist_assets.cli.options import FAILED, console
from olist_assets.errors import OlistError
from olist_assets.settings import Settings


@click.command("spark-server")
@click.option("--port", type=click.IntRange(1, 65535), default=15002, show_default=True)
def spark_server(port: int) -> None:
    """Keep a warm Spark for runs on this machine, on the loopback address; stop it with Ctrl-C.

    \b
    olist spark-server &
    export OLIST_SPARK_REMOTE=sc://127.0.0.1:15002
    olist materialize --day 2017-11-24
    """
    from olist_assets.engine.spark.connect_server import HOST, server_command

    command = server_command(Settings(), port)
    console.print(f"OLIST_SPARK_REMOTE=sc://{HOST}:{port} (Ctrl-C ends it)")
    os.execv(command[0], command)


@click.command("thrift-server")
@click.option("--select", help="Tables, in Dagster's selection syntax; commas unite.  [default: all that are made]")
@click.option("--port", type=click.IntRange(1, 65535), default=10000, show_default=True)
def thrift_server(select: str | None, port: int) -> int:
    """Serve the tables to BI tools by JDBC, with Spark's Thrift server on the loopback address; stop it with Ctrl-C.

    Tables have their bare names, are read at their newest version by each query, and refuse to be written to.

    \b
    olist thrift-server
    olist thrift-server --select group:gold --port 10001
    """
    from olist_assets.lakehouse.warehouse import warehouse as lakehouse
    from olist_assets.catalog import tables
    from olist_assets.engine.spark.jars import spark_submit
    from olist_assets.engine.spark.connect_server import HOST
    from olist_assets.engine.spark.thrift_server import serve

    settings = Settings()
    if select:
        from olist_assets.operations.selection import selected

        names = [name for name in tables() if name in selected(select)]
        for name in names:
            lakehouse.open_table(settings, name)
    else:
        names = list(lakehouse.made(settings, tables()))
    if not names:
        raise OlistError(f"There is no table in {settings.warehouse_path} yet. Make them with: olist materialize")
    address = f"jdbc:hive2://{HOST}:{port}"

    def tell() -> None:
        status.stop()
        count = f"{len(names)} table{'s' * (len(names) > 1)}"
        console.print(f"{count} of {settings.warehouse_path} at {address} (Ctrl-C ends it)", soft_wrap=True)
        console.print(f"Try: {spark_submit().with_name('beeline')} -u {address} -e 'SHOW TABLES'", soft_wrap=True)

    with console.status("Starting Spark") as status:
        try:
            serve(settings, names, port, tell)
        except KeyboardInterrupt:
            console.print("Stopped.")
            return 0
    console.print("[red]Spark's process has ended.[/]")
    return FAILED


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--as", "role", help="A role of governance.yaml.  [default: OLIST_ROLE]")
def dashboard(port: int, role: str | None) -> None:
    """Open the dashboard on the loopback address: business, health, lineage, audit, models. Ctrl-C ends it.

    \b
    olist dashboard
    olist dashboard --as analyst --port 8600
    """
    from streamlit.web.cli import main as streamlit

    from olist_assets.catalog import tables
    from olist_assets.governance.roles import in_force
    from olist_assets.engine.spark.connect_server import HOST

    if role:
        os.environ["OLIST_ROLE"] = role
    # A wrong setting is said here, not on a page.
    settings = Settings()
    seen_as = in_force(settings)
    app = Path(__file__).parents[1] / "dashboard" / "app.py"
    options = {
        "server.address": HOST,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        # What went wrong in the program itself is told in full here, not to who looks at a page.
        "client.showErrorDetails": "none",
        "theme.primaryColor": "#2563eb",
        # Two cards stand side by side on a telephone.
        "theme.metricValueFontSize": "1.5rem",
    }
    with console.status("Starting"):
        # What the pages import takes seconds: before the first reader comes, not while they wait.
        tables()
    whose = f" as {seen_as.name}" if seen_as else ""
    console.print(f"{settings.warehouse_path}{whose} at http://{HOST}:{port} (Ctrl-C ends it)", soft_wrap=True)
    words = (word for name, value in options.items() for word in (f"--{name}", value))
    streamlit(["run", str(app), *words], standalone_mode=False)
