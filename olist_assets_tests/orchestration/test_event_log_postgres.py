"""deploy/postgres/dagster.yaml on a Postgres of its own, where the server's programs are installed."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
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
from olist_assets.orchestration.instance import instance
from olist_assets.partitions import daily_orders
from olist_assets.orchestration.event_log_postgres import BatchedPostgresEventLogStorage
from olist_assets_tests.conftest import PROJECT, make
from olist_assets_tests.test_event_log import WRITER, answers_after_two_runs, run_with

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

        if OWNER:
            shutil.chown(folder, OWNER["user"])
        password = Path(folder, "password")
        password.write_text(environment["PGPASSWORD"])
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
def home(postgres, settings, monkeypatch, tmp_path) -> Path:
    """Dagster's home with the deployment's dagster.yaml, over an empty database."""
    name = f"test_{secrets.token_hex(4)}"
    postgres("createdb", name)
    monkeypatch.setenv("PGDATABASE", name)
    home = tmp_path / "deployment"
    home.mkdir()
    shutil.copy(PROJECT / "deploy" / "postgres" / "dagster.yaml", home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    return home


def counted(storage: dg.DagsterInstance, query: str) -> list[tuple]:
    """A query's rows, asked of the database itself."""
    log = storage.event_log_storage
    assert isinstance(log, BatchedPostgresEventLogStorage)
    with log.index_connection() as connection:
        return [tuple(row) for row in connection.execute(sqlalchemy.text(query))]


def test_a_range_of_days_its_checks_and_its_run_are_in_postgres(spark, home):
    report = make("+silver_orders")
    assert report.succeeded
    days = len(daily_orders.get_partition_keys())
    with instance() as storage:
        assert counted(storage, "SELECT run_id, status FROM runs") == [(report.run_id, "SUCCESS")]
        made = "SELECT count(*), count(DISTINCT partition) FROM event_logs WHERE asset_key = '[\"silver_orders\"]' AND "
        assert counted(storage, made + "dagster_event_type = 'ASSET_MATERIALIZATION'") == [(days, days)]
        outcomes = (
            "SELECT execution_status = 'SUCCEEDED', check_name FROM asset_check_executions WHERE partition IS NULL"
        )
        assert sorted(counted(storage, outcomes)) == sorted((check.passed, check.check_name) for check in report.checks)
        status = storage.get_status_by_partition(
            dg.AssetKey("silver_orders"), daily_orders.get_partition_keys(), daily_orders
        )
        assert set((status or {}).values()) == {AssetPartitionStatus.MATERIALIZED}
    assert not list(home.rglob("*.db"))


def test_the_same_answers_as_dagsters_sqlite(home, tmp_path, monkeypatch):
    own = run_with(ConsolidatedSqliteEventLogStorage, tmp_path / "own", monkeypatch, batch="0")
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "7")
    with instance() as storage:
        ours = answers_after_two_runs(storage)
    for question, answer in own.items():
        assert ours[question] == answer, question


def test_two_processes_start_on_an_empty_database_and_write_at_once(home):
    command = [sys.executable, "-W", "ignore", "-c", WRITER]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [writer.communicate(timeout=120)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], errors
    assert not [text for text in errors if "Exception while storing event batch" in text]
    with instance() as storage:
        assert counted(storage, "SELECT count(*) FROM event_logs WHERE partition IS NOT NULL") == [(2 * 3 * 2 * 40,)]


def test_what_is_wrong_with_the_server_is_said(home, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv("PGPASSWORD")
        with pytest.raises(OlistError, match="PGPASSWORD"), instance():
            pass
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0)
    monkeypatch.setenv("PGDATABASE", "none")
    with pytest.raises(OlistError, match='database "none" does not exist'), instance():
        pass
