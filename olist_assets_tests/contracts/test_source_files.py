"""The nine files: what names a record of each."""

from olist_assets.contracts.source_files import SOURCES


def test_every_file_but_geolocation_has_a_key_of_its_own_columns():
    assert [table for table, source in SOURCES.items() if not source.key] == ["geolocation"]
    assert all({*source.key} <= {*source.columns} for source in SOURCES.values())
