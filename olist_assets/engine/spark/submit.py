"""spark-submit: its path, and settings for it in a file, because other users of a machine see a process's arguments."""

import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from olist_assets.private_files import scratch
from olist_assets.redaction import redacted_setting

# Java's format of properties: what it would take for a separator, a comment, the end of a line or of the name.
ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "\\=:#! "} | {"\n": "\\n", "\r": "\\r", "\t": "\\t"})
SUBMIT_ARGUMENTS = "PYSPARK_SUBMIT_ARGS"


def spark_home() -> Path:
    """The folder of the installed PySpark."""
    import pyspark

    return Path(pyspark.__file__).parent


def spark_submit() -> Path:
    """The command of the installed PySpark."""
    return spark_home() / "bin" / "spark-submit"


def conf_arguments(config: Mapping[str, str]) -> list[str]:
    """The arguments that give settings to spark-submit: a file that only this user can read."""
    number, path = tempfile.mkstemp(prefix="spark-", suffix=".properties", dir=scratch())
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(properties(config))
    # By default Spark does not read its own configuration if it is given such a file.
    return ["--properties-file", path, "--load-spark-defaults"]


def properties(config: Mapping[str, str]) -> str:
    """Settings as a Java properties file."""
    return "".join(f"{name.translate(ESCAPED)}={value.translate(ESCAPED)}\n" for name, value in config.items())


def without_secrets(config: Mapping[str, str]) -> dict[str, str]:
    """The settings without the secret ones, which the next JVM of this process reads from a file.

    PySpark gives all settings of a session to its JVM as arguments.
    """
    secret = {name: value for name, value in config.items() if redacted_setting(name, value) != value}
    if secret and "spark.remote" not in config:
        os.environ[SUBMIT_ARGUMENTS] = shlex.join([*conf_arguments(secret), "pyspark-shell"])
        return {name: value for name, value in config.items() if name not in secret}
    return dict(config)
