"""No text in the audit log has personal data or a secret, wherever it was typed or quoted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from olist_assets.errors import OlistError
from olist_assets.governance import access, audit_log, audit_store, masking
from olist_assets.governance.audit_store import AuditStore
from olist_assets.governance.audit_text import HIDDEN_ID, HIDDEN_SECRET, described, described_error, kept
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.conftest import environment
from olist_assets_tests.governance.conftest import CUSTOMERS, PERSON, SECRET
from olist_assets_tests.rows import store

TOKEN = masking.token(SECRET.encode(), PERSON)
UUID = f"{PERSON[:8]}-{PERSON[8:12]}-{PERSON[12:16]}-{PERSON[16:20]}-{PERSON[20:]}"
NAME = "Maria da Silva"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (PERSON, TOKEN),
        (PERSON.upper(), TOKEN),
        (UUID, TOKEN),
        (UUID.upper(), TOKEN),
        (f"c_{PERSON}", f"c_{TOKEN}"),
        (f"{PERSON}_c", f"{TOKEN}_c"),
        (f"x{PERSON}z", f"x{TOKEN}z"),
        (f"é{PERSON}é", f"é{TOKEN}é"),
        (f"/srv/{PERSON}/x", f"/srv/{TOKEN}/x"),
        (f"0{PERSON}", HIDDEN_ID),
        (f"{PERSON}0", HIDDEN_ID),
        (PERSON + PERSON, HIDDEN_ID),
        (f"key {SECRET}.", f"key {HIDDEN_SECRET}."),
        ("\udcff", "\\udcff"),
        ("version 12 of 2018-01-01", "version 12 of 2018-01-01"),
    ],
)
def test_ids_in_any_form_and_secrets_are_not_kept(secret_warehouse: Warehouse, text: str, shown: str):
    assert kept(secret_warehouse.settings, text) == shown


def test_without_a_secret_ids_are_left_out(warehouse: Warehouse):
    assert kept(warehouse.settings, f"c_{PERSON}") == f"c_{HIDDEN_ID}"
    assert described(warehouse, f"SELECT '{PERSON}'").statement == f"SELECT '{HIDDEN_ID}'"


@pytest.mark.parametrize(
    ("query", "statement"),
    [
        (
            f"FROM {CUSTOMERS} WHERE customer_unique_id = '{PERSON}'",
            f"FROM {CUSTOMERS} WHERE customer_unique_id = '{TOKEN}'",
        ),
        (f"SELECT 'a{PERSON}', 'c_{PERSON}', '{UUID}'", f"SELECT '{HIDDEN_ID}', '{TOKEN}', '{TOKEN}'"),
        (f"SELECT '{PERSON} {PERSON.upper()}'", f"SELECT '{TOKEN} {TOKEN}'"),
        (f'SELECT 1 AS "{PERSON}", 2 AS c_{PERSON}', f"SELECT ? AS '{TOKEN}', ? AS '{TOKEN}'"),
        (f"SELECT 0x{PERSON}", f"SELECT ?'{TOKEN}'"),
        (f"SELECT '{NAME}', $${NAME}$$, E'{NAME}', x'00'", "SELECT ?, ?, ?, ?"),
        (f"SELECT 1 -- {NAME}\n, 2 /* {PERSON} */", f"SELECT ? , ? '{TOKEN}'"),
        (f'SELECT town AS "{NAME}" FROM Maria, maria m', "SELECT n1 AS n2 FROM n3, n3 n4"),
        (
            "SELECT  a.order_id,\n sum(price)\nFROM silver_order_items a",
            "SELECT n1.order_id, sum(price) FROM silver_order_items n1",
        ),
        ("SELECT $email, 0.5, -3e10", "SELECT $n1, ?, -?"),
        ("FROM read_csv('/home/maria/x.csv')", "FROM read_csv(?)"),
        (f"FROM {CUSTOMERS} WHERE", "no SQL, 32 characters"),
        (f"{NAME} <maria@example.com>", "no SQL, 34 characters"),
        ("", ""),
    ],
)
def test_of_a_query_its_structure_is_kept(secret_warehouse: Warehouse, query: str, statement: str):
    found = described(secret_warehouse, query).statement
    assert found == statement
    assert NAME not in found
    assert "maria" not in found.lower()


def failure(query: str, warehouse: Warehouse) -> str:
    with pytest.raises(OlistError) as raised:
        access.answer(warehouse, query)
    return described_error(raised.value)


def test_of_an_error_its_class_and_place_are_kept(stored_customers: Warehouse):
    text = failure(f"SELECT customer_city::INT\nFROM {CUSTOMERS}", stored_customers)
    assert text == "Conversion Error at line 1, column 21"
    assert failure("SELECT error('Maria Error')", stored_customers) == "Invalid Input Error"
    assert failure("SELEC 1", stored_customers) == "Parser Error at line 1, column 1"
    assert described_error(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert described_error(OlistError(f"{NAME} Binder Error")) == "OlistError"


def everything(warehouse: Warehouse) -> str:
    return json.dumps(AuditStore(warehouse).read(), default=str)


@pytest.mark.parametrize("compacted", [False, True])
def test_no_column_of_an_entry_has_personal_data(olist_with: Callable, stored_customers: Warehouse, compacted: bool):
    store(stored_customers, stored_customers.catalog.table("bronze_orders"), {"order_status": PERSON})
    olist = olist_with(stored_customers.settings)
    for query in (
        f"SELECT customer_unique_id::INT FROM {CUSTOMERS}",
        "SELECT order_status::DATE FROM bronze_orders",
        f"SELECT customer_city::DATE FROM {CUSTOMERS}",
        f"SELECT 'c_{PERSON}', '{UUID}', '{NAME}' -- {NAME} {PERSON}",
        f'SELECT "{NAME}", "c_{PERSON}" FROM nowhere',
        f"{NAME} {PERSON} {SECRET}",
        f"SELECT error((SELECT string_agg(customer_unique_id) FROM {CUSTOMERS}))",
        f"SELECT '{SECRET}'",
    ):
        olist("sql", query)
    olist("sql", "--as", f"{NAME} {PERSON}", "SELECT 1")
    olist("diff", PERSON, "1", "2")
    olist("export", f"/nowhere/{PERSON}", "--as", "admin")
    if compacted:
        audit_log.compact(stored_customers)
    text = everything(stored_customers)
    for personal in (PERSON, UUID, NAME, SECRET, "Maria", "campinas"):
        assert personal.lower() not in text.lower()
        for file in audit_store.path(stored_customers).parent.rglob("*"):
            assert not file.is_file() or personal.encode() not in file.read_bytes()


def test_a_file_of_secrets_leaves_its_length_only(secret_warehouse: Warehouse):
    secret_warehouse.root.mkdir(parents=True)
    env = os.environ | environment(secret_warehouse.settings) | {"OLIST_MASK_SALT": SECRET, "NOTE": NAME}
    script = "import sys; from olist_assets.cli.main import main; sys.argv = ['olist', *sys.argv[1:]]; main()"
    command = [sys.executable, "-W", "ignore", "-c", script, "sql", "-f", "/proc/self/environ"]
    assert subprocess.run(command, env=env, capture_output=True, check=False).returncode == 2
    (entry,) = audit_log.latest(secret_warehouse, 10, {})
    assert entry["statement"].startswith("no SQL, ")
    assert SECRET not in everything(secret_warehouse)


def test_the_user_is_that_of_the_process(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    audit_log.record(warehouse, "query", [])
    (entry,) = audit_log.latest(warehouse, 1, {})
    assert entry["by"].split("@")[0] == Path.home().owner()
