"""What is made from what, as graphs in Graphviz's language; a browser draws them."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from html import escape
from typing import TypeVar

from olist_assets.catalog import LAYERS, layer_of, models, tables
from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.orchestration.dagster_storage import parents

LAYER_COLOURS = {"bronze": "#b5734a", "silver": "#7c8a99", "gold": "#b98a0e", "ml": "#6f5fbf"}
FONT = 'fontname="Source Sans Pro, Helvetica, sans-serif"'
STYLE = f"""
  graph [rankdir=LR, bgcolor=transparent, nodesep=0.12, ranksep=0.5, {FONT}]
  node [shape=box, style="rounded,filled", {FONT}, fontsize=12, fontcolor=white, penwidth=0, height=0.34]
  edge [color="#9aa5b1", arrowsize=0.6]"""
Node = TypeVar("Node", bound=Hashable)
Edges = Mapping[Node, Collection[Node]]
"""From each node to those that it is made from."""
Field = tuple[str, str]
"""Table and column."""


def table_edges() -> dict[str, list[str]]:
    """Every table and model with those that it is made from."""
    return {name: parents(name) for name in (*tables(), *models())}


def column_edges() -> dict[Field, list[Field]]:
    """Every column with those that it is computed from; bronze columns with none."""
    lineage = column_lineage()
    return {
        (name, column): lineage.get(name, {}).get(column, [])
        for name, contract in tables().items()
        for column in contract.column_names
    }


def layer(name: str) -> str:
    return "ml" if name in models() else layer_of(name)


def upstream(start: Node, edges: Edges[Node]) -> set[Node]:
    """What `start` is made from, directly or not, without itself."""
    found: set[Node] = set()
    waiting = [start]
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def reverse(edges: Edges[Node]) -> dict[Node, list[Node]]:
    """From each node to those that are made from it."""
    turned: dict[Node, list[Node]] = {}
    for node, sources in edges.items():
        for source in sources:
            turned.setdefault(source, []).append(node)
    return turned


def downstream(start: Node, edges: Edges[Node]) -> set[Node]:
    """What is made from `start`, directly or not, without itself."""
    return upstream(start, reverse(edges))


def table_graph(
    edges: Edges[str], shown: Collection[str], colour: Callable[[str], str], chosen: str | None = None
) -> str:
    """The tables shown, in a box a layer, each in its colour; models are ellipses, the chosen one is framed."""
    lines = []
    for of_layer in LAYERS:
        names = [name for name in edges if name in shown and layer(name) == of_layer]
        lines += [f"  subgraph cluster_{of_layer} {{", f'    label="{of_layer}"; labeljust=l; fontsize=13']
        lines += ['    style="rounded,filled"; color="#8a94a022"; fontcolor="#8a94a0"']
        lines += [f"    {_node(name, colour(name), is_chosen=name == chosen)}" for name in names]
        lines += ["  }"]
    lines += [f'  "{source}" -> "{name}"' for name in edges for source in edges[name] if {name, source} <= set(shown)]
    return "\n".join(["digraph {", STYLE, *lines, "}"])


def _node(name: str, colour: str, *, is_chosen: bool) -> str:
    frame = ', penwidth=3, color="#1f2933"' if is_chosen else ""
    shape = ", shape=ellipse" if name in models() else ""
    return f'"{name}" [fillcolor="{colour}"{frame}{shape}]'


def column_graph(chosen: Field, edges: Edges[Field]) -> str:
    """A column with all that it is computed from and all that it feeds: a box a table, a line a column."""
    before, after = upstream(chosen, edges), downstream(chosen, edges)
    of_table: dict[str, list[str]] = {}
    for table, column in edges:
        if (table, column) in {chosen, *before, *after}:
            of_table.setdefault(table, []).append(column)
    boxes = [_box(table, columns, chosen) for table, columns in of_table.items()]
    # A path through the chosen column only: what two columns of the graph have in common besides is another story.
    targets = {chosen, *before}, {*after}
    lines = [
        f'  "{source[0]}":"{source[1]}" -> "{target[0]}":"{target[1]}"'
        for kept, group in ((before, targets[0]), ({chosen, *after}, targets[1]))
        for target in edges
        if target in group
        for source in edges[target]
        if source in kept
    ]
    return "\n".join(["digraph {", STYLE, '  node [style="", shape=plain, fontcolor="#1f2933"]', *boxes, *lines, "}"])


def _box(table: str, columns: Iterable[str], chosen: Field) -> str:
    header = LAYER_COLOURS[layer(table)]
    lines = [f'<TR><TD BGCOLOR="{header}"><FONT COLOR="white"><B>{escape(table)}</B></FONT></TD></TR>']
    for column in columns:
        name, background = escape(column), "#ffe8a3" if (table, column) == chosen else "#f4f6f8"
        lines.append(f'<TR><TD PORT="{name}" ALIGN="LEFT" BGCOLOR="{background}">{name}</TD></TR>')
    frame = 'BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="5"'
    return f'  "{table}" [label=<<TABLE {frame}>{"".join(lines)}</TABLE>>]'
