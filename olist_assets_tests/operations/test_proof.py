"""A proof reads every file, whatever its format, and names those that still tell of the person."""

import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from olist_assets.catalog import catalog
from olist_assets.errors import OlistError
from olist_assets.governance.traces import Traces
from olist_assets.lakehouse import sql
from olist_assets.operations import proof
from olist_assets.operations.proof import Sought, prove, recognizable
from olist_assets.settings import Settings

ID, ORDER = "0123456789abcdef0123456789abcdef", "d2" * 16
COMMENT = 'Não "chegou", 2 vezes\nna casa'
BEGINNING = recognizable([COMMENT])[0]
SOUGHT = Sought(Traces(frozenset({"u7", ID}), frozenset({ORDER})), (BEGINNING,))
Write = Callable[[Path], object]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.session(Settings()) as opened:
        yield opened


@pytest.fixture
def hits(con, tmp_path) -> Callable[[], list[str]]:
    return lambda: prove(con, catalog(), tmp_path, SOUGHT).hits


def write_parquet(path: Path | io.BytesIO, **columns: Any) -> None:
    pq.write_table(pa.table(columns), path, compression="zstd", write_statistics=False)


def parquet(**columns: Any) -> bytes:
    written = io.BytesIO()
    write_parquet(written, **columns)
    return written.getvalue()


