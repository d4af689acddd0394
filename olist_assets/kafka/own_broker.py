"""What clients on this machine know of the broker of `olist broker`: its address, and the password of its one user.

Any user of the machine could connect to a port of the loopback address, so the broker asks for a password. It is in a
file that only its own user can read, while the broker runs.
"""

from pathlib import Path

from olist_assets.loopback import HOST, NAMES

PORT = 9092
ADDRESS = f"{HOST}:{PORT}"
USER = "olist"
# With SCRAM each side proves that it knows the password without sending it: a process of somebody else that takes the
# port of a broker which has ended learns nothing.
MECHANISM = "SCRAM-SHA-256"


def password_file(cache: Path, port: int) -> Path:
    """Where a running broker leaves its password, readable for its user only."""
    return cache / "broker" / f"{port}.password"


def login(cache: Path, servers: str) -> dict[str, str]:
    """The client properties for a broker of this machine that left a password; none for any other."""
    host, _, port = servers.rpartition(":")
    if host not in NAMES or not port.isdigit():
        return {}
    try:
        password = password_file(cache, int(port)).read_text()
    except FileNotFoundError:
        return {}
    return login_with(password)


def login_with(password: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": MECHANISM,
        "sasl.username": USER,
        "sasl.password": password,
    }
