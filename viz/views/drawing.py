"""Drawing: the lines of a board go into its sketch, each with the gradient that it carries."""

from __future__ import annotations

from collections.abc import Collection

from viz.model.lattice import Link
from viz.model.subject import norm
from viz.outline import meet
from viz.scene import Edge
from viz.views.board import Board
from viz.views.flows import Flow
from viz.views.routes import Route, route


def draw_lines(board: Board, unnumbered: Collection[tuple[str, str]] = (), handed: float | None = None) -> None:
    """Draw every line between things of the stages.

    Args:
        unnumbered: wires by the names of their ends, beside which no number is needed.
        handed: the norm of the gradient that a cell hands to its input, where that is drawn though nothing needs it.
    """
    for link in board.lattice.links:
        way = route(board, link)
        if way is not None:
            numbered = not _ends(link) & set(unnumbered)
            edge = draw_line(board, link, way, numbered=numbered)
            if handed is not None and link.source.role == "entry" and not board.subject.carries(link.flow):
                board.sketch.flow(Flow(edge, handed, way.label if numbered else None, way.side))


def _ends(link: Link) -> set[tuple[str, str]]:
    """What the ends of a line are called: parts of the cell, or where it comes from."""
    source = link.source.part.name if link.source.part is not None else f"<{link.lane}" if link.lane else "v"
    target = link.target.part.name if link.target.part is not None else ""
    return {(source, target), (source, "")} if link.source.part is None else {(source, target)}


def draw_line(board: Board, link: Link, way: Route, *, numbered: bool = True) -> Edge:
    """Draw a line and, where it carries one, note its gradient."""
    curve = way.curve
    if "circle" in (way.source.shape, way.target.shape):
        curve = meet(curve, way.source, way.target)
    edge = board.sketch.edge(
        way.source, way.target, curve, way.kind, about=link,
        emphasis="faded" if board.options.faded else "normal",
    )  # fmt: skip
    if board.options.gradient and board.subject.carries(link.flow):
        array = board.subject.contribution(link.flow)
        if array is not None:
            tip = f"gradient of {link.tensor.path} along this edge\n" + " × ".join(map(str, array.shape))
            board.sketch.flow(Flow(edge, norm(array), way.label if numbered else None, way.side, tip))
    return edge
