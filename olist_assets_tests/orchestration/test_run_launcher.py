"""A run whose process is gone is distinguished from one that is long, and never ends the run of another process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import WorkerStatus

from olist_assets.orchestration.instance import fail_dead_runs, instance
from olist_assets.orchestration.run_launcher import PROCESS_TAG, WatchedRunLauncher, dead_process, process_tag
from olist_assets_tests.conftest import PROJECT


@pytest.fixture
def ended_process() -> int:
    """The number of a process that does not exist any more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def storage() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@dg.job
def nothing() -> None: ...


def run_of(process: str | None, storage: dg.DagsterInstance, status=dg.DagsterRunStatus.STARTED) -> dg.DagsterRun:
    """A run with this tag of its process, `{run}` being its id."""
    run = storage.create_run_for_job(nothing, status=status)
    if process:
        storage.add_run_tags(run.run_id, {PROCESS_TAG: process.format(run=run.run_id)})
    found = storage.get_run_by_id(run.run_id)
    assert found is not None
    return found


def test_the_tag_names_this_process_and_the_run():
    assert process_tag("a-run") == {PROCESS_TAG: f"a-run@{socket.gethostname()}:{os.getpid()}"}


def test_a_process_of_this_machine_that_does_not_exist_is_dead(storage, ended_process):
    run = run_of(f"{{run}}@{socket.gethostname()}:{ended_process}", storage)
    assert dead_process(run) == str(ended_process)


@pytest.mark.parametrize(
    "process",
    [
        pytest.param(f"{{run}}@{socket.gethostname()}:{os.getpid()}", id="alive"),
        pytest.param(f"{{run}}@{socket.gethostname()}:1", id="another user's"),
        pytest.param("{run}@another-machine:ENDED", id="another machine"),
        pytest.param(f"another-run@{socket.gethostname()}:ENDED", id="tag copied from the run that was run again"),
        pytest.param(None, id="not started yet"),
    ],
)
def test_any_other_process_is_not_known_to_be_dead(storage, ended_process, process, monkeypatch):
    if process and process.endswith(":1"):

        def not_permitted(*_):
            raise PermissionError

        monkeypatch.setattr(os, "kill", not_permitted)
    run = run_of(process and process.replace("ENDED", str(ended_process)), storage)
    assert dead_process(run) is None


def test_the_launcher_reports_a_dead_run_as_failed_and_any_other_as_running(storage, ended_process):
    launcher = WatchedRunLauncher()
    assert launcher.supports_check_run_worker_health
    dead = launcher.check_run_worker_health(run_of(f"{{run}}@{socket.gethostname()}:{ended_process}", storage))
    assert (dead.status, dead.msg) == (WorkerStatus.FAILED, f"process {ended_process} does not exist any more")
    alive = launcher.check_run_worker_health(run_of(f"{{run}}@{socket.gethostname()}:{os.getpid()}", storage))
    assert alive.status == WorkerStatus.RUNNING


def test_dead_runs_in_progress_are_marked_as_failed_and_others_stay(storage, ended_process):
    dead, alive = f"{{run}}@{socket.gethostname()}:{ended_process}", f"{{run}}@{socket.gethostname()}:{os.getpid()}"
    runs = {
        "dead": run_of(dead, storage),
        "alive": run_of(alive, storage),
        "succeeded": run_of(dead, storage, dg.DagsterRunStatus.SUCCESS),
        "not started": run_of(None, storage, dg.DagsterRunStatus.NOT_STARTED),
    }
    fail_dead_runs(storage)
    after = {name: storage.get_run_by_id(run.run_id).status for name, run in runs.items()}  # pyright: ignore
    assert after == {
        "dead": dg.DagsterRunStatus.FAILURE,
        "alive": dg.DagsterRunStatus.STARTED,
        "succeeded": dg.DagsterRunStatus.SUCCESS,
        "not started": dg.DagsterRunStatus.NOT_STARTED,
    }
    (failure,) = storage.all_logs(runs["dead"].run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert failure.get_dagster_event().message == f"Its process {ended_process} ended without reporting (killed?)."


KILLED = """
import os, signal
import dagster as dg
from olist_assets.orchestration.executor import threaded_executor
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings

@dg.op
def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

@dg.job(executor_def=threaded_executor(1))
def a_job():
    killed()

with instance(Settings()) as storage:
    dg.execute_job(dg.reconstructable(a_job), storage)
"""


def test_the_run_of_a_killed_process_is_marked_as_failed_as_the_storage_is_opened_again(settings, tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    env = os.environ | {"DAGSTER_HOME": str(settings.dagster_home), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-W", "ignore", str(script)], env=env, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    with instance(settings) as storage:
        (run,) = storage.get_runs()
    assert run.status == dg.DagsterRunStatus.FAILURE


def test_the_deployment_uses_this_launcher_and_watches_runs():
    config = yaml.safe_load((PROJECT / "deploy" / "postgres" / "dagster.yaml").read_text())
    assert config["run_launcher"]["module"] == WatchedRunLauncher.__module__
    assert config["run_launcher"]["class"] == WatchedRunLauncher.__name__
    assert config["run_monitoring"]["enabled"] is True
