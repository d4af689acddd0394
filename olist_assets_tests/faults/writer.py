"""A process that writes days of the daily tables without end, until somebody kills it: `writer.py SEED`.

Prints `ready` once Spark has started, `lap N` after each whole rerun. Takes its settings from the environment.
"""

import itertools
import random
import sys
from datetime import timedelta

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import assets, table
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.jobs import DAILY_TABLES
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark
from olist_assets.operations.selection import ALL_DAYS, each_day
from olist_assets.settings import Settings
from olist_assets.engine.write_plan import Span


def main() -> None:
    """Rerun random spans of days of all daily tables."""
    chance, spark = random.Random(int(sys.argv[1])), Spark()
    manager = DeltaIOManager(spark=spark, schema_policy=SchemaPolicy())
    functions = {made.key.to_user_string(): made for made in assets()}

    def rows(name: str, span: Span):
        frame = spark.session.read.format("delta").load(str(lakehouse.table_path(Settings(), name)))
        return frame.where(span.predicate) if name in DAILY_TABLES else frame

    say(f"ready {spark.session.version}")
    for lap in itertools.count():
        first = chance.choice(each_day(ALL_DAYS))
        span = Span("order_date", first, first + timedelta(chance.randint(1, 60)))
        for name in DAILY_TABLES:
            made = functions[name]
            parents = {key.to_user_string(): rows(key.to_user_string(), span) for key in made.dependency_keys}
            frame = made(**parents)
            manager.store(frame, table(name), span, {"run_id": f"lap {lap}"})  # pyright: ignore
        say(f"lap {lap}")


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
