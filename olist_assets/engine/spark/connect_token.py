"""The token of a Spark Connect server on this machine: made by `olist spark-server`, found by runs of the same user.

PySpark sends a token in plain text to the host name `localhost` only; any other host needs TLS.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import ParseResult, urlparse

from olist_assets.errors import OlistError
from olist_assets.loopback import NAMES
from olist_assets.private_files import write_private

# Spark's server reads it, and so does every client of PySpark.
VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"
PORT = 15002
TOKEN_HOST = "localhost"
ANY_METHOD, SECONDS_TO_ANSWER = "/spark.connect.SparkConnectService/ReleaseSession", 5


def token_file(cache: Path, port: int) -> Path:
    """Where a running server leaves its token, readable for its user only."""
    return cache / "spark-server" / f"{port}.token"


@contextmanager
def server_token(cache: Path, port: int) -> Iterator[str]:
    """The token for a server: that of the environment, else a new one, which is in its file as long as the body runs.

    Raises OlistError if the file cannot be written.
    """
    file = token_file(cache, port)
    token = os.environ.get(VARIABLE)
    try:
        file.unlink(missing_ok=True)
        if not token:
            token = secrets.token_urlsafe(32)
            write_private(file, token)
    except OSError as error:
        raise OlistError(f"Cannot write the server's token to {file}: {error.strerror}. Set OLIST_CACHE.") from error
    try:
        yield token
    finally:
        file.unlink(missing_ok=True)


def give_token(remote: str, cache: Path) -> None:
    """Put the token of a server on this machine into the environment, where PySpark looks for it.

    A token in the environment or in the address comes first. Raises OlistError if PySpark would ask this address for
    TLS because there is a token.
    """
    if not os.environ.get(VARIABLE):
        # PySpark would take an empty one for a token.
        os.environ.pop(VARIABLE, None)
    address = urlparse(remote)
    if address.hostname not in NAMES or ";token=" in remote:
        return
    if VARIABLE not in os.environ:
        file = token_file(cache, _port(address))
        if not file.is_file():
            return
        os.environ[VARIABLE] = file.read_text()
    if address.hostname != TOKEN_HOST and ";use_ssl=true" not in remote.lower():
        raise OlistError(
            f"A token is sent without TLS to the host name {TOKEN_HOST} only: set OLIST_SPARK_REMOTE="
            f"sc://{TOKEN_HOST}:{_port(address)}"
        )


def require_accepted(remote: str) -> None:
    """Raises OlistError if the server answers that it wants another token than this process has."""
    import grpc
    from pyspark.sql.connect.client import DefaultChannelBuilder

    with DefaultChannelBuilder(remote).toChannel() as channel:
        try:
            channel.unary_unary(ANY_METHOD)(b"", timeout=SECONDS_TO_ANSWER)
        except grpc.RpcError as error:
            # It checks the token first; then it misses what this empty request lacks.
            if error.code() != grpc.StatusCode.UNAUTHENTICATED:  # pyright: ignore[reportAttributeAccessIssue]
                return
            raise OlistError(
                f"The Spark Connect server at {urlparse(remote).netloc} refuses this client: {error.details()}. "  # pyright: ignore[reportAttributeAccessIssue]
                f"`olist spark-server` prints where its token is: use the same OLIST_CACHE, or set {VARIABLE}."
            ) from error


def _port(address: ParseResult) -> int:
    return address.port or PORT
