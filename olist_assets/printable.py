"""Text of others as it may be shown: without characters that move the cursor, break a line or reorder the text."""

import unicodedata

# Controls, formats (also those of direction), surrogates, separators of lines and of paragraphs.
ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str) -> str:
    """A text on one line, with a Python escape for each of these characters."""
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in ESCAPED else letter
        for letter in text
    )


def printable_lines(text: str) -> str:
    """As `printable`, with its line breaks."""
    return "\n".join(map(printable, text.split("\n")))
