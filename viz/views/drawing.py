"""Drawing: the lines of a board go into its sketch, each with the gradient that it carries.

Lines inside of cells are stamps: how a wire runs is found once for a row, and then moved to every cell of it.
"""

from __future__ import annotations

from collections.abc import Collection

from viz.model.lattice import Kind, Link
from viz.model.subject import norm
from viz.scene import Emphasis, Text
from viz.views.board import Board
from viz.views.flows import Flow
from viz.views.routes import Route, route, wire
from viz.views.strokes import Stroke, Track


def draw_lines(board: Board, unnumbered: Collection[tuple[str, str]] = (), handed: float | None = None) -> None:
    """Draw every line between things of the stages.

    Args:
        unnumbered: wires by the names of their ends, beside which no number is needed.
        handed: the norm of the gradient that a cell hands to its input, where that is drawn though nothing needs it.
    """
    wires: dict[Kind, tuple[Route, Track]] = {}
    for link in board.lattice.links:
        way: Route | None
        if link.inner:
            kind = link.kind
            if kind not in wires:
                way = wire(board, link)
                wires[kind] = way, way.track()
            way, track = wires[kind]
            ends, x = (board.boxes[link.source], board.boxes[link.target]), board.corner(link.source)[0]
        else:
            way = route(board, link)
            if way is None:
                continue
            track, ends, x = way.track(), (way.source, way.target), 0.0
        emphasis: Emphasis = "faded" if board.options.faded else "normal"
        stroke = Stroke(ends[0].id, ends[1].id, track, x, way.kind, emphasis=emphasis, about=link)
        label = way.label if not unnumbered or _ends(link).isdisjoint(unnumbered) else None
        _draw(board, link, stroke, label, way.side)
        if handed is not None and link.source.role == "entry" and not board.subject.carries(link.flow):
            board.sketch.flow(Flow(stroke, handed, label, way.side))


def _ends(link: Link) -> set[tuple[str, str]]:
    """What the ends of a line are called: parts of the cell, or where it comes from."""
    source = link.source.part.name if link.source.part is not None else f"<{link.lane}" if link.lane else "v"
    target = link.target.part.name if link.target.part is not None else ""
    return {(source, target), (source, "")} if link.source.part is None else {(source, target)}


def draw_line(board: Board, link: Link, way: Route) -> None:
    """Draw a line beside the stages, with its gradient."""
    stroke = Stroke(way.source.id, way.target.id, way.track(), kind=way.kind, about=link)
    _draw(board, link, stroke, way.label, way.side)


def _draw(board: Board, link: Link, stroke: Stroke, label: Text | None, side: int) -> None:
    """Draw a line and, where it carries one, note its gradient."""
    board.sketch.edges.append(stroke)
    if board.options.gradient and board.subject.carries(link.flow):
        array = board.subject.contribution(link.flow)
        if array is not None:
            tip = f"gradient of {link.tensor.path} along this edge\n" + " × ".join(map(str, array.shape))
            board.sketch.flow(Flow(stroke, norm(array), label, side, tip))
