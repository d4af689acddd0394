"""The contract enforced on a frame before it is written, by every engine in the same way."""

from pyspark.sql import DataFrame

from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError

DISK_FULL = "No space left on device"


class ContractViolation(OlistError):
    """A frame that differs from its contract; nothing was written."""


def conformed(frame: DataFrame, contract: Table) -> DataFrame:
    """The frame with the contract's columns in order. Raises ContractViolation that names each difference."""
    found = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    problems = [f"missing {c.name} {c.type}" for c in contract.columns if c.name not in found]
    problems += [f"unexpected {name}" for name in found if name not in contract.column_names]
    problems += [
        f"{c.name} is {found[c.name]}, not {c.type}"
        for c in contract.columns
        if c.name in found and found[c.name] != c.type
    ]
    if problems:
        differences = "; ".join(problems)
        raise ContractViolation(f"{contract.name} differs from its contract: {differences}. Nothing was written.")
    return frame.select(*contract.column_names)


def null_refused(contract: Table, column: str) -> ContractViolation:
    """The error for a null in a required column."""
    return ContractViolation(f"{contract.name}.{column} is required and a row has none. Nothing was written.")


def disk_full(name: str) -> OlistError:
    """The error for a full disk."""
    return OlistError(f"{DISK_FULL}: {name} is unchanged. Make room and run again.")
