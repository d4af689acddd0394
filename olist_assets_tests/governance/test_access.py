"""A role's answers have no more than it may see, and every query is in the audit log."""

import csv
import io
from collections.abc import Callable
from traceback import format_exception

import pytest
from deltalake import write_deltalake

from olist_assets.errors import OlistError
from olist_assets.governance import access, audit_log, masking
from olist_assets.governance.roles import Denied, in_force
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.governance.conftest import COMMENT, CUSTOMERS, PERSON, SECRET
from olist_assets_tests.oracle.compare import delta_rows
from olist_assets_tests.rows import store

DONE, WRONG_USE = 0, 2


@pytest.fixture
def olist(olist_with: Callable, stored_customers: Warehouse):
    """`olist` over the stored customers, with the secret."""
    return olist_with(stored_customers.settings)


@pytest.fixture
def ask(stored_customers: Warehouse, capfd):
    """The rows that a role gets, as lists of text."""

    def rows(query: str, role: str) -> list[list[str]]:
        capfd.readouterr()
        access.print_answer(stored_customers, query, "csv", role=role)
        return list(csv.reader(io.StringIO(capfd.readouterr().out)))[1:]

    return rows


def test_the_command_answers_as_the_role(olist):
    code, text = olist("sql", "--as", "marketing", "--format", "csv", f"SELECT customer_state AS s FROM {CUSTOMERS}")
    assert (code, text) == (DONE, "s\nSP\n")


def test_a_masked_role_sees_tokens_that_join_and_no_comment(ask):
    token = masking.token(SECRET.encode(), PERSON)
    query = (
        "SELECT customer_unique_id, customer_zip_code_prefix, b.customer_city, frequency "
        f"FROM bronze_customers b JOIN {CUSTOMERS} USING (customer_unique_id)"
    )
    assert ask(query, "engineer") == [[token, "13", "", "1"]]
    assert ask("SELECT review_comment_message, review_score FROM silver_order_reviews", "analyst") == [["", "5"]]


def test_an_admin_sees_all(ask):
    assert ask(f"SELECT customer_unique_id FROM {CUSTOMERS} WHERE customer_state = 'SP'", "admin") == [[PERSON]]


def test_a_row_filter_holds_for_every_way_to_count(ask):
    assert ask(f"SELECT count(*) FROM {CUSTOMERS}", "marketing") == [["1"]]
    assert ask(f"SELECT sum(frequency), max(customer_state) FROM {CUSTOMERS}", "marketing") == [["1", "SP"]]
    assert ask(f"SELECT count(*) FROM {CUSTOMERS} WHERE customer_state = 'RJ'", "marketing") == [["0"]]


def test_only_the_columns_that_a_query_needs_are_filled_and_its_answer_is_complete(ask, stored_customers):
    star = ask(f"FROM {CUSTOMERS} ORDER BY frequency", "analyst")
    assert len(star[0]) == len(stored_customers.catalog.table(CUSTOMERS).columns)
    assert ask(f"SELECT c FROM {CUSTOMERS} c WHERE frequency = 1", "analyst")[0][0].count(",") >= 20
    # A natural join matches by columns that the query does not name.
    assert (
        ask(f"SELECT frequency FROM {CUSTOMERS} NATURAL JOIN (FROM {CUSTOMERS} WHERE frequency = 1)", "analyst") == []
    )
    natural = f"SELECT frequency FROM bronze_customers NATURAL JOIN {CUSTOMERS}"
    assert ask(natural, "admin") == [["1"]]
    # A city that masking removes matches none.
    assert ask(natural, "engineer") == []
    assert ask(
        f"SELECT sum(SP), sum(RJ) FROM (PIVOT {CUSTOMERS} ON customer_state USING sum(frequency))", "analyst"
    ) == [["1", "2"]]
    assert ask("SELECT * FROM query('SELECT orders_count FROM gold_' || 'daily_metrics')", "analyst") == [["7"]]
    assert ["customer_unique_id", "VARCHAR"] in [row[:2] for row in ask(f"DESCRIBE {CUSTOMERS}", "analyst")]


