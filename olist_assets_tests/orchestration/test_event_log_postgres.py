"""deploy/postgres/dagster.yaml on a Postgres of its own, where the server's programs are installed."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from olist_assets.errors import OlistError
from olist_assets.operations.platform import Platform
from olist_assets.orchestration.event_log_postgres import BatchedPostgresEventLogStorage
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings
from olist_assets_tests.conftest import PROJECT, make
from olist_assets_tests.orchestration.test_event_log import answers_after_two_runs, run_with, write_in_two_processes

# Debian keeps the server's programs off the path.
DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
PATH = os.pathsep.join([*map(str, DEBIAN), os.environ["PATH"]])
# The server refuses to run as root.
OWNER: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
pytestmark = pytest.mark.skipif(
    not shutil.which("pg_ctl", path=PATH), reason="no Postgres server here: pg_ctl and initdb are not installed"
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Callable[..., None]]:
    """A server on a free port of the loopback address; a function that runs one of its programs."""
    with tempfile.TemporaryDirectory(prefix="olist-postgres-") as folder:
        environment = {
            "PGHOST": "127.0.0.1",
            "PGPORT": free_port(),
            "PGUSER": "olist",
            "PGPASSWORD": secrets.token_hex(),
        }

        def run(program: str, *words: str) -> None:
            command = [str(shutil.which(program, path=PATH)), *words]
            subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL, **OWNER)

        password = Path(folder, "password")
        password.write_text(environment["PGPASSWORD"])
        if OWNER:
            for path in (folder, password):
                shutil.chown(path, OWNER["user"])
        options = f"-p {environment['PGPORT']} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("initdb", "-D", "data", "-U", "olist", "--auth=scram-sha-256", f"--pwfile={password}")
        run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                yield run
        finally:
            run("pg_ctl", "-D", "data", "-m", "immediate", "stop")


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.fixture
def deployed(postgres, settings, monkeypatch, tmp_path) -> Settings:
    """Settings whose Dagster home has the deployment's dagster.yaml, over an empty database."""
    name = f"test_{secrets.token_hex(4)}"
    postgres("createdb", name)
    # The names of the database and of its owner are in the environment, which dagster.yaml reads.
    monkeypatch.setenv("PGDATABASE", name)
    home = tmp_path / "deployment"
    home.mkdir()
    shutil.copy(PROJECT / "deploy" / "postgres" / "dagster.yaml", home)
    return settings.model_copy(update={"dagster_home": home})


def counted(storage: dg.DagsterInstance, query: str) -> list[tuple]:
    """The rows of a query of the database itself."""
    log = storage.event_log_storage
    assert isinstance(log, BatchedPostgresEventLogStorage)
    with log.index_connection() as connection:
        return [tuple(row) for row in connection.execute(sqlalchemy.text(query))]


def test_a_range_of_days_its_checks_and_its_run_are_in_postgres(spark, deployed):
    platform = Platform(deployed)
    report = make(platform, "*silver_orders")
    assert report.succeeded
    days = platform.graph.get(dg.AssetKey("silver_orders")).partitions_def
    assert isinstance(days, dg.DailyPartitionsDefinition)
    keys = days.get_partition_keys()
    with instance(deployed) as storage:
        assert counted(storage, "SELECT run_id, status FROM runs") == [(report.run_id, "SUCCESS")]
        written = (
            "SELECT count(*), count(DISTINCT partition) FROM event_logs WHERE asset_key = '[\"silver_orders\"]' AND "
            "dagster_event_type = 'ASSET_MATERIALIZATION'"
        )
        assert counted(storage, written) == [(len(keys), len(keys))]
        outcomes = (
            "SELECT execution_status = 'SUCCEEDED', check_name FROM asset_check_executions WHERE partition IS NULL"
        )
        assert sorted(counted(storage, outcomes)) == sorted((check.passed, check.check_name) for check in report.checks)
        status = storage.get_status_by_partition(dg.AssetKey("silver_orders"), keys, days)
        assert set((status or {}).values()) == {AssetPartitionStatus.MATERIALIZED}
    assert deployed.dagster_home is not None
    assert not list(deployed.dagster_home.rglob("*.db"))


def test_the_answers_are_those_of_dagsters_sqlite(deployed, tmp_path, monkeypatch):
    own = run_with(ConsolidatedSqliteEventLogStorage, tmp_path / "own", monkeypatch, batch="0")
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "7")
    with instance(deployed) as storage:
        ours = answers_after_two_runs(storage)
    for question, answer in own.items():
        assert ours[question] == answer, question


def test_two_processes_start_on_an_empty_database_and_write_at_once(deployed):
    write_in_two_processes(deployed)
    with instance(deployed) as storage:
        assert counted(storage, "SELECT count(*) FROM event_logs WHERE partition IS NOT NULL") == [(2 * 3 * 2 * 40,)]


def test_a_problem_of_the_server_is_reported(deployed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv("PGPASSWORD")
        with pytest.raises(OlistError, match="PGPASSWORD"), instance(deployed):
            pass
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0)
    monkeypatch.setenv("PGDATABASE", "none")
    with pytest.raises(OlistError, match='database "none" does not exist'), instance(deployed):
        pass
