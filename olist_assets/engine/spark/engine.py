"""Spark as an engine: embedded in the process, on a cluster, or on a Spark Connect server, as the settings say."""

import signal
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any
from urllib.parse import urlparse

import pyarrow as pa
from dagster_pyspark import LazyPySparkResource
from deltalake import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from olist_assets.contracts.quoting import spark_glob, spark_literal, spark_path
from olist_assets.contracts.table import Table
from olist_assets.engine.csv_records import CSV_OPTIONS, text_columns, with_misfits
from olist_assets.engine.engine import STATISTICS_OF_MESSAGES, WEEK_HOURS, Engine, TakeMessages, interruptible
from olist_assets.engine.merge import Changed, Merge
from olist_assets.engine.spark import kafka_stream
from olist_assets.engine.spark.config import spark_config
from olist_assets.engine.spark.connect_token import PORT, give_token, require_accepted
from olist_assets.engine.spark.delta_writer import DeltaWriter
from olist_assets.engine.spark.jars import jar_sets, kafka_source_jars
from olist_assets.engine.spark.java import java_version
from olist_assets.engine.spark.submit import without_secrets
from olist_assets.engine.write_plan import Write
from olist_assets.errors import OlistError
from olist_assets.lakehouse.feeds import FED_BY
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.schemas import SchemaChange, shape
from olist_assets.loopback import bypass_proxy
from olist_assets.settings import Address
from olist_assets.source.csv_file import CsvFile

CONNECT_SECONDS = 5
AGE_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
# A commit with these is skipped where the table has one of the same application with this version or a higher one.
APPLICATION, APPLICATION_VERSION = (f"spark.databricks.delta.write.txn{what}" for what in ("AppId", "Version"))


