"""Models: their versions and who is champion, figures over versions, calibration, drift of the scores."""

import pandas as pd
import streamlit as st

from olist_assets.catalog import models
from olist_assets.contracts.model import Model
from olist_assets.dashboard import data
from olist_assets.dashboard.ml_charts import calibration_chart, drift_chart, figure_over_versions
from olist_assets.dashboard.ml_data import PREDICTED, PREDICTIONS, ModelVersion, calibration, drift, is_trained, plots, versions_of
from olist_assets.errors import OlistError
from olist_assets.mlops.registry import tracking_uri
from olist_assets.settings import Settings

EVALUATION = "gold_ml_evaluation"
METRIC_WIDTH, LEAST_SHOWN = 165, 0.00005


def page() -> None:
    st.title("Models")
    settings = data.settings()
    name = st.segmented_control(
        "Model", list(models()), default=next(iter(models())), required=True, key="model", bind="query-params"
    )
    model = models()[name]
    st.caption(model.description)
    _registered(settings, model)
    left, right = st.columns(2)
    if model.score == PREDICTED:
        with left, data.section("Calibration on the scored customers"):
            _calibration()
    if model.score:
        with right if model.score == PREDICTED else left, data.section("Drift of the scores"):
            _drift(model.score)
    with data.section("All figures"):
        _evaluation(model)


def _registered(settings: Settings, model: Model) -> None:
    """What MLflow has of the model; a registry that does not answer hides nothing else of the page."""
    try:
        found = versions_of(settings, model) if is_trained(settings) else []
    except OlistError as error:
        st.warning(str(error), icon=":material/cloud_off:")
        return
    if not found:
        st.info(f"It was never trained. Train it: `olist materialize --select {model.name}`", icon=":material/info:")
        return
    champion = next((version for version in found if version.is_champion), None)
    _figures(found, champion or found[-1])
    left, right = st.columns(2)
    with left:
        st.subheader("Versions", anchor=False)
        _versions(found, model)
    with right:
        st.subheader(f"{model.figure} over versions", anchor=False)
        st.altair_chart(figure_over_versions(found, model.figure))
    if champion:
        _plots(settings, champion)


def _figures(found: list[ModelVersion], shown: ModelVersion) -> None:
    before = [version for version in found if version.version < shown.version]
    title = "Champion" if shown.is_champion else "No champion yet; newest"
    st.markdown(f"**{title}: version {shown.version}** of {shown.at:%Y-%m-%d %H:%M} UTC, on held-out data")
    with st.container(horizontal=True):
        for figure, value in shown.tested.items():
            past = [version.tested[figure] for version in found if figure in version.tested]
            change = value - before[-1].tested[figure] if before and figure in before[-1].tested else None
            st.metric(
                figure.replace("_", " "),
                f"{value:.4f}",
                f"{change:+.4f}" if change and abs(change) >= LEAST_SHOWN else None,
                # Whether more is better depends on the figure.
                delta_color="off",
                chart_data=past if len(past) > 1 else None,
                border=True,
                width=METRIC_WIDTH,
            )


def _versions(found: list[ModelVersion], model: Model) -> None:
    rows = [
        {
            "version": version.version,
            "champion": "★" if version.is_champion else "",
            "trained (UTC)": version.at,
            model.figure: version.tested.get(model.figure),
            "champion of then": version.beaten(model.figure),
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
            model.figure: st.column_config.NumberColumn(format="%.4f"),
            "champion of then": st.column_config.NumberColumn(format="%.4f", help="On the same held-out data."),
            "training": st.column_config.LinkColumn(display_text="in MLflow", help="Served by: olist mlflow"),
        },
    )


def _plots(settings: Settings, champion: ModelVersion) -> None:
    with st.expander("Plots of the champion's training", icon=":material/insights:", expanded=True):
        found = plots(tracking_uri(settings), champion.run_id)
        with st.container(horizontal=True):
            for name, content in found.items():
                st.image(content, caption=name.replace("_", " "), width=270)


def _calibration() -> None:
    parts = calibration()
    st.altair_chart(calibration_chart(parts))
    st.caption(
        f"{PREDICTIONS}: ten parts of {parts['customers'].sum():,.0f} customers by their {PREDICTED}. "
        "The model was trained on a part of them: the curve on held-out customers is among the plots."
    )


def _drift(score: str) -> None:
    psi = drift(score)
    if psi.empty:
        st.info(
            "There is nothing to compare yet: drift is measured from the second scoring on, by the checks of "
            f"{PREDICTIONS}.",
            icon=":material/info:",
        )
        return
    st.altair_chart(drift_chart(psi))
    st.caption(f"Population stability index of {score}, each scoring against the version of the table before.")


def _evaluation(model: Model) -> None:
    query = f"FROM {EVALUATION} WHERE split_part(model, '/', 1) = $model ORDER BY version DESC, model, split, metric"
    found = data.answer(query, model=model.name)
    st.caption(f"{EVALUATION}: the model and, after a slash, others that it was compared with.")
    st.dataframe(found, hide_index=True, column_config={"value": st.column_config.NumberColumn(format="%.4f")})
