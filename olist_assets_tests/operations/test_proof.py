"""A proof reads every file, Parquet and logs alike, and names those that still contain what should be gone."""

import json
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from olist_assets.errors import OlistError
from olist_assets.lakehouse import sql
from olist_assets.operations import proof
from olist_assets.settings import Settings

ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.session(Settings()) as opened:
        yield opened


def test_a_text_is_found_in_every_kind_of_file(con, tmp_path):
    texts = pa.array([f"row {at}" for at in range(2000)] + [ID])
    nested = pa.array([{"stats": [f"{ID}…"]}] * 2001)
    clean = pa.array(["x"] * 2001)
    for name, column in (("text", texts), ("nested", nested), ("clean", clean)):
        pq.write_table(
            pa.table({"c": column}), tmp_path / f"{name}.parquet", compression="zstd", write_statistics=False
        )
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log" / "0.json").write_text(json.dumps({"add": {"stats": {"maxValues": {"c": ID}}}}))
    (tmp_path / "other.db").write_bytes(b"\0" * 100)
    found = proof.prove(con, tmp_path, ["nothing like it", ID])
    assert (found.files, found.parquet) == (5, 3)
    assert found.hits == ("_delta_log/0.json", "nested.parquet", "text.parquet")
    assert found.bytes == sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert "3 hits: " in found.described(tmp_path)
    assert ID not in found.described(tmp_path)
    assert proof.prove(con, tmp_path, ["nothing like it"]).hits == ()


def test_a_text_in_a_later_batch_of_rows_is_found(con, tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "ROWS", 100)
    column = pa.array([f"row {at}" for at in range(250)] + [ID])
    pq.write_table(pa.table({"c": column}), tmp_path / "a.parquet", compression="zstd", write_statistics=False)
    assert proof.prove(con, tmp_path, [ID]).hits == ("a.parquet",)


@pytest.mark.parametrize("before", range(17))
def test_a_text_across_two_chunks_is_found(con, tmp_path, monkeypatch, before):
    monkeypatch.setattr(proof, "CHUNK", 16)
    (tmp_path / "log").write_text("x" * before + ID + "y" * 10)
    assert proof.prove(con, tmp_path, [ID]).hits == ("log",)


def test_a_parquet_file_that_cannot_be_decoded_proves_nothing(con, tmp_path):
    (tmp_path / "part.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(OlistError, match="nothing is proven"):
        proof.prove(con, tmp_path, [ID])
