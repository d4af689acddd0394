"""Lineage as graphs in Graphviz's language, which the browser draws."""

from collections.abc import Callable, Collection, Iterable
from html import escape

from olist_assets.catalog import catalog
from olist_assets.contracts.table import LAYERS
from olist_assets.dashboard.lineage.data import Edges, Field, downstream, upstream

LAYER_COLOURS = {"bronze": "#b5734a", "silver": "#7c8a99", "gold": "#b98a0e", "ml": "#6f5fbf"}
FONT = 'fontname="Source Sans Pro, Helvetica, sans-serif"'
STYLE = f"""
  graph [rankdir=LR, bgcolor=transparent, nodesep=0.12, ranksep=0.5, {FONT}]
  node [shape=box, style="rounded,filled", {FONT}, fontsize=12, fontcolor=white, penwidth=0, height=0.34]
  edge [color="#9aa5b1", arrowsize=0.6]"""
COLUMN_STYLE = '  node [style="", shape=plain, fontcolor="#1f2933"]'


def table_graph(
    edges: Edges[str], shown: Collection[str], colour: Callable[[str], str], chosen: str | None = None
) -> str:
    """The nodes shown, one box per layer; models and champions are ellipses, the chosen node has a frame."""
    lines = []
    for layer in LAYERS:
        names = [name for name in edges if name in shown and catalog().layer_of(name) == layer]
        lines += [f"  subgraph cluster_{layer} {{", f'    label="{layer}"; labeljust=l; fontsize=13']
        lines += ['    style="rounded,filled"; color="#8a94a022"; fontcolor="#8a94a0"']
        lines += [f"    {_node(name, colour(name), is_chosen=name == chosen)}" for name in names]
        lines += ["  }"]
    lines += [f'  "{parent}" -> "{name}"' for name in edges for parent in edges[name] if {name, parent} <= set(shown)]
    return _graph(lines)


def _graph(lines: Iterable[str]) -> str:
    return "\n".join(["digraph {", STYLE, *lines, "}"])


def _node(name: str, colour: str, *, is_chosen: bool) -> str:
    frame = ', penwidth=3, color="#1f2933"' if is_chosen else ""
    shape = "" if name in catalog().tables else ", shape=ellipse"
    return f'"{name}" [fillcolor="{colour}"{frame}{shape}]'


def column_graph(chosen: Field, edges: Edges[Field]) -> str:
    """A column with all columns that it is computed from and all that it feeds: one box per table, one line per column.

    Only paths through the chosen column are drawn, and no other edges between the columns shown.
    """
    before, after = upstream(chosen, edges), downstream(chosen, edges)
    columns: dict[str, list[str]] = {}
    for field in edges:
        if field in {chosen, *before, *after}:
            columns.setdefault(field.table, []).append(field.column)
    boxes = [_box(table, names, chosen) for table, names in columns.items()]
    into_chosen = _arrows(edges, parents=before, children={chosen, *before})
    out_of_chosen = _arrows(edges, parents={chosen, *after}, children=after)
    return _graph([COLUMN_STYLE, *boxes, *into_chosen, *out_of_chosen])


def _arrows(edges: Edges[Field], *, parents: set[Field], children: set[Field]) -> list[str]:
    return [
        f'  "{parent.table}":"{parent.column}" -> "{child.table}":"{child.column}"'
        for child in edges
        if child in children
        for parent in edges[child]
        if parent in parents
    ]


def _box(table: str, columns: Iterable[str], chosen: Field) -> str:
    header = LAYER_COLOURS[catalog().layer_of(table)]
    lines = [f'<TR><TD BGCOLOR="{header}"><FONT COLOR="white"><B>{escape(table)}</B></FONT></TD></TR>']
    for column in columns:
        name, background = escape(column), "#ffe8a3" if Field(table, column) == chosen else "#f4f6f8"
        lines.append(f'<TR><TD PORT="{name}" ALIGN="LEFT" BGCOLOR="{background}">{name}</TD></TR>')
    frame = 'BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="5"'
    return f'  "{table}" [label=<<TABLE {frame}>{"".join(lines)}</TABLE>>]'
