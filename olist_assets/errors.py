"""Errors a user can mend: the CLI prints their text without a stack trace."""


class OlistError(Exception):
    """Says what is wrong, where, and what to do."""
