"""Attacks on the Thrift server: without its password, and with it by statements that do more than read."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from olist_assets.catalog import catalog
from olist_assets.engine.spark.thrift_server import compiled, query
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.conftest import FinishedRun, settings_in
from olist_assets_tests.engine.hostile_statements import ANSWERED, REFUSED
from olist_assets_tests.engine.thrift import answer, connect, thrift_server
from olist_assets_tests.servers import free_port, of_group

TABLE = "gold_segment_profiles"
SECRETS = {"OLIST_MASK_SALT": "salt", "AWS_SECRET_ACCESS_KEY": "aws", "OLIST_ALERT_SMTP_PASSWORD": "mail"}
REFUSAL = "This server answers queries of its tables only; not allowed: "
# One of each kind also reaches a server in the gate; `make test-cases` sends all of them.
KINDS = (
    "INSERT OVERWRITE LOCAL DIRECTORY '{out}' USING csv SELECT 1",
    "DELETE FROM delta.`{path}`",
    "VACUUM delta.`{path}` RETAIN 0 HOURS",
    "SELECT * FROM text.`/etc/passwd`",
    "SELECT TRANSFORM(1) USING 'id' AS (x)",
    "SELECT java_method('java.lang.System', 'getenv', 'OLIST_MASK_SALT')",
    "SET spark.sql.runSQLOnFiles = true",
    "BEGIN DELETE FROM delta.`{path}`; END",
)

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def served(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse that has a copy of one table."""
    served = Warehouse(settings_in(tmp_path_factory.mktemp("served"), finished.data), catalog())
    shutil.copytree(finished.warehouse.path(TABLE), served.path(TABLE))
    return served


@pytest.fixture(scope="module")
def jvm(spark: SparkSession) -> Any:
    context: Any = spark.sparkContext
    return context._gateway.jvm


@pytest.fixture(scope="module")
def parser(spark: SparkSession, jvm: Any) -> Iterator[Any]:
    """The parser of the server, in this process's Spark."""
    session: Any = spark
    thread = jvm.java.lang.Thread.currentThread()
    before = thread.getContextClassLoader()
    compiled(jvm)
    yield jvm.olist.ReadOnlyParser(session._jsparkSession.sessionState().sqlParser())
    thread.setContextClassLoader(before)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def of_table(statement: str, served: Warehouse) -> str:
    return statement.format(view=TABLE, path=served.path(TABLE), out=served.root / "out")


def refusal(parser: Any, statement: str) -> str:
    try:
        parser.parsePlan(statement)
    except PySparkException as error:
        return str(error)
    return ""


def test_parser_refuses_everything_but_queries_of_the_views(parser, served):
    passed = [text for text in REFUSED if REFUSAL not in refusal(parser, of_table(text, served))]
    assert passed == []
    assert len(set(REFUSED)) >= 140


def test_parser_passes_what_a_bi_tool_sends(parser, served):
    assert {text: found for text in ANSWERED if (found := refusal(parser, of_table(text, served)))} == {}


def test_parser_passes_the_texts_of_the_server_itself_and_nothing_longer(parser, jvm):
    text = query("some_table")
    assert REFUSAL in refusal(parser, text)
    jvm.olist.ReadOnlyParser.allow(text)
    assert refusal(parser, text) == ""
    assert REFUSAL in refusal(parser, f"{text} LIMIT 1")


def test_server_needs_its_password_and_changes_nothing(served, jvm, tmp_path):
    port, before = free_port(), files_of(served.root)
    with thrift_server(served, port, tmp_path, **SECRETS) as (process, file):
        password = file.read_text()
        assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
        for wrong in ("", "x", password[:-1], password + "x", password.upper()):
            with pytest.raises(Py4JJavaError, match="Error validating the login"):
                connect(jvm, port, wrong)
        with pytest.raises(Py4JJavaError):
            connect(jvm, port, password, "/;auth=noSasl")
        of_client = "/lakehouse?spark.sql.runSQLOnFiles=true;spark.sql.variable.substitute=true#a=b"
        connection = connect(jvm, port, password, of_client)
        for text in KINDS:
            assert REFUSAL in answer(connection, of_table(text, served)), text
        assert answer(connection, "SELECT '${env:HOME} ${system:user.home} ${a}'") == [
            "${env:HOME} ${system:user.home} ${a}"
        ]
        assert answer(connection, "SELECT current_database()") == ["default"]
        assert len(answer(connection, f"SELECT * FROM {TABLE}")) > 0
        # BI tools ask for these.
        assert connection.getMetaData().getColumns(None, "default", TABLE, "%").next()
        commands = of_group(process)
        assert [command for command in commands if password in command] == []
        (java,) = [found for command, found in commands.items() if "/java " in command]
        assert set(SECRETS) & set(java.environ()) == set()
    assert files_of(served.root) == before


@pytest.mark.cases
def test_server_refuses_and_answers_the_whole_list(served, jvm, tmp_path):
    port, before = free_port(), files_of(served.root)
    with thrift_server(served, port, tmp_path) as (_, file):
        connection = connect(jvm, port, file.read_text())
        for text in REFUSED:
            assert REFUSAL in answer(connection, of_table(text, served)), text
        for text in ANSWERED:
            assert isinstance(found := answer(connection, of_table(text, served)), list), found
            assert "root:" not in str(found)
    assert files_of(served.root) == before
