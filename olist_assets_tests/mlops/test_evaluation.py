"""Metrics from a histogram of scores are those of the single scores."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from olist_assets.mlops.evaluation import Scores, constant_scores, metrics
from olist_assets.mlops.plots import classifier_plots, cluster_plots, importances_plot


def histogram(probabilities, labels) -> Scores:
    values, at = np.unique(probabilities, return_inverse=True)
    return Scores(values, np.bincount(at).astype(float), np.bincount(at, labels).astype(float))


@pytest.fixture
def single():
    chance = np.random.default_rng(7)
    probabilities = chance.integers(0, 40, 1000) / 40
    return probabilities, (chance.random(1000) < probabilities * 0.6 + 0.1).astype(int)


def test_metrics_are_those_of_scikit_learn_on_the_rows(single):
    probabilities, labels = single
    found = metrics(histogram(probabilities, labels))
    assert found["auc_roc"] == pytest.approx(roc_auc_score(labels, probabilities))
    assert found["auc_pr"] == pytest.approx(average_precision_score(labels, probabilities))
    assert found["brier"] == pytest.approx(brier_score_loss(labels, probabilities))
    assert (found["customers"], found["base_rate"]) == (1000, pytest.approx(labels.mean()))


def test_the_top_fifth_includes_its_share_of_equal_probabilities():
    # Ten customers: the fifth is two, one with 0.9 and half of the two with 0.5, one of whom has the label.
    found = metrics(Scores(np.array([0.1, 0.5, 0.9]), np.array([7.0, 2.0, 1.0]), np.array([1.0, 1.0, 1.0])))
    assert found["precision_at_20"] == pytest.approx(1.5 / 2)
    assert found["recall_at_20"] == pytest.approx(1.5 / 3)
    assert found["lift_at_20"] == pytest.approx(0.75 / 0.3)


def test_inverted_scores_have_the_opposite_label(single):
    of = histogram(*single)
    assert metrics(of.inverted())["auc_roc"] == pytest.approx(metrics(of)["auc_roc"])
    assert of.inverted().base_rate == pytest.approx(1 - of.base_rate)
    assert metrics(of.inverted().inverted()) == pytest.approx(metrics(of))


def test_the_calibration_error_is_the_mean_distance_of_predicted_from_observed():
    # Two bins of five: predicted 0.1 and observed 0.2; predicted 0.9 and observed 0.6.
    of = Scores(np.array([0.1, 0.9]), np.array([5.0, 5.0]), np.array([1.0, 3.0]))
    assert metrics(of)["calibration_error"] == pytest.approx((0.1 + 0.3) / 2)
    assert metrics(of.inverted())["calibration_error"] == pytest.approx((0.1 + 0.3) / 2)


def test_a_baseline_ranks_nobody_before_anybody(single):
    found = metrics(constant_scores(histogram(*single), 1.0))
    assert (found["auc_roc"], found["lift_at_20"]) == (0.5, pytest.approx(1.0))
    assert found["brier"] == pytest.approx(1 - found["base_rate"])


def test_metrics_that_need_both_labels_are_left_out_if_only_one_occurs():
    alone = Scores(np.array([0.2, 0.8]), np.array([3.0, 4.0]), np.array([3.0, 4.0]))
    assert metrics(alone) == {"customers": 7.0, "base_rate": 1.0}
    assert classifier_plots(alone) == {}
    nobody = Scores(*np.empty((3, 0)))
    assert metrics(nobody) == {}


def test_plots_show_the_curves(single):
    plots = classifier_plots(histogram(*single)) | importances_plot({"a": 0.1, "b": 0.9})
    plots |= cluster_plots([2, 3], [10.0, 5.0], [0.4, 0.6])
    assert set(plots) == {"roc", "precision_recall", "calibration", "feature_importances", "elbow", "silhouette"}
    (calibration,) = plots["calibration"].axes
    means, shares = np.asarray(calibration.lines[0].get_data(), dtype=float)
    assert len(means) == 10
    assert np.corrcoef(means, shares)[0, 1] > 0.9
