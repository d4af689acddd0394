"""Events about orders for tests."""

import json
from typing import Any

from olist_assets.kafka.connection import Kafka
from olist_assets.settings import Conf, Settings
from olist_assets_tests.kafka.sending import send


def settings_for(kafka: Kafka, settings: Settings) -> Settings:
    """The settings with this Kafka."""
    more = {"kafka": kafka.servers, "kafka_conf": Conf(dict(kafka.conf)), "kafka_topic": kafka.topic}
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings(**given, **more)


def order(number: int, day: str = "2018-01-05", *, op: str = "c", seq: int = 1, **values: Any) -> bytes:
    """An event about an order that was bought on a day."""
    order_id = f"{number:032x}"
    record = {
        "order_id": order_id, "customer_id": f"{number + 1000:032x}", "order_status": "created",
        "order_purchase_timestamp": f"{day} 10:00:00", "order_approved_at": None,
        "order_delivered_carrier_date": None, "order_delivered_customer_date": None,
        "order_estimated_delivery_date": f"{day} 00:00:00", **values,
    }  # fmt: skip
    return json.dumps({"table": "orders", "op": op, "seq": seq, "after": record}).encode()


def send_orders(kafka: Kafka, *events: bytes) -> None:
    """Send events, each with the key of its order."""
    for event in events:
        send(kafka, [event], key=json.loads(event)["after"]["order_id"].encode())
