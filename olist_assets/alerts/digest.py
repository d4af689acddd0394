"""One message for many alerts, as text, HTML and Slack's blocks; failures come first."""

from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from olist_assets.alerts.alert import KINDS, Event

# Longer messages are not read, and Slack accepts 50 blocks of 3,000 characters.
MAX_PER_KIND = 15


@dataclass(frozen=True)
class Digest:
    """The alerts of a tick, grouped."""

    groups: tuple[tuple[str, tuple[Event, ...]], ...]

    @property
    def subject(self) -> str:
        return "Olist lakehouse: " + ", ".join(f"{_count(kind, len(events))}" for kind, events in self.groups)

    @property
    def text(self) -> str:
        lines = [self.subject]
        for kind, events in self.groups:
            lines += ["", kind.upper()]
            for event in events[:MAX_PER_KIND]:
                lines += [f"- {event.title} ({event.at:%Y-%m-%d %H:%M} UTC)", f"  {event.text}", f"  {event.link}"]
                lines += [f"  What to do: {event.runbook}"] if event.runbook else []
            lines += _more(events)
        return "\n".join(lines)

    @property
    def html(self) -> str:
        parts = [f"<h2>{escape(self.subject)}</h2>"]
        for kind, events in self.groups:
            items = "".join(
                f'<li><a href="{escape(e.link)}">{escape(e.title)}</a> <small>{e.at:%Y-%m-%d %H:%M} UTC</small>'
                f"<br>{escape(e.text)}{f'<br>What to do: {escape(e.runbook)}' if e.runbook else ''}</li>"
                for e in events[:MAX_PER_KIND]
            )
            parts.append(f"<h3>{escape(kind.capitalize())}</h3><ul>{items}</ul>{''.join(_more(events))}")
        return f"<html><body style='font-family:sans-serif'>{''.join(parts)}</body></html>"

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """Slack's Block Kit: a header, and one section per kind."""
        found: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": self.subject[:150]}}]
        for kind, events in self.groups:
            lines = [f"*{kind.capitalize()}*"]
            for event in events[:MAX_PER_KIND]:
                runbook = f" What to do: {_slack(event.runbook)}" if event.runbook else ""
                lines.append(f"• <{event.link}|{_slack(event.title)}> {_slack(event.text[:120])}{runbook}")
            found.append(
                {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines + _more(events))[:3000]}}
            )
        return found


def digest(events: list[Event]) -> Digest:
    """The events grouped by kind, in the order of KINDS."""
    ordered = sorted(events, key=lambda event: KINDS.index(event.kind))
    return Digest(tuple((kind, tuple(group)) for kind, group in groupby(ordered, key=lambda event: event.kind)))


def _count(kind: str, number: int) -> str:
    one_word = kind in ("recovered", "missed freshness")
    return f"{number} {kind}{'s' if number > 1 and not one_word else ''}"


def _more(events: tuple[Event, ...]) -> list[str]:
    hidden = len(events) - MAX_PER_KIND
    return [f"and {hidden} more"] if hidden > 0 else []


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
