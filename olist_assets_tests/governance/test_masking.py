"""Tokens are the same over all tables, and the secret is never seen."""

import duckdb
import pytest

from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.settings import Settings
from olist_assets_tests.governance.conftest import SECRET


@pytest.mark.parametrize("secret", [b"short but fine..", b"x" * 64, b"y" * 200])
def test_duckdb_and_python_make_the_same_digest(secret):
    with duckdb.connect() as con:
        masking.use_secret(con, secret)
        ids = ["", "a", "0123456789abcdef0123456789abcdef", "São Paulo"]
        con.execute("CREATE TABLE t AS SELECT unnest(?) AS id", [ids])
        found = con.execute(f"SELECT id, {masking.sql_digest('id')} FROM t").fetchall()
    assert dict(found) == {value: masking.digest(secret, value) for value in ids}


def test_a_missing_or_short_secret_says_how_to_make_one(settings, monkeypatch):
    with pytest.raises(OlistError, match=r"OLIST_MASK_SALT is not set.*openssl rand -hex 32"):
        masking.secret(settings)
    monkeypatch.setenv("OLIST_MASK_SALT", "too short")
    with pytest.raises(OlistError, match="shorter than 16") as refused:
        masking.secret(Settings())
    assert "too short" not in str(refused.value)


def test_doctor_does_not_print_the_secret(olist, settings, secret):
    _, text = olist("doctor")
    assert "OLIST_MASK_SALT" in text
    assert SECRET not in text