def zipped(content: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in a folder/file", content)
    return written.getvalue()


def tar_of(content: bytes) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def database(*statements: str) -> Write:
    def write(path: Path) -> None:
        with closing(sqlite3.connect(path)) as con:
            con.executescript(";".join(statements))
            con.commit()

    return write


NUMBERS = [f"row {at}" for at in range(2000)]
# Packed by itself, so that its bytes in a file do not show the id.
ROWS = parquet(c=[*NUMBERS, ID])
LONG = f"{'x' * 4040}{ID}{'y' * 9000}"
HOLDING: dict[str, bytes | Write] = {
    "id": f"x{ID}y".encode(),
    "id in upper case": ID.upper().encode(),
    "id in quotes": f"\"'{ID}'\"".encode(),
    "id in UTF-16": f"x{ID}".encode("utf-16"),
    "id in UTF-16, big-endian": f"x{ID.upper()}".encode("utf-16-be"),
    "comment": f"… {COMMENT} …".encode(),
    "comment cut off": COMMENT[:26].encode(),
    "comment in upper case": COMMENT.encode().upper(),
    "comment in JSON": json.dumps({"message": COMMENT}).encode(),
    "comment in JSON of UTF-8": json.dumps({"message": COMMENT}, ensure_ascii=False).encode(),
    "comment in CSV": ('"' + COMMENT.replace('"', '""') + '"').encode(),
    "comment in a URL": f"http://localhost/?q={quote(COMMENT)}".encode(),
    "comment in Latin-1": COMMENT.encode("latin-1"),
    "comment in UTF-16": COMMENT.encode("utf-16"),
    "statistics in a log": json.dumps({"add": {"stats": json.dumps({"maxValues": {"c": ID}})}}).encode(),
    "Parquet": ROWS,
    "Parquet with an id in upper case": parquet(c=[*NUMBERS, f"{ID.upper()}"]),
    "Parquet with a struct": parquet(c=[*[{"stats": {"inner": "x"}}] * 2000, {"stats": {"inner": f"{ID}…"}}]),
    "Parquet with a list": parquet(c=[*[["x"]] * 2000, ["y", ID]]),
    "Parquet with bytes": parquet(c=[*[b"x"] * 2000, ID.encode()]),
    "Parquet with views": parquet(c=pa.array([*NUMBERS, ID], pa.string_view())),
    "Parquet with a dictionary": parquet(c=pa.array([*NUMBERS, ID]).dictionary_encode()),
    "Parquet with a map": parquet(c=pa.array([{ID: "x"}], pa.map_(pa.string(), pa.string()))),
    "Parquet with a short id in its column": parquet(customer_id=["x", " U7 "]),
    "Parquet with a comment": parquet(c=[*NUMBERS, COMMENT]),
    "Parquet with a comment in a struct": parquet(c=[{"a": {"b": COMMENT}}]),
    "gzip": gzip.compress(ID.encode()),
    "gzip of Parquet": gzip.compress(ROWS),
    "bzip2": bz2.compress(ID.encode()),
    "xz": lzma.compress(ID.encode()),
    "zip": zipped(ID.encode()),
    "zip of a zip of Parquet": zipped(zipped(ROWS)),
    "tar of gzip": tar_of(gzip.compress(ID.encode())),
    "tar.gz of Parquet": gzip.compress(tar_of(ROWS)),
    "SQLite": database("CREATE TABLE t (a)", f"INSERT INTO t VALUES ('{ID}')"),
    "SQLite with a value in several pages": database("CREATE TABLE t (a)", f"INSERT INTO t VALUES ('{LONG}')"),
    "SQLite with a deleted row": database(
        "PRAGMA secure_delete = OFF",
        "CREATE TABLE t (a)",
        f"INSERT INTO t VALUES ('{ID}'), ('x')",
        "DELETE FROM t WHERE a <> 'x'",
    ),
    # Their order, and something personal beside it.
    "comment of an order": parquet(order_id=[ORDER], review_comment_message=["Bom"]),
    "city of an order": parquet(order_id=[ORDER.upper()], customer_city=["santos"]),
    "zip prefix of an order": parquet(order_ids=[[ORDER]], customer_zip_code_prefix=["13056"]),
    "record that did not parse": parquet(_corrupt_record=[f"{ORDER},santos"]),
    "value of a rejected row": parquet(key=[ORDER], column=["order_status"], value=["santos"]),
    "record of a rejected row": parquet(record=[json.dumps({"order_id": ORDER, "customer_city": "santos"})]),
    "record with an unknown key": parquet(record=[json.dumps({"order_id": ORDER, "remark": "santos"})]),
    "record that is no JSON": parquet(record=[f"{ORDER} santos"]),
    "unknown column": parquet(order_id=[ORDER], remark=["santos"]),
}
CLEAN: dict[str, bytes | Write] = {
    "nothing": b"",
    "another id": (ID[:-1] + "0").encode(),
    "order alone": ORDER.encode(),
    "order with its sums": parquet(order_id=[ORDER], order_total_value=[1.5], order_status=["delivered"]),
    "erased order": parquet(order_id=[ORDER], customer_id=["erased-0f"], customer_city=["erased"], remark=[None]),
    "comment of another order": parquet(order_id=["x", ORDER], review_comment_message=["Bom", None]),
    "rejected row of an erased order": parquet(
        key=[ORDER], column=["order_purchase_timestamp"], value=["1999-01-01 10:00:00"],
        record=[json.dumps({"order_id": ORDER, "customer_city": "erased", "order_status": "shipped", "remark": None})],
    ),
    "other Parquet": parquet(c=[*NUMBERS, "u7"], customer_id=["u70"] * 2001),
    "other archive": zipped(b"x"),
    "other database": database("CREATE TABLE t (a)", "INSERT INTO t VALUES ('x')"),
}  # fmt: skip


def put(file: Path, content: bytes | Write) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content) if isinstance(content, bytes) else content(file)


@pytest.mark.parametrize("content", HOLDING.values(), ids=HOLDING)
def test_file_that_tells_of_the_person_is_named(hits, tmp_path, content):
    put(tmp_path / "old" / "file", content)
    assert hits() == ["old/file"]


def test_files_that_do_not_are_not(con, tmp_path):
    for name, content in CLEAN.items():
        put(tmp_path / name, content)
    found = prove(con, catalog(), tmp_path, SOUGHT)
    assert (found.hits, found.closed, found.files) == ([], [], len(CLEAN))
    assert found.bytes == sum(file.stat().st_size for file in tmp_path.rglob("*"))


