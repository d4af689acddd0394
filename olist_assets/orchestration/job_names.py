"""Names of the jobs, which `jobs.py` defines above this room."""

EVERYTHING, DAILY, MONITORING, MAINTENANCE = "olist", "daily", "monitoring", "maintenance"
STREAM, STREAM_AGAIN = "stream", "stream_again"
