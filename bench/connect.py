"""Runs on Spark against a warm `olist spark-server`, one after the other, compared with cold runs of embedded Spark."""

import tempfile
from pathlib import Path

import click

from bench.harness import OLIST, environment, measure
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import Settings
from olist_assets_tests.servers import free_port, server

DAYS = ("2017-11-24", "2017-11-25", "2017-11-26", "2017-11-27")


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Of the sample.")
@click.option("--own-data", is_flag=True, help="OLIST_DATA instead of a sample.")
@click.option("--runs", default=3, show_default=True, help="Runs of all tables.")
def main(scale: float, runs: int, *, own_data: bool) -> None:
    """All tables and then single days: cold in processes of their own, then against one server.

    \b
    python -m bench.connect                              the sample at scale 1
    python -m bench.connect --scale 0.01 --runs 1
    OLIST_DATA=... python -m bench.connect --own-data
    """
    with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
        data = Settings().data if own_data else Path(scratch, "data")
        if not own_data:
            write_sample(data, scale=scale)
        env, port = environment(data, Path(scratch, "home"), "spark"), free_port()
        _report("embedded", "all tables, cold", ["materialize"], env)
        _report("embedded", f"day {DAYS[0]}, cold", ["materialize", "--day", DAYS[0]], env)
        with server([OLIST, "spark-server", "--port", str(port)], port, Path(scratch, "server.log"), env):
            remote = env | {"OLIST_SPARK_REMOTE": f"sc://localhost:{port}"}
            for number in range(runs):
                _report("server", f"all tables, run {number + 1}", ["materialize"], remote)
            for day in DAYS:
                _report("server", f"day {day}", ["materialize", "--day", day], remote)


def _report(where: str, what: str, words: list[str], env: dict[str, str]) -> None:
    click.echo(f"{where:<10} {what:<24} {measure([OLIST, *words], env).seconds:6.1f} s")


if __name__ == "__main__":
    main()
