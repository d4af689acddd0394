"""The quality score of a table: how often its checks have passed lately."""

from collections.abc import Mapping

EVALUATIONS = 20
BLOCKING_WEIGHT, WARNING_WEIGHT = 3, 1
FORMULA = (
    f"Score: the weighted mean of the pass rates of a table's checks, in percent. A check that blocks has the weight "
    f"{BLOCKING_WEIGHT}, one that warns {WARNING_WEIGHT}. The pass rate of a check is the share of its last "
    f"{EVALUATIONS} evaluations that passed."
)


def quality_score(rates: Mapping[str, float], is_blocking: Mapping[str, bool]) -> float | None:
    """The score, 0 to 100, of the defined checks that were evaluated; None where none was."""
    weights = {
        name: BLOCKING_WEIGHT if blocks else WARNING_WEIGHT for name, blocks in is_blocking.items() if name in rates
    }
    if not weights:
        return None
    return 100 * sum(weight * rates[name] for name, weight in weights.items()) / sum(weights.values())
