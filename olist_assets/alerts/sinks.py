"""Sinks of alerts: e-mail, a Slack-compatible webhook, a file. Their error messages never contain a secret."""

import json
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

import requests

from olist_assets.alerts.digest import Digest
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

# Dagster ends a tick after 60 s.
TIMEOUT_SECONDS = 10
Send = Callable[[Settings, Digest], None]


class NotSent(Exception):
    """A sink did not accept a message; the text has neither an address nor a secret."""


def configured(settings: Settings) -> dict[str, Send]:
    """The sinks that the settings name. Raises OlistError for an incomplete one."""
    found: dict[str, Send] = {}
    if settings.alert_email_to:
        missing = [name for name in ("alert_email_from", "alert_smtp_host") if not getattr(settings, name)]
        if missing:
            variables = " and ".join(f"OLIST_{name.upper()}" for name in missing)
            raise OlistError(f"OLIST_ALERT_EMAIL_TO asks for e-mail alerts; set {variables} too.")
        found["email"] = email
    if settings.alert_webhook:
        found["webhook"] = webhook
    if settings.alert_file:
        found["file"] = file
    return found


def email(settings: Settings, digest: Digest) -> None:
    """One message, plain and HTML. Raises NotSent."""
    message = EmailMessage()
    message["Subject"], message["From"] = digest.subject, str(settings.alert_email_from)
    message["To"], message["Date"], message["Message-ID"] = str(settings.alert_email_to), formatdate(), make_msgid()
    message.set_content(digest.text)
    message.add_alternative(digest.html, subtype="html")
    context = ssl.create_default_context()
    try:
        with _connection(settings, context) as server:
            if settings.alert_smtp_tls == "starttls":
                server.starttls(context=context)
            if settings.alert_smtp_user and settings.alert_smtp_password:
                server.login(settings.alert_smtp_user, settings.alert_smtp_password.get_secret_value())
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"the mail server refuses ({type(error).__name__} {error.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        raise NotSent(f"the mail server refuses the recipients ({', '.join(map(str, codes))})") from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotSent(f"the mail server cannot be used ({type(error).__name__})") from None


def _connection(settings: Settings, context: ssl.SSLContext) -> smtplib.SMTP:
    host, port = str(settings.alert_smtp_host), settings.alert_smtp_port
    if settings.alert_smtp_tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)


def webhook(settings: Settings, digest: Digest) -> None:
    """A POST of `{"text", "blocks"}`, as Slack, Mattermost and others accept it. Raises NotSent."""
    address = settings.alert_webhook.get_secret_value() if settings.alert_webhook else ""
    try:
        answer = requests.post(
            address,
            json={"text": digest.text, "blocks": digest.blocks},
            timeout=TIMEOUT_SECONDS,
            # A redirect would send the alerts to an address that nobody configured.
            allow_redirects=False,
        )
    except (requests.RequestException, ValueError) as error:
        # The error's text would show the address, which is the secret.
        raise NotSent(f"the webhook cannot be reached ({type(error).__name__})") from None
    if answer.status_code >= 500:
        raise NotSent(f"the webhook answers {answer.status_code}")
    if answer.status_code >= 300:
        raise NotSent(f"the webhook refuses ({answer.status_code}): check OLIST_ALERT_WEBHOOK")


def file(settings: Settings, digest: Digest) -> None:
    """Append one line of JSON per alert. Raises NotSent."""
    sent_at = datetime.now(UTC)
    events = [event for _, events in digest.groups for event in events]
    lines = [json.dumps({"sent_at": sent_at, **asdict(event)}, default=datetime.isoformat) for event in events]
    try:
        with Path(str(settings.alert_file)).expanduser().open("a", encoding="utf-8") as opened:
            opened.write("".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise NotSent(f"the file cannot be written ({error.strerror})") from None
