"""The process of a role's query ends with the process that asked."""

import json
import subprocess
import sys
from dataclasses import asdict

from olist_assets.governance import query_process
from olist_assets.governance.locked_connection import Limits

MINUTES = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(1000000) b"


def test_query_ends_as_soon_as_nobody_waits_for_its_answer():
    """A process that is killed ends no other one: only its pipes are closed."""
    request = {"query": MINUTES, "named": [], "limits": asdict(Limits(1 << 30, 600.0, 1 << 20)), "tables": []}
    command = [sys.executable, "-m", query_process.__name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(request).encode() + b"\n{}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"columns": {}}
        process.stdin.close()
        try:
            assert process.wait(timeout=10) == 1
        finally:
            process.kill()
