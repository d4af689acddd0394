"""The dashboard's entry, run by `olist dashboard`: its pages and what they share.

A page is a module of this package with a function `page()`; all of them read through `data`.
"""

import streamlit as st
from altair.utils.schemapi import disable_debug_mode

from olist_assets.dashboard import audit, business, health, lineage, ml
from olist_assets.errors import OlistError

PAGES = (
    st.Page(business.page, title="Business", icon=":material/storefront:", default=True),
    st.Page(health.page, title="Health", icon=":material/monitor_heart:", url_path="health"),
    st.Page(lineage.page, title="Lineage", icon=":material/account_tree:", url_path="lineage"),
    st.Page(audit.page, title="Audit", icon=":material/policy:", url_path="audit"),
    st.Page(ml.page, title="Models", icon=":material/model_training:", url_path="models"),
)

# Altair would hold each part of each chart against Vega's schema: half of a page's time. The whole is still checked.
disable_debug_mode()
st.set_page_config(page_title="Olist lakehouse", page_icon=":material/waves:", layout="wide")
try:
    st.navigation(list(PAGES), position="top").run()
except OlistError as error:
    st.error(str(error), icon=":material/error:")
