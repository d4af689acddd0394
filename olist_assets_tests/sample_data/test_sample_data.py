"""The synthetic dataset: shape, references, sums, rare cases and broken records, read back with the csv module."""

import csv
import io
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from olist_assets.sample_data.files import DIGESTS, FILES, HEADERS
from olist_assets.sample_data.generator import SampleSummary, write_sample

Records = list[list[str]]
SCALE = 0.01
BAD_TEXTS = {"2017-13-45 99:00:00", "soon", "12,x", "free", "9x,90", "two", "five"}
NULL_WORDS = {"NaT", "NULL", "None", "NaN", "nan", "\\N"}
DISTANT_TIMES = {
    "1017-10-02 10:56:33", "2107-10-02 00:00:00", "20017-10-02 10:56:33", "1970-01-01 00:00:00",
}  # fmt: skip
FAULTS = {
    "repeated_header", "missing_required", "null_word", "bad_cast", "out_of_range", "unknown_customer",
    "corrupt_record", "duplicate_key",
}  # fmt: skip
OPTIONAL = {
    "order_approved_at",
    "order_delivered_carrier_date",
    "order_delivered_customer_date",
    "review_comment_title",
    "review_comment_message",
    "review_answer_timestamp",
}
ORDERS = 994
FAULTY_TABLES = ("orders", "order_items", "order_payments", "order_reviews")
NOT_IN = {
    "order_items": {"unknown_customer"},
    "order_payments": {"unknown_customer", "out_of_range"},
    "order_reviews": {"unknown_customer"},
}
KEYS = {
    "orders": ("order_id",),
    "order_items": ("order_id", "order_item_id"),
    "order_payments": ("order_id", "payment_sequential"),
    "order_reviews": ("review_id", "order_id"),
}


def records_of(directory: Path, table: str) -> Records:
    text = (directory / FILES[table]).read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def rows_of(directory: Path, table: str) -> list[dict[str, str]]:
    header, *records = records_of(directory, table)
    return [dict(zip(header, record, strict=True)) for record in records]


def values_of(directory: Path, table: str, column: str) -> list[str]:
    return [row[column] for row in rows_of(directory, table)]


def cents(text: str) -> int:
    return round(float(text) * 100)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("clean")
    write_sample(directory, scale=SCALE)
    return directory


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    directory = tmp_path_factory.mktemp("dirty")
    return directory, write_sample(directory, scale=SCALE, dirty=True)


def test_same_seed_gives_same_bytes_and_another_seed_does_not(clean: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, scale=SCALE)
    assert all((clean / name).read_bytes() == (tmp_path / name).read_bytes() for name in FILES.values())
    write_sample(tmp_path, scale=SCALE, seed=43)
    assert (clean / FILES["orders"]).read_bytes() != (tmp_path / FILES["orders"]).read_bytes()


@pytest.mark.parametrize("table", FILES)
def test_every_file_has_its_header_and_whole_records(clean: Path, table: str) -> None:
    header, *records = records_of(clean, table)
    assert tuple(header) == HEADERS[table]
    assert {len(record) for record in records} == {len(header)}


def test_summary_counts_the_records_written(tmp_path: Path) -> None:
    seen: dict[str, int] = {}
    summary = write_sample(tmp_path, scale=SCALE, on_progress=seen.__setitem__)
    assert summary.rows == {table: len(records_of(tmp_path, table)) - 1 for table in FILES} == seen
    assert summary.injected == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES.values(), DIGESTS])


def test_row_counts_follow_the_scale(clean: Path) -> None:
    counts = {table: len(rows_of(clean, table)) for table in FILES}
    assert counts["orders"] == counts["customers"] == ORDERS
    assert counts["products"] == 330
    assert counts["product_category_translation"] == 71
    assert counts["order_items"] == pytest.approx(1_126, rel=0.08)
    assert counts["order_payments"] == pytest.approx(1_039, rel=0.05)
    assert counts["order_reviews"] == pytest.approx(992, rel=0.03)


