"""Runs in a shell that is set up for other programs: another Spark, a proxy, a machine or user without a name."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from olist_assets.engine.spark.java import java_version
from olist_assets.errors import OlistError
from olist_assets.loopback import bypass_proxy
from olist_assets.settings import Settings
from olist_assets_tests.conftest import ENGINE, environment

OLIST = str(Path(sys.executable).with_name("olist"))
SUCCESS, FAILED, WRONG_USE = 0, 1, 2
ONE_TABLE = ("materialize", "--select", "bronze_sellers")
PROXIES = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "grpc_proxy"), "http://127.0.0.1:9")
WITHOUT_USER = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]


def olist(settings: Settings, *words: str, prefix: Sequence[str] = (), **more: str) -> tuple[int, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_CONNECT")}
    env |= environment(settings) | {"PYTHONPATH": os.pathsep.join(sys.path)} | more
    command = [*prefix, OLIST, *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


def foreign_spark(folder: Path) -> dict[str, str]:
    """The variables of another Spark, whose configuration would lead ours to a cluster that does not exist."""
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text("spark.master spark://nowhere.invalid:7077\n")
    properties = {"fs.defaultFS": "hdfs://nowhere.invalid:9000", "hadoop.security.authentication": "kerberos"}
    lines = (f"<property><name>{name}</name><value>{value}</value></property>" for name, value in properties.items())
    (folder / "core-site.xml").write_text(f"<configuration>{''.join(lines)}</configuration>")
    return {
        "SPARK_HOME": str(folder),
        "SPARK_CONF_DIR": str(folder),
        "HADOOP_CONF_DIR": str(folder),
        "SPARK_REMOTE": "sc://nowhere.invalid:15002",
        "MASTER": "yarn",
        "SPARK_API_MODE": "connect",
        "PYSPARK_SUBMIT_ARGS": "--master yarn pyspark-shell",
        "PYSPARK_DRIVER_PYTHON": "jupyter",
    }


def test_neither_another_spark_nor_a_proxy_matters_to_a_run(settings, tmp_path):
    code, text = olist(settings, *ONE_TABLE, **foreign_spark(tmp_path / "foreign"), **PROXIES)
    assert code == SUCCESS, text


@pytest.mark.spark
@pytest.mark.cases
def test_java_found_by_java_home_alone_in_any_version_and_a_machine_whose_name_does_not_resolve(settings, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    # Spark's scripts and Hadoop need others of the machine's commands.
    for command in Path("/usr/bin").iterdir():
        if not command.name.startswith("java"):
            (tools / command.name).symlink_to(command)
    (tmp_path / "hosts").write_text("")
    early = fake_java(tmp_path / "jdk", 'openjdk version "25-ea" 2025-09-16', otherwise=str(shutil.which("java")))
    environment = {
        "PATH": str(tools),
        "JAVA_HOME": str(early),
        # Java finds no name but those of this file.
        "JAVA_TOOL_OPTIONS": f'-Dhttp.agent="corp" -Djdk.net.hosts.file={tmp_path / "hosts"}',
    }
    code, text = olist(settings, "doctor", **environment)
    assert (code, "Java 25-ea" in text) == (SUCCESS, True), text
    code, text = olist(settings, *ONE_TABLE, **foreign_spark(tmp_path / "foreign"), **environment)
    assert code == SUCCESS, text


def fake_java(home: Path, *lines: str, code: int = 0, otherwise: str = "false") -> Path:
    """A Java home whose command prints these lines as its version and is `otherwise` another command."""
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    (home / "version").write_text("\n".join(lines) + "\n")
    answer = f'{{ /bin/cat "{home}/version" >&2; exit {code}; }}'
    command.write_text(f'#!/bin/sh\n[ "$1" = -version ] && {answer}\nexec {otherwise} "$@"\n')
    command.chmod(0o755)
    return home


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        (['openjdk version "17.0.15" 2025-04-15'], "17.0.15"),
        (['openjdk version "25-ea" 2025-09-16'], "25-ea"),
        (['java version "21" 2023-09-19 LTS'], "21"),
        (
            ['Picked up JAVA_TOOL_OPTIONS: -Dhttp.agent="corp"', 'openjdk version "17-internal" 2021-09-14'],
            "17-internal",
        ),
        (["[0.001s][warning][cds] an archive", 'openjdk version "18.0.2.1+1-LTS"'], "18.0.2.1+1-LTS"),
    ],
)
def test_version_of_java_is_read_from_what_it_prints(tmp_path, monkeypatch, lines, version):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", *lines)))
    assert java_version() == version


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        (['java version "1.8.0_392"'], 0, "is 1.8.0_392"),
        (['openjdk version "11.0.2" 2019-01-15'], 0, "is 11.0.2"),
        (
            ["Unrecognized option: -Foo", "Error: Could not create the Java Virtual Machine."],
            1,
            "Unrecognized option: -Foo",
        ),
        ([""], 0, "does not print a version: exit code 0"),
    ],
)
def test_java_that_cannot_be_used_is_named_with_what_it_prints(tmp_path, monkeypatch, lines, code, message):
    home = fake_java(tmp_path / "jdk", *lines, code=code)
    monkeypatch.setenv("JAVA_HOME", str(home))
    with pytest.raises(OlistError) as error:
        java_version()
    assert message in str(error.value)
    assert str(home / "bin" / "java") in str(error.value)
    assert "\n" not in str(error.value)


def test_wrong_java_home_is_named_by_a_run_and_by_doctor(settings):
    wrong = {"OLIST_ENGINE": "spark", "JAVA_HOME": "/opt/nowhere"}
    message = "JAVA_HOME is /opt/nowhere, where there is no bin/java: correct or unset it."
    code, text = olist(settings, *ONE_TABLE, **wrong)
    assert (code, message in text, "Traceback" in text) == (WRONG_USE, True, False), text
    code, text = olist(settings, "doctor", **wrong)
    assert (code, message in text) == (FAILED, True), text


@pytest.fixture
def without_user() -> dict[str, str]:
    """The environment of a container that runs with any user id; skips where none can be made."""
    if subprocess.run([*WITHOUT_USER, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs Linux with user namespaces")
    return dict.fromkeys(("HOME", "USER", "LOGNAME", "USERNAME"), "")


@pytest.mark.skipif(ENGINE == "spark", reason="Spark needs a name")
def test_run_and_query_work_for_a_user_id_without_a_name_and_a_home(settings, without_user):
    for words in (ONE_TABLE, ("sql", "SELECT count(*) FROM bronze_sellers"), ("doctor",)):
        code, text = olist(settings, *words, prefix=WITHOUT_USER, **without_user)
        assert code == SUCCESS, text


def test_spark_names_the_user_id_that_has_no_name(settings, without_user, tmp_path):
    java = str(fake_java(tmp_path / "jdk", 'openjdk version "17.0.15"'))
    spark = {"OLIST_ENGINE": "spark", "JAVA_HOME": java}
    code, text = olist(settings, *ONE_TABLE, prefix=WITHOUT_USER, **(spark | without_user))
    assert (code, "a name for the user id 12345" in text, "Traceback" in text) == (WRONG_USE, True, False), text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"no_proxy": "localhost,127.0.0.1,::1", "NO_PROXY": "localhost,127.0.0.1,::1"}),
        ({"NO_PROXY": "corp, 127.0.0.1"}, {"no_proxy": "corp,127.0.0.1,localhost,::1"}),
        ({"no_proxy": "a", "NO_PROXY": "b"}, {"NO_PROXY": "b,localhost,127.0.0.1,::1"}),
        ({"no_proxy": "*"}, {"no_proxy": "*", "NO_PROXY": "*", "no_grpc_proxy": "*,localhost,127.0.0.1,::1"}),
        ({"no_grpc_proxy": "a"}, {"no_grpc_proxy": "a,localhost,127.0.0.1,::1"}),
    ],
)
def test_no_proxy_keeps_its_names_and_has_those_of_this_machine(
    monkeypatch, before: Mapping[str, str], after: Mapping[str, str]
):
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.setenv(name, before.get(name, ""))
    bypass_proxy()
    bypass_proxy()
    assert {name: os.environ[name] for name in after} == after
