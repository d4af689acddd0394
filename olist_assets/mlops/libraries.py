"""The libraries of trainings, imported while a run makes the tables that the trainings read.

They take four CPU seconds. Imported by the trainings, which start at the same moment, they would be on the longest path
of a run.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module

from olist_assets.mlops.flavours import estimators_of
from olist_assets.mlops.registry import client
from olist_assets.settings import Settings

OF_EVERY_TRAINING = (
    "sklearn.cluster",
    "sklearn.metrics",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "dagster_mlflow",
    "mlflow.models",
)


@contextmanager
def imported_meanwhile(settings: Settings) -> Iterator[None]:
    """Import the libraries and open MLflow in a thread, which has ended when the context has.

    Nothing waits for it or reads its errors: a training imports and opens the same, and reports what fails.
    """
    # SQLAlchemy, which stores the run's events, uses whatever of its part `orm` another thread has imported so far.
    import_module("sqlalchemy.orm")
    with ThreadPoolExecutor(1, thread_name_prefix="libraries") as thread:
        thread.submit(_prepare, settings)
        yield


def _prepare(settings: Settings) -> None:
    for name in (*estimators_of(settings).libraries, *OF_EVERY_TRAINING):
        import_module(name)
    client(settings)