def test_denied_failed_and_good_queries_are_all_in_the_log(olist, stored_customers):
    assert olist("sql", "--as", "marketing", "FROM bronze_customers")[0] == WRONG_USE
    assert olist("sql", "--as", "finance", "SELECT nothing FROM gold_daily_metrics")[0] == WRONG_USE
    assert olist("sql", "--as", "nobody", "SELECT 1")[0] == WRONG_USE
    assert olist("sql", f"SELECT * FROM {CUSTOMERS} WHERE customer_unique_id = '{PERSON}'")[0] == DONE
    good, nobody, failed, denied = audit_log.latest(stored_customers, 10, {})
    assert (denied["role"], denied["tables"]) == ("marketing", ["bronze_customers"])
    assert (denied["outcome"], denied["error"]) == ("refused", "Denied")
    assert (failed["role"], failed["rows"], failed["outcome"]) == ("finance", None, "failed")
    assert failed["error"] == "Binder Error"
    assert (nobody["role"], nobody["outcome"], nobody["error"]) == (access.UNKNOWN_ROLE, "failed", "OlistError")
    assert (good["role"], good["rows"], good["error"], good["tables"]) == (None, 1, None, [CUSTOMERS])
    assert good["outcome"] == "answered"
    assert PERSON not in good["statement"]
    assert masking.token(SECRET.encode(), PERSON) in good["statement"]


def test_the_role_of_the_settings_applies_to_every_query(stored_customers):
    settings = stored_customers.settings.model_copy(update={"role": "marketing"})
    as_marketing = Warehouse(settings, stored_customers.catalog)
    rows = access.answer(as_marketing, f"SELECT count(*) AS n FROM {CUSTOMERS}")
    assert rows is not None
    assert rows.to_pylist() == [{"n": 1}]
    assert audit_log.latest(stored_customers, 1, {})[0]["role"] == "marketing"
    with pytest.raises(Denied):
        access.answer(as_marketing, "FROM bronze_customers")


CAREFUL = """
roles:
  careful:
    about: Its condition fails for a row that it does not see.
    tables:
      gold_customer_metrics: {rows: "customer_city::INTEGER = 1", columns: [customer_state]}
"""


def test_an_error_of_a_row_filter_does_not_quote_the_hidden_value(olist_with, stored_customers, tmp_path):
    file = tmp_path / "careful.yaml"
    file.write_text(CAREFUL)
    settings = stored_customers.settings.model_copy(update={"governance": file, "role": "careful"})
    warehouse = Warehouse(settings, stored_customers.catalog)
    query, message = f"FROM {CUSTOMERS}", r"role careful sees cannot be read \(ConversionException\)"
    with pytest.raises(OlistError, match=message) as raised:
        access.answer(warehouse, query)
    assert "campinas" not in "".join(format_exception(raised.value))
    role = in_force(warehouse)
    with (
        pytest.raises(OlistError, match=message),
        access.connection(warehouse, {CUSTOMERS: warehouse.open(CUSTOMERS)}, role, query),
    ):
        pass
    code, text = olist_with(settings)("export", str(tmp_path / "export"))
    assert code == WRONG_USE
    assert "campinas" not in text


def test_a_table_without_a_column_of_its_contract_is_answered(stored_customers):
    path = stored_customers.path(CUSTOMERS)
    rows = delta_rows(stored_customers.open(CUSTOMERS))
    write_deltalake(path, rows.drop_columns(["frequency"]), mode="overwrite", schema_mode="overwrite")
    query = f"SELECT customer_state FROM {CUSTOMERS} ORDER BY ALL"
    found = access.answer(stored_customers, query, role="analyst")
    assert found is not None
    assert found["customer_state"].to_pylist() == ["RJ", "SP"]


@pytest.mark.parametrize("role", ["analyst", None])
def test_a_query_that_is_not_utf_8_is_refused_and_in_the_log(stored_customers, role):
    with pytest.raises(OlistError, match="not UTF-8"):
        access.answer(stored_customers, "SELECT '\udcff'", role=role)
    (entry,) = audit_log.latest(stored_customers, 10, {})
    assert (entry["outcome"], entry["statement"]) == ("failed", "no SQL, 10 characters")


def test_a_column_that_is_not_seen_is_named(stored_customers):
    store(stored_customers, stored_customers.catalog.table("silver_orders_master"), {"order_id": "o"})
    with pytest.raises(Denied, match="Role finance does not see the column customer_city"):
        access.answer(stored_customers, "SELECT customer_city FROM silver_orders_master", role="finance")


def test_a_role_gets_no_answer_that_cannot_be_audited_and_a_user_without_one_a_warning(olist, stored_customers):
    # A file in the place of the log's folder, as in a warehouse that cannot be written to.
    (stored_customers.root / "audit").write_text("")
    code, text = olist("sql", "--as", "admin", f"SELECT customer_state FROM {CUSTOMERS}")
    assert code == WRONG_USE
    assert "Not in the audit log" in text
    assert "RJ" not in text
    code, text = olist("sql", f"SELECT customer_state FROM {CUSTOMERS}")
    assert code == DONE
    assert "Warning: Not in the audit log" in text
    assert "RJ" in text


