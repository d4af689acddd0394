"""One consumer killed, then two at once: what `make test-stream` tries in many ways, once and quickly."""

from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.streaming_faults.conftest import KILLED, ended, send_files
from olist_assets_tests.streaming_faults.equality import assert_equals_files
from olist_assets_tests.streaming_faults.events import send, short_lived


def test_a_killed_consumer_and_two_at_once_end_in_the_tables_of_the_files(streamed, consumer):
    send(streamed, short_lived(20))
    send_files(streamed)
    assert ended(consumer("--kill", "after a merge"))[0] == KILLED
    both = [consumer(), consumer()]
    assert [code for code, _ in map(ended, both)] == [0, 0]
    assert_equals_files(Warehouse(streamed, catalog()), streamed.data)
