"""OpenLineage events: what a run's events say, and that a receiver which is not there loses none and stops nothing."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import dagster as dg
import pytest

from olist_assets.catalog import table
from olist_assets.definitions import defs
from olist_assets.orchestration.instance import instance
from olist_assets.lineage.events import CURSOR, NotDelivered, send_new
from olist_assets.lineage.sensor import openlineage_events
from olist_assets_tests.servers import free_port

TRANSPORT = "OPENLINEAGE__TRANSPORT__"
FIGURES = {"dagster/row_count": 12, "bytes": 345, "files": 1, "delta_version": 7}


class Broken(Exception):
    pass


@pytest.fixture
def storage():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(storage: dg.DagsterInstance, name: str = "silver_orders", *, fails: bool = False) -> str:
    """A run of one step, named as a table's; its id."""

    @dg.asset(name=name)
    def made() -> dg.MaterializeResult:
        if fails:
            raise Broken("the disk is gone")
        return dg.MaterializeResult(metadata=FIGURES)

    return dg.materialize([made], instance=storage, raise_on_error=False).run_id


@pytest.fixture
def to_file(monkeypatch, tmp_path, settings) -> Callable[[], list[dict]]:
    """The library's own settings name a file; gives the events in it."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv(f"{TRANSPORT}TYPE", "file")
    monkeypatch.setenv(f"{TRANSPORT}LOG_FILE_PATH", str(path))
    monkeypatch.setenv(f"{TRANSPORT}APPEND", "true")
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


class Receiver(HTTPServer):
    """Answers `status`, and keeps what it took."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.status, self.taken = 201, []
        Thread(target=self.serve_forever, daemon=True).start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Receiver)
        if self.server.status == 201:
            self.server.taken.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port(monkeypatch, settings) -> int:
    """A port that OPENLINEAGE_URL names and nobody answers yet; the library tries once."""
    port = free_port()
    monkeypatch.setenv(f"{TRANSPORT}TYPE", "http")
    monkeypatch.setenv(f"{TRANSPORT}URL", f"http://name:secret@127.0.0.1:{port}")
    monkeypatch.setenv(f"{TRANSPORT}RETRY", json.dumps({"total": 0}))
    return port


def told(events: list[dict]) -> list[tuple[str, str]]:
    return [(event["job"]["name"], event["eventType"]) for event in events]


def test_a_run_and_its_table_start_and_complete(storage, to_file, settings):
    run_id = run(storage)
    assert send_new(storage) == 1
    events = to_file()
    (job, _), *middle, _ = told(events)
    assert told(events) == [(job, "START"), *middle, (job, "COMPLETE")]
    assert middle == [("silver_orders", "START"), ("silver_orders", "COMPLETE")]
    assert {event["job"]["namespace"] for event in events} == {"olist"}
    assert [event["eventTime"] for event in events] == sorted(event["eventTime"] for event in events)
    whole, _, made, _ = events
    assert whole["run"]["runId"] == run_id
    assert made["run"]["facets"]["parent"]["run"]["runId"] == run_id


def test_a_tables_event_says_what_was_read_and_written(storage, to_file, settings):
    run(storage)
    send_new(storage)
    _, _, event, _ = to_file()
    (read,), (written,) = event["inputs"], event["outputs"]
    assert (read["namespace"], read["name"]) == ("file", f"{settings.warehouse_path}/bronze/bronze_orders")
    assert (written["namespace"], written["name"]) == ("file", f"{settings.warehouse_path}/silver/silver_orders")
    facets, statistics = written["facets"], written["outputFacets"]["outputStatistics"]
    assert {f["name"]: f["type"] for f in facets["schema"]["fields"]} == {
        column.name: column.type for column in table("silver_orders").columns
    }
    assert facets["version"]["datasetVersion"] == "7"
    assert facets["dataSource"]["name"] == "file"
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (12, 345, 1)
    origins = facets["columnLineage"]["fields"]["delivery_days"]["inputFields"]
    assert [origin["field"] for origin in origins] == ["order_delivered_customer_date", "order_purchase_timestamp"]
    assert {origin["name"] for origin in origins} == {read["name"]}


def test_a_bronze_table_comes_from_its_file_column_by_column(storage, to_file, settings):
    run(storage, "bronze_sellers")
    send_new(storage)
    _, _, event, _ = to_file()
    file = str(settings.data / "olist_sellers_dataset.csv")
    assert [read["name"] for read in event["inputs"]] == [file]
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert fields["seller_id"]["inputFields"][0]["name"] == file
    assert "ingestion_timestamp" not in fields


def test_a_table_in_s3_is_named_by_bucket_and_key(storage, to_file, settings, monkeypatch):
    monkeypatch.setenv("OLIST_WAREHOUSE", "s3://lake/olist")
    run(storage)
    send_new(storage)
    _, _, event, _ = to_file()
    assert [(d["namespace"], d["name"]) for d in event["outputs"]] == [("s3://lake", "olist/silver/silver_orders")]


