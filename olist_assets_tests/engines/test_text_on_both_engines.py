"""Properties: whatever text a source file contains, both engines read it, cast it and reject it in the same way.

`make test` tries the same texts each time; the profile `long` draws new ones.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from olist_assets.contracts.source_files import CORRUPT, SOURCES
from olist_assets.engine.choice import engine_of
from olist_assets.engine.engine import Engine
from olist_assets.settings import Settings
from olist_assets_tests.engines import answers
from olist_assets_tests.engines.answers import Rows, Text
from olist_assets_tests.rows import VALID_TEXT
from olist_assets_tests.silver.rules import RULES

pytestmark = pytest.mark.spark
many_rows = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
KINDS = ("int", "double", "decimal(5,4)", "decimal(10,2)", "decimal(12,2)", "timestamp", "zip_prefix", "state")


def either(*texts: str, none: int = 0) -> st.SearchStrategy[str]:
    """One of these texts, or none of them so many times as often."""
    return st.sampled_from([*[""] * none, *texts])


# Only spaces around a value are ignored; the others look like them.
padding = either(" ", "  ", "\t", "\n", "\r\n", "\v", "\x00", "\xa0", "\u2028", "\u3000", "\ufeff", none=40)
digits = either("", "0", "1", "7", "10", "99", "٣", "\uff13", "1_0", "2147483647", "2147483648", "9" * 8, "9" * 12)
numbers = st.tuples(
    padding,
    either("+", "-", "--", "+-", "\u2212", none=4),
    either("0", "00", "0" * 18, "0" * 19, none=4),
    digits,
    either(
        ".", ".0", ".5", ".05", ".005", ".10", ".1" + "0" * 18, ".1" + "0" * 20, ".333333333333333333", ",5", none=6
    ),
    either("e2", "E+1", "e-1", "e-2", "e99", "e999", "e-99", "e", "d", "f", "L", "x1", "%", none=10),
    padding,
).map("".join)
times = st.tuples(
    padding,
    either("0000", "0001", "0004", "1500", "1582", "1900", "2016", "2018", "9999", "10000", "18", "-001", "\uff12018"),
    either("-00", "-01", "-02", "-02", "-04", "-10", "-12", "-13", "-1", "/01"),
    either("-00", "-01", "-10", "-28", "-29", "-30", "-31", "-32", "-1", ""),
    either(" ", " ", " ", "T", "  ", ""),
    either("00", "09", "12", "23", "24", "-1", "7", ""),
    either(":00", ":00", ":59", ":60", ""),
    either(":00", ":00", ":59", ":60", ":61", ""),
    either(".0", ".123456", "Z", "+01:00", " UTC", none=10),
    padding,
).map("".join)
words = st.sampled_from(
    [
        "NaN", "nan", " NaT", "None", "\\N", "Infinity", "-Infinity", "inf", "+inf", "0x1", "true", "null", "NULL",
        "1 2", "1,5", "now", "epoch",
    ]
)  # fmt: skip
odd = st.text(st.sampled_from("ab \t\n\r\"'\\/,{}<\x00\x0b\x1f\x7f\x85éß日😀\u0301\u2028\ufeff\uffff"), max_size=5)
texts: st.SearchStrategy[Text] = st.none() | numbers | times | words | odd


@pytest.fixture(scope="module")
def engine(spark) -> Engine:
    """Spark; it finds the test process's session running."""
    return engine_of(Settings())


@given(values=st.lists(numbers | times | texts, min_size=150, max_size=150))
@many_rows
def test_a_text_is_cast_to_the_same_value(engine, ask, values):
    assert_equal(answers.casts(engine, KINDS, values), ask("casts", KINDS, values))


@st.composite
def records(draw: st.DrawFn, subject: str) -> dict[str, Text]:
    """A record with few keys, so that some are repeated, and with up to two odd columns."""
    rules, types = RULES[subject], SOURCES[subject].types
    columns = SOURCES[subject].columns
    record: dict[str, Text] = {name: draw(either("a", "b", "é")) for name in rules.key if name not in types}
    record |= {name: draw(either("1", "01", "2", " 2")) for name in rules.key if name in types}
    for name in draw(st.lists(st.sampled_from(columns), max_size=2)):
        record[name] = draw(valid(types.get(name)) | texts)
    if draw(st.integers(0, 9)) == 0:
        record[CORRUPT] = draw(odd)
    return record


def valid(kind: str | None) -> st.SearchStrategy[str]:
    """Texts of which more are values of a type than not."""
    if kind is None:
        return odd
    if kind == "state":
        return either("SP", " RJ", "sp", "XX")
    return either(VALID_TEXT["shipping_limit_date"]) | times if kind == "timestamp" else numbers


@pytest.mark.parametrize("subject", RULES)
@given(data=st.data())
@many_rows
def test_a_row_is_accepted_or_rejected_with_the_same_content(engine, ask, subject, data):
    rows = data.draw(st.lists(records(subject), min_size=60, max_size=60))
    spark, sail = answers.cleaned(engine, subject, rows), ask("cleaned", subject, rows)
    for one, other in zip(spark, sail, strict=True):
        assert_equal(one, other)
    assert sum(map(len, spark)) - 2 == len(rows)


def in_quotes(text: str) -> str:
    """A quoted field of a source file."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


# Not drawn, as no record then has one meaning: quotes inside an unquoted field, quotes without an end, line ends of
# both kinds.
plain = st.text(st.sampled_from("ab1 \t'\\#;éß日\u2028\ufeff"), max_size=4)
quoted = st.text(st.sampled_from("ab1 \t,,\n\r\"'\\é\u2028"), max_size=5).map(in_quotes)
fields = plain | quoted


@st.composite
def files(draw: st.DrawFn) -> str:
    """The text of a source file: most of its records have the header's number of fields."""
    width = draw(st.integers(1, 4))
    header = [draw(either(name, f'"{name}"')) for name in "abcd"[:width]]
    widths = st.sampled_from([*[width] * 6, width + 1, width + 2, *range(1, width)])
    lines = [",".join(draw(fields) for _ in range(draw(widths))) for _ in range(draw(st.integers(0, 40)))]
    end = draw(either("\n", "\r\n"))
    return draw(either("", "\ufeff")) + end.join([",".join(header), *lines]) + draw(either("", end, end * 2))


@given(text=files())
@example(text="a,b\n1,2\nx\u2028y,2,3\n")
@settings(many_rows, max_examples=4 * settings().max_examples)
def test_a_file_is_read_as_the_same_records(engine, ask, tmp_path_factory, text):
    path = Path(tmp_path_factory.mktemp("files") / "a file.csv")
    path.write_bytes(text.encode())
    assert_equal(answers.read(engine, str(path)), ask("read", str(path)))


def assert_equal(spark: Rows, sail: Rows) -> None:
    """Raises AssertionError with the rows that only one engine gives."""
    only = {"spark": [row for row in spark if row not in sail], "sail": [row for row in sail if row not in spark]}
    assert only == {"spark": [], "sail": []}
    assert spark == sail
