"""The Lineage page: which tables a table is made from, and which columns a column is computed from and feeds."""

import pandas as pd
import streamlit as st

from olist_assets.catalog import catalog
from olist_assets.dashboard.charts import PALE
from olist_assets.dashboard.health.charts import STATUS_COLOURS
from olist_assets.dashboard.health.data import current_health
from olist_assets.dashboard.lineage.charts import LAYER_COLOURS, column_graph, table_graph
from olist_assets.dashboard.lineage.data import Field, column_edges, downstream, table_edges, upstream

ALL, DEFAULT_TABLE = "all tables", "gold_customer_metrics"
LAYER, STATUS = "layer", "status"
TABLES, COLUMNS = "tables", "columns"
# Scaled down to the width of a telephone, the names in a graph could not be read.
READABLE_ON_A_PHONE = """<style>
@media (max-width: 640px) {
  [data-testid="stGraphVizChart"] { overflow-x: auto; }
  [data-testid="stGraphVizChart"] svg { min-width: 900px; height: auto; }
}</style>"""


def page() -> None:
    """Lineage of tables or of columns."""
    st.title("Lineage")
    st.html(READABLE_ON_A_PHONE)
    kind = st.segmented_control(
        "Lineage of", [TABLES, COLUMNS], default=TABLES, required=True, key="of", bind="query-params"
    )
    if kind == TABLES:
        _tables()
    else:
        _columns()


def _tables() -> None:
    edges = table_edges()
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        chosen = st.selectbox("Table, model or champion", [ALL, *edges], key="table", bind="query-params")
    with right:
        by = st.segmented_control(
            "Colour by", [LAYER, STATUS], default=LAYER, required=True, key="by", bind="query-params"
        )
    colours = _status_colours(edges) if by == STATUS else {name: _layer_colour(name) for name in edges}
    if chosen == ALL:
        st.graphviz_chart(table_graph(edges, edges, colours.__getitem__), width="content")
        return
    before, after = upstream(chosen, edges), downstream(chosen, edges)
    shown = {chosen, *before, *after}
    st.graphviz_chart(table_graph(edges, shown, colours.__getitem__, chosen), width="content")
    listed = (", ".join(f"`{name}`" for name in edges if name in names) or "nothing" for names in (before, after))
    st.markdown("**Made from** {}\n\n**Feeds** {}".format(*listed))


def _layer_colour(name: str) -> str:
    return LAYER_COLOURS[catalog().layer_of(name)]


def _status_colours(names: dict[str, list[str]]) -> dict[str, str]:
    # Models and champions have no table, and so no status.
    return dict.fromkeys(names, PALE) | {table.name: STATUS_COLOURS[table.status] for table in current_health()}


def _columns() -> None:
    edges, tables = column_edges(), catalog().business_tables
    left, right = st.columns(2)
    with left:
        names = list(tables)
        table = st.selectbox("Table", names, names.index(DEFAULT_TABLE), key="of_table", bind="query-params")
    with right:
        column = st.selectbox("Column", tables[table].column_names, key="of_column", bind="query-params")
    chosen = Field(table, column)
    st.caption(tables[table].column(column).description)
    st.graphviz_chart(column_graph(chosen, edges), width="content")
    before, after = upstream(chosen, edges), downstream(chosen, edges)
    if not before and catalog().layer_of(table) != "bronze":
        st.info("It is computed from no column: it counts rows, or comes from a model or the clock.")
    for title, related in (("Computed from", before), ("Feeds", after)):
        fields = [field for field in edges if field in related]
        st.markdown(f"**{title}** {len(fields) or 'no'} column{'' if len(fields) == 1 else 's'}")
        if fields:
            st.dataframe(_described(fields), hide_index=True)


def _described(fields: list[Field]) -> pd.DataFrame:
    tables = catalog().business_tables
    return pd.DataFrame(
        {
            "table": field.table,
            "column": field.column,
            "description": tables[field.table].column(field.column).description,
        }
        for field in fields
    )
