"""The Lineage page: edges, graphs and what is shown of them."""

from olist_assets.dashboard.health.charts import STATUS_COLOURS
from olist_assets.dashboard.health.data import Status
from olist_assets.dashboard.lineage.charts import column_graph, table_graph
from olist_assets.dashboard.lineage.data import Field, column_edges, downstream, reverse, table_edges, upstream
from olist_assets.settings import Settings
from olist_assets_tests.dashboard.conftest import messages, rerun, shown

DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": []}
REVENUE = Field("gold_daily_metrics", "revenue")
PAYMENT = Field("bronze_order_payments", "payment_value")


def graph_of(app) -> str:
    return app.get("graphviz_chart")[0].proto.spec


def test_upstream_and_downstream_follow_all_paths():
    assert upstream("d", DIAMOND) == {"a", "b", "c"}
    assert downstream("a", DIAMOND) == {"b", "c", "d"}
    assert upstream("e", DIAMOND) == downstream("e", DIAMOND) == set()
    assert reverse(DIAMOND) == {"a": ["b", "c"], "b": ["d"], "c": ["d"]}


def test_graph_has_a_box_per_layer_and_only_the_nodes_shown():
    edges = table_edges()
    drawn = table_graph(edges, {"bronze_orders", "silver_orders", "churn_model"}, lambda _: "#fff", "silver_orders")
    assert '"bronze_orders" -> "silver_orders"' in drawn
    assert "subgraph cluster_silver" in drawn
    assert "gold_daily_metrics" not in drawn
    assert "shape=ellipse" in next(line for line in drawn.splitlines() if '"churn_model"' in line)
    assert "penwidth=3" in next(line for line in drawn.splitlines() if '"silver_orders" [' in line)


def test_column_is_traced_to_bronze_and_to_what_it_feeds():
    edges = column_edges()
    before = upstream(REVENUE, edges)
    assert ("silver_orders_master", "order_total_value") in before
    assert PAYMENT in before
    assert ("gold_daily_metrics", "revenue_7d_avg") not in before
    assert REVENUE in downstream(PAYMENT, edges)
    drawn = column_graph(REVENUE, edges)
    assert '"silver_orders_master":"order_total_value" -> "gold_daily_metrics":"revenue"' in drawn
    assert "customer_city" not in drawn


def test_page_shows_all_tables_or_the_relatives_of_one(settings: Settings):
    app = shown("lineage")
    assert all(f'"{name}" [' in graph_of(app) for name in table_edges())
    app.selectbox(key="table").set_value("gold_daily_metrics")
    drawn = graph_of(rerun(app))
    assert '"silver_orders_master" [' in drawn
    assert "gold_product_metrics" not in drawn
    assert any("`silver_orders_master`" in text.value and "**Feeds** nothing" in text.value for text in app.markdown)


def test_page_colours_missing_tables(settings: Settings):
    drawn = graph_of(shown("lineage", by="status"))
    assert f'"gold_daily_metrics" [fillcolor="{STATUS_COLOURS[Status.MISSING]}"]' in drawn


def test_page_shows_a_column_with_its_sources(settings: Settings):
    app = shown("lineage", of="columns", of_table="gold_daily_metrics", of_column="revenue")
    sources = app.dataframe[0].value
    assert PAYMENT in set(zip(sources["table"], sources["column"], strict=True))
    app.selectbox(key="of_column").set_value("orders_count")
    assert "computed from no column" in messages(rerun(app))
