"""A process that writes days of the daily tables until somebody kills it: `writer.py SEED`.

Prints `ready` once the engine has started, and `lap N` after each rerun of all daily tables. Its settings are those of
the environment.
"""

import itertools
import random
import sys
from datetime import timedelta

from pyspark.sql import DataFrame

from olist_assets.contracts.calendar import each_day
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.write_plan import Span
from olist_assets.operations.platform import Platform
from olist_assets.operations.stale import call, stored
from olist_assets.settings import Settings


def main() -> None:
    """Rerun random spans of days of all daily tables."""
    chance, platform = random.Random(int(sys.argv[1])), Platform(Settings())
    catalog, calendar = platform.catalog, platform.calendar
    manager = DeltaIOManager(
        warehouse=platform.warehouse, engine=platform.engine, schema_policy=SchemaPolicy(), calendar=calendar
    )

    def rows(name: str, span: Span) -> DataFrame:
        frame = stored(platform, name)
        return frame.where(span.predicate) if name in catalog.daily_tables else frame

    write_line(f"ready {platform.engine.session.version}")
    for lap in itertools.count():
        first = chance.choice(each_day(calendar.days))
        span = Span("order_date", first, first + timedelta(chance.randint(1, 60)))
        for name in catalog.daily_tables:
            frame = call(platform, name, {parent: rows(parent, span) for parent in catalog.parents(name)})
            manager.store(frame, catalog.table(name), span, {"run_id": f"lap {lap}"})
        write_line(f"lap {lap}")


def write_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
