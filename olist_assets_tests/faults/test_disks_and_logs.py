"""Full and read-only disks, broken logs, deleted tables: the message says what happened, and the next run repairs it.

Each fault has its own warehouse: the last version stays readable, and no row is lost or doubled. Run by
`make test-faults`; its results are in docs/reruns.md.
"""

import shutil
import subprocess

import pytest

from olist_assets_tests.faults.conftest import OLIST, inherited
from olist_assets_tests.faults.whole import assert_whole

pytestmark = pytest.mark.faults
SUCCESS, FAILED, WRONG_USE = 0, 1, 2


def in_namespace(script, settings, **variables):
    """Run a shell script as root of a mount namespace of its own; skip where the system allows none."""
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this system allows no mount namespace: a small or read-only file system cannot be made")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=inherited(settings, **variables),
    )
    return " ".join((done.stdout + done.stderr).split())


def test_full_disk_fails_a_run_which_succeeds_once_there_is_room(copied, finished, tmp_path):
    root, copy, days = copied.warehouse.root, tmp_path / "copy", "--days 2018-01-01..2018-03-31"
    text = in_namespace(
        # Room for the start of a write and for no more.
        f'cp -a "$WH" "{copy}" && mount -t tmpfs -o size=300m none "$WH" && cp -a "{copy}/." "$WH" && '
        'cat /dev/zero > "$WH/filler" 2>/dev/null; truncate -s -60K "$WH/filler"; '
        f'"{OLIST}" materialize {days}; echo "first exit $?"; '
        f'"{OLIST}" sql "SELECT count(*) AS days FROM gold_daily_metrics"; echo "read exit $?"; '
        f'rm "$WH/filler"; "{OLIST}" materialize {days}; echo "second exit $?"; '
        f'rm -rf "{copy}"; cp -a "$WH" "{copy}"',
        copied.settings,
        WH=str(root),
    )
    assert "first exit 1" in text or "first exit 2" in text, text
    assert "No space left on device" in text
    assert "Traceback" not in text
    assert "read exit 0" in text
    assert "second exit 0" in text, text
    shutil.rmtree(root)
    shutil.copytree(copy, root)
    assert_whole(copied.warehouse, finished)


def test_read_only_warehouse_is_reported_and_still_readable(copied, finished):
    text = in_namespace(
        f'mount --bind "$WH" "$WH" && mount -o remount,bind,ro "$WH" && '
        f'"{OLIST}" materialize --day 2018-01-10; echo "write exit $?"; '
        f'"{OLIST}" sql "SELECT count(*) AS days FROM gold_daily_metrics"; echo "read exit $?"',
        copied.settings,
        WH=str(copied.warehouse.root),
    )
    assert "Cannot write to the warehouse" in text, text
    assert "write exit 2" in text
    assert "read exit 0" in text
    assert_whole(copied.warehouse, finished)


def test_truncated_log_file_is_named_with_the_command_that_repairs_it(copied, finished, olist_process):
    assert olist_process("materialize", "--day", "2018-01-10")[0] == SUCCESS
    newest = max((copied.warehouse.path("silver_orders") / "_delta_log").glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:100])
    code, text = olist_process("materialize", "--day", "2018-01-11")
    assert code in (FAILED, WRONG_USE), text
    assert newest.name in text
    advised = text[text.index("olist restore") :].split()[1:5]
    code, text = olist_process(*advised)
    assert code == SUCCESS, text
    code, text = olist_process("materialize", "--day", "2018-01-11")
    assert code == SUCCESS, text
    code, text = olist_process("stale")
    assert code == SUCCESS, text
    assert_whole(copied.warehouse, finished)


def test_table_deleted_by_hand_is_named_and_made_again(copied, finished, olist_process):
    shutil.rmtree(copied.warehouse.path("silver_orders"))
    code, text = olist_process("materialize", "--select", "silver_orders_master", "--day", "2018-01-10")
    assert (code, "silver_orders (never made)" in text) == (WRONG_USE, True), text
    code, text = olist_process("materialize", "--day", "2018-01-10")
    assert code == FAILED, text
    assert "order_id_exists_in_silver_orders" in text
    code, text = olist_process("materialize", "--stale")
    assert code == SUCCESS, text
    assert_whole(copied.warehouse, finished)