def test_a_typing_error_in_the_warehouses_name_creates_no_folder(warehouse: Warehouse):
    assert access.answer(warehouse, "SELECT 1") is not None
    assert not warehouse.root.exists()


def test_without_the_secret_nothing_is_shown(warehouse: Warehouse, stored_customers):
    query = f"SELECT customer_unique_id FROM {CUSTOMERS}"
    with pytest.raises(OlistError, match="OLIST_MASK_SALT is not set"):
        access.answer(warehouse, query, role="analyst")
    assert access.answer(warehouse, query, role="admin") is not None


# Records of the three files about customers that are shifted by a field, or cut, as the columns then hold them.
ID = "0" * 32
DISPLACED = {
    "bronze_customers": [
        {"customer_id": PERSON, "customer_unique_id": "13056", "customer_zip_code_prefix": "campinas",
         "customer_city": "SP", "customer_state": None},
        {"customer_id": "", "customer_unique_id": ID, "customer_zip_code_prefix": PERSON, "customer_city": "13056",
         "customer_state": "campinas"},
        {"customer_id": PERSON, "customer_unique_id": PERSON, "_corrupt_record": "campinas"},
    ],
    "bronze_orders": [
        {"order_id": PERSON, "customer_id": "delivered", "order_status": "2018-01-01 10:00:00"},
        {"order_id": ID, "customer_id": None, "order_status": PERSON, "order_purchase_timestamp": "delivered"},
    ],
    "bronze_order_reviews": [
        {"review_id": ID, "order_id": "5", "review_score": COMMENT, "review_comment_title": None},
        {"review_id": COMMENT, "order_id": None, "review_score": None},
        {"review_id": ID, "order_id": ID, "review_score": "5", "review_creation_date": COMMENT},
        {"review_id": ID, "order_id": ID, "review_score": "5", "review_answer_timestamp": "campinas, " + COMMENT},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", DISPLACED)
def test_a_masked_role_sees_nothing_of_a_record_in_the_wrong_columns(ask, secret_warehouse, name):
    table = secret_warehouse.catalog.table(name)
    whole = {column.name: None for column in table.columns if column.name == "_corrupt_record"}
    store(secret_warehouse, table, *(whole | row for row in DISPLACED[name]))
    assert table.source
    columns = ", ".join(table.source.columns)
    seen = ask(f"SELECT {columns} FROM {name}", "engineer")
    assert seen == [[""] * len(table.source.columns)] * len(DISPLACED[name])
    assert ask(f"SELECT count(*) FROM {name} WHERE source_file IS NOT NULL", "engineer") == [[str(len(seen))]]


def test_a_masked_role_sees_a_record_whose_values_are_missing_or_written_in_another_way(ask, secret_warehouse):
    order = {"order_id": ID, "customer_id": PERSON, "order_status": " delivered ", "order_approved_at": "NaT"}
    store(secret_warehouse, secret_warehouse.catalog.table("bronze_orders"), order)
    query = "SELECT order_id, order_status, order_approved_at, customer_id FROM bronze_orders"
    assert ask(query, "engineer") == [[ID, " delivered ", "NaT", masking.token(SECRET.encode(), PERSON)]]


def test_the_default_analyst_does_not_see_the_snapshots_of_the_source(stored_customers):
    with pytest.raises(Denied, match="may not read bronze_customers"):
        access.answer(stored_customers, "FROM bronze_customers", role="analyst")


@pytest.mark.parametrize("empty", ["", " ", "\t"])
@pytest.mark.parametrize("command", [("sql", "FROM gold_daily_metrics"), ("dashboard",), ("export", "somewhere")])
def test_an_empty_role_is_refused(olist, monkeypatch, command, empty):
    # The command sets it for the pages; set here before, it is unset afterwards.
    monkeypatch.setenv("OLIST_ROLE", "analyst")
    name, *arguments = command
    code, text = olist(name, "--as", empty, *arguments)
    assert (code, "There is no role" in text or "OLIST_ROLE is empty" in text) == (WRONG_USE, True)
    monkeypatch.setenv("OLIST_ROLE", empty)
    code, text = olist(name, *arguments)
    assert (code, "role" in text) == (WRONG_USE, True)