def test_a_run_that_fails_says_why_and_claims_no_rows(storage, to_file, settings):
    run(storage, fails=True)
    send_new(storage)
    events = to_file()
    assert [state for _, state in told(events)] == ["START", "START", "FAIL", "FAIL"]
    _, _, step, whole = events
    assert "the disk is gone" in step["run"]["facets"]["errorMessage"]["message"]
    assert "silver_orders" in whole["run"]["facets"]["errorMessage"]["message"]
    assert not step["outputs"][0]["outputFacets"]
    assert "version" not in step["outputs"][0]["facets"]


def test_a_step_that_was_cut_short_is_aborted_with_its_run(storage, to_file, settings):
    @dg.asset
    def silver_orders() -> None: ...

    job = dg.Definitions(assets=[silver_orders]).resolve_implicit_global_asset_job_def()
    of = storage.create_run_for_job(job)
    storage.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.STEP_START.value, job.name, step_key="silver_orders"), of.run_id
    )
    storage.report_run_canceled(of)
    send_new(storage)
    assert [state for _, state in told(to_file())] == ["START", "START", "ABORT", "ABORT"]


def test_each_run_is_sent_once(storage, to_file):
    run(storage)
    assert (send_new(storage), send_new(storage)) == (1, 0)
    run(storage, "bronze_sellers")
    assert send_new(storage) == 1
    assert len(to_file()) == 8


def test_a_receiver_gets_each_event(storage, port):
    run(storage)
    receiver = Receiver(port)
    try:
        send_new(storage)
    finally:
        receiver.end()
    assert [path for path, _ in receiver.taken] == ["/api/v1/lineage"] * 4


def test_a_receiver_that_is_not_there_loses_nothing(storage, port):
    run(storage)
    with pytest.raises(NotDelivered, match=r"does not answer.*sent the next time") as refused:
        send_new(storage)
    assert "secret" not in str(refused.value)
    receiver = Receiver(port)
    try:
        assert send_new(storage) == 1
    finally:
        receiver.end()
    assert len(receiver.taken) == 4


def test_what_a_receiver_refuses_is_sent_again_and_the_secret_in_its_address_not_shown(storage, port):
    receiver = Receiver(port)
    try:
        run(storage)
        send_new(storage)
        receiver.status = 401
        second = run(storage, "bronze_sellers")
        with pytest.raises(NotDelivered, match="the receiver answered 401") as refused:
            send_new(storage)
        assert "secret" not in str(refused.value)
        receiver.status = 201
        assert send_new(storage) == 1
    finally:
        receiver.end()
    assert len(receiver.taken) == 8
    assert receiver.taken[4][1]["run"]["runId"] == second


def test_the_sensor_sends_and_fails_where_nobody_takes_the_events(storage, port, monkeypatch):
    run(storage)
    with pytest.raises(NotDelivered):
        openlineage_events(dg.build_sensor_context(instance=storage))
    receiver = Receiver(port)
    try:
        skipped = openlineage_events(dg.build_sensor_context(instance=storage))
    finally:
        receiver.end()
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "Runs whose events were sent: 1."


def test_the_sensor_is_off_until_somebody_turns_it_on():
    sensor = defs.resolve_sensor_def("openlineage_events")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED


def test_a_configuration_that_the_library_refuses_is_a_message(storage, monkeypatch, settings):
    monkeypatch.setenv(f"{TRANSPORT}TYPE", "http")
    run(storage)
    with pytest.raises(NotDelivered, match="`url` key not passed"):
        send_new(storage)


@pytest.mark.parametrize("disabled", ["", "true"])
def test_nothing_is_sent_before_it_is_configured_or_once_disabled(storage, settings, monkeypatch, capfd, disabled):
    if disabled:
        monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("OPENLINEAGE_DISABLED", disabled)
    run(storage)
    capfd.readouterr()
    skipped = openlineage_events(dg.build_sensor_context(instance=storage))
    assert isinstance(skipped, dg.SkipReason)
    assert "OPENLINEAGE_URL" in str(skipped.skip_message)
    assert CURSOR not in storage.daemon_cursor_storage.get_cursor_values({CURSOR})
    assert capfd.readouterr().out == ""


def test_olist_sends_its_own_runs_and_a_dead_receiver_changes_no_exit_code(finished, port, olist, monkeypatch):
    finished.use(monkeypatch)
    code, text = olist("checks", "--select", "bronze_sellers")
    assert (code, "OpenLineage events were not delivered" in text) == (0, True)
    receiver = Receiver(port)
    try:
        code, text = olist("checks", "--select", "bronze_sellers")
    finally:
        receiver.end()
    assert (code, "not delivered" in text) == (0, False)
    jobs = [event["job"]["name"] for _, event in receiver.taken]
    # The whole run that made everything, and all runs of checks there: each has a start and an end.
    with instance() as storage:
        assert jobs.count("olist") == 2 * storage.get_runs_count()
    assert jobs.count("silver_orders") == 2
