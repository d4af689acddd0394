"""Two processes at once: both runs succeed, and no row is lost or doubled. Run by `make test-faults`."""

import subprocess

import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.conftest import settings_in
from olist_assets_tests.faults.conftest import OLIST, inherited
from olist_assets_tests.faults.whole import assert_whole

pytestmark = pytest.mark.faults
SUCCESS = 0


def start(settings, *words):
    return subprocess.Popen(
        [OLIST, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=inherited(settings)
    )


def ends(processes, seconds):
    """Exit codes and outputs, once all processes have ended."""
    return [(process.communicate(timeout=seconds)[0], process.returncode) for process in processes]


@pytest.mark.parametrize(
    "days", [("2018-01-10", "2018-01-10"), ("2018-01-10", "2018-02-20")], ids=["same", "different"]
)
def test_two_runs_of_days_at_once_both_succeed(copied, finished, days):
    before = copied.warehouse.open("gold_daily_metrics").version()
    ended = ends([start(copied.settings, "materialize", "--day", day) for day in days], 300)
    assert [code for _, code in ended] == [SUCCESS, SUCCESS], ended
    assert copied.warehouse.open("gold_daily_metrics").version() == before + 2
    assert_whole(copied.warehouse, finished)


def test_two_first_starts_with_one_empty_cache_both_succeed(sample, tmp_path):
    cache = tmp_path / "cache"
    places = [settings_in(tmp_path / name, sample, cache=cache) for name in ("one", "two")]
    ended = ends([start(settings, "materialize", "--select", "bronze_sellers") for settings in places], 600)
    assert [code for _, code in ended] == [SUCCESS, SUCCESS], ended
    for settings in places:
        assert statistics(Warehouse(settings, catalog()).open("bronze_sellers")).rows > 0
