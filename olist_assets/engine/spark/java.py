"""The Java that Spark will start."""

import shutil
import subprocess

from olist_assets.errors import OlistError

MINIMUM_JAVA = 17


def java_version() -> str:
    """The version of the Java that Spark will start. Raises OlistError if there is none, or one older than 17."""
    advice = f"Install Java {MINIMUM_JAVA} or newer (for example Debian's openjdk-17-jre-headless)."
    java = shutil.which("java")
    if not java:
        raise OlistError(f"Spark needs Java and found none on the PATH. {advice}")
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = text.split('"')[1] if '"' in text else "0"
    if int(version.split(".")[0]) < MINIMUM_JAVA:
        raise OlistError(f"Spark needs Java {MINIMUM_JAVA}; {java} is {version}. {advice}")
    return version