def test_every_reference_leads_somewhere(clean: Path) -> None:
    orders = set(values_of(clean, "orders", "order_id"))
    customers = values_of(clean, "customers", "customer_id")
    assert sorted(values_of(clean, "orders", "customer_id")) == sorted(customers)
    assert len(orders) == len(set(customers)) == ORDERS
    for table in ("order_items", "order_payments", "order_reviews"):
        assert set(values_of(clean, table, "order_id")) <= orders
    assert set(values_of(clean, "order_items", "product_id")) <= set(values_of(clean, "products", "product_id"))
    assert set(values_of(clean, "order_items", "seller_id")) <= set(values_of(clean, "sellers", "seller_id"))


@pytest.mark.parametrize("table", FAULTY_TABLES)
def test_keys_are_unique(clean: Path, table: str) -> None:
    keys = Counter(tuple(row[column] for column in KEYS[table]) for row in rows_of(clean, table))
    assert max(keys.values()) == 1


def test_payments_cover_items_and_freight(clean: Path) -> None:
    owed: dict[str, int] = defaultdict(int)
    paid: dict[str, int] = defaultdict(int)
    for row in rows_of(clean, "order_items"):
        owed[row["order_id"]] += cents(row["price"]) + cents(row["freight_value"])
    for row in rows_of(clean, "order_payments"):
        paid[row["order_id"]] += cents(row["payment_value"])
    assert sum(paid.get(order) == total for order, total in owed.items()) > 0.98 * len(owed)
    assert len(set(values_of(clean, "orders", "order_id")) - set(paid)) == 1


def test_repeat_customers_cross_chunks_and_stay_few(tmp_path: Path) -> None:
    # 0.6 makes two chunks of orders.
    write_sample(tmp_path, scale=0.6)
    people = values_of(tmp_path, "customers", "customer_unique_id")
    assert 0.02 < 1 - len(set(people)) / len(people) < 0.04
    assert set(people[:50_000]) & set(people[50_000:])


def test_orders_run_from_the_first_day_to_the_last(clean: Path) -> None:
    rows = rows_of(clean, "orders")
    days = [row["order_purchase_timestamp"][:10] for row in rows]
    delivered = [row["order_purchase_timestamp"][:10] for row in rows if row["order_status"] == "delivered"]
    assert (min(days), max(days)) == ("2016-09-04", "2018-10-17")
    assert max(delivered) == "2018-08-29"
    assert min(delivered) < "2016-10-12"
    assert not [day for day in days if "2016-11-01" <= day <= "2016-12-22"]
    assert 0.95 < len(delivered) / len(days) < 0.99


def test_some_delivered_orders_are_late_and_one_lacks_its_date(clean: Path) -> None:
    rows = [row for row in rows_of(clean, "orders") if row["order_status"] == "delivered"]
    dated = [row for row in rows if row["order_delivered_customer_date"]]
    late = [
        row for row in dated if row["order_delivered_customer_date"][:10] > row["order_estimated_delivery_date"][:10]
    ]
    assert len(rows) - len(dated) >= 1
    assert 0.04 < len(late) / len(dated) < 0.12


def test_reviews_have_the_rare_cases(clean: Path) -> None:
    rows = rows_of(clean, "order_reviews")
    orders_per_review = Counter(row["review_id"] for row in rows)
    reviews_per_order = Counter(row["order_id"] for row in rows)
    messages = "".join(row["review_comment_message"] for row in rows)
    assert max(orders_per_review.values()) >= 2
    assert max(reviews_per_order.values()) == 2
    assert len(reviews_per_order) < ORDERS
    assert "" in {row["review_answer_timestamp"] for row in rows}
    assert all(mark in messages for mark in (",", '"', "\r\n", "ã"))
    contents = {(row["review_id"], row["review_score"], row["review_creation_date"]) for row in rows}
    assert len(contents) == len(orders_per_review)


def test_categories_are_those_of_the_published_set(clean: Path) -> None:
    used = set(values_of(clean, "products", "product_category_name"))
    translated = set(values_of(clean, "product_category_translation", "product_category_name"))
    assert used - translated == {"", "pc_gamer", "portateis_cozinha_e_preparadores_de_alimentos"}
    assert translated < used


def test_zip_prefixes_are_quoted_and_belong_to_one_state(clean: Path) -> None:
    states: dict[str, set[str]] = defaultdict(set)
    for table, kind in (("customers", "customer"), ("sellers", "seller"), ("geolocation", "geolocation")):
        for row in rows_of(clean, table):
            states[row[f"{kind}_zip_code_prefix"]].add(row[f"{kind}_state"])
    assert {len(zip_prefix) for zip_prefix in states} == {5}
    assert {len(codes) for codes in states.values()} == {1}
    assert (clean / FILES["geolocation"]).read_text(encoding="utf-8").splitlines()[1].startswith('"01001",')


