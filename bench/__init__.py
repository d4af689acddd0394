"""Benchmarks. That Dagster calls parts of its interface beta is no news to who runs them."""

import warnings

warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
