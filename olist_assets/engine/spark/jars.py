"""JARs that Spark does not ship: resolved once through its own Ivy, verified by SHA-256, cached for later sessions."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from olist_assets.engine.spark.submit import conf_arguments, spark_submit
from olist_assets.errors import OlistError
from olist_assets.private_files import scratch
from olist_assets.settings import Settings

DELTA_VERSION, HADOOP_VERSION, AWS_VERSION = "4.4.0", "3.5.0", "2.57.8"
SPARK_VERSION = "4.2.0"


@dataclass(frozen=True)
class JarSet:
    """JARs that are resolved together: the coordinates for Ivy, its exclusions, and the expected files."""

    folder: str
    coordinates: tuple[str, ...]
    excluded: str
    sha256: Mapping[str, str]

    def paths(self, cache: Path) -> list[Path]:
        return [cache / self.folder / name for name in self.sha256]

    def missing(self, cache: Path) -> list[Path]:
        """JARs that are not in the cache, or that differ from the pinned checksum."""
        return [jar for jar in self.paths(cache) if not self._is_verified(jar)]

    def fetched(self, cache: Path) -> list[Path]:
        """The paths of all JARs. Only the first call on a machine needs the network. Raises OlistError."""
        folder = cache / self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OlistError(f"Cannot write the JAR cache {folder}: {error.strerror}. Set OLIST_CACHE.") from error
        # Two processes must not use Ivy's cache at once.
        with FileLock(folder / ".lock", timeout=600):
            if self.missing(cache):
                _resolve(self, folder)
                for jar in self.missing(cache):
                    raise OlistError(f"{jar.name} does not have the pinned SHA-256: delete {folder} and try again.")
        return self.paths(cache)

    def _is_verified(self, jar: Path) -> bool:
        return jar.exists() and hashlib.sha256(jar.read_bytes()).hexdigest() == self.sha256[jar.name]


_DELTA_SHA256 = {
    "delta-spark_4.2_2.13": "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    "delta-storage": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    "delta-kernel-api": "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11",
    "delta-kernel-defaults": "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b",
    "delta-kernel-unitycatalog": "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa",
}


def delta_jars() -> JarSet:
    """Delta's JARs. Ivy would fetch 33 files, but only those of io.delta are needed: Spark ships the rest."""
    return JarSet(
        folder=f"delta-{DELTA_VERSION}",
        coordinates=tuple(f"io.delta:{artifact}:{DELTA_VERSION}" for artifact in _DELTA_SHA256),
        excluded="com.*:*,org.*:*,net.*:*,io.unitycatalog:*,io.netty:*,jakarta.*:*,javax.*:*,dev.*:*",
        sha256={f"{artifact}-{DELTA_VERSION}.jar": digest for artifact, digest in _DELTA_SHA256.items()},
    )


def s3_jars() -> JarSet:
    """Hadoop's S3 client with the parts of AWS's SDK that it uses: 16 MB instead of the SDK's bundle of 600 MB."""
    sdk = (
        f"software.amazon.awssdk:{part}:{AWS_VERSION}" for part in ("s3", "s3-transfer-manager", "sts", "apache-client")
    )
    pinned = (line.split() for line in Path(__file__).with_name("s3_jars.sha256").read_text().splitlines())
    return JarSet(
        folder=f"s3-{HADOOP_VERSION}-{AWS_VERSION}",
        coordinates=(f"org.apache.hadoop:hadoop-aws:{HADOOP_VERSION}", *sdk),
        # Spark ships the rest.
        excluded="software.amazon.awssdk:bundle,com.google.*:*,org.slf4j:*,io.netty:*,org.wildfly.openssl:*,commons-*:*",
        sha256={name: digest for digest, name in pinned},
    )


_KAFKA_SHA256 = {
    f"spark-sql-kafka-0-10_2.13-{SPARK_VERSION}.jar": (
        "64539c45e5d39f7ddb747312c239f38f5208d08c1a0ddf7d70beb2fbd9373705"
    ),
    f"spark-token-provider-kafka-0-10_2.13-{SPARK_VERSION}.jar": (
        "641c7947afc8aa1189e433b7c2d305293993c8691bc1c2062d6d4f513b12518c"
    ),
    "kafka-clients-3.9.2.jar": "014b4ef36884478a932641818b080c36a8f8e2e92dc771e800c9d2694f4f83d8",
    "commons-pool2-2.13.1.jar": "f77a5060d6936a9144023584232f9de3f2248f1abfe156e9d31795f18770674f",
}


def kafka_source_jars() -> JarSet:
    """Spark's Kafka source with the client that it was built for, which is older than the JARs of `olist broker`.

    Only streaming needs them, so they are not on the class path: see `kafka_stream`.
    """
    return JarSet(
        folder=f"spark-kafka-{SPARK_VERSION}",
        coordinates=(f"org.apache.spark:spark-sql-kafka-0-10_2.13:{SPARK_VERSION}",),
        # Spark ships the rest.
        excluded="org.apache.hadoop:*,org.scala-lang.modules:*,org.slf4j:*,org.xerial.snappy:*,at.yawk.lz4:*,com.*:*",
        sha256=_KAFKA_SHA256,
    )


def jar_sets(settings: Settings) -> list[JarSet]:
    """The JARs that these settings need on Spark's class path."""
    return [delta_jars(), s3_jars()] if settings.is_in_object_store else [delta_jars()]


def fetched_jars(settings: Settings) -> list[Path]:
    """Paths of all JARs that these settings need. Raises OlistError."""
    return [jar for jars in jar_sets(settings) for jar in jars.fetched(settings.cache)]


def _resolve(jars: JarSet, folder: Path) -> None:
    """Resolve the packages by letting spark-submit run an empty script with them."""
    with tempfile.TemporaryDirectory(dir=scratch()) as work:
        script = Path(work, "resolve.py")
        script.write_text("")
        settings = {
            "spark.jars.ivy": f"{work}/ivy",
            "spark.jars.excludes": jars.excluded,
            "spark.ui.enabled": "false",
        }
        packages = ["--packages", ",".join(jars.coordinates)]
        command = [str(spark_submit()), "--master", "local[1]", *packages, *conf_arguments(settings), str(script)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = next(
                (ln for ln in done.stderr.splitlines() if "unresolved" in ln or "not found" in ln), done.stderr[-500:]
            )
            raise OlistError(
                f"JARs of {jars.folder} could not be resolved (network needed on the first start only): {reason}"
            )
        for name in jars.sha256:
            # Ivy prefixes the file name with the group.
            found = next(Path(work, "ivy", "jars").glob(f"*_{name}"), None)
            if found is None:
                raise OlistError(f"{name} is not among the JARs resolved for {jars.folder}.")
            # A rename is atomic: an interrupted first start leaves no partial JAR under the final name.
            partial = Path(shutil.copy(found, folder / f"{name}.partial"))
            partial.rename(folder / name)
