"""Names and texts as parts of SQL statements."""


def identifier(name: str) -> str:
    """A name in DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in DuckDB's SQL."""
    return "'" + text.replace("'", "''") + "'"


def spark_literal(text: str) -> str:
    """A text in Spark's SQL, which reads a doubled quote as two literals."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def spark_path(path: object) -> str:
    """The Delta table at a path, in Spark's SQL."""
    return "delta.`" + str(path).replace("`", "``") + "`"
