"""Lineage of tables and of columns, as edges from each node to the nodes that it is made from."""

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple, TypeVar

from olist_assets.catalog import catalog
from olist_assets.contracts.column_lineage import column_lineage

Node = TypeVar("Node", bound=Hashable)
Edges = Mapping[Node, Collection[Node]]
"""From each node to the nodes that it is made from."""


class Field(NamedTuple):
    """A column of a table."""

    table: str
    column: str


def table_edges() -> dict[str, list[str]]:
    """Every table, model and champion with those that it is made from."""
    names = (*catalog().business_tables, *catalog().models, *catalog().promotions)
    return {name: list(catalog().parents(name)) for name in names}


def column_edges() -> dict[Field, list[Field]]:
    """Every column with the columns that it is computed from; columns of bronze tables have none."""
    lineage = column_lineage()
    return {
        Field(name, column): [Field(*parent) for parent in lineage.get(name, {}).get(column, [])]
        for name, contract in catalog().business_tables.items()
        for column in contract.column_names
    }


def upstream(start: Node, edges: Edges[Node]) -> set[Node]:
    """All nodes that `start` is made from, directly or not, without itself."""
    found: set[Node] = set()
    waiting = [start]
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def downstream(start: Node, edges: Edges[Node]) -> set[Node]:
    """All nodes that are made from `start`, directly or not, without itself."""
    return upstream(start, reverse(edges))


def reverse(edges: Edges[Node]) -> dict[Node, list[Node]]:
    """From each node to the nodes that are made from it."""
    reversed_edges: dict[Node, list[Node]] = {}
    for node, parents in edges.items():
        for parent in parents:
            reversed_edges.setdefault(parent, []).append(node)
    return reversed_edges
