"""Names of the jobs, which `jobs.py` defines above this room."""

EVERYTHING, DAILY, MONITORING, MAINTENANCE, STREAM = "olist", "daily", "monitoring", "maintenance", "stream"
