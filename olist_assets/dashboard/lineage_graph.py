"""What is made from what, as graphs in Graphviz's language; a browser draws them."""

from collections.abc import Callable, Collection, Iterable, Mapping

from olist_assets.catalog import LAYERS, layer_of, models, tables
from olist_assets.dashboard.operations import parents

LAYER_COLOURS = {"bronze": "#c98b5b", "silver": "#8d99a6", "gold": "#d6a419", "ml": "#7b6cc4"}
Edges = Mapping[str, Collection[str]]
"""From each node to those that it is made from."""
ColumnName = tuple[str, str]
"""Table and column."""
ColumnLineage = Mapping[str, Mapping[str, Iterable[ColumnName]]]
STYLE = """
  graph [rankdir=LR, bgcolor=transparent, nodesep=0.14, ranksep=0.55, fontname="Helvetica"]
  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12, fontcolor=white, penwidth=0, height=0.36]
  edge [color="#9aa5b1", arrowsize=0.6]"""


def table_edges() -> dict[str, list[str]]:
    """Every table and model with those that it is made from."""
    return {name: parents(name) for name in (*tables(), *models())}


def layer(name: str) -> str:
    return "ml" if name in models() else layer_of(name)


def reached(start: str, edges: Edges) -> set[str]:
    """What `start` is made from, directly or not, and itself."""
    found, waiting = {start}, [start]
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def reverse(edges: Edges) -> dict[str, list[str]]:
    """From each node to those that are made from it."""
    turned: dict[str, list[str]] = {name: [] for name in edges}
    for name, sources in edges.items():
        for source in sources:
            turned.setdefault(source, []).append(name)
    return turned


def around(name: str, edges: Edges) -> set[str]:
    """A table with all that it is made from and all that is made from it."""
    return reached(name, edges) | reached(name, reverse(edges))


def table_graph(edges: Edges, shown: Collection[str], colour: Callable[[str], str], chosen: str | None) -> str:
    """The tables shown, a layer a rank, each in its colour; the chosen one is framed."""
    lines = [
        f'  "{name}" [fillcolor="{colour(name)}"{", penwidth=3, color=black" if name == chosen else ""}'
        f'{", shape=ellipse" if name in models() else ""}]'
        for name in edges
        if name in shown
    ]
    for of_layer in LAYERS:
        names = [f'"{name}"' for name in edges if name in shown and layer(name) == of_layer]
        # Only the first layer is one rank as a whole: tables of the others are made from each other.
        lines += [f"  {{rank=same; {'; '.join(names)}}}"] if of_layer == LAYERS[0] and names else []
    lines += [f'  "{source}" -> "{name}"' for name in edges for source in edges[name] if {name, source} <= set(shown)]
    return "\n".join(["digraph {", STYLE, *lines, "}"])
