"""A full disk while messages are appended or merged: nothing is lost, and the next consumer goes on.

Run by `make test-stream`.
"""

import re
import shutil
import sys

import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.faults.test_disks_and_logs import in_namespace
from olist_assets_tests.streaming_faults.conftest import CONSUMER, KILLED, ended, send_files
from olist_assets_tests.streaming_faults.equality import assert_equals_files
from olist_assets_tests.streaming_faults.events import send, short_lived

pytestmark = pytest.mark.stream


@pytest.mark.parametrize(
    ("is_appended", "unchanged"),
    [(False, "bronze_order_events is"), (True, r"bronze_(?!order_events)\w+ is")],
    ids=["appending", "merging"],
)
def test_full_disk_stops_a_consumer_and_the_next_one_goes_on(streamed, consumer, tmp_path, is_appended, unchanged):
    send(streamed, short_lived(50))
    send_files(streamed)
    root, copy = streamed.warehouse_path, tmp_path / "copy"
    root.mkdir()
    if is_appended:
        assert ended(consumer("--kill", "after append"))[0] == KILLED
    consume = f'"{sys.executable}" -W ignore "{CONSUMER}"'
    text = in_namespace(
        f'cp -a "$WH" "{copy}" && mount -t tmpfs -o size=300m none "$WH" && cp -a "{copy}/." "$WH" && '
        # Room for the start of a write and for no more.
        'cat /dev/zero > "$WH/filler" 2>/dev/null; truncate -s -100K "$WH/filler"; '
        f'{consume}; echo "first exit $?"; rm "$WH/filler"; {consume}; echo "second exit $?"; '
        f'rm -rf "{copy}"; cp -a "$WH" "{copy}"',
        streamed,
        WH=str(root),
    )
    assert "first exit 1" in text, text
    assert re.search(f"No space left on device: {unchanged} unchanged", text), text
    assert "Traceback" not in text
    assert "second exit 0" in text, text
    shutil.rmtree(root)
    copy.rename(root)
    assert_equals_files(Warehouse(streamed, catalog()), streamed.data)
