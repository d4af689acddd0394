"""The entry of the dashboard, run by `olist dashboard`: its pages, and how an error of the platform is shown.

Each page is a folder of this package with a function `page()` in `page.py`. All pages query tables through `data`.
"""

import streamlit as st
from altair.utils.schemapi import disable_debug_mode

from olist_assets.dashboard.audit import page as audit
from olist_assets.dashboard.business import page as business
from olist_assets.dashboard.decisions import page as decisions
from olist_assets.dashboard.health import page as health
from olist_assets.dashboard.lineage import page as lineage
from olist_assets.dashboard.models import page as models
from olist_assets.dashboard.streaming import page as streaming
from olist_assets.errors import OlistError

PAGES = (
    st.Page(business.page, title="Business", icon=":material/storefront:", default=True),
    st.Page(decisions.page, title="Decisions", icon=":material/insights:", url_path="decisions"),
    st.Page(health.page, title="Health", icon=":material/monitor_heart:", url_path="health"),
    st.Page(streaming.page, title="Streaming", icon=":material/bolt:", url_path="streaming"),
    st.Page(lineage.page, title="Lineage", icon=":material/account_tree:", url_path="lineage"),
    st.Page(audit.page, title="Audit", icon=":material/policy:", url_path="audit"),
    st.Page(models.page, title="Models", icon=":material/model_training:", url_path="models"),
)

# Altair would validate each part of each chart against Vega's schema, which takes half of a page's time. The whole
# chart is still validated.
disable_debug_mode()
st.set_page_config(page_title="Olist lakehouse", page_icon=":material/waves:", layout="wide")
try:
    st.navigation(list(PAGES), position="top").run()
except OlistError as error:
    st.error(str(error), icon=":material/error:")
