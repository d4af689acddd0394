"""Temporary files are this user's alone, and those of a killed process are removed by the next one."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from olist_assets import private_files
from olist_assets.errors import OlistError
from olist_assets.private_files import keep_private

HOLDS_A_FILE = """
import sys
from olist_assets.private_files import scratch
(scratch() / "rows").write_text("personal")
print(scratch(), flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty folder for temporary files, of this process and of those that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    tempfile.tempdir = None


def started() -> tuple[subprocess.Popen, Path]:
    """A process that keeps a temporary file until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_FILE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_the_folder_is_removed_with_its_process_and_after_a_kill_by_the_next_one(temporary):
    killed, left = started()
    running, kept = started()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert (left / "rows").exists()
    ended, own = started()
    assert not left.exists()
    assert (kept / "rows").exists()
    ended.communicate()
    assert not own.exists()
    running.communicate()
    assert [path.name for path in kept.parent.iterdir()] == [".lock"]


def test_a_server_that_replaces_the_process_keeps_the_folder(temporary):
    becomes = HOLDS_A_FILE.replace("sys.stdin.read()", "import os; os.execv('/bin/cat', ['cat'])")
    with subprocess.Popen([sys.executable, "-c", becomes], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout
        kept = Path(server.stdout.readline().decode().strip())
        other, _ = started()
        other.communicate()
        assert (kept / "rows").exists()
        server.communicate()
    started()[0].communicate()
    assert not kept.exists()


def test_nobody_else_can_read_it(temporary):
    process, folder = started()
    assert (mode(folder), mode(folder.parent)) == (0o700, 0o700)
    assert folder.name.startswith(f"{process.pid}-")
    process.communicate()


def test_a_folder_that_others_could_have_prepared_is_refused(temporary):
    root = temporary / f"olist-{os.getuid()}"
    root.symlink_to(temporary / "elsewhere", target_is_directory=True)
    with pytest.raises(OlistError, match="set TMPDIR"):
        private_files.scratch()


def test_files_made_afterwards_are_this_users_alone_and_a_stricter_mask_stays(tmp_path):
    before = os.umask(0o022)
    try:
        keep_private()
        (tmp_path / "file").write_text("")
        assert mode(tmp_path / "file") == 0o600
        os.umask(0o177)
        keep_private()
        assert os.umask(0o177) == 0o177
    finally:
        os.umask(before)
