"""Of a table's folder only what its newest version needs is kept."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.lakehouse.removal import remove_earlier_versions

LEFT_OVER = (
    "part-of-a-killed-writer.parquet", ".part.parquet.tmp", "_change_data/cdc.parquet", "_temporary/0/part.parquet",
    "deletion_vector_0f.bin", "day=2018-01-01/part.parquet", "_delta_log/_staged_commits/1.json",
    "_delta_log/_sidecars/part.parquet", "_delta_log/.00000000000000000009.json.0f.tmp",
    "_delta_log/00000000000000000001.json.corrupt", f"_delta_log/{0:020}.{1:020}.compacted.json",
    "_delta_log/.tmp/1.json", "_delta_log/00000000000000000000.crc", "_delta_log/x",
)  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of three versions, the last two with a file each."""
    path = tmp_path / "a table"
    write_deltalake(path, pa.table({"c": ["old"]}))
    write_deltalake(path, pa.table({"c": ["first"]}), mode="overwrite")
    write_deltalake(path, pa.table({"c": ["second"]}), mode="append")
    return path


def put(table: Path, name: str) -> None:
    (table / name).parent.mkdir(parents=True, exist_ok=True)
    (table / name).write_text("old")


def test_newest_version_stays_readable_and_is_the_only_one(table):
    newest = DeltaTable(table)
    for name in LEFT_OVER:
        put(table, name)
    remove_earlier_versions(table)
    assert sorted(DeltaTable(table).to_pyarrow_table()["c"].to_pylist()) == ["first", "second"]
    assert {file.name for file in table.rglob("*") if file.is_file()} == {
        *(Path(uri).name for uri in newest.file_uris()),
        "_last_checkpoint", "00000000000000000002.checkpoint.parquet", "00000000000000000002.json",
    }  # fmt: skip
    # And the table can be written.
    write_deltalake(table, pa.table({"c": ["third"]}), mode="append")
    assert DeltaTable(table).version() == newest.version() + 1


def test_checksums_of_the_data_files_stay(table):
    (name, *_) = (Path(uri).name for uri in DeltaTable(table).file_uris())
    for kept in (f".{name}.crc", "_delta_log/.00000000000000000002.json.crc", "_delta_log/00000000000000000002.crc"):
        put(table, kept)
    remove_earlier_versions(table)
    assert (table / f".{name}.crc").exists()
    assert (table / "_delta_log" / "00000000000000000002.crc").exists()


def test_table_behind_a_link_is_cleaned_and_what_links_lead_to_is_not(table, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("not ours")
    (table / "link").symlink_to(elsewhere)
    link = tmp_path / "linked"
    link.symlink_to(table)
    put(table, "old.parquet")
    remove_earlier_versions(link)
    assert not (table / "old.parquet").exists()
    assert not (table / "link").is_symlink()
    assert (elsewhere / "file").read_text() == "not ours"
    assert len(DeltaTable(table).to_pyarrow_table()) == 2
