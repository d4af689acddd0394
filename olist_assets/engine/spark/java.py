"""The Java that Spark, or another program of the JVM, will start."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from olist_assets.errors import OlistError
from olist_assets.user import is_known

MINIMUM_JAVA = 17
ADVICE = f"Install Java {MINIMUM_JAVA} or newer (for example Debian's openjdk-17-jre-headless)."
# Not the first quotes of the output: JAVA_TOOL_OPTIONS is printed before it. Java 8 calls itself 1.8.
VERSION = re.compile(r'^\w+ version "((?:1\.)?(\d+)[^"]*)"', re.MULTILINE)
SECONDS_TO_ANSWER = 60


def java_version(program: str = "Spark") -> str:
    """The version of the Java that a program will start. Raises OlistError if it cannot start with it."""
    java = java_command(program)
    if not is_known():
        raise OlistError(
            f"Spark needs a name for the user id {os.getuid()}, which this machine does not know. Add it to "
            "/etc/passwd, run as another user, or set OLIST_ENGINE=sail, which needs none."
        )
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, errors="replace", check=False, timeout=SECONDS_TO_ANSWER
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OlistError(f"{java} -version fails: {error}. {ADVICE}") from error
    found = VERSION.search(done.stderr + done.stdout)
    if done.returncode or not found:
        said = " ".join((done.stderr + done.stdout).split())[:300] or f"exit code {done.returncode}"
        raise OlistError(
            f"{java} -version does not print a version: {said}. Correct JAVA_HOME and the options that the "
            f"environment gives Java. {ADVICE}"
        )
    version, major = found.groups()
    if int(major) < MINIMUM_JAVA:
        raise OlistError(f"{program} needs Java {MINIMUM_JAVA}; {java} is {version}. {ADVICE}")
    return version


def java_command(program: str = "Spark") -> str:
    """The command that Spark's scripts choose too: that of JAVA_HOME, else the one on the PATH."""
    if home := os.environ.get("JAVA_HOME"):
        java = shutil.which(Path(home, "bin", "java"))
        if not java:
            raise OlistError(f"JAVA_HOME is {home}, where there is no bin/java: correct or unset it. {ADVICE}")
        return str(java)
    java = shutil.which("java")
    if not java:
        raise OlistError(f"{program} needs Java and found none on the PATH. {ADVICE}")
    return java
