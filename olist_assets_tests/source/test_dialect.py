"""The CSV dialect: quotes, line breaks in fields, both line ends; DuckDB reads as many records as are counted."""

from pathlib import Path

import pytest

from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source import dialect
from olist_assets.source.dialect import duckdb_csv, line_end, record_count

HEADER = "a,b"


def written(folder: Path, text: str) -> Path:
    path = folder / "it's a file.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("records", "values"),
    [
        ([], []),
        (["1,2"], [("1", "2")]),
        (['"say ""so""","x,y"'], [('say "so"', "x,y")]),
        (['"two\nlines",2', "3,4"], [("two\nlines", "2"), ("3", "4")]),
        (["'1',\\", " 1 ,"], [("'1'", "\\"), (" 1 ", None)]),
    ],
)
def test_records_are_read_and_counted_alike(warehouse: Warehouse, tmp_path, end, records, values):
    path = written(tmp_path, end.join([HEADER, *records, ""]))
    assert line_end(path) == end
    assert record_count(path) == len(values)
    with warehouse.sql() as con:
        assert con.execute(f"FROM {duckdb_csv(path)}").fetchall() == values


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("a,b\n1,2\n", 1),
        ("a,b\n1,2", 1),  # the last line end is missing
        ("a,b\n1,2\n\n\n3,4\n\n", 2),
        ("a,b", 0),
        ('a,b\n"an ""inner"" \n\n line",2\n', 1),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
def test_blank_lines_do_not_count_and_chunks_may_end_anywhere(monkeypatch, tmp_path, text, records, chunk):
    monkeypatch.setattr(dialect, "CHUNK_BYTES", chunk)
    assert record_count(written(tmp_path, text)) == records
    assert record_count(written(tmp_path, text.replace("\n", "\r\n"))) == records
