"""spark-submit: its path and its arguments."""

from collections.abc import Mapping
from pathlib import Path


def spark_home() -> Path:
    """The folder of the installed PySpark."""
    import pyspark

    return Path(pyspark.__file__).parent


def spark_submit() -> Path:
    """The command of the installed PySpark."""
    return spark_home() / "bin" / "spark-submit"


def conf_arguments(config: Mapping[str, str]) -> list[str]:
    """Settings as arguments."""
    return [word for name, value in config.items() for word in ("--conf", f"{name}={value}")]
