"""The Models page: versions and the champion, metrics over versions, calibration, drift of the scores."""

import pandas as pd
import streamlit as st

from olist_assets.catalog import catalog
from olist_assets.contracts.model import Model
from olist_assets.dashboard.data import section, settings
from olist_assets.dashboard.models.charts import calibration_chart, drift_chart, metric_over_versions
from olist_assets.dashboard.models.data import (
    EVALUATION,
    PREDICTED,
    PREDICTIONS,
    ModelVersion,
    calibration,
    evaluation,
    plots,
    score_drift,
    versions,
)
from olist_assets.dashboard.models.metrics import metric, metric_name
from olist_assets.errors import OlistError
from olist_assets.mlops.flavours import flavour_of

CARD_WIDTH, PLOT_WIDTH = 200, 270
MIN_CHANGE = 0.00005
"""A smaller change is 0.0000 in the format of the cards."""


def page() -> None:
    """One model: what MLflow has of it, then what the tables and checks have."""
    st.title("Models")
    models = catalog().models
    name = st.segmented_control(
        "Model", list(models), default=next(iter(models)), required=True, key="model", bind="query-params"
    )
    model = models[name]
    st.caption(model.description)
    _registered(model)
    left, right = st.columns(2)
    if model.score == PREDICTED:
        with left, section("Calibration on the scored customers"):
            _calibration()
    if model.score:
        with right if model.score == PREDICTED else left, section("Drift of the scores"):
            _drift(model.score)
    with section("All metrics"):
        _evaluation(model)


def _registered(model: Model) -> None:
    """The versions in MLflow; the metrics, the curve and the plots are those of the engine's flavour.

    Where MLflow does not respond, the rest of the page is still shown.
    """
    try:
        found = versions(settings(), model)
    except OlistError as error:
        st.warning(str(error), icon=":material/cloud_off:")
        return
    if not found:
        st.info(
            f"This model was never trained. Train it with: `olist materialize --select {model.name}`",
            icon=":material/info:",
        )
        return
    flavour = flavour_of(settings())
    own = [version for version in found if version.flavour == flavour]
    champion = next((version for version in own if version.is_champion), None)
    if own:
        _metrics(own, champion or own[-1])
    else:
        st.info(f"No version was trained with {flavour}, the flavour of this engine.", icon=":material/info:")
    left, right = st.columns(2)
    with left:
        st.subheader("Versions", anchor=False)
        _versions(found, model)
    with right:
        st.subheader(f"{metric_name(model.metric)} over versions", anchor=False)
        st.altair_chart(metric_over_versions(own or found, model.metric))
    if champion:
        _plots(champion)


def _metrics(found: list[ModelVersion], shown: ModelVersion) -> None:
    previous = next((version for version in reversed(found) if version.version < shown.version), None)
    title = "Champion" if shown.is_champion else "No champion yet; newest"
    st.markdown(f"**{title}: version {shown.version}**, trained {shown.at:%Y-%m-%d %H:%M} UTC, on held-out data")
    with st.container(horizontal=True):
        for key, value in shown.held_out.items():
            values = [version.held_out[key] for version in found if key in version.held_out]
            change = value - previous.held_out[key] if previous and key in previous.held_out else 0.0
            known = metric(key)
            st.metric(
                known.name,
                f"{value:.4f}",
                f"{change:+.4f}" if abs(change) >= MIN_CHANGE else None,
                delta_color="normal" if known.higher_is_better else "inverse",
                help=known.meaning or None,
                chart_data=values if len(values) > 1 else None,
                border=True,
                width=CARD_WIDTH,
            )


def _versions(found: list[ModelVersion], model: Model) -> None:
    name = metric_name(model.metric)
    rows = [
        {
            "version": version.version,
            "flavour": version.flavour,
            "champion": "★" if version.is_champion else "",
            "trained (UTC)": version.at,
            name: version.held_out.get(model.metric),
            "champion at the time": version.champion_metric(model.metric),
            "decision": version.decision,
            "training": version.url,
        }
        for version in reversed(found)
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        placeholder="",
        column_config={
            "trained (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            name: st.column_config.NumberColumn(format="%.4f"),
            "champion at the time": st.column_config.NumberColumn(
                format="%.4f", help=f"{name} of the champion at the time of the training, on the same held-out data."
            ),
            "training": st.column_config.LinkColumn(display_text="in MLflow", help="Start the server: olist mlflow"),
        },
    )


def _plots(champion: ModelVersion) -> None:
    with (
        st.expander("Plots of the champion's training", icon=":material/insights:", expanded=True),
        st.container(horizontal=True),
    ):
        for name, content in plots(settings(), champion.run_id).items():
            st.image(content, caption=name.replace("_", " "), width=PLOT_WIDTH)


def _calibration() -> None:
    bins = calibration()
    st.altair_chart(calibration_chart(bins))
    st.caption(
        f"{PREDICTIONS}: {bins['customers'].sum():,.0f} customers in ten bins by {PREDICTED}. The model was trained "
        "on some of these customers; the calibration on held-out customers is one of the plots."
    )


def _drift(score: str) -> None:
    psi = score_drift(score)
    if psi.empty:
        st.info(
            f"There is nothing to compare yet: the checks measure drift from the second version of {PREDICTIONS} on.",
            icon=":material/info:",
        )
        return
    st.altair_chart(drift_chart(psi))
    st.caption(f"Population stability index of {score}: each version of the table against the one before.")


def _evaluation(model: Model) -> None:
    found = evaluation(model)
    st.caption(f"{EVALUATION}: this model and, after a slash, the models that it was compared with.")
    st.dataframe(
        found.assign(metric=found["metric"].map(metric_name)),
        hide_index=True,
        column_config={"value": st.column_config.NumberColumn(format="%.4f")},
    )
