"""Whether the daily tables are complete, and who writes them."""

from filelock import FileLock, Timeout

from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.conftest import FinishedRun
from olist_assets_tests.rows import stored_rows


def assert_whole(warehouse: Warehouse, finished: FinishedRun) -> None:
    """Every daily table can be opened, has exactly the rows of a full run, and is not locked by anybody."""
    for name in warehouse.catalog.daily_tables:
        assert stored_rows(warehouse, name) == stored_rows(finished.warehouse, name), name
    assert locked_tables(warehouse) == []


def locked_tables(warehouse: Warehouse) -> list[str]:
    """The daily tables that a process holds."""
    held = []
    for name in warehouse.catalog.daily_tables:
        path = warehouse.path(name)
        try:
            with FileLock(path.parent / f".{name}.lock", timeout=0):
                pass
        except Timeout:
            held.append(name)
    return held
