"""`olist dashboard` and `olist spark-server`: the address, and a wrong role."""

from pathlib import Path

import pytest

SUCCESS, WRONG_USE = 0, 2


@pytest.fixture
def started(monkeypatch):
    """The Streamlit applications that would be started, with their options."""
    calls = []
    monkeypatch.setattr("streamlit.App.run", lambda app, config: calls.append((app, config)))
    return calls


def test_dashboard_is_served_on_the_loopback_address_only(olist, started, warehouse):
    code, text = olist("dashboard", "--port", "8600")
    assert code == SUCCESS, text
    assert f"{warehouse.root} at http://127.0.0.1:8600" in text
    ((app, options),) = started
    assert str(app.script_path).endswith("olist_assets/dashboard/app.py")
    assert (options["server.address"], options["server.port"]) == ("127.0.0.1", 8600)


def test_dashboard_names_the_role_and_refuses_an_unknown_one(olist, started, monkeypatch):
    monkeypatch.setenv("OLIST_ROLE", "admin")  # restored after the test: the command itself sets it
    code, text = olist("dashboard", "--as", "analyst")
    assert (code, "as analyst at http" in text) == (SUCCESS, True), text
    code, text = olist("dashboard", "--as", "nobody")
    assert (code, "There is no role 'nobody'" in text) == (WRONG_USE, True), text
    assert len(started) == 1


@pytest.mark.spark
def test_spark_server_listens_on_the_loopback_address_only_and_has_its_token_from_the_environment(olist, monkeypatch):
    started = []
    monkeypatch.setattr("olist_assets.cli.servers.serve", lambda *words: started.append(words) or SUCCESS)
    code, text = olist("spark-server", "--port", "15999")
    assert code == SUCCESS, text
    assert "OLIST_SPARK_REMOTE=sc://localhost:15999; its token is in" in text
    ((command, env),) = started
    words = list(map(str, command))
    settings = Path(words[words.index("--properties-file") + 1]).read_text()
    assert "spark.connect.grpc.binding.address=127.0.0.1" in settings
    assert "spark.connect.grpc.binding.port=15999" in settings
    token = env["SPARK_CONNECT_AUTHENTICATE_TOKEN"]
    assert token not in " ".join(words) + settings + text
