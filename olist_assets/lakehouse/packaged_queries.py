"""The SQL queries that the package brings for dashboards: docs/queries.md."""

from pathlib import Path

from olist_assets.errors import OlistError

FOLDER = Path(__file__).with_name("queries")


def query_files() -> list[Path]:
    """All queries, by name."""
    return sorted(FOLDER.glob("*.sql"))


def packaged_query(name: str) -> str:
    """The text of a query by its name, such as `kpis`. Raises OlistError with the known names."""
    found = {path.stem: path for path in query_files()}
    if name not in found:
        raise OlistError(f"There is no file and no packaged query {name!r}. Queries: {', '.join(found)}.")
    return found[name].read_text()
