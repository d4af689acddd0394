"""SQL over Arrow tables: what exceeds the memory goes to disk."""

import numpy as np
import pyarrow as pa

from olist_assets.lakehouse import arrow_sql


def test_a_sort_beyond_the_memory_spills_to_disk(monkeypatch):
    monkeypatch.setattr(arrow_sql, "MEMORY", 96 << 20)
    numbers = np.random.default_rng(1).permutation(10_000_000)
    ranked = "SELECT n, row_number() OVER (ORDER BY n) - 1 AS place FROM rows"
    found = arrow_sql.query(f"SELECT max(n - place) AS most FROM ({ranked})", rows=pa.table({"n": numbers}))
    assert found["most"].to_pylist() == [0]
