"""Reasons of failed steps and runs, in words for users."""

import re
from collections.abc import Iterator

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.events import RunFailureReason
from dagster_shared.error import SerializableErrorInfo

from olist_assets.errors import OlistError
from olist_assets.redaction import redacted

# Spark's errors for interrupted work, embedded and over Connect.
CANCELLED = re.compile(r"\[(SPARK_JOB_CANCELLED|OPERATION_CANCELED)\]")
LINES_SHOWN = 3


def reason(error: SerializableErrorInfo | None) -> str:
    """Why a step failed: the whole text of an error meant for users, else the first lines of its first cause."""
    if error is None:
        return "failed without a reason"
    meant_for_users = {kind.__name__ for kind in (*_kinds(OlistError), DagsterAssetCheckFailedError)}
    # Our own errors may have causes (a missing file, a Java trace), which say less than the errors themselves.
    while error.cause and error.cls_name not in meant_for_users:
        error = error.cause
    # Alerts, lineage events and tables get this text too.
    text = redacted(error.message.strip())
    if CANCELLED.search(text):
        return "stopped"
    return text.split(": ", 1)[1] if error.cls_name in meant_for_users else "\n".join(text.splitlines()[:LINES_SHOWN])


def failure_of(event: dg.DagsterEvent) -> tuple[bool, str | None]:
    """Of a run's failure: whether the run was interrupted, and its own reason if no step failed."""
    failure = event.job_failure_data
    if failure is None:  # a run that was marked as failed from outside
        return False, None
    is_interrupted = failure.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
    has_own_reason = failure.failure_reason == RunFailureReason.RUN_EXCEPTION
    return is_interrupted, reason(failure.error) if has_own_reason else None


def _kinds(kind: type) -> Iterator[type]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
