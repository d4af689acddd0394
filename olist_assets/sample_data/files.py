"""The nine files: names, headers, field formats, and a writer that shows a file only when it is whole."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from olist_assets.sample_data.streams import Bools, Ints

Row = tuple[str, ...]

FILES: dict[str, str] = {
    "customers": "olist_customers_dataset.csv",
    "orders": "olist_orders_dataset.csv",
    "order_items": "olist_order_items_dataset.csv",
    "order_payments": "olist_order_payments_dataset.csv",
    "order_reviews": "olist_order_reviews_dataset.csv",
    "products": "olist_products_dataset.csv",
    "sellers": "olist_sellers_dataset.csv",
    "geolocation": "olist_geolocation_dataset.csv",
    "product_category_translation": "product_category_name_translation.csv",
}

HEADERS: dict[str, Row] = {
    "customers": (
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    ),
    "orders": (
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ),
    "order_items": (
        "order_id",
        "order_item_id",
        "product_id",
        "seller_id",
        "shipping_limit_date",
        "price",
        "freight_value",
    ),
    "order_payments": (
        "order_id",
        "payment_sequential",
        "payment_type",
        "payment_installments",
        "payment_value",
    ),
    "order_reviews": (
        "review_id",
        "order_id",
        "review_score",
        "review_comment_title",
        "review_comment_message",
        "review_creation_date",
        "review_answer_timestamp",
    ),
    "products": (
        "product_id",
        "product_category_name",
        "product_name_lenght",
        "product_description_lenght",
        "product_photos_qty",
        "product_weight_g",
        "product_length_cm",
        "product_height_cm",
        "product_width_cm",
    ),
    "sellers": ("seller_id", "seller_zip_code_prefix", "seller_city", "seller_state"),
    "geolocation": (
        "geolocation_zip_code_prefix",
        "geolocation_lat",
        "geolocation_lng",
        "geolocation_city",
        "geolocation_state",
    ),
    "product_category_translation": ("product_category_name", "product_category_name_english"),
}

# The published reviews and translations have Windows line ends, the other files have not.
_CRLF = {"order_reviews", "product_category_translation"}
_BOM_AND_PLAIN_HEADER = {"product_category_translation"}


def text_field(text: str) -> str:
    """`text` as one CSV field, quoted by the published files' rule."""
    needs_quotes = text[:1].isdigit() or any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


def money_fields(cents: Ints) -> list[str]:
    """Amounts with two decimals."""
    return [f"{amount // 100}.{amount % 100:02d}" for amount in cents.tolist()]


def timestamp_fields(seconds: Ints, present: Bools | None = None) -> list[str]:
    """Seconds since 1970 as `YYYY-MM-DD HH:MM:SS`, empty where `present` is false."""
    characters = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s").astype("S19")
    characters.view(np.uint8).reshape(-1, 19)[:, 10] = ord(" ")
    texts: list[str] = characters.astype("U19").tolist()
    if present is None:
        return texts
    return [text if kept else "" for text, kept in zip(texts, present.tolist(), strict=True)]


class TableFile:
    """One file being written under a temporary name, until `publish` gives it its own."""

    def __init__(self, directory: Path, table: str) -> None:
        self.table = table
        self.rows = 0
        self._path = directory / FILES[table]
        self._part = directory / f".{FILES[table]}.part"
        self._line_end = "\r\n" if table in _CRLF else "\n"
        # 1 MiB of buffer: a chunk is many small lines.
        self._file = self._part.open("w", encoding="utf-8", newline="", buffering=1 << 20)
        if table in _BOM_AND_PLAIN_HEADER:
            self._file.write("\ufeff" + ",".join(HEADERS[table]) + self._line_end)
        else:
            self._file.write(",".join(f'"{name}"' for name in HEADERS[table]) + self._line_end)

    def write(self, rows: Iterable[Row]) -> None:
        """Append records whose fields are already quoted."""
        lines = [",".join(row) for row in rows]
        if lines:
            self._file.write(self._line_end.join(lines) + self._line_end)
            self.rows += len(lines)

    def write_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Append records given as one list a column."""
        self.write(zip(*columns, strict=True))

    def close(self) -> None:
        """Finish the temporary file."""
        self._file.close()

    def publish(self) -> None:
        """Give the closed file its own name."""
        os.replace(self._part, self._path)

    def discard(self) -> None:
        """Remove the temporary file, if it is still there."""
        self._file.close()
        self._part.unlink(missing_ok=True)