PLACES = (
    "bronze/bronze_orders/part.parquet", "bronze/bronze_orders/_change_data/part.parquet",
    "bronze/bronze_orders/.part.parquet.crc", "bronze/bronze_orders/_delta_log/_sidecars/part.parquet",
    "bronze/bronze_orders/_delta_log/.00000000000000000001.json.0f.tmp", "bronze/bronze_orders/_delta_log/1.crc",
    "bronze/bronze_orders/_delta_log/_staged_commits/1.json", "old_table/part.parquet", ".hidden/file",
    "mlflow/artifacts/1/table.json", "dagster/.dagster/events/index.db-wal", ".model-0f/file", "orders.parquet.partial",
    "ends with a space ", "[1]*?.json", "new\nline",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_file_in_any_place_is_read(hits, tmp_path, place):
    put(tmp_path / place, ID.encode())
    assert hits() == [place]


def test_linked_folders_and_files_are_read_and_no_circle_is_followed(con, tmp_path):
    warehouse, elsewhere = tmp_path / "warehouse", tmp_path / "elsewhere"
    put(elsewhere / "silver_orders" / "part.parquet", ID.encode())
    put(tmp_path / "single", ID.encode())
    warehouse.mkdir()
    (warehouse / "silver").symlink_to(elsewhere)
    (warehouse / "file").symlink_to(tmp_path / "single")
    (elsewhere / "back").symlink_to(warehouse)
    (elsewhere / "itself").symlink_to(elsewhere)
    (warehouse / "nowhere").symlink_to(tmp_path / "missing")
    os.mkfifo(warehouse / "pipe")
    assert prove(con, catalog(), warehouse, SOUGHT).hits == ["file", "silver/silver_orders/part.parquet"]


def test_a_log_may_have_an_order_and_the_comment_of_another_one(hits, tmp_path):
    row = {"order_id": [ORDER], "review_comment_message": ["Bom"]}
    put(tmp_path / "t" / "_delta_log" / "1.checkpoint.parquet", parquet(**row))
    assert hits() == []


def test_a_text_in_a_later_batch_of_rows_is_found(hits, tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "ROWS", 100)
    put(tmp_path / "a.parquet", ROWS)
    assert hits() == ["a.parquet"]


@pytest.mark.parametrize("before", range(17))
def test_a_text_across_two_chunks_is_found(hits, tmp_path, monkeypatch, before):
    monkeypatch.setattr(proof, "CHUNK", 16)
    (tmp_path / "log").write_text("x" * before + ID + "y" * 10)
    assert hits() == ["log"]


def test_only_comments_that_can_be_recognized_are_sought():
    assert recognizable(["Bom", "   Muito bom   ", "Recomendo a loja!", "x" * 100]) == ("Recomendo a loja!", "x" * 24)


@pytest.mark.parametrize(
    "first", [b"Obj\x01", b"ORC", b"ARROW1", b"PARE", b"%PDF-1", b"\x28\xb5\x2f\xfd", b"x" * 8 + b"DUCK"]
)
def test_files_that_cannot_be_opened_are_named(con, tmp_path, first):
    put(tmp_path / "file", first + b"and what nobody can read")
    found = prove(con, catalog(), tmp_path, SOUGHT)
    assert (found.hits, found.closed) == ([], ["file"])
    assert "not opened, as their content is packed: file" in found.described(tmp_path)


def test_damaged_archive_and_too_deep_one_are_named(con, tmp_path):
    put(tmp_path / "damaged.gz", gzip.compress(b"x" * 1000)[:-20])
    put(tmp_path / "damaged.zip", b"PK\x03\x04 and no more")
    deep = b"x"
    for _ in range(6):
        deep = zipped(deep)
    put(tmp_path / "deep.zip", deep)
    assert prove(con, catalog(), tmp_path, SOUGHT).closed == ["damaged.gz", "damaged.zip", "deep.zip"]


def test_a_parquet_file_that_cannot_be_decoded_proves_nothing(hits, tmp_path):
    (tmp_path / "part.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(OlistError, match="nothing is proven"):
        hits()


def test_a_description_names_files_and_no_id(con, tmp_path):
    put(tmp_path / "file", ID.encode())
    described = prove(con, catalog(), tmp_path, SOUGHT).described(tmp_path)
    assert "1 hits: file" in described
    assert ID not in described


def test_comment_in_letters_that_latin_1_lacks_is_sought_and_matches_nothing_else(con, tmp_path):
    comment = "очень хорошо 😀"
    put(tmp_path / "file", f"… {comment}".encode("utf-16-le"))
    put(tmp_path / "other", b"x")
    assert prove(con, catalog(), tmp_path, Sought(Traces(), (comment,))).hits == ["file"]
