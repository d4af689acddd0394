"""The platform's code location with a nightly tick at the time that the test names, for a real daemon."""

import os

import dagster as dg

from olist_assets import automation
from olist_assets.definitions import build_defs
from olist_assets.settings import Settings

automation.NIGHTLY = os.environ["TEST_NIGHTLY"]


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions, for the settings of the environment."""
    return build_defs(Settings())
