"""silver_order_payments: sums and types of the payments per order."""

from decimal import Decimal

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_order_payments import silver_order_payments
from olist_assets_tests.rows import frame, only


def payments(spark, *kinds_and_values, installments="1"):
    rows = [
        {
            "order_id": "a",
            "payment_sequential": str(number),
            "payment_type": kind,
            "payment_value": value,
            "payment_installments": installments,
        }
        for number, (kind, value) in enumerate(kinds_and_values, start=1)
    ]
    return only(silver_order_payments(frame(spark, BRONZE["order_payments"], *rows)))


def test_an_order_with_several_payments_has_one_row(spark):
    row = payments(spark, ("voucher", "10.10"), ("credit_card", "20.20"), ("voucher", "0.05"), installments="8")
    assert row.payment_types == ["credit_card", "voucher"]
    assert (row.payment_count, row.max_installments) == (3, 8)
    assert row.total_payment_value == Decimal("30.35")
    assert row.primary_payment_type == "credit_card"


def test_the_primary_type_is_that_of_the_largest_payment_and_of_equal_ones_the_first_by_name(spark):
    assert payments(spark, ("voucher", "10.00"), ("boleto", "9.99")).primary_payment_type == "voucher"
    assert payments(spark, ("voucher", "10.00"), ("boleto", "10.00")).primary_payment_type == "boleto"
    assert payments(spark, ("boleto", "10.00"), ("voucher", "10.00")).primary_payment_type == "boleto"
    assert payments(spark, ("boleto", "9.00"), ("voucher", "10.00")).primary_payment_type == "voucher"
