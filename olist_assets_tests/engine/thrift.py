"""`olist thrift-server` for tests, and connections to it by JDBC."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError

from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.loopback import HOST
from olist_assets.settings import Conf
from olist_assets_tests.conftest import ONE_CORE, environment


@contextmanager
def thrift_server(
    served: Warehouse, port: int, folder: Path, **more: str
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The server once it prints its address, and the file of its password; ended after the body in any case."""
    (folder / "cwd").mkdir()
    command = [str(Path(sys.executable).with_name("olist")), "thrift-server", "--port", str(port)]
    settings = served.settings.model_copy(update={"spark_conf": Conf(ONE_CORE)})
    env = os.environ | environment(settings) | {"TMPDIR": str(folder)} | more
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=folder / "cwd", env=env, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert f"1 table of {served.root} at jdbc:hive2://127.0.0.1:{port}" in process.stdout.readline()
            found = re.search(r"password, for any user name, is in (.+)", process.stdout.readline())
            assert found
            yield process, Path(found[1])
        finally:
            # It has a process group of its own, with Spark in it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def connect(jvm: Any, port: int, password: str, options: str = "") -> Any:
    """A connection by JDBC. Raises Py4JJavaError."""
    jvm.java.lang.Class.forName("org.apache.hive.jdbc.HiveDriver")
    return jvm.java.sql.DriverManager.getConnection(f"jdbc:hive2://{HOST}:{port}{options}", "olist", password)


def answer(connection: Any, statement: str) -> list[str] | str:
    """The first column of the rows, or the message of the refusal."""
    asked = connection.createStatement()
    try:
        if not asked.execute(statement):
            return []
        rows, found = asked.getResultSet(), []
        while rows.next():
            found.append(rows.getString(1))
        return found
    except Py4JJavaError as error:
        return str(error.java_exception.getMessage())
    finally:
        asked.close()
