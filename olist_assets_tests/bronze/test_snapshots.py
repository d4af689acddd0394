"""Source files as received: encodings, line ends, quotes, broken records, and files that must be refused."""

import pytest

from olist_assets.bronze.snapshots import BRONZE, FUNCTIONS, MEANINGS
from olist_assets.catalog import catalog
from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.choice import engine_of
from olist_assets.engine.source_reader import SourceReader
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.source.scan import scan

SELLERS = SOURCES["sellers"]
HEADER = ",".join(SELLERS.columns)


@pytest.fixture
def read(spark, settings, tmp_path):
    """Write bytes as the sellers' file and read them as bronze does."""
    folder = tmp_path / "data"
    folder.mkdir()
    own = settings.model_copy(update={"data": folder})
    source = SourceReader(Warehouse(own, catalog()), engine_of(own), allow_change=False)

    def reader(content: bytes):
        (folder / SELLERS.name).write_bytes(content)
        (function,) = [f for f in FUNCTIONS if f.__name__ == "bronze_sellers"]
        return function(source=source).collect()

    return reader


@pytest.fixture
def path(tmp_path):
    """The file that `read` writes."""
    return tmp_path / "data" / SELLERS.name


def text(*records, end="\n", header=HEADER):
    return (end.join([header, *records]) + end).encode()


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", [HEADER, ",".join(f'"{name}"' for name in SELLERS.columns)])
def test_every_usual_form_of_a_file_reads_the_same(read, bom, end, header):
    rows = read(bom + text('a,"01001",são paulo,SP', end=end, header=header))
    assert [tuple(row[:4]) for row in rows] == [("a", "01001", "são paulo", "SP")]
    assert (rows[0].source_file, rows[0]._corrupt_record) == (SELLERS.name, None)


def test_quoted_fields_keep_commas_quotes_and_line_breaks(read):
    city = 'a, "b"\nc\r\nd'
    quoted = '"' + city.replace('"', '""') + '"'
    assert read(text(f"a,1,{quoted},SP"))[0].seller_city == city


def test_an_empty_field_is_null_with_or_without_quotes_and_spaces_are_kept(read):
    row = read(text('a,,"", SP '))[0]
    assert (row.seller_zip_code_prefix, row.seller_city, row.seller_state) == (None, None, " SP ")


def test_a_record_that_does_not_parse_is_kept_as_a_whole(read):
    rows = read(text("a,1,x,SP", "b,1,x", "c,1,x,SP,surplus"))
    assert {row.seller_id: row._corrupt_record for row in rows} == {
        "a": None, "b": "b,1,x", "c": "c,1,x,SP,surplus",
    }  # fmt: skip


def test_a_file_without_a_line_end_at_its_end_loses_no_record(read, path):
    assert len(read(text("a,1,x,SP").rstrip(b"\n"))) == 1
    assert scan(path, len(SELLERS.columns)).records == 1


def test_a_file_with_only_a_header_has_no_records(read, path):
    assert read(text()) == []
    assert scan(path, len(SELLERS.columns)).records == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (text(header="seller_id,seller_zip_code_prefix,town,seller_state"), r"missing columns \['seller_city'\]"),
        (text(header="seller_zip_code_prefix,seller_id,seller_city,seller_state"), "reordered"),
        (text("a,1,são paulo,SP").decode().encode("latin-1"), "is not UTF-8: .* near byte"),
        (text() + b"\xff", "is not UTF-8"),
        (HEADER.encode("utf-16"), "is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(read, content, message):
    with pytest.raises(OlistError, match=message) as caught:
        read(content)
    assert SELLERS.name in str(caught.value)


def test_a_bronze_contract_has_the_columns_of_its_file_and_those_that_reading_adds():
    for subject, table in BRONZE.items():
        assert table.name == f"bronze_{subject}"
        assert table.column_names == (
            *SOURCES[subject].columns,
            "ingestion_timestamp",
            "source_file",
            "_corrupt_record",
            "source_sequence",
        )


def test_exactly_the_columns_of_the_files_are_described():
    assert set(MEANINGS) == {name for source in SOURCES.values() for name in source.columns}
