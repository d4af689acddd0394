"""Benchmarks. Each module's docstring has its commands; docs/performance.md has the results."""

import warnings

# Warnings for developers about beta interfaces of Dagster.
warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
