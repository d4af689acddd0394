"""Any form of a CSV file that can be understood in one way is read alike; others are refused with cause and remedy."""

import csv
import io
from pathlib import Path

import pytest

from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source import scan as scanning
from olist_assets.source.csv_file import CsvFile, csv_file
from olist_assets.source.scan import Span, scan

COLUMNS = ("a", "b")
HEADER = "a,b"


@pytest.fixture
def read(tmp_path: Path):
    """Write bytes as a file, and examine it."""

    def examined(content: bytes, columns: tuple[str, ...] = COLUMNS) -> CsvFile:
        path = tmp_path / "it's a file.csv"
        path.write_bytes(content)
        return csv_file(path, "the file", tmp_path / "cache", columns)

    return examined


@pytest.fixture
def values(warehouse: Warehouse):
    """The values of a file as DuckDB reads them."""

    def of(file: CsvFile) -> list[tuple[str | None, ...]]:
        with warehouse.sql() as con:
            return con.execute(f"FROM {file.duckdb_sql}").fetchall()

    return of


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], []),
        (["1,2"], [("1", "2")]),
        (['"say ""so""","x,y"'], [('say "so"', "x,y")]),
        (['"two\nlines",2', "3,4"], [("two\nlines", "2"), ("3", "4")]),
        (['"two\r\nlines",2', "3,4"], [("two\r\nlines", "2"), ("3", "4")]),
        (["'1',\\", " 1 ,"], [("'1'", "\\"), (" 1 ", None)]),
        (['"",x', '"""",y'], [(None, "x"), ('"', "y")]),
    ],
)
def test_a_plain_file_is_read_where_it_is(read, values, tmp_path, end, bom, records, expected):
    file = read(bom + end.join([HEADER, *records, ""]).encode())
    assert (file.path, file.line_end, file.header) == (tmp_path / "it's a file.csv", end, COLUMNS)
    assert file.records == len(expected)
    assert values(file) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,x\r\n2,y\n",
        b"a,b\r\n1,x\n2,y\r\n",
        b"a,b\r1,x\r2,y\r",
        b"a,b\r\r\n1,x\r\r\n2,y\r\r\n",
        b"a,b\r1,x\r\n2,y",
        b"\xef\xbb\xbfa,b\n1,x\r\n2,y\r\n",
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 1 << 20])
def test_no_line_end_enters_a_value(read, values, monkeypatch, content, chunk):
    monkeypatch.setattr(scanning, "CHUNK_BYTES", chunk)
    file = read(content)
    assert values(file) == [("1", "x"), ("2", "y")]
    assert file.records == len(values(file))
    assert b"\r" not in file.path.read_bytes()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("blank", ["", ",", " ", '"", ', '"",""', "\t"])
def test_lines_without_a_value_are_no_records(read, values, end, blank):
    file = read(end.join([HEADER, "1,x", blank, blank, '2,"y"', ""]).encode())
    assert (file.records, file.valueless) == (2, 2)
    assert values(file) == [("1", "x"), ("2", "y")]


def test_a_record_with_another_number_of_fields_is_kept_as_a_whole(read, values):
    file = read(b'a,b\n1,x\n2\n3,"y\r\nz",surplus\n4,w')
    assert (file.records, file.misfits) == (4, ("2", '3,"y\r\nz",surplus'))
    assert values(file) == [("1", "x"), ("4", "w")]


@pytest.mark.parametrize(
    ("header", "respelled"),
    [
        ("a,b", ()),
        ("A,B", ("A", "B")),
        ('"a", "b"', (" b",)),
        ('"A", "b"', ("A", " b")),
        ("a , B", ("a ", " B")),
        ('"A","b "', ("A", "b ")),
    ],
)
def test_a_header_in_another_spelling_is_read(read, values, header, respelled):
    file = read(f"{header}\n1,x\n".encode())
    assert (file.header, file.respelled) == (COLUMNS, respelled)
    assert values(file) == [("1", "x")]


def test_a_space_in_a_name_may_stand_for_an_underscore(read):
    assert read(b"Order ID,b\n1,x\n", ("order_id", "b")).header == ("order_id", "b")
    assert read(b"Order_ID,b\n1,x\n", ()).header == ("Order_ID", "b")


