"""The private symbols of Dagster that this package imports: read this first when an upgrade of Dagster fails."""

import ast
from importlib import import_module, util
from pathlib import Path

import pytest

import olist_assets

PACKAGE = Path(olist_assets.__file__).parent
ROOM = PACKAGE / "orchestration"
# Needed only with the extra `postgres`.
POSTGRES = {"event_log_postgres.py", "run_storage_postgres.py"}
SYMBOLS = [
    "dagster._check.CheckError",
    "dagster._cli.dev",
    "dagster._cli.main",
    "dagster._core.definitions.assets.graph.base_asset_graph.BaseAssetGraph",
    "dagster._core.definitions.job_base.InMemoryJob",
    "dagster._core.errors.DagsterAssetCheckFailedError",
    "dagster._core.errors.DagsterExecutionInterruptedError",
    "dagster._core.event_api.EventLogCursor",
    "dagster._core.events.ASSET_CHECK_EVENTS",
    "dagster._core.events.ASSET_EVENTS",
    "dagster._core.events.DagsterEventBatchMetadata",
    "dagster._core.events.EngineEventData",
    "dagster._core.events.RunFailureReason",
    "dagster._core.events.generate_event_batch_id",
    "dagster._core.execution.api.ExecuteRunWithPlanIterable",
    "dagster._core.execution.compute_logs.create_compute_log_file_key",
    "dagster._core.execution.context.system.PlanExecutionContext",
    "dagster._core.execution.context.system.PlanOrchestrationContext",
    "dagster._core.execution.context.system.StepExecutionContext",
    "dagster._core.execution.context_creation_job.PlanExecutionContextManager",
    "dagster._core.execution.execute_in_process.core_execute_in_process",
    "dagster._core.execution.plan.active.ActiveExecution",
    "dagster._core.execution.plan.execute_plan._handle_compute_log_setup_error",
    "dagster._core.execution.plan.execute_plan._trigger_hook",
    "dagster._core.execution.plan.execute_plan.dagster_event_sequence_for_step",
    "dagster._core.execution.plan.instance_concurrency_context.InstanceConcurrencyContext",
    "dagster._core.execution.plan.plan.ExecutionPlan",
    "dagster._core.execution.retries.RetryMode",
    "dagster._core.execution.retries.get_retries_config",
    "dagster._core.execution.step_dependency_config.StepDependencyConfig",
    "dagster._core.executor.base.Executor",
    "dagster._core.launcher.CheckRunHealthResult",
    "dagster._core.launcher.DefaultRunLauncher",
    "dagster._core.launcher.WorkerStatus",
    "dagster._core.scheduler.instigation.InstigatorType",
    "dagster._core.storage.asset_check_execution_record.AssetCheckExecutionRecord",
    "dagster._core.storage.asset_check_execution_record.AssetCheckExecutionRecordStatus",
    "dagster._core.storage.asset_check_execution_record.COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES",
    "dagster._core.storage.dagster_run.IN_PROGRESS_RUN_STATUSES",
    "dagster._core.storage.event_log.ConsolidatedSqliteEventLogStorage",
    "dagster._core.storage.event_log.SqlEventLogStorage",
    "dagster._core.storage.event_log.SqlEventLogStorageTable",
    "dagster._core.storage.event_log.schema.AssetCheckExecutionsTable",
    "dagster._core.storage.partition_status_cache.AssetPartitionStatus",
    "dagster._core.storage.runs.SqlRunStorage",
    "dagster._core.storage.runs.SqliteRunStorage",
    "dagster._core.storage.schedules.SqliteScheduleStorage",
    "dagster._serdes.ConfigurableClassData",
    "dagster_shared.error.SerializableErrorInfo",
    "dagster_shared.record.copy",
]


def is_private(name: str) -> bool:
    first, *rest = name.split(".")
    return first == "dagster_shared" or (first.startswith("dagster") and any(part.startswith("_") for part in rest))


def private_symbols(source: str) -> set[str]:
    """The private symbols of Dagster and of its integrations that a module imports, or uses by their whole name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith(("dg._", "dagster._")):
            found.add(ast.unparse(node).replace("dg.", "dagster.", 1))
    return {name for name in found if is_private(name)}


def found_in(paths: list[Path]) -> dict[str, set[str]]:
    """The private symbols by the module that imports them."""
    symbols = {str(path.relative_to(PACKAGE)): private_symbols(path.read_text()) for path in paths}
    return {name: found for name, found in symbols.items() if found}


def test_the_scan_finds_every_form_of_import():
    source = (
        "from dagster._core.a import B, c\nimport dagster._core.d\nimport dagster_shared.e\nimport dagster as dg\n"
        "from dagster import F\nfrom dagster_postgres.utils import g\ndef f():\n    from dagster import _h\n"
        "    return dg._core.i(dg.Asset)\n"
    )
    assert {"dagster._core.a.B", "dagster._core.a.c", "dagster._core.d", "dagster_shared.e", "dagster._h"} < (
        private_symbols(source)
    )
    assert {name for name in private_symbols(source) if "i" in name} >= {"dagster._core.i"}
    assert not {"dagster", "dagster.F", "dagster_postgres.utils.g"} & private_symbols(source)


def test_the_list_is_what_the_orchestration_room_imports():
    found = found_in(sorted(ROOM.glob("**/*.py")))
    assert sorted(set().union(*found.values())) == sorted(SYMBOLS)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_this_version_of_dagster_has(symbol: str):
    module, _, name = symbol.rpartition(".")
    assert hasattr(import_module(module), name), f"dagster {import_module('dagster').__version__} has no {symbol}"


def test_no_other_room_imports_a_private_symbol():
    others = [path for path in sorted(PACKAGE.glob("**/*.py")) if ROOM not in path.parents]
    assert len(others) > 100
    assert found_in(others) == {}


def test_every_module_of_the_room_can_be_imported():
    for path in ROOM.glob("*.py"):
        if path.name not in POSTGRES or util.find_spec("dagster_postgres"):
            import_module(f"olist_assets.orchestration.{path.stem}")
