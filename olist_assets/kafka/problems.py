"""What went wrong with a Kafka, in plain English and without secrets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.redaction import HIDDEN, redacted_setting

REFUSED = {
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
}
FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
NO_ANSWER = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError._MSG_TIMED_OUT,
    KafkaError.REQUEST_TIMED_OUT,
}


class NoAnswer(OlistError):
    """No Kafka answers: it may not have been started, or be starting again."""


class Reports:
    """Receives the errors that a client reports beside its answers: an answer itself may only say that it is late."""

    def __init__(self) -> None:
        self.refusal: KafkaError | None = None
        self.is_down = False
        self.disconnected: str | None = None
        """Why the last connection could not be made, or has ended."""

    def options(self, kafka: Kafka, **more: Any) -> dict[str, Any]:
        """Properties of a client that reports here; `_` in the names of `more` stands for a dot."""
        return {
            **kafka.client_options,
            **{name.replace("_", "."): value for name, value in more.items()},
            "error_cb": self,
        }

    def __call__(self, error: KafkaError) -> None:
        if error.code() in REFUSED:
            self.refusal = error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.is_down = True
        elif error.code() in NO_ANSWER:
            self.disconnected = error.str()


@contextmanager
def explained(kafka: Kafka, reports: Reports | None = None) -> Iterator[None]:
    """Raises OlistError for what a client raises in the body."""
    try:
        yield
    except KafkaException as error:
        # The client's own error may show its properties in a debugger or a crash report; its text is ours below.
        raise problem(kafka, error.args[0], reports) from None


def problem(kafka: Kafka, error: KafkaError, reports: Reports | None = None) -> OlistError:
    """The error for what a client, or the broker, answered."""
    code, text = error.code(), _without_secrets(kafka, error.str() or error.name())
    if reports and reports.refusal and code in NO_ANSWER:
        code, text = reports.refusal.code(), _without_secrets(kafka, reports.refusal.str())
    if code in REFUSED:
        return OlistError(
            f"Kafka at {kafka.servers} refuses this client: {text}. OLIST_KAFKA_CONF holds its user, password and "
            "certificates; `olist broker` leaves its password in OLIST_CACHE."
        )
    if code in FORBIDDEN:
        return OlistError(f"Kafka at {kafka.servers} does not let this user use the topic {kafka.topic}: {text}.")
    if code in NO_TOPIC:
        return OlistError(
            f"Kafka at {kafka.servers} has no topic {kafka.topic}. `olist broker` creates it; for another Kafka, "
            "create it there, or set OLIST_KAFKA_TOPIC."
        )
    if code in NO_ANSWER:
        return NoAnswer(f"No Kafka answers at {kafka.servers}{_no_answer(kafka, reports)}")
    if code == KafkaError._INVALID_ARG:
        return OlistError(f"OLIST_KAFKA_CONF: {text}.")
    return OlistError(f"Kafka at {kafka.servers}: {text}.")


def _no_answer(kafka: Kafka, reports: Reports | None) -> str:
    """Why no Kafka answers, and what helps."""
    # The client reports a connection that is refused, but not one that is accepted and closed after a wrong greeting.
    if reports and reports.is_down and reports.disconnected is None:
        return ": the connection is closed. If one runs there, it asks for TLS or a login: set OLIST_KAFKA_CONF."
    if reports and "SSL" in (reports.disconnected or ""):
        return f": {_without_secrets(kafka, str(reports.disconnected))}. OLIST_KAFKA_CONF holds its certificates."
    return ". Start one: olist broker, or set OLIST_KAFKA."


def _without_secrets(kafka: Kafka, text: str) -> str:
    """The text without the values of secret properties, whatever quotes them."""
    for name, value in kafka.conf.items():
        if value and redacted_setting(name, value) != value:
            text = text.replace(value, HIDDEN)
    return text.rstrip(". ")
