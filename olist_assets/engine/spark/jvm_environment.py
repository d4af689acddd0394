"""The environment of a JVM that answers clients: what Java and Spark need, and no secret of the platform.

SQL can read the environment of the JVM, for example with `java_method('java.lang.System', 'getenv', ...)`.
"""

import os

from olist_assets.engine.spark.connect_token import VARIABLE
from olist_assets.settings import Settings

NEEDED = {
    "HOME", "JAVA_HOME", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "KRB5CCNAME", "KRB5_CONFIG", "LANG",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "LOGNAME", "PATH", "PYTHONPATH", "TMPDIR", "TZ", "USER",
}  # fmt: skip
NEEDED_FAMILIES = ("HADOOP_", "LC_", "NSS_WRAPPER_", "PYSPARK_", "SPARK_", "YARN_")
OF_OBJECT_STORES = "AWS_"


def server_environment(settings: Settings) -> dict[str, str]:
    """These variables of this process's environment; the keys of the object store if the warehouse is in one."""
    families = (*NEEDED_FAMILIES, OF_OBJECT_STORES) if settings.is_in_object_store else NEEDED_FAMILIES
    return {
        name: value
        for name, value in os.environ.items()
        if (name in NEEDED or name.startswith(families)) and name != VARIABLE
    }
