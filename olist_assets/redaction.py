"""What is shown of addresses, settings and texts: the credentials in them are left out.

What looks like a credential counts as one: rather too much is left out than too little.
"""

import re

HIDDEN = "***"
NAMES = r"pass(?:word|wd|phrase)|pwd|secret|token|credential|api[._-]?key|private[._-]?key|access[._-]?key|signature"
SECRET_NAME = re.compile(rf"{NAMES}|key|auth|salt", re.IGNORECASE)
# Parameters of addresses that are no credentials.
HARMLESS = {"charset", "sslmode", "use_ssl", "user_agent", "x-databricks-cluster-id"}
ADDRESS = re.compile(r"((?<![\w+.-])[A-Za-z][\w+.-]*://)([^\s'\"<>]*)")
PARAMETER = re.compile(r"([?;&#])([^?;&#]*)")
SERVER = r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}"
SERVERS = re.compile(rf"{SERVER}(?:,{SERVER})*")
"""A list of servers without credentials, as Kafka's clients take it."""
# A colon before anything but a port: a password whose address has a mistake.
PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?")
ASSIGNED = re.compile(
    rf"((?<![\w.-])[\w.-]{{0,100}}(?:{NAMES})[\w.-]{{0,100}}(?:\s*=\s*|[\"']\s*:\s*))"
    r"(?:([\"'])(?:\\.|(?!\2)[^\\\n])*|[^\s\"',;&)]+)",
    re.IGNORECASE,
)
AUTHORIZATION = re.compile(r"\b(bearer|basic)\s+[\w+/=.~-]{8,}", re.IGNORECASE)


def redacted(text: str) -> str:
    """A text without the credentials of the addresses in it, and without what is assigned to names like `password`."""
    text = ADDRESS.sub(_redacted_match, text)
    return AUTHORIZATION.sub(rf"\1 {HIDDEN}", ASSIGNED.sub(rf"\1\2{HIDDEN}", text))


def without_values(text: str) -> str:
    """The first line of an engine's error without what it quotes in single quotes: values of rows."""
    return re.sub("'[^']*'?", f"'{HIDDEN}'", redacted(text.split("\n", 1)[0]))


def redacted_address(address: str) -> str:
    """An address without its credentials, whatever characters these have."""
    scheme, separator, place = address.partition("://")
    if separator:
        return scheme + separator + _redacted_place(place)
    if SERVERS.fullmatch(address):
        return address
    return redacted(address) if address.startswith(("/", ".")) else _without_user(address)


def link(address: str) -> str:
    """An address to be opened by others: without user, password and parameters."""
    shown = redacted_address(re.split("[?;#]", address)[0])
    return shown.replace(f"{HIDDEN}@", "", 1).rstrip("/")


def redacted_setting(name: str, value: str) -> str:
    """The value of a library's setting, nothing of it if its name is that of a secret."""
    return HIDDEN if SECRET_NAME.search(name) else redacted(value)


def _redacted_match(found: re.Match[str]) -> str:
    """An address within a text, whose punctuation may follow it."""
    place = found[2].rstrip(":.,)")
    return found[1] + _redacted_place(place) + found[2].removeprefix(place)


def _redacted_place(place: str) -> str:
    """What follows `://`."""
    at = re.search("[?;#]", place)
    before, parameters = (place[: at.start()], place[at.start() :]) if at else (place, "")
    return _without_user(before) + PARAMETER.sub(_redacted_parameter, parameters)


def _without_user(place: str) -> str:
    if place.startswith("/"):
        return place
    shown = f"{HIDDEN}@{place.rpartition('@')[2]}" if "@" in place else place
    host, slash, path = shown.removeprefix(f"{HIDDEN}@").partition("/")
    return shown if PORT.fullmatch(host) else f"{HIDDEN}{slash}{path}"


def _redacted_parameter(found: re.Match[str]) -> str:
    name, is_assigned, value = found[2].partition("=")
    if not value and (is_assigned or not name or name.startswith("/")):
        return found[0]
    if not is_assigned:
        return found[1] + HIDDEN
    return found[0] if name.lower() in HARMLESS else f"{found[1]}{name}={HIDDEN}"
