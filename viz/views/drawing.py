"""Drawing: the lines of a board go into its sketch, each with the gradient that it carries.

How a line runs is found once for all lines that run alike, and then moved along x to each of them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from dataclasses import replace

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep
from graphengine.spelling import norm
from viz.model.lattice import Link
from viz.model.subject import Flow as Uses
from viz.model.subject import Use
from viz.scene import Edge, Emphasis, Text
from viz.track import Moved
from viz.views.board import Board
from viz.views.flows import Flow
from viz.views.routes import Route, likeness, route


def draw_lines(
    board: Board, unnumbered: Collection[tuple[str, str]] = (), handed: tuple[Tensor, float] | None = None
) -> None:
    """Draw every line between things of the stages.

    Args:
        unnumbered: wires by the names of their ends, beside which no number is needed.
        handed: the input of a cell and the norm of the gradient that it is handed, drawn even if nothing needs that.
    """
    ways: dict[Hashable, Route | None] = {}
    for link in board.lattice.links:
        alike = likeness(board, link)
        if alike not in ways:
            ways[alike] = route(board, link)
        way = ways[alike]
        if way is not None:
            numbered = not unnumbered or _ends(link).isdisjoint(unnumbered)
            draw_line(board, link, way, numbered, handed)


def draw_line(
    board: Board, link: Link, way: Route, numbered: bool = True, handed: tuple[Tensor, float] | None = None
) -> None:
    """Draw a line that runs like another one, and note its gradient where it carries one."""
    source, target = board.boxes.get(link.source, way.source), board.boxes.get(link.target, way.target)
    x = source.x - way.source.x
    emphasis: Emphasis = "faded" if board.options.faded else "normal"
    edge = Edge(source.id, target.id, Moved(way.track, x), way.kind, emphasis=emphasis, about=link)
    board.sketch.edges.append(edge)
    if not board.options.gradient:
        return
    label = replace(way.label, x=way.label.x + x) if way.label is not None and numbered else None
    if board.subject.carries(link.flow):
        _note(board, link, edge, label, way.side)
    elif handed is not None and brings(link, handed[0]):
        board.sketch.flow(Flow(edge, handed[1], label, way.side))


def brings(link: Link, tensor: Tensor) -> bool:
    """Whether a line is how a value comes to what reads it."""
    return any(node.inputs[i] is tensor for uses, _ in link.flow for node, i in uses)


def _ends(link: Link) -> set[tuple[str, str]]:
    """What the ends of a line are called: parts of the cell, or where it comes from."""
    source = link.source.part.name if link.source.part is not None else f"<{link.lane}" if link.lane else "v"
    target = link.target.part.name if link.target.part is not None else ""
    return {(source, target), (source, "")} if link.source.part is None else {(source, target)}


def _note(board: Board, link: Link, edge: Edge, label: Text | None, side: int) -> None:
    """Note the gradient that a line carries."""
    arrays = [board.subject.contribution(part) for part in _by_value(link.flow)]
    carried = [array for array in arrays if array is not None]
    if carried:
        shapes = ", ".join(" × ".join(map(str, array.shape)) for array in carried)
        size = math.hypot(*map(norm, carried))
        tip = f"gradient of {link.tensor.path} along this edge\n{shapes}"
        board.sketch.flow(Flow(edge, size, label, side, tip))


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
