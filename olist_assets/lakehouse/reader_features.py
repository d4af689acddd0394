"""Whether the rows of a table are those of its Parquet files, judged by the reader features of its protocol.

DuckDB, Sail and the statistics of the log take the files as they are. Some features give the files another meaning:
https://github.com/delta-io/delta/blob/master/PROTOCOL.md#valid-feature-names-in-table-features
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from olist_assets.contracts.quoting import spark_path
from olist_assets.errors import OlistError
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.object_store import location

MAPPING = "columnMapping"
# A protocol of this version implies column mapping; later ones list their features.
MAPPING_VERSION = 2


@dataclass(frozen=True)
class Feature:
    """A feature's effect on the files, whether a version makes use of it, and the statements of Spark that end that."""

    effect: str
    is_used: Callable[[DeltaTable], bool]
    removal: str = "ALTER TABLE {table} DROP FEATURE {feature}"


class ForeignFiles(OlistError):
    """The files of a table do not have its rows as they are."""

    def __init__(self, path: Path, features: dict[str, Feature]) -> None:
        table, name = spark_path(path), path.name
        named = " and ".join(f"{feature} ({known.effect})" for feature, known in features.items())
        removal = "; ".join(known.removal.format(table=table, feature=key) for key, known in features.items())
        # A restore keeps the protocol, but brings back files that do not need the known features.
        restore = "" if UNKNOWN in features.values() else f" Or: olist restore {name} --version N, see olist history."
        super().__init__(
            f"{name} cannot be read from its files, which have the Delta feature {named}. In Spark: {removal}.{restore}"
        )


def require_plain_files(table: DeltaTable) -> None:
    """Raises ForeignFiles unless the files of the opened version have exactly its rows."""
    if used := _used(table):
        raise ForeignFiles(location(table), used)


def has_plain_files(table: DeltaTable) -> bool:
    """Whether the files of the opened version have exactly its rows."""
    return not _used(table)


def require_known_features(path: Path) -> None:
    """Raises ForeignFiles for a table that cannot be opened because of features that are not known here."""
    protocol = delta_log.protocol(path)
    features = _meaningful(protocol.get("minReaderVersion", 1), protocol.get("readerFeatures"))
    if unknown := {name: feature for name, feature in features if feature is UNKNOWN}:
        raise ForeignFiles(path, unknown)


def _used(table: DeltaTable) -> dict[str, Feature]:
    protocol = table.protocol()
    features = _meaningful(protocol.min_reader_version, protocol.reader_features)
    return {name: feature for name, feature in features if feature.is_used(table)}


def _meaningful(version: int, listed: list[str] | None) -> Iterator[tuple[str, Feature]]:
    """The features of a protocol that give the files another meaning, or may do so."""
    for name in [MAPPING] if version == MAPPING_VERSION else listed or ():
        released = name.removesuffix("-preview")
        if released not in HARMLESS:
            yield name, FEATURES.get(released, UNKNOWN)


def _has_deletion_vectors(table: DeltaTable) -> bool:
    try:
        return any(batch.num_rows for batch in table.deletion_vectors())
    except DeltaError:
        # The vectors cannot be read: a file is missing, or deltalake does not know another feature of the table.
        return True


def _has_mapping(table: DeltaTable) -> bool:
    return table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none"


def _has_widened(table: DeltaTable) -> bool:
    return '"delta.typeChanges"' in table.schema().to_json()


def _has_variants(table: DeltaTable) -> bool:
    return '"variant"' in table.schema().to_json()


SET = "ALTER TABLE {table} SET TBLPROPERTIES "
VARIANTS = Feature("its variants are stored as bytes", _has_variants)
UNKNOWN = Feature("which this version of the platform does not know", lambda _: True)
# DROP FEATURE would end the use of these two as well, but leaves tables that deltalake cannot write.
FEATURES = {
    "deletionVectors": Feature(
        "its files still have deleted rows",
        _has_deletion_vectors,
        SET + "('delta.enableDeletionVectors' = 'false'); REORG TABLE {table} APPLY (PURGE)",
    ),
    MAPPING: Feature(
        "its files may have other column names", _has_mapping, SET + "('delta.columnMapping.mode' = 'none')"
    ),
    "typeWidening": Feature("some of its files have narrower types", _has_widened),
    "variantType": VARIANTS,
    "variantShredding": VARIANTS,
}
# The form of checkpoints, a duty of VACUUM, and a type that Parquet has as well.
HARMLESS = {"v2Checkpoint", "vacuumProtocolCheck", "timestampNtz"}
