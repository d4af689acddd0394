"""The stream of order events as Dagster's resource."""

import dagster as dg

from olist_assets.engine.engine import Engine
from olist_assets.kafka.connection import Kafka
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.stream import EventStream


class EventStreamResource(dg.ConfigurableResource[EventStream]):
    """The order events of the Kafka that the settings name, by default the one of `olist broker`."""

    warehouse: dg.ResourceDependency[Warehouse]
    engine: dg.ResourceDependency[Engine]

    def create_resource(self, context: dg.InitResourceContext) -> EventStream:  # noqa: ARG002
        """The stream, which connects when it is used."""
        return EventStream(self.warehouse, self.engine, Kafka.of(self.warehouse.settings))
