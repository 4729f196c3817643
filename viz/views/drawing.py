"""Drawing: the lines of a board go into its sketch, each with the gradient that it carries.

Lines inside of cells are stamps: how a wire runs is found once for a row, and then moved to every cell of it.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep
from viz.model.lattice import Kind, Link
from viz.model.subject import Flow as Uses
from viz.model.subject import Use, norm
from viz.scene import Emphasis, Text
from viz.views.board import Board
from viz.views.flows import Flow
from viz.views.routes import Route, route, wire
from viz.views.strokes import Stroke, Track


def draw_lines(
    board: Board, unnumbered: Collection[tuple[str, str]] = (), handed: tuple[Tensor, float] | None = None
) -> None:
    """Draw every line between things of the stages.

    Args:
        unnumbered: wires by the names of their ends, beside which no number is needed.
        handed: the input of a cell and the norm of the gradient that it is handed, drawn even if nothing needs that.
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
        if handed is not None and brings(link, handed[0]) and not board.subject.carries(link.flow):
            board.sketch.flow(Flow(stroke, handed[1], label, way.side))


def brings(link: Link, tensor: Tensor) -> bool:
    """Whether a line is how a value comes to what reads it."""
    return any(node.inputs[i] is tensor for uses, _ in link.flow for node, i in uses)


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
        arrays = [board.subject.contribution(part) for part in _by_value(link.flow)]
        carried = [array for array in arrays if array is not None]
        if carried:
            shapes = ", ".join(" × ".join(map(str, array.shape)) for array in carried)
            size = math.hypot(*map(norm, carried))
            tip = f"gradient of {link.tensor.path} along this edge\n{shapes}"
            board.sketch.flow(Flow(stroke, size, label, side, tip))


def _by_value(flow: Uses) -> list[Uses]:
    """A flow cut by the values that flow: the gradients of unlike values do not add up, they stand side by side.

    Summands count once: where two values come as the terms of one sum, the gradient is that of the sum.
    """
    found: dict[Tensor, list[tuple[tuple[Use, ...], int | None]]] = {}
    sums: dict[tuple[Node, int | None], Tensor] = {}
    for uses, t in flow:
        for node, i in uses:
            value = _origin(node.inputs[i])
            whole = node.op.kind == "add" and node.inputs[i].shape == node.output.shape
            if not whole or sums.setdefault((node, t), value) is value:
                found.setdefault(value, []).append((((node, i),), t))
    return [tuple(parts) for parts in found.values()]


def _origin(tensor: Tensor) -> Tensor:
    """The value of a loop's body that a delay or a last step hands on."""
    passed: set[Tensor] = set()
    while tensor not in passed:
        passed.add(tensor)
        if isinstance(tensor.node.op, LastStep):
            tensor = tensor.node.inputs[0]
        elif isinstance(tensor.node.op, Delay) and tensor.node.feeds is not None:
            tensor = tensor.node.feeds
    return tensor
