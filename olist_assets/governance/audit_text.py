"""What the audit log keeps of texts: the structure of a query, the class of an error, the token of an id, no secret."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import duckdb
from pydantic import SecretStr

from olist_assets.contracts.catalog import Catalog
from olist_assets.governance import masking
from olist_assets.lakehouse.table_names import tables_bound
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings

# An id, also as a UUID; a longer run of digits may contain one anywhere.
ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12,}", re.IGNORECASE)
ID_DIGITS = 32
HIDDEN_ID, HIDDEN_SECRET, LITERAL = "an-id-not-kept", "a-secret-not-kept", "?"
PLAIN_NAME = re.compile(r"\w+")
# How its messages begin, also those that another error repeats.
DUCKDB_ERROR = re.compile(
    "(Binder|Catalog|Constraint|Conversion|Dependency|Fatal|Internal|Interrupt|Invalid Input|Invalid Type|IO|"
    "Mismatch Type|Missing Extension|Not implemented|Out of Memory|Out of Range|Parser|Permission|Sequence|"
    "Serialization|Settings|Syntax|Transaction[A-Za-z]*) Error"
)
LINE = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
MAX_CHARACTERS = 20_000


@dataclass(frozen=True)
class Described:
    """What the log keeps of a query: the tables that it reads, and its text without values, comments and own names."""

    tables: tuple[str, ...]
    statement: str


def described(warehouse: Warehouse, query: str) -> Described:
    """A query for the log; a text that is no SQL leaves its length only, whatever file it was read from."""
    try:
        query.encode()
        tables = tables_bound(warehouse.settings, warehouse.catalog.tables, query)
    except (duckdb.Error, UnicodeError):
        return Described((), f"no SQL, {len(query):,} characters")
    return Described(tables, _structure(warehouse, query))


def described_error(error: BaseException) -> str:
    """The class of an error and its place in the query: its text may quote values of rows."""
    found = DUCKDB_ERROR.match(str(error))
    if not found:
        return type(error).__name__
    place = LINE.search(str(error))
    if not place:
        return found[0]
    line, excerpt, indent = place.groups()
    # Of a long line the message has only an excerpt, and the place in it says nothing.
    column = "" if excerpt.startswith("...") else f", column {len(indent) - len(f'LINE {line}: ') + 1}"
    return f"{found[0]} at line {line}{column}"


def kept(settings: Settings, text: str) -> str:
    """A text without ids and without the values of secret settings, limited in length."""
    text = text.encode("utf-8", "backslashreplace").decode()
    for value in _secret_values(settings):
        text = text.replace(value, HIDDEN_SECRET)
    text = ID.sub(lambda found: _token(settings, found[0]), text)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}… ({len(text):,} characters)"


def secret(settings: Settings) -> bytes | None:
    """The secret of the tokens; None where there is no usable one."""
    salt = settings.mask_salt.get_secret_value() if settings.mask_salt else ""
    return masking.secret(settings) if len(salt) >= masking.MIN_SECRET_CHARACTERS else None


def _structure(warehouse: Warehouse, query: str) -> str:
    """A query with `?` for each literal, the tokens of the ids in it, and n1, n2, ... for names of its own."""
    names: dict[str, str] = {}
    words = _vocabulary(warehouse.catalog)
    tokens = list(_tokens(query))
    parts = []
    for (text, kind), (following, _) in pairwise([*tokens, ("", None)]):
        word, gap = text.strip(), " " if text[-1:].isspace() else ""
        if ids := ID.findall(word):
            parts.append(f"'{' '.join(_token(warehouse.settings, found) for found in ids)}'{gap}")
        elif kind == duckdb.token_type.comment:
            parts.append(" ")
        elif kind in (duckdb.token_type.string_const, duckdb.token_type.numeric_const):
            parts.append(f"{LITERAL}{gap}")
        elif kind == duckdb.token_type.identifier:
            is_function = following.startswith("(") and PLAIN_NAME.fullmatch(word)
            is_known = is_function or word.strip('"').lower() in words
            parts.append(f"{word if is_known else names.setdefault(word.lower(), f'n{len(names) + 1}')}{gap}")
        else:
            parts.append(f"{word}{gap}")
    return " ".join("".join(parts).split())


def _tokens(query: str) -> Iterator[tuple[str, duckdb.token_type | None]]:
    """The tokens of a query, each with the white space after it, and their kinds."""
    text = query.encode()
    for (start, kind), (end, _) in pairwise([*duckdb.tokenize(query), (None, None)]):
        yield text[start:end].decode(), kind


def _vocabulary(catalog: Catalog) -> set[str]:
    """Names of the tables and their columns, which are no personal data."""
    columns = {column.name for table in catalog.tables.values() for column in table.columns}
    return {name.lower() for name in {*catalog.tables, *columns}}


def _token(settings: Settings, found: str) -> str:
    digits = found.replace("-", "").lower()
    key = secret(settings)
    return masking.token(key, digits) if key and len(digits) == ID_DIGITS else HIDDEN_ID


def _secret_values(settings: Settings) -> list[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [found for value in values if isinstance(value, SecretStr) and (found := value.get_secret_value())]
