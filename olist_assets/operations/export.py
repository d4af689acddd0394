"""The tables as a role sees them, written as a separate warehouse that can be handed out without the raw tables."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
from deltalake import DeltaTable

from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.governance.access import hidden_values, visible_rows
from olist_assets.governance.audit_log import audited
from olist_assets.governance.roles import Role, in_force
from olist_assets.lakehouse.commit_metadata import commit_properties, user_metadata
from olist_assets.lakehouse.object_store import write_delta
from olist_assets.operations.platform import Platform
from olist_assets.operations.selection import selected


def export(platform: Platform, directory: Path, as_role: str | None, selection: str | None) -> dict[str, int]:
    """Write the role's tables, as Delta, to a new folder; returns the rows of each.

    The folder appears complete, by one rename, or not at all. Raises OlistError, also if the audit log cannot be
    written.
    """
    role = in_force(platform.warehouse, as_role)
    if role is None:
        raise OlistError("An export shows what a role sees: name one with --as, or by OLIST_ROLE.")
    target = _free_folder(platform, directory)
    tables = platform.warehouse.existing_tables(_chosen(platform, role, selection))
    if not tables:
        raise OlistError(f"None of the tables that {role.name} sees exists yet. Make them: olist materialize")
    part = Path(mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with audited(platform.warehouse, "export", tuple(tables), role=role.name, statement=str(target)) as reading:
            written = _write_tables(platform, part, role, tables)
            reading.rows = sum(written.values())
        # Unlike everything else, an export is there for other users.
        for path in (part, *part.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        part.rename(target)
    except OSError as error:
        raise OlistError(f"Cannot write to {target}: {error.strerror or error}. Nothing was exported.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return written


def _write_tables(platform: Platform, part: Path, role: Role, tables: Mapping[str, DeltaTable]) -> dict[str, int]:
    written: dict[str, int] = {}
    for name, delta in tables.items():
        with platform.warehouse.sql({name: delta}) as raw, hidden_values(role):
            rows = visible_rows(platform.warehouse, raw, name, role).to_arrow_table()
        metadata = user_metadata(role=role.name, of_version=delta.version())
        contract = platform.catalog.table(name)
        _write(part / contract.layer / name, rows, contract, metadata)
        written[name] = rows.num_rows
    return written


def _free_folder(platform: Platform, directory: Path) -> Path:
    """The folder to create. Raises OlistError if it exists, or would be inside the raw warehouse."""
    target, settings = directory.expanduser().resolve(), platform.settings
    if not settings.is_in_object_store and target.is_relative_to(settings.warehouse_path):
        raise OlistError(f"{target} is inside the raw warehouse {settings.warehouse_path}: export to another place.")
    if target.exists() and (target.is_file() or any(target.iterdir())):
        # An earlier export, including its old versions, may contain more than the role sees now.
        raise OlistError(f"{target} exists already: name a new folder, or remove it first.")
    if not target.parent.is_dir():
        raise OlistError(f"{target.parent} is not a folder: an export creates its own folder inside an existing one.")
    return target


def _chosen(platform: Platform, role: Role, selection: str | None) -> list[str]:
    if selection is None:
        return list(role.grants(platform.catalog))
    chosen = selected(platform, selection)
    names = [name for name in platform.catalog.business_tables if name in chosen]
    role.require(platform.catalog, names)
    return names


def _write(path: Path, rows: pa.Table, table: Table, metadata: str) -> None:
    """One Delta commit with the contract's comments; columns removed by masking are null."""
    fields = [field.with_metadata({"comment": table.column(field.name).description}) for field in rows.schema]
    write_delta(
        path,
        rows.cast(pa.schema(fields)),
        name=table.name,
        description=table.description,
        commit_properties=commit_properties(metadata),
    )
