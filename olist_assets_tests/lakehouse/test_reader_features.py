"""Reader features: which tables are read from their files, and which are refused with the way back."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.past_versions import past_versions
from olist_assets.lakehouse.reader_features import ForeignFiles, has_plain_files, require_plain_files
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import data_files, day_bounds, statistics
from olist_assets.lakehouse.table_diff import diff
from olist_assets.lakehouse.time_travel import compare, history
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.foreign import with_column_mapping, with_deletion_vectors, with_feature, with_types
from olist_assets_tests.lakehouse.versions import NAME, SECOND

DELETED = "deletionVectors (its files still have deleted rows)"
MAPPED = "columnMapping (its files may have other column names)"
PURGE = "('delta.enableDeletionVectors' = 'false'); REORG TABLE delta.`{path}` APPLY (PURGE)"
UNMAP = "('delta.columnMapping.mode' = 'none')"


@pytest.fixture(params=[with_deletion_vectors, with_column_mapping], ids=["deletion vectors", "column mapping"])
def foreign(request: pytest.FixtureRequest, versions: Warehouse) -> Warehouse:
    """silver_orders with two versions of the platform and one of another writer."""
    request.param(versions.path(NAME))
    return versions


@pytest.mark.parametrize(
    ("change", "feature", "removal"),
    [(with_deletion_vectors, DELETED, PURGE), (with_column_mapping, MAPPED, UNMAP)],
    ids=["deletion vectors", "column mapping"],
)
def test_the_refusal_is_one_line_with_table_feature_and_ways_back(versions, change, feature, removal):
    path = versions.path(NAME)
    change(path)
    with pytest.raises(ForeignFiles) as refused:
        require_plain_files(versions.open(NAME))
    assert str(refused.value) == (
        f"{NAME} cannot be read from its files, which have the Delta feature {feature}. "
        f"In Spark: ALTER TABLE delta.`{path}` SET TBLPROPERTIES {removal.format(path=path)}. "
        f"Or: olist restore {NAME} --version N, see olist history."
    )


@pytest.mark.parametrize(
    "read",
    [
        lambda warehouse, table: warehouse.rows(table),
        lambda warehouse, table: warehouse.rows_by_day(table, "order_date"),
        lambda _, table: statistics(table),
        lambda _, table: day_bounds(table, "order_date"),
        lambda warehouse, table: diff(warehouse, SILVER_ORDERS, warehouse.open(NAME, 2), table),
        lambda _, table: create_view(duckdb.connect(), "some", table, data_files(table)[:1]),
    ],
    ids=["rows", "rows by day", "statistics", "days", "diff", "view"],
)
def test_whatever_reads_the_files_refuses_them(foreign, read):
    with pytest.raises(ForeignFiles, match=NAME):
        read(foreign, foreign.open(NAME))


def test_earlier_versions_are_read_as_before(foreign):
    table = foreign.open(NAME, 2)
    assert statistics(table).rows == foreign.rows(table).num_rows == len(SECOND)
    assert compare(foreign, NAME, 1, 2, 0).added == 2
    assert [version.rows for version in history(foreign, NAME, 3)] == [None, len(SECOND), 3]


def test_later_versions_are_compared_with_the_last_one_that_can_be_read(foreign):
    path = foreign.path(NAME)
    DeltaTable(str(path)).restore(2)
    assert foreign.rows(foreign.open(NAME)).num_rows == len(SECOND)
    assert foreign.version_before(NAME, 4).version() == 2
    assert [past.version for past in past_versions(path, 4)] == [1, 2]


@pytest.mark.parametrize(
    "features",
    [
        ("v2Checkpoint",),
        ("vacuumProtocolCheck",),
        ("timestampNtz",),
        ("deletionVectors", "columnMapping"),
        ("typeWidening", "typeWidening-preview"),
        ("variantType", "variantType-preview", "variantShredding-preview"),
    ],
    ids=lambda features: features[0],
)
def test_a_feature_without_effect_on_the_files_is_no_obstacle(versions, features):
    with_feature(versions.path(NAME), *features)
    table = versions.open(NAME)
    assert has_plain_files(table)
    assert versions.rows(table).num_rows == statistics(table).rows == len(SECOND)


@pytest.mark.parametrize(
    ("feature", "types", "refusal"),
    [
        ("typeWidening", {"delta.typeChanges": [{"fromType": "integer", "toType": "long"}]}, "narrower types"),
        ("variantType-preview", "variant", "stored as bytes"),
    ],
)
def test_types_that_the_files_do_not_have_are_refused(tmp_path, feature, types, refusal):
    write_deltalake(str(tmp_path / "t"), pa.table({"n": [1]}))
    with_types(tmp_path / "t", feature, types)
    table = DeltaTable(str(tmp_path / "t"))
    with pytest.raises(ForeignFiles, match=rf"t cannot .*{feature} \(.*{refusal}.* DROP FEATURE {feature}\. Or: olist"):
        require_plain_files(table)


@pytest.mark.parametrize("is_cleaned", [False, True], ids=["in a commit", "in a checkpoint"])
@pytest.mark.parametrize("feature", ["brandNew", "catalogManaged"])
def test_an_unknown_feature_is_refused_by_name_and_no_file_of_the_log_is_set_aside(
    versions, olist, feature, is_cleaned
):
    path = versions.path(NAME)
    with_feature(path, feature)
    if is_cleaned:
        _only_in_checkpoint(path)
    log = sorted(file.name for file in delta_log.log_folder(path).iterdir())
    with pytest.raises(
        ForeignFiles, match=rf"{NAME} .*{feature} \(which .* does not know\).* DROP FEATURE {feature}\.$"
    ):
        versions.open(NAME)
    code, text = olist("restore", NAME, "--version", "2")
    assert (code, feature in text) == (2, True), text
    assert sorted(file.name for file in delta_log.log_folder(path).iterdir()) == log


def _only_in_checkpoint(path: Path) -> None:
    """Replace the commits by a checkpoint of the newest, of which only the protocol matters here."""
    newest = delta_log.commits(path)[0]
    protocol = next(action["protocol"] for action in newest.actions or () if "protocol" in action)
    name = f"{newest.version:020}.checkpoint.parquet"
    pq.write_table(pa.Table.from_pylist([{"protocol": protocol}, {"protocol": None}]), newest.path.with_name(name))
    for commit in delta_log.commits(path):
        commit.path.unlink()


def test_vectors_whose_file_is_gone_are_refused_like_others(versions):
    with_deletion_vectors(versions.path(NAME), storageType="u", pathOrInlineDv="0" * 20, offset=1)
    with pytest.raises(ForeignFiles, match="deletionVectors"):
        require_plain_files(versions.open(NAME))
