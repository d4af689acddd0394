"""The receiver of OpenLineage events, by the library `openlineage-python` and its own settings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, set_producer
from openlineage.client.facet_v2 import job_type_job
from openlineage.client.git import get_git_repo_url

from olist_assets.errors import OlistError
from olist_assets.redaction import link, redacted


class NotDelivered(OlistError):
    """A receiver did not accept events."""


@contextmanager
def receiver(consequence: str) -> Iterator[OpenLineageClient]:
    """The library's client. Raises NotDelivered, with the consequence, if an event is not accepted."""
    set_producer(f"urn:olist-assets:{version('olist-assets')}")
    try:
        client = _client()
        yield client
        client.close()
    # The library's own errors: of the receiver, of a file, and of an invalid configuration.
    except (requests.RequestException, RuntimeError, OSError, KeyError, ValueError) as error:
        raise NotDelivered(f"OpenLineage events were not delivered ({_short_text(error)}). {consequence}") from error


def job(name: str, kind: str, processing: str = "BATCH", integration: str = "DAGSTER") -> Job:
    """A job with its type."""
    # The variable that OpenLineage's integrations read; the library itself has no job.
    namespace = os.environ.get("OPENLINEAGE_NAMESPACE", "olist")
    facet = job_type_job.JobTypeJobFacet(processingType=processing, integration=integration, jobType=kind)
    return Job(namespace, name, {"jobType": facet})


def _client() -> OpenLineageClient:
    """The library's client, which adds the address of the Git repository to each event: without its credentials."""
    client = OpenLineageClient()
    place = client.config.facets.source_code_location
    address = get_git_repo_url(place.repo_url)
    if address and "://" in address:
        place.repo_url = link(address)
    return client


def _short_text(error: Exception) -> str:
    # The text of an HTTP error contains the whole address, including any secret in it.
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the receiver answered {error.response.status_code}"
    if isinstance(error, requests.RequestException):
        return f"the receiver does not answer: {type(error).__name__}"
    return redacted(str(error).splitlines()[0])
