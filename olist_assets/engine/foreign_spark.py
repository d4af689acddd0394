"""Environment variables that a shell exports for another Spark of the machine, and that would change ours.

OLIST_SPARK_MASTER, OLIST_SPARK_REMOTE and OLIST_SPARK_CONF are the settings; nothing else decides what starts.
"""

import os

# PySpark reads these as it creates a session, over Spark Connect too, and those of MASTER contradict a remote.
OF_A_SESSION = (
    "MASTER",
    "SPARK_REMOTE",
    "SPARK_LOCAL_REMOTE",
    "SPARK_API_MODE",
    "SPARK_CONNECT_MODE",
    # Also inherited from a process of ours that has a session over Connect.
    "SPARK_CONNECT_MODE_ENABLED",
    "PYSPARK_REMOTE_INIT_CONF_LEN",
    "SPARK_TESTING",
)
# Spark's scripts and its launcher read these before they start the JVM.
OF_A_JVM = (
    "PYSPARK_DRIVER_PYTHON",
    "PYSPARK_DRIVER_PYTHON_OPTS",
    "PYSPARK_SUBMIT_ARGS",
    "PYSPARK_GATEWAY_PORT",
    "PYSPARK_GATEWAY_SECRET",
    "SPARK_ENV_LOADED",
    "SPARK_LAUNCHER_OPTS",
    "SPARK_PREPEND_CLASSES",
    "SPARK_SUBMIT_OPTS",
)
# A cluster's own configuration, which a driver outside of it needs.
OF_A_CLUSTER = ("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_CONF_DIR", "SPARK_DIST_CLASSPATH", "SPARK_LOCAL_IP")


def forget_foreign_spark(*, on_a_cluster: bool = False) -> None:
    """Remove these variables from the environment of this process and its children, before a session starts."""
    for variable in OF_A_SESSION + OF_A_JVM + (() if on_a_cluster else OF_A_CLUSTER):
        os.environ.pop(variable, None)
