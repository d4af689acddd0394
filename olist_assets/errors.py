"""Errors a user can mend: the CLI prints their text without a stack trace."""

from olist_assets.redaction import redacted


class OlistError(Exception):
    """Says what is wrong, where, and what to do. Its text has no credentials, whatever it quotes."""

    def __str__(self) -> str:
        return redacted(super().__str__())


class Caution(OlistError):
    """Something that a user should know and that prevents nothing: `olist doctor` shows it as a warning."""
