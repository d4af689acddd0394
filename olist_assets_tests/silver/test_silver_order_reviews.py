"""silver_order_reviews: one row per review, with the text of its latest answer."""

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_order_reviews import silver_order_reviews
from olist_assets_tests.rows import frame, only


def test_a_review_of_several_orders_has_one_row(spark):
    bronze = frame(
        spark, BRONZE["order_reviews"], {"review_id": "r", "order_id": "b"}, {"review_id": "r", "order_id": "a"}
    )
    row = only(silver_order_reviews(bronze))
    assert (row.order_ids, row.review_score) == (["a", "b"], 5)


def test_the_text_is_that_of_the_latest_answer_and_a_missing_answer_comes_last(spark):
    first = {"review_id": "r", "review_answer_timestamp": "2018-01-10 12:00:00", "review_comment_message": "first"}
    second = {"order_id": "b", "review_answer_timestamp": "2018-01-11 12:00:00", "review_comment_message": "second"}
    unanswered = {"order_id": "c", "review_answer_timestamp": None, "review_comment_message": "never"}
    bronze = frame(spark, BRONZE["order_reviews"], first | unanswered, first, first | second)
    assert only(silver_order_reviews(bronze)).review_comment_message == "second"


def test_comments_keep_quotes_and_line_breaks(spark):
    text = 'Veio "quebrado"\r\n, e agora?'
    bronze = frame(spark, BRONZE["order_reviews"], {"review_comment_message": text, "review_comment_title": None})
    row = only(silver_order_reviews(bronze))
    assert (row.review_comment_message, row.review_comment_title) == (text, None)