def test_geolocation_has_points_abroad_repeats_and_accents(clean: Path) -> None:
    rows = rows_of(clean, "geolocation")
    assert [row for row in rows if float(row["geolocation_lat"]) > 6]
    assert len({tuple(row.values()) for row in rows}) < len(rows)
    assert {"sao paulo", "são paulo"} <= {row["geolocation_city"] for row in rows}


def test_line_ends_and_byte_order_mark_are_as_published(clean: Path) -> None:
    translation = (clean / FILES["product_category_translation"]).read_bytes()
    assert translation.startswith(b"\xef\xbb\xbfproduct_category_name,")
    assert translation.count(b"\n") == translation.count(b"\r\n") == 72
    assert b"\r" not in (clean / FILES["orders"]).read_bytes()
    assert (clean / FILES["orders"]).read_bytes().startswith(b'"order_id","customer_id"')


@pytest.mark.parametrize("table", FAULTY_TABLES)
def test_dirty_counts_are_what_the_files_hold(clean: Path, dirty: tuple[Path, SampleSummary], table: str) -> None:
    directory, summary = dirty
    header, *records = records_of(directory, table)
    sound = len(rows_of(clean, table))
    assert records[:sound] == records_of(clean, table)[1:]
    injected = {reason: count for (name, reason), count in summary.injected.items() if name == f"bronze_{table}"}
    assert set(injected) == FAULTS - NOT_IN.get(table, set())
    assert injected.pop("repeated_header") == 1
    assert records.pop(sound) == header
    assert min(injected.values()) >= 3
    assert len(records) - sound == sum(injected.values())
    assert sum(len(record) != len(header) for record in records) == injected["corrupt_record"]
    whole = [dict(zip(header, record, strict=True)) for record in records if len(record) == len(header)]
    incomplete = [row for row in whole if any(row[column] == "" for column in set(header) - OPTIONAL)]
    assert len(incomplete) == injected["missing_required"]
    assert sum(bool(BAD_TEXTS & set(row.values())) for row in whole) == injected["bad_cast"]
    assert sum(bool(NULL_WORDS & set(row.values())) for row in whole) == injected["null_word"]
    assert sum(bool(DISTANT_TIMES & set(row.values())) for row in whole) == injected.get("out_of_range", 0)
    places = [header.index(column) for column in KEYS[table]]
    keys = Counter(tuple(record[at] for at in places) for record in records)
    assert sum(count - 1 for count in keys.values()) == injected["duplicate_key"]


def test_fresh_orders_of_a_dirty_sample_have_customers_but_for_the_counted_ones(
    dirty: tuple[Path, SampleSummary],
) -> None:
    directory, summary = dirty
    customers = set(values_of(directory, "customers", "customer_id"))
    without = [record for record in records_of(directory, "orders")[1:] if record[1] not in {"", *customers}]
    assert len(without) == summary.injected["bronze_orders", "unknown_customer"]


def test_every_file_of_a_dirty_sample_repeats_its_header(dirty: tuple[Path, SampleSummary]) -> None:
    directory, summary = dirty
    for table in FILES:
        assert records_of(directory, table).count(list(HEADERS[table])) == 2
        assert summary.injected[f"bronze_{table}", "repeated_header"] == 1


@pytest.mark.parametrize("scale", [0.0, 0.009, 100.1, float("nan")])
def test_scale_out_of_bounds_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match=r"scale must be between 0\.01 and 100"):
        write_sample(tmp_path, scale=scale)


def test_other_csv_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a\n")
    with pytest.raises(ValueError, match=r"mine\.csv"):
        write_sample(tmp_path, scale=SCALE)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_a_changed_sample_is_no_sample_any_more(clean: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(clean, copied, copy_function=shutil.copyfile)
    write_sample(copied, scale=SCALE)
    with (copied / FILES["sellers"]).open("a") as sellers:
        sellers.write("mine\n")
    with pytest.raises(ValueError, match=FILES["sellers"]):
        write_sample(copied, scale=SCALE)
    assert (copied / FILES["sellers"]).read_text().endswith("mine\n")
