"""Names and texts as parts of SQL statements and of globs."""

import re


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


def spark_glob(path: object) -> str:
    """The one file or folder at a path, for Spark's readers of files, which take a path for a glob."""
    return re.sub(r"[][\\{}*?]", r"\\\g<0>", str(path))
