"""Tokens are the same in all tables, and the secret is never shown."""

from collections.abc import Callable
from datetime import date
from traceback import format_exception

import pytest
from pydantic import SecretStr

from olist_assets.contracts.table import Column
from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.governance.conftest import SECRET


@pytest.mark.parametrize("secret", [b"short but fine..", b"x" * 64, b"y" * 200])
def test_duckdb_and_python_make_the_same_digest(warehouse: Warehouse, secret):
    with warehouse.sql() as con:
        masking.use_secret(con, secret)
        ids = ["", "a", "0123456789abcdef0123456789abcdef", "São Paulo"]
        con.execute("CREATE TABLE t AS SELECT unnest(?) AS id", [ids])
        found = con.execute(f"SELECT id, {masking.sql_digest('id')} FROM t").fetchall()
    assert dict(found) == {value: masking.digest(secret, value) for value in ids}
    assert len(set(dict(found).values())) == len(ids)


def test_each_mark_masks_in_its_way_and_a_null_stays_null(warehouse: Warehouse):
    columns = (
        Column("id", "string", "", pii="hash"),
        Column("zip", "string", "", pii="cut"),
        Column("comment", "string", "", pii="remove"),
        Column("at", "date", ""),
    )
    with warehouse.sql() as con:
        masking.use_secret(con, SECRET.encode())
        con.execute("CREATE TABLE t AS SELECT 'ann' id, '13056' zip, 'mine' AS comment, DATE'2018-01-01' AS at")
        con.execute("INSERT INTO t VALUES (NULL, NULL, NULL, NULL)")
        rows = con.execute(f"SELECT {', '.join(map(masking.masked, columns))} FROM t").fetchall()
    assert rows == [(masking.token(SECRET.encode(), "ann"), "13", None, date(2018, 1, 1)), (None,) * 4]
    assert [masking.needs_secret((column,)) for column in columns] == [True, False, False, False]


def test_a_missing_or_short_secret_is_an_error_that_says_how_to_create_one(settings: Settings):
    with pytest.raises(OlistError, match=r"OLIST_MASK_SALT is not set.*openssl rand -hex 32"):
        masking.secret(settings)
    short = settings.model_copy(update={"mask_salt": SecretStr("too short")})
    with pytest.raises(OlistError, match=r"shorter than 16.*openssl rand -hex 32") as refused:
        masking.secret(short)
    assert "too short" not in str(refused.value)


def test_a_secret_of_random_bytes_is_refused_without_showing_it(settings: Settings):
    binary = settings.model_copy(update={"mask_salt": SecretStr("raw \udcff secret of some length")})
    with pytest.raises(OlistError, match="is not UTF-8") as refused:
        masking.secret(binary)
    assert "secret of some length" not in "".join(format_exception(refused.value))


def test_doctor_does_not_print_the_secret(olist_with: Callable, secret_settings: Settings):
    assert SECRET not in str(secret_settings)
    _, text = olist_with(secret_settings)("doctor")
    assert "OLIST_MASK_SALT" in text
    assert SECRET not in text