NO_NAMES = (
    "x,y", "a.b", "a`b", 'a"b', "a;b", "a[0]", "f(x)", "a=b", "a/b", "a-b", "*", "${x}", "a b", "a\x1b[31mb", "a\x00b",
    "\N{GRINNING FACE}", "A", "a", "_corrupt_record", "_CORRUPT_RECORD", "Source_File",
    "ingestion_timestamp",
)  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_an_engine_would_read_otherwise_is_refused_before_one_sees_it(read, name):
    quoted = '"' + name.replace('"', '""') + '"'
    with pytest.raises(OlistError, match=r"the fields (1, )?2 of its first line cannot"):
        read(f"a,{quoted}\n1,2\n".encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty: it has no header line"),
        (b"\n \n", "the file is empty"),
        (b"a;b\n1;2\n", "the file has semicolons between its fields instead of commas. Save it again as CSV"),
        (b"a\tb\n1\t2\n", "has tabs between its fields"),
        (b'"a"|"b"\n1|2\n', "has bars between its fields"),
        (b",a,b\n0,1,2\n", r"has a column of row numbers in front. Write it without: df.to_csv\(..., index=False\)"),
        (b'"Unnamed: 0","a","b"\n0,1,2\n', "has a column of row numbers in front"),
        (b'"a,b"\n"1,2"\n', "has quotes around whole lines"),
        (b'"""a"",""b"""\n"""1"",""2"""\n', "has quotes around whole lines"),
        (b'""a","b""\n""1","2""\n', "has quotes around whole lines"),
        (b"a,b\ncaf\xe9,1\n", r"is not UTF-8: .* near byte 7\. Save it again as CSV in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8"),
        (b"a,b\n" + b"1,x,y\n" * 10, r"most records have another number of fields than the header's 2, .* of line 2\."),
        (b'a,"b\n1,x\n', "line 1: a quote is opened in the header and not closed"),
        (b"x" * (1 << 20), "has no header: its first line is longer than 512 kB"),
        (b'a,b\n1,x\n"say \\"hi\\"",y\n', r'the file, line 3: a quote is escaped by a backslash \(\\"\)'),
        (b'a,b\n1,x\n2,"y\n3,z\n', "the file, line 3: a quote is opened and not closed. Correct that line"),
        (b'a,b\r\n1,x\r\n2,"y\r\n3,z\r\n4,"w"\r\n', "the file, line 3: a quote is opened and not closed where its"),
        (b'a,b\n1,TV 32" wide\n2,y\n', "the file, line 2: a quote stands inside a field that does not start with"),
        (b'a,b\n1,"x" y\n', "line 2: a quote is opened and not closed where its field ends"),
    ],
)
@pytest.mark.parametrize("chunk", [3, 1 << 20])
def test_what_is_ambiguous_is_refused_with_the_cause(read, monkeypatch, content, message, chunk):
    monkeypatch.setattr(scanning, "CHUNK_BYTES", chunk)
    with pytest.raises(OlistError, match=message):
        read(content)


def test_a_quote_that_is_never_closed_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "CHUNK_BYTES", 10)
    monkeypatch.setattr(scanning, "MAX_RECORD_BYTES", 100)
    path = tmp_path / "file.csv"
    path.write_bytes(b'a,b\n1,"' + b"x\n" * 1000)
    with pytest.raises(scanning.StrayQuote) as caught:
        scan(path, 2)
    assert caught.value.position == len("a,b\n1,")


def test_the_records_are_those_of_a_csv_reader(tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "CHUNK_BYTES", 7)  # quotes and line ends fall on every border
    for end in ("\n", "\r\n"):
        records = [["a", "b"], ["x\ny", 'say "hi"'], ["", "0"], ["1", "2\r\n\r\n3"], ["z", ""], ['"', '","']]
        written = io.StringIO(newline="")
        csv.writer(written, lineterminator=end).writerows([["c1", "c2"], *records])
        path = tmp_path / "file.csv"
        path.write_text(written.getvalue() + end * 2, newline="")
        found = scan(path, 2)
        assert (found.records, found.misfits, found.valueless) == (len(records), [], 2)


def test_a_field_may_be_long(read, values):
    text = "x" * 200_000
    file = read(f"a,b\n1,{text}\n ,{text}\n2,{text},3\n".encode())
    assert (file.records, [len(misfit) for misfit in file.misfits]) == (3, [200_004])
    assert [row[1] for row in values(file)] == [text, text]


def test_a_misfit_is_found_where_it_is(tmp_path):
    path = tmp_path / "file.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1\r\n2,x\r\n")
    assert scan(path, 2).misfits == [Span(8, 9)]


def test_a_changed_file_is_examined_again_and_its_old_copy_deleted(read, values, tmp_path):
    first = read(b"a,b\n1,x\r\n")
    assert read(b"a,b\n1,x\r\n2,y\n").records == 2
    assert not first.path.exists()
    assert len(list((tmp_path / "cache").rglob("*.csv"))) == 1


def test_a_copy_that_was_deleted_is_made_again(read, values):
    content = b"a,b\n1,x\r\n"
    read(content).path.unlink()
    assert values(read(content)) == [("1", "x")]
