"""A proof reads every file, Parquet and logs alike, and names those that still say what should be gone."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from olist_assets.errors import OlistError
from olist_assets.governance import proof

ID = "0123456789abcdef0123456789abcdef"


def test_a_text_is_found_in_every_kind_of_file(tmp_path):
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
    found = proof.prove(tmp_path, ["nothing like it", ID])
    assert (found.files, found.parquet) == (5, 3)
    assert found.hits == ("_delta_log/0.json", "nested.parquet", "text.parquet")
    assert found.bytes == sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert "3 hits: " in found.described(tmp_path)
    assert ID not in found.described(tmp_path)
    assert proof.prove(tmp_path, ["nothing like it"]).hits == ()


def test_a_text_across_two_chunks_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "CHUNK", 16)
    (tmp_path / "log").write_text("x" * 10 + ID + "y" * 10)
    assert proof.prove(tmp_path, [ID]).hits == ("log",)


def test_a_parquet_file_that_cannot_be_decoded_proves_nothing(tmp_path):
    (tmp_path / "part.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(OlistError, match="nothing is proven"):
        proof.prove(tmp_path, [ID])
