"""Programs that write the generated files: `make docs`."""

import warnings

# Warnings for developers about beta interfaces of Dagster.
warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
