"""The token of `olist spark-server`: who gets in, who does not, and where the token is."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from olist_assets.engine.spark.connect_token import VARIABLE, give_token, require_accepted, server_token, token_file
from olist_assets.errors import OlistError
from olist_assets.loopback import ipv6_port_held
from olist_assets.settings import Settings
from olist_assets_tests.conftest import ONE_CORE, environment, settings_in
from olist_assets_tests.servers import free_port, of_group, server

OLIST = str(Path(sys.executable).with_name("olist"))
METHODS = ("AnalyzePlan", "ExecutePlan", "Config", "Interrupt", "ReleaseSession", "FetchErrorDetails", "CloneSession")
STREAMS_IN = ("AddArtifacts",)
SECRETS = {"OLIST_MASK_SALT": "salt", "AWS_SECRET_ACCESS_KEY": "aws", "OLIST_ALERT_SMTP_PASSWORD": "mail"}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that the variable is removed after the test too.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_file_of_a_token_is_readable_for_its_user_only_and_exists_while_its_server_runs(cache):
    file = token_file(cache, 15002)
    file.parent.mkdir(mode=0o755, parents=True)
    with server_token(cache, 15002) as token:
        assert file.read_text() == token
        assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert not file.exists()
    with server_token(cache, 15002) as another:
        assert another != token
        assert len(another) > 40


def test_token_of_the_environment_is_used_and_written_to_no_file(cache, monkeypatch):
    monkeypatch.setenv(VARIABLE, "given")
    with server_token(cache, 15002) as token:
        assert (token, token_file(cache, 15002).exists()) == ("given", False)


def test_link_of_another_user_at_the_place_of_the_token_is_not_followed(cache, tmp_path):
    file = token_file(cache, 15002)
    file.parent.mkdir(parents=True)
    file.symlink_to(tmp_path / "elsewhere")
    with server_token(cache, 15002) as token:
        assert (file.is_symlink(), file.read_text()) == (False, token)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("remote", "given"),
    [
        ("sc://localhost", "made"),
        ("sc://localhost:15002", "made"),
        ("sc://localhost:15003", ""),
        ("sc://elsewhere.invalid:15002", ""),
        ("sc://localhost:15002/;token=other", ""),
    ],
)
def test_token_is_given_to_the_server_of_this_machine_only(cache, remote, given):
    file = token_file(cache, 15002)
    file.parent.mkdir(parents=True)
    file.write_text("made")
    give_token(remote, cache)
    assert os.environ.get(VARIABLE, "") == given


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_token_without_tls_needs_the_host_name_localhost(cache, monkeypatch, host):
    monkeypatch.setenv(VARIABLE, "given")
    with pytest.raises(OlistError, match="set OLIST_SPARK_REMOTE=sc://localhost:15002"):
        give_token(f"sc://{host}", cache)


def test_no_other_process_can_listen_where_localhost_leads_to_over_ipv6():
    port = free_port()
    with ipv6_port_held(port), socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("::1", port))
        with pytest.raises(OlistError, match=f"Cannot hold .*:{port}"), ipv6_port_held(port):
            pass


@pytest.fixture(scope="module")
def running(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, int, subprocess.Popen]]:
    """`olist spark-server`, started in an environment with secrets; its settings and its port."""
    folder, port = tmp_path_factory.mktemp("running"), free_port()
    settings = settings_in(folder, sample, spark_conf=ONE_CORE)
    command = [OLIST, "spark-server", "--port", str(port)]
    with server(command, port, folder / "server.log", environment(settings) | SECRETS | {VARIABLE: ""}) as process:
        yield settings, port, process


def status(port: int, method: str, token: str | None) -> grpc.StatusCode:
    """What the server answers to an empty request; an accepted one fails because it names no session."""
    metadata = (("authorization", f"Bearer {token}"),) if token is not None else None
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        name = f"/spark.connect.SparkConnectService/{method}"
        call = channel.stream_stream(name)(iter([b""]), metadata=metadata, timeout=10)
        try:
            list(call)
        except grpc.RpcError as error:
            return error.code()  # pyright: ignore[reportAttributeAccessIssue]
    return grpc.StatusCode.OK


@pytest.mark.spark
def test_nobody_gets_in_without_the_token(running, monkeypatch):
    settings, port, process = running
    token = token_file(settings.cache, port).read_text()
    refused = grpc.StatusCode.UNAUTHENTICATED
    for wrong in (None, "", "x", token[:-1], token + "x", token.upper()):
        for method in METHODS + STREAMS_IN:
            assert status(port, method, wrong) == refused, (method, wrong)
    assert {status(port, method, token) for method in METHODS}.isdisjoint({refused, grpc.StatusCode.UNIMPLEMENTED})
    # As a run uses it.
    remote = f"sc://localhost:{port}"
    with pytest.raises(OlistError, match=rf"localhost:{port} refuses this client: No authentication token provided\."):
        require_accepted(remote)
    monkeypatch.setenv(VARIABLE, "another")
    with pytest.raises(OlistError, match=r"refuses this client: Invalid authentication token\. .* same OLIST_CACHE"):
        require_accepted(remote)
    monkeypatch.delenv(VARIABLE)
    give_token(remote, settings.cache)
    require_accepted(remote)
    commands = of_group(process)
    assert [command for command in commands if token in command] == []
    (java,) = [found for command, found in commands.items() if "/java " in command]
    assert set(SECRETS) & set(java.environ()) == set()
    assert java.environ()[VARIABLE] == token
