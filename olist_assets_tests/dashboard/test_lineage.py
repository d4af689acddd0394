from olist_assets.dashboard.health_charts import COLOURS
from olist_assets.dashboard.health_data import NEVER_MADE
from olist_assets.dashboard.lineage_graph import column_edges, column_graph, downstream, reverse, table_edges, table_graph, upstream
from olist_assets.settings import Settings
from olist_assets_tests.dashboard.conftest import rerun, said, shown

DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": []}


def graph_of(app) -> str:
    return app.get("graphviz_chart")[0].proto.spec


def test_what_is_upstream_and_downstream():
    assert upstream("d", DIAMOND) == {"a", "b", "c"}
    assert downstream("a", DIAMOND) == {"b", "c", "d"}
    assert upstream("e", DIAMOND) == downstream("e", DIAMOND) == set()
    assert reverse(DIAMOND) == {"a": ["b", "c"], "b": ["d"], "c": ["d"]}


def test_graph_has_layers_and_only_what_is_shown():
    edges = table_edges()
    drawn = table_graph(edges, {"bronze_orders", "silver_orders", "churn_model"}, lambda _: "#fff", "silver_orders")
    assert '"bronze_orders" -> "silver_orders"' in drawn
    assert "subgraph cluster_silver" in drawn
    assert "gold_daily_metrics" not in drawn
    assert "shape=ellipse" in next(line for line in drawn.splitlines() if '"churn_model"' in line)
    assert "penwidth=3" in next(line for line in drawn.splitlines() if '"silver_orders" [' in line)


def test_column_comes_from_bronze_and_feeds_what_is_after_it():
    edges = column_edges()
    before = upstream(("gold_daily_metrics", "revenue"), edges)
    assert ("silver_orders_master", "order_total_value") in before
    assert ("bronze_order_payments", "payment_value") in before
    assert ("gold_daily_metrics", "revenue_7d_avg") not in before
    assert ("gold_daily_metrics", "revenue") in downstream(("bronze_order_payments", "payment_value"), edges)
    drawn = column_graph(("gold_daily_metrics", "revenue"), edges)
    assert '"silver_orders_master":"order_total_value" -> "gold_daily_metrics":"revenue"' in drawn
    assert "customer_city" not in drawn


def test_page_shows_all_tables_or_those_around_one(settings: Settings):
    app = shown("lineage")
    assert all(f'"{name}" [' in graph_of(app) for name in table_edges())
    app.selectbox(key="table").set_value("gold_daily_metrics")
    drawn = graph_of(rerun(app))
    assert '"silver_orders_master" [' in drawn
    assert "gold_product_metrics" not in drawn


def test_page_colours_tables_that_were_never_made(settings: Settings):
    drawn = graph_of(shown("lineage", by="status"))
    assert f'"gold_daily_metrics" [fillcolor="{COLOURS[NEVER_MADE]}"]' in drawn


def test_page_shows_a_column(settings: Settings):
    app = shown("lineage", of="columns", of_table="gold_daily_metrics", of_column="revenue")
    sources = app.dataframe[0].value
    assert ("bronze_order_payments", "payment_value") in set(zip(sources["table"], sources["column"], strict=True))
    app.selectbox(key="of_column").set_value("orders_count")
    assert "computed from no column" in said(rerun(app))
