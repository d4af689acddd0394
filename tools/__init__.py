"""What writes the generated files (`make docs`). That Dagster calls parts of it beta is no news to who runs this."""

import warnings

warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
