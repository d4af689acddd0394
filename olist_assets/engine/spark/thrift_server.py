"""Spark's own Thrift server over the lakehouse's tables: SQL by JDBC for BI tools, on the loopback address only.

It asks for a password and answers queries only. Spark has no such options for a server without Kerberos or LDAP, so
the classes for it are in `java/`; Janino, the compiler that Spark uses for its queries, compiles them at the start.
"""

import os
import secrets
import signal
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext

from olist_assets.contracts.quoting import spark_literal
from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.jvm_environment import server_environment
from olist_assets.engine.spark.submit import without_secrets
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.loopback import HOST, ipv6_port_held, require_free
from olist_assets.private_files import scratch
from olist_assets.settings import Settings

# In this order: the second one uses the first one.
CLASSES = ("ReadOnlyParser", "ReadOnlyServer")
# Where the tables are registered. Clients query the views over them, of which Hive's metadata has the columns as well.
TABLES = "lakehouse"


def serve(warehouse: Warehouse, names: Iterable[str], port: int, on_ready: Callable[[Path], None]) -> None:
    """Serve the tables under their bare names until Ctrl-C or SIGTERM, which raise KeyboardInterrupt.

    Each query reads the newest versions. `on_ready` gets the file with the password, which only this user can read.
    Returns only if Spark's process ends by itself. Raises OlistError if the port is in use or the settings name a
    remote Spark.
    """
    settings = warehouse.settings
    if settings.spark_remote:
        raise OlistError("The Thrift server needs a Spark of its own: unset OLIST_SPARK_REMOTE.")
    require_free(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = settings.thrift_password
    password = given.get_secret_value() if given else secrets.token_urlsafe(18)
    # For the files of Spark, Hive and Derby, some of which would go to the working directory otherwise.
    with (
        ipv6_port_held(port),
        tempfile.TemporaryDirectory(prefix="thrift-", dir=scratch(), ignore_cleanup_errors=True) as folder,
    ):
        context: Any = _context(settings, port, folder)
        gateway = context._gateway
        try:
            server = compiled(gateway.jvm)
            session = server.session(context._jsc.sc(), {})
            _make_views(gateway, session, {name: warehouse.path(name) for name in names})
            server.serve(session, password)
            on_ready(_written(password, Path(folder)))
            gateway.proc.wait()
        finally:
            # Spark shuts down once this pipe is closed, also if this process is killed.
            gateway.proc.stdin.close()
            gateway.proc.wait()


def _context(settings: Settings, port: int, folder: str) -> SparkContext:
    config = without_secrets(spark_config(settings))
    config["spark.driver.extraJavaOptions"] += (
        f" -Djava.io.tmpdir={folder} -Dderby.stream.error.file={folder}/derby.log"
        # Hive looks for it in the properties of the system only.
        " -Dhive.server2.custom.authentication.class=olist.Password"
    )
    # Instead, `Extensions` in ReadOnlyParser.java puts its parser around that of Delta.
    del config["spark.sql.extensions"]
    config |= {
        "spark.app.name": "olist thrift-server",
        "spark.hadoop.hive.server2.thrift.bind.host": HOST,
        "spark.hadoop.hive.server2.thrift.port": str(port),
        "spark.hadoop.hive.server2.authentication": "CUSTOM",
        "spark.hadoop.hive.server2.enable.doAs": "false",
        "spark.sql.runSQLOnFiles": "false",
        # `${env:...}` in a query would be the JVM's environment.
        "spark.sql.variable.substitute": "false",
    }
    # Spark's JVM inherits it. Nothing else of this process needs the rest.
    kept = server_environment(settings)
    for name in os.environ.keys() - kept.keys():
        del os.environ[name]
    return SparkContext(conf=SparkConf().setAll(list(config.items())))


def compiled(jvm: Any) -> Any:
    """The class of the server, which this thread of the JVM, and those that it starts, can load by name from now on."""
    thread = jvm.java.lang.Thread.currentThread()
    for name in CLASSES:
        source = Path(__file__).with_name("java") / f"{name}.java"
        compiler = jvm.org.codehaus.janino.SimpleCompiler()
        compiler.setParentClassLoader(thread.getContextClassLoader())
        compiler.cook(source.name, jvm.java.io.StringReader(source.read_text()))
        thread.setContextClassLoader(compiler.getClassLoader())
    return jvm.olist.ReadOnlyServer


def _make_views(gateway: Any, session: Any, paths: dict[str, Path]) -> None:
    parser = gateway.jvm.olist.ReadOnlyParser
    for statement in (
        f"CREATE DATABASE {TABLES}",
        *(s for name, path in paths.items() for s in statements(name, path)),
    ):
        parser.allow(statement)
        session.sql(statement)
        parser.forbid(statement)
    for name in paths:
        # Spark parses the text of a view again for each query of it.
        parser.allow(query(name))


def statements(name: str, path: Path) -> tuple[str, str]:
    """The statements that give a table its bare name; a view cannot be written to."""
    return (
        f"CREATE TABLE {TABLES}.{name} USING DELTA LOCATION {spark_literal(str(path))}",
        f"CREATE VIEW {name} WITH SCHEMA EVOLUTION AS {query(name)}",
    )


def query(name: str) -> str:
    """The text of a table's view."""
    return f"SELECT * FROM {TABLES}.{name}"


def _written(password: str, folder: Path) -> Path:
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(password)
    return file