class SparkEngine(Engine):
    """Spark, started through dagster-pyspark at its first use."""

    flavour = "spark"

    @cached_property
    def _session(self) -> SparkSession:
        self.require()
        bypass_proxy()
        with self.starting:
            config = without_secrets(spark_config(self.settings))
            with keeping_interrupt_handler():
                return interruptible(LazyPySparkResource(spark_config=config).spark_session)

    @property
    def session(self) -> SparkSession:
        session = self._session
        if self.settings.spark_remote:
            from pyspark.sql.connect.session import SparkSession as RemoteSession

            # Models are written and read by the thread's own session, which only the thread that started it has.
            RemoteSession._set_default_and_active_session(session)  # pyright: ignore
        return session

    def require(self) -> None:
        if self.settings.spark_remote:
            _require_server(self.settings.spark_remote)
            address = self.settings.spark_remote.get_secret_value()
            give_token(address, self.settings.cache)
            require_accepted(address)
        else:
            java_version()

    def findings(self) -> Mapping[str, Callable[[], str]]:
        return {"java": self._java, "jars": self._jars}

    def _java(self) -> str:
        self.require()
        remote = self.settings.spark_remote
        return f"not needed: Spark is at {remote}" if remote else f"Java {java_version()}"

    def _jars(self) -> str:
        if self.settings.spark_remote:
            return "not needed: the server has its own"
        missing = [jar for jars in jar_sets(self.settings) for jar in jars.missing(self.settings.cache)]
        if missing:
            return f"{len(missing)} to be fetched by the first run (network needed)"
        of_stream = len(kafka_source_jars().missing(self.settings.cache))
        more = f"; {of_stream} more to be fetched by the first stream of order events" if of_stream else ""
        return f"cached and verified{more}"

    def read_csv(self, file: CsvFile) -> DataFrame:
        # With the line end given, Spark keeps line breaks inside quoted fields as they are.
        options = CSV_OPTIONS | {"lineSep": file.line_end}
        reader = self.session.read.schema(text_columns(file.header)).options(**options)
        return with_misfits(reader.csv(spark_glob(file.path)), file)

    def read_table(self, table: DeltaTable) -> DataFrame:
        return self.session.read.format("delta").load(str(location(table)), versionAsOf=table.version())

    def read_files(self, table: DeltaTable, files: Sequence[str]) -> DataFrame:
        fields = ", ".join(f"`{name}` {kind}" for name, (kind, _) in shape(table).items())
        if not files:
            return self.session.createDataFrame([], fields)
        return self.session.read.schema(fields).parquet(*map(spark_glob, files))

    def take_messages(self, take: TakeMessages) -> None:
        if self.settings.spark_remote:
            raise OlistError(
                "Order events cannot be streamed over Spark Connect, whose server would append them without the locks "
                "of this machine. Unset OLIST_SPARK_REMOTE, or set OLIST_ENGINE=sail."
            )

        def create(path: Path, contract: Table) -> None:
            self.create_empty(path, contract)
            self.set_property(path, *STATISTICS_OF_MESSAGES)

        with self._apart(kafka_stream.SETTINGS) as session:
            kafka_stream.take_messages(take, session, kafka_source_jars().fetched(self.settings.cache), create)

    @contextmanager
    def framed(self, rows: pa.Table) -> Iterator[DataFrame]:
        yield self.session.createDataFrame(rows)

    @contextmanager
    def held(self, frame: DataFrame) -> Iterator[DataFrame]:
        persisted = frame.persist()
        try:
            yield persisted
        finally:
            persisted.unpersist()

    def merge(self, path: Path, contract: Table, merge: Merge, change: SchemaChange, metadata: str) -> Changed:
        view = f"changes_{uuid.uuid4().hex}"
        settings = {USER_METADATA: metadata}
        if merge.batch is not None:
            settings |= {APPLICATION: FED_BY, APPLICATION_VERSION: str(merge.batch)}
        with self._apart(settings) as session:
            merge.frame.createGlobalTempView(view)
            try:
                return DeltaWriter(session, path, contract).merge(merge, f"global_temp.{view}", change)
            finally:
                session.catalog.dropGlobalTempView(view)

    def write(self, path: Path, contract: Table, write: Write, change: SchemaChange | None, metadata: str) -> None:
        DeltaWriter(self.session, path, contract).write(write, change, metadata)

    def save(self, frame: DataFrame, path: Path) -> None:
        frame.write.format("delta").save(str(path))

    def restore(self, path: Path, version: int, metadata: str) -> None:
        with self._conf(USER_METADATA, metadata):
            try:
                self.session.sql(f"RESTORE TABLE {spark_path(path)} TO VERSION AS OF {version}")
            except (PySparkException, Py4JJavaError) as error:
                why = str(error).splitlines()[0]
                raise OlistError(f"Spark cannot restore {path.name} to version {version}: {why}") from error

    def set_property(self, path: Path, name: str, value: str) -> None:
        pair = f"{spark_literal(name)} = {spark_literal(value)}"
        self.session.sql(f"ALTER TABLE {spark_path(path)} SET TBLPROPERTIES ({pair})")

    def require_writable(self, table: DeltaTable) -> None:
        """Spark writes all of them."""

    def optimize(self, path: Path, contract: Table) -> None:  # noqa: ARG002  # the table itself says how it is clustered
        self.session.sql(f"OPTIMIZE {spark_path(path)}")

    def require_clustering(self) -> None:
        """Spark can."""

    def cluster(self, path: Path, contract: Table) -> None:
        self.session.sql(f"ALTER TABLE {spark_path(path)} CLUSTER BY (`{contract.day}`)")
        self.session.sql(f"OPTIMIZE {spark_path(path)} FULL")

    def vacuum(self, path: Path, retention_hours: int) -> None:
        with self._conf(AGE_CHECK, str(retention_hours >= WEEK_HOURS).lower()):
            self.session.sql(f"VACUUM {spark_path(path)} RETAIN {retention_hours} HOURS")

    def close(self) -> None:
        """End the session on a server, and with it what the run left there; the embedded one belongs to the process.

        Otherwise models that a failed training left behind would be deleted on the server as Python ends, and the
        client would wait for it for ever.
        """
        if self.settings.spark_remote and "_session" in vars(self):
            self._session.stop()

    @contextmanager
    def _apart(self, settings: Mapping[str, str]) -> Iterator[SparkSession]:
        """A session of the same Spark with further settings: those of the run's session hold for all its threads."""
        if self.settings.spark_remote:
            session: Any = self.session.cloneSession()  # pyright: ignore
        else:
            session = self.session.newSession()
        for name, value in settings.items():
            session.conf.set(name, value)
        try:
            yield interruptible(session)
        finally:
            if self.settings.spark_remote:
                session.stop()

    @contextmanager
    def _conf(self, name: str, value: str) -> Iterator[None]:
        """One of the session's settings, changed for a statement."""
        self.session.conf.set(name, value)
        try:
            yield
        finally:
            self.session.conf.unset(name)


@contextmanager
def keeping_interrupt_handler() -> Iterator[None]:
    """Keep what a command does at Ctrl-C: PySpark replaces it as it starts, by a handler that breaks its own calls."""
    before = signal.getsignal(signal.SIGINT)
    yield
    if before is not signal.default_int_handler and current_thread() is main_thread():
        signal.signal(signal.SIGINT, before)


def _require_server(remote: Address) -> None:
    # The client itself would try for minutes.
    address = urlparse(remote.get_secret_value())
    try:
        server = (address.hostname or "", address.port or PORT)
        socket.create_connection(server, timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        # The text of a ValueError is a part of the address.
        why = error if isinstance(error, OSError) else "it is not an address like sc://host:15002"
        raise OlistError(
            f"No Spark Connect server answers at {remote} ({why}). Start one: olist spark-server; "
            "or unset OLIST_SPARK_REMOTE."
        ) from None
