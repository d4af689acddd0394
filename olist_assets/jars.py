"""Delta's five JARs: resolved once through Spark's own Ivy, verified by SHA-256, cached for later sessions."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

from olist_assets.errors import OlistError

DELTA_VERSION = "4.4.0"
SHA256 = {
    "delta-spark_4.2_2.13": "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    "delta-storage": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    "delta-kernel-api": "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11",
    "delta-kernel-defaults": "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b",
    "delta-kernel-unitycatalog": "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa",
}
# Ivy would bring 33 files: nothing but io.delta is needed, Spark ships the rest.
EXCLUDED = "com.*:*,org.*:*,net.*:*,io.unitycatalog:*,io.netty:*,jakarta.*:*,javax.*:*,dev.*:*"


def delta_jars(cache: Path) -> list[Path]:
    """Paths of the five JARs; the first call of all processes resolves them, later ones need no network."""
    jars = _paths(cache)
    folder = jars[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OlistError(f"Cannot write the JAR cache {folder}: {error.strerror}. Set OLIST_CACHE.") from error
    # Ivy's cache is not safe for two first starts at once.
    with FileLock(folder / ".lock", timeout=600):
        if missing_jars(cache):
            _resolve(folder)
            for jar in jars:
                if not _verified(jar):
                    raise OlistError(f"{jar.name} does not have the pinned SHA-256: delete {folder} and try again.")
    return jars


def missing_jars(cache: Path) -> list[Path]:
    """Those of the five that are not cached, or not what was pinned."""
    return [jar for jar in _paths(cache) if not _verified(jar)]


def _paths(cache: Path) -> list[Path]:
    return [cache / f"delta-{DELTA_VERSION}" / f"{artifact}-{DELTA_VERSION}.jar" for artifact in SHA256]


def _verified(jar: Path) -> bool:
    artifact = jar.name.removesuffix(f"-{DELTA_VERSION}.jar")
    return jar.exists() and hashlib.sha256(jar.read_bytes()).hexdigest() == SHA256[artifact]


def _resolve(folder: Path) -> None:
    """Let spark-submit run an empty script with the packages: that resolves them and nothing else."""
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch, "resolve.py")
        script.write_text("")
        coordinates = ",".join(f"io.delta:{artifact}:{DELTA_VERSION}" for artifact in SHA256)
        settings = {"spark.jars.ivy": f"{scratch}/ivy", "spark.jars.excludes": EXCLUDED, "spark.ui.enabled": "false"}
        confs = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
        command = [str(spark_submit()), "--master", "local[1]", "--packages", coordinates, *confs, str(script)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = next(
                (ln for ln in done.stderr.splitlines() if "unresolved" in ln or "not found" in ln), done.stderr[-500:]
            )
            raise OlistError(f"Delta's JARs could not be resolved (network needed on the first start only): {reason}")
        for artifact in SHA256:
            name = f"{artifact}-{DELTA_VERSION}.jar"
            found = next(Path(scratch, "ivy", "jars").glob(f"*{name}"))
            # A rename is atomic: a killed first start leaves no half a JAR under the final name.
            partial = Path(shutil.copy(found, folder / f"{name}.partial"))
            partial.rename(folder / name)


def spark_submit() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent / "bin" / "spark-submit"
