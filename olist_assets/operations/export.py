"""The tables as a role sees them, written as a warehouse of its own: what can be handed out without the raw ones."""

import json
import shutil
import time
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import layer_of, table, tables
from olist_assets.errors import OlistError
from olist_assets.governance.access import seen
from olist_assets.governance.roles import Role, in_force
from olist_assets.settings import Settings


def export(settings: Settings, directory: Path, as_role: str | None, selection: str | None) -> dict[str, int]:
    """Write the role's tables, as Delta, to a folder that is not there yet; gives the rows of each.

    The folder appears whole, by one rename, or not at all. Raises OlistError, also where the audit log cannot be
    written.
    """
    role = in_force(settings, as_role)
    if role is None:
        raise OlistError("An export is what a role sees: name one with --as, or by OLIST_ROLE.")
    target = _free_folder(settings, directory)
    names = _chosen(role, selection)
    started, written = time.monotonic(), {}
    part = Path(mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, delta in lakehouse.made(settings, names).items():
            with lakehouse.connection({name: delta}) as raw:
                rows = seen(raw, name, role).to_arrow_table()
            _write(part / layer_of(name) / name, rows, name, {"role": role.name, "of_version": delta.version()})
            written[name] = rows.num_rows
        if not written:
            raise OlistError(f"None of the tables that {role.name} sees is made yet. Make them: olist materialize")
        audit_log.record(
            settings, "export", tuple(written), role=role.name, statement=str(target), rows=sum(written.values()),
            seconds=time.monotonic() - started,
        )  # fmt: skip
        part.chmod(0o755)
        part.rename(target)
    except OSError as error:
        raise OlistError(f"Cannot write to {target}: {error.strerror or error}. Nothing was exported.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return written


def _free_folder(settings: Settings, directory: Path) -> Path:
    """The folder to make. Raises OlistError where it is there, or would lie in the raw warehouse."""
    target = directory.expanduser().resolve()
    if not settings.is_in_object_store and target.is_relative_to(settings.warehouse_path):
        raise OlistError(f"{target} lies in the raw warehouse {settings.warehouse_path}: export to a place of its own.")
    if target.exists() and (target.is_file() or any(target.iterdir())):
        # What an earlier export holds, its versions too, may be more than the role sees now.
        raise OlistError(f"{target} is there already: name a new folder, or remove it first.")
    if not target.parent.is_dir():
        raise OlistError(f"{target.parent} is no folder: an export needs one to make its own in.")
    return target


def _chosen(role: Role, selection: str | None) -> list[str]:
    if selection is None:
        return list(role.grants)
    from olist_assets.operations.selection import selected

    names = [name for name in tables() if name in selected(selection)]
    role.require(names)
    return names


def _write(path: Path, rows: pa.Table, name: str, said: dict[str, object]) -> None:
    """One Delta commit with the contract's comments; what masking removes is null."""
    contract = table(name)
    fields = [field.with_metadata({"comment": contract.column(field.name).description}) for field in rows.schema]
    write_deltalake(
        str(path),
        rows.cast(pa.schema(fields)),
        name=name,
        description=contract.description,
        commit_properties=CommitProperties(custom_metadata={"userMetadata": json.dumps(said)}),
    )
