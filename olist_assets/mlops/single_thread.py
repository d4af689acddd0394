"""Computing with one thread, so that the same numbers give the same result to the last digit."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_COMPUTING = Lock()


@contextmanager
def single_thread() -> Iterator[None]:
    """Let the numeric libraries use one thread: several add in the order in which they end.

    The limit belongs to the process (https://github.com/joblib/threadpoolctl#readme), so that trainings in several
    threads take turns: the first to end would lift it for the others.
    """
    from threadpoolctl import threadpool_limits

    with _COMPUTING, threadpool_limits(1):
        yield
