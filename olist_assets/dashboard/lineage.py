"""Lineage: which tables are made from which, and where a column comes from and what it feeds."""

import pandas as pd
import streamlit as st

from olist_assets.catalog import tables
from olist_assets.dashboard.health import current_health
from olist_assets.dashboard.health_charts import COLOURS
from olist_assets.dashboard.lineage_graph import LAYER_COLOURS, Field, column_edges, column_graph, downstream, layer, table_edges, table_graph, upstream

ALL, FIRST = "all tables", "gold_customer_metrics"
LAYER, STATUS = "layer", "status"
TABLES, COLUMNS = "tables", "columns"
# Made as small as the screen, its names could not be read.
READABLE_ON_A_PHONE = """<style>
@media (max-width: 640px) {
  [data-testid="stGraphVizChart"] { overflow-x: auto; }
  [data-testid="stGraphVizChart"] svg { min-width: 900px; height: auto; }
}</style>"""


def page() -> None:
    st.title("Lineage")
    st.html(READABLE_ON_A_PHONE)
    of = st.segmented_control(
        "Lineage of", [TABLES, COLUMNS], default=TABLES, required=True, key="of", bind="query-params"
    )
    if of == TABLES:
        _tables()
    else:
        _columns()


def _tables() -> None:
    edges = table_edges()
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        chosen = st.selectbox("Table or model", [ALL, *edges], key="table", bind="query-params")
    with right:
        by = st.segmented_control(
            "Colour by", [LAYER, STATUS], default=LAYER, required=True, key="by", bind="query-params"
        )
    colours = {name: LAYER_COLOURS[layer(name)] for name in edges}
    if by == STATUS:
        # Models have checks but no table, and no verdict.
        colours |= dict.fromkeys(edges, COLOURS["not run"])
        colours |= {table.name: COLOURS[table.status] for table in current_health()}
    before, after = (upstream(chosen, edges), downstream(chosen, edges)) if chosen != ALL else (set(), set())
    shown = {chosen, *before, *after} if chosen != ALL else set(edges)
    st.graphviz_chart(table_graph(edges, shown, colours.__getitem__, chosen), width="content")
    if chosen != ALL:
        st.markdown(f"**Made from** {_listed(before)}\n\n**Feeds** {_listed(after)}")


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in table_edges() if name in names) or "nothing"


def _columns() -> None:
    edges = column_edges()
    left, right = st.columns(2)
    with left:
        names = list(tables())
        table = st.selectbox("Table", names, names.index(FIRST), key="of_table", bind="query-params")
    with right:
        column = st.selectbox("Column", tables()[table].column_names, key="of_column", bind="query-params")
    chosen = (table, column)
    st.caption(tables()[table].column(column).description)
    st.graphviz_chart(column_graph(chosen, edges), width="content")
    before, after = upstream(chosen, edges), downstream(chosen, edges)
    if not before and layer(table) != "bronze":
        st.info("It is computed from no column: it counts rows, or comes from a model or the clock.")
    sources = [field for field in edges if field in before]
    fed = [field for field in edges if field in after]
    for title, fields in (("Comes from", sources), ("Feeds", fed)):
        st.markdown(f"**{title}** {len(fields)} columns" if fields else f"**{title}** no column")
        if fields:
            st.dataframe(_described(fields), hide_index=True)


def _described(fields: list[Field]) -> pd.DataFrame:
    return pd.DataFrame(
        {"table": table, "column": column, "what it is": tables()[table].column(column).description}
        for table, column in fields
    )
