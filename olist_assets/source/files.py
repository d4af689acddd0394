"""The nine source files: found in a folder or a zip, and refused by name when they are not what they should be."""

import codecs
import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
from filelock import FileLock

from olist_assets.errors import OlistError
from olist_assets.settings import SAMPLE_DATA, Settings


@dataclass(frozen=True)
class SourceFile:
    """A CSV file of the dataset, its header (the misspelt columns are the publisher's), and what silver casts."""

    name: str
    columns: tuple[str, ...]
    types: Mapping[str, str] = field(default_factory=dict)


SOURCES: dict[str, SourceFile] = {
    "customers": SourceFile(
        "olist_customers_dataset.csv",
        ("customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"),
    ),
    "orders": SourceFile(
        "olist_orders_dataset.csv",
        (
            "order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at",
            "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date",
        ),
        {
            "order_purchase_timestamp": "timestamp", "order_approved_at": "timestamp",
            "order_delivered_carrier_date": "timestamp", "order_delivered_customer_date": "timestamp",
            "order_estimated_delivery_date": "timestamp",
        },
    ),
    "order_items": SourceFile(
        "olist_order_items_dataset.csv",
        ("order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"),
        {
            "order_item_id": "int", "shipping_limit_date": "timestamp", "price": "decimal(10,2)",
            "freight_value": "decimal(10,2)",
        },
    ),
    "order_payments": SourceFile(
        "olist_order_payments_dataset.csv",
        ("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
        {"payment_sequential": "int", "payment_installments": "int", "payment_value": "decimal(12,2)"},
    ),
    "order_reviews": SourceFile(
        "olist_order_reviews_dataset.csv",
        (
            "review_id", "order_id", "review_score", "review_comment_title", "review_comment_message",
            "review_creation_date", "review_answer_timestamp",
        ),
        {"review_score": "int", "review_creation_date": "timestamp", "review_answer_timestamp": "timestamp"},
    ),
    "products": SourceFile(
        "olist_products_dataset.csv",
        (
            "product_id", "product_category_name", "product_name_lenght", "product_description_lenght",
            "product_photos_qty", "product_weight_g", "product_length_cm", "product_height_cm", "product_width_cm",
        ),
    ),
    "sellers": SourceFile(
        "olist_sellers_dataset.csv", ("seller_id", "seller_zip_code_prefix", "seller_city", "seller_state")
    ),
    "geolocation": SourceFile(
        "olist_geolocation_dataset.csv",
        (
            "geolocation_zip_code_prefix", "geolocation_lat", "geolocation_lng", "geolocation_city",
            "geolocation_state",
        ),
    ),
    "product_category_translation": SourceFile(
        "product_category_name_translation.csv", ("product_category_name", "product_category_name_english")
    ),
}  # fmt: skip
# The column that a snapshot keeps a record in which did not parse.
CORRUPT = "_corrupt_record"
CHUNK = 8 << 20
QUOTE, NEWLINE = ord('"'), ord("\n")


def source_folder(settings: Settings) -> Path:
    """The folder with the CSV files; a zip is unpacked into the cache once. Raises OlistError."""
    data = settings.data.expanduser().resolve()
    if data.is_dir():
        return data
    if not data.exists():
        hint = f"olist sample-data {SAMPLE_DATA}" if settings.data == SAMPLE_DATA else "set OLIST_DATA"
        raise OlistError(f"There is no data at {data}: {hint} (a folder with the nine CSV files, or their zip).")
    target = settings.cache / "sources" / fingerprint(data)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock", timeout=600):
            if not target.exists():
                _unpack(data, target)
    except OSError as error:
        raise OlistError(f"Cannot unpack {data} into {target}: {error.strerror}. Set OLIST_CACHE.") from error
    return target


def fingerprint(path: Path) -> str:
    """What tells one state of a file from another without reading it: a hash of path, size and time of change."""
    stat = path.stat()
    return hashlib.sha256(f"{path}:{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()[:16]


def _unpack(archive: Path, target: Path) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(partial)
    except (zipfile.BadZipFile, EOFError) as error:
        raise OlistError(f"{archive} is not a whole zip file ({error}): download it again.") from error
    # The public download has the files at its top; some mirrors put them into one folder.
    inner = next((p.parent for p in partial.rglob(SOURCES["orders"].name)), partial)
    inner.rename(target)
    shutil.rmtree(partial, ignore_errors=True)


def checked_text(folder: Path, source: SourceFile) -> Path:
    """Path of a source file that is there, has a header line and is UTF-8. Raises OlistError."""
    path = folder / source.name
    if not path.is_file():
        raise OlistError(f"{path} is missing. The data folder or zip must hold all nine files of the dataset.")
    try:
        with path.open("rb") as opened:
            first = opened.readline()
        if not first.strip():
            raise OlistError(f"{path} is empty: it has no header line.")
        _check_encoding(path)
    except OSError as error:
        raise OlistError(f"{path} cannot be read: {error.strerror}.") from error
    return path


def line_end(path: Path) -> str:
    """The line end of the header: told to Spark, it keeps line breaks inside quoted fields as they are."""
    with path.open("rb") as opened:
        return "\r\n" if opened.readline().endswith(b"\r\n") else "\n"


def _check_encoding(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    try:
        with path.open("rb") as opened:
            while chunk := opened.read(CHUNK):
                decoder.decode(chunk)
                position += len(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise OlistError(f"{path} is not UTF-8: {error.reason} near byte {position + error.start}.") from error


def record_count(path: Path) -> int:
    """Records after the header: line ends outside quotes, blank lines not counted. Reads the file once, in chunks."""
    records, inside, last_was_newline = 0, 0, True
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            data = np.frombuffer(chunk.replace(b"\r", b""), dtype=np.uint8)
            parity = (np.cumsum(data == QUOTE) + inside) & 1
            newline = (data == NEWLINE) & (parity == 0)
            previous = np.concatenate(([last_was_newline], newline[:-1]))
            records += int(np.count_nonzero(newline & ~previous))
            if len(data):
                inside, last_was_newline = int(parity[-1]), bool(newline[-1])
    return records - 1 + (not last_was_newline)


def order_days(settings: Settings) -> tuple[date, date]:
    """First and last day of purchase in the orders file. Raises OlistError where there is none."""
    path = source_folder(settings) / SOURCES["orders"].name
    try:
        with duckdb.connect() as con:  # its own: two threads that share one get an error
            days = con.execute(
                "SELECT min(day), max(day) FROM (SELECT TRY_CAST(order_purchase_timestamp AS DATE) AS day "
                "FROM read_csv($path, all_varchar = true, header = true, ignore_errors = true))",
                {"path": str(path)},
            ).fetchone()
    except duckdb.Error as error:
        raise OlistError(f"{path} cannot be read: {error}") from error
    if not days or days[0] is None:
        raise OlistError(f"{path} has no order with a valid order_purchase_timestamp.")
    return days[0], days[1]
