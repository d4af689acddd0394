"""Cards of the Decisions page."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

CARD_WIDTH = 290


def interval_card(label: str, row: Mapping[str, Any] | None, form: str, meaning: str, *, baseline: str = "") -> None:
    """A card with the `value` of a row above its interval from `low` to `high`; `unknown` without a row.

    `form` formats the numbers, `meaning` is shown on hover, and `baseline` follows the interval.
    """
    ends = f"{form.format(row['low'])} to {form.format(row['high'])}{baseline}" if row is not None else None
    st.metric(
        label,
        form.format(row["value"]) if row is not None else "unknown",
        ends,
        help=meaning,
        border=True,
        width=CARD_WIDTH,
        delta_color="off",
        delta_arrow="off",
    )
