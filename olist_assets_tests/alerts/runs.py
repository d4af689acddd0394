"""Runs in Dagster's storage that may become alerts."""

import dagster as dg


def run_check(
    storage: dg.DagsterInstance,
    name: str,
    *,
    passed: bool,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> None:
    """A run of one check of the table `gold_table`."""

    @dg.asset_check(asset="gold_table", name=name)
    def one_check():
        return dg.AssetCheckResult(passed=passed, severity=severity, metadata={"rows": 7})

    @dg.asset
    def gold_table() -> None: ...

    definitions = dg.Definitions(assets=[gold_table], asset_checks=[one_check])
    assert definitions.resolve_implicit_global_asset_job_def().execute_in_process(instance=storage).success


def run_job(storage: dg.DagsterInstance, *, fails: bool, step: str = "make_table") -> dg.ExecuteInProcessResult:
    """A run of the job `nightly` with one step."""

    @dg.op(name=step)
    def work() -> None:
        if fails:
            raise RuntimeError("the source is gone <now>")

    @dg.job
    def nightly() -> None:
        work()

    return nightly.execute_in_process(instance=storage, raise_on_error=False)
