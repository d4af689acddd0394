"""Whether a score is distributed as in the version before, by the population stability index (PSI)."""

from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import data_files

DECILES = "0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9"
# Siddiqi (see below) calls a PSI above 0.25 a significant shift, and one below 0.1 none.
MAX_PSI, NO_SHIFT_PSI = 0.25, 0.1


def score_drift_check(column: str) -> Check:
    """PSI = sum over ten bins of (new - old) * ln(new / old); the bins' bounds are the deciles of the old scores.

    Source: Siddiqi, Credit Risk Scorecards, 2006.
    """

    def evaluate(on: CheckContext) -> Verdict:
        before = on.warehouse.version_before(on.table.name, on.delta.version())
        if before is None:
            return True, {"compared_with_version": "none: this is the first"}
        create_view(on.sql, f"{column}_before", before, data_files(before))
        psi = on.scalar(_psi_query(on.table.name, f"{column}_before", column))
        return psi <= MAX_PSI, {"psi": psi, "max_psi": MAX_PSI, "compared_with_version": before.version()}

    return Check(f"{column}_is_stable", f"{column} is distributed as in the version before.", evaluate, blocking=False)


def _psi_query(new: str, old: str, column: str) -> str:
    # An empty bin would make the logarithm infinite: a share counts as at least one in ten thousand.
    share = "greatest(coalesce(max(share) FILTER ({0}), 0), 0.0001)"
    return f"""
        WITH bounds AS (SELECT list_distinct(quantile_disc({column}, [{DECILES}])) AS bounds FROM {old}),
        scores AS (SELECT {column} AS score, true AS is_new FROM {new} UNION ALL SELECT {column}, false FROM {old}),
        binned AS (SELECT is_new, len(list_filter(bounds, lambda bound: bound < score)) AS bin FROM scores, bounds),
        shares AS (SELECT is_new, bin, count(*) / sum(count(*)) OVER (PARTITION BY is_new) AS share
                   FROM binned GROUP BY is_new, bin),
        paired AS (SELECT {share.format("is_new")} AS new, {share.format("NOT is_new")} AS old
                   FROM shares GROUP BY bin)
        SELECT sum((new - old) * ln(new / old)) FROM paired"""
