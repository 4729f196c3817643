"""Routes: how the lines of a board run, and where the numbers of their gradients stand."""

from __future__ import annotations

from dataclasses import dataclass

from viz.curves import Curve, rounded, sideways, straight, upright
from viz.model.lattice import Item, Link
from viz.scene import Box, EdgeKind, Point, Text
from viz.views.board import Board
from viz.views.flows import OFFSET
from viz.views.stage import key_of, reach

_NUMBER = 8.5  # size of the number of a gradient


@dataclass(frozen=True)
class Route:
    """A line on the paper.

    Attributes:
        label: where its gradient's number stands; None where another line of the same flow has it.
        side: on which side the gradient runs, +1 to the left of who walks along it.
    """

    source: Box
    target: Box
    curve: Curve
    kind: EdgeKind
    label: Text | None
    side: int


def route(board: Board, link: Link) -> Route | None:
    """Return how a line between things of the stages runs; None for lines that end outside of them."""
    roles = (link.source.role, link.target.role)
    if "block" in roles or "whole" in roles:
        return None
    if roles[1] == "state":
        return _leave(board, link)
    if roles[0] in ("state", "start", "gap"):
        return _arrive(board, link)
    return _rise(board, link)


def state_kind(board: Board, item: Item) -> EdgeKind:
    """The kind of line that carries a state."""
    kind = board.boxes[item].kind
    return "c" if kind == "c" else "h" if kind == "h" else "state"


def _leave(board: Board, link: Link) -> Route:
    """From a cell to its state. One line on from there carries the same gradient, and then its number stands there alone."""
    source, target = board.boxes[link.source], board.boxes[link.target]
    y = target.y
    forward = target.x > source.x
    ends = (source.right, target.left) if forward else (source.left, target.right)
    curve = straight((ends[0], y), (ends[1], y))
    label = _beneath(ends, y) if board.readers[link.target] > 1 else None
    return Route(source, target, curve, state_kind(board, link.target), label, -1 if forward else 1)


def _arrive(board: Board, link: Link) -> Route:
    """From a state to the cell that reads it, one step on or more."""
    source, target = board.boxes[link.source], board.boxes[link.target]
    block = link.target.block
    assert block is not None
    forward = target.x > source.x
    start = (source.right if forward else source.left, source.y)
    y = target.top + board.circuits[block].lanes[link.lane] if link.lane else target.y
    end = (target.left if forward else target.right, y)
    kind = state_kind(board, link.source) if link.source.role != "gap" else "state"
    side = -1 if forward else 1
    if link.lane and board.lattice.names.get(link.tensor, link.lane) != link.lane and link.source.role == "state":
        return _around(board, link, end, kind, side)
    if abs(start[1] - y) < 0.5:
        return Route(source, target, straight(start, end), kind, _beneath((start[0], end[0]), y), side)
    label = Text((start[0] + end[0]) / 2, max(start[1], y) + OFFSET + 9, "", size=_NUMBER)
    return Route(source, target, sideways(start, end), kind, label, side)


def _around(board: Board, link: Link, end: Point, kind: EdgeKind, side: int) -> Route:
    """A state that skips a step passes under the cells in between."""
    block = link.target.block
    assert block is not None
    source, target = board.boxes[link.source], board.boxes[link.target]
    stage = board.stage_of[block]
    low = stage.y + stage.rows[block].y + stage.rows[block].height / 2 + 9
    near = end[0] - (16 if end[0] > source.x else -16)
    curve = rounded([(source.x, source.bottom), (source.x, low), (near, low), (near, end[1]), end], 6)
    label = Text(near - 14, (low + end[1]) / 2, "", "end" if end[0] > source.x else "start", _NUMBER)
    return Route(source, target, curve, kind, label, side)


def _rise(board: Board, link: Link) -> Route:
    """Upwards within a column: from an entry or a cell to the next row."""
    source, target = board.boxes[link.source], board.boxes[link.target]
    lower, upper = key_of(link.source), key_of(link.target)
    kind: EdgeKind = "input" if link.source.role == "entry" else "h" if _is_h(board, link) else "forward"
    if link.source.role == "entry" and link.source.t != link.target.t:
        curve = upright((source.x, source.top), (target.left + 14, target.bottom))
        return Route(source, target, curve, kind, Text(source.x + 15, source.top - 10, "", "start", _NUMBER), -1)
    stage = board.stage_of[lower]
    parts = [item.part.name if item.part is not None else "" for item in (link.source, link.target)]
    offset = stage.lines.get((lower, parts[0], upper, parts[1]))
    middle = stage.crossing(link.source)[0] - stage.rows[lower].offset
    if offset is None:
        leaves = sum(reach(stage, lower, parts[0], "^")) / 2
        arrives = sum(reach(stage, upper, parts[1], "v")) / 2
        curve = upright((middle + leaves, source.top), (middle + arrives, target.bottom))
        offset = leaves
    else:
        curve = straight((middle + offset, source.top), (middle + offset, target.bottom))
    leftmost = offset < stage.middle - 1
    x = middle + offset + (-1 if leftmost else 1) * (OFFSET + 6)
    label = Text(x, source.top - 10, "", "end" if leftmost else "start", _NUMBER)
    return Route(source, target, curve, kind, label, 1 if leftmost else -1)


def _is_h(board: Board, link: Link) -> bool:
    return board.lattice.names.get(link.tensor) == "h"


def _beneath(ends: tuple[float, float], y: float) -> Text:
    """The number of a level line's gradient, under it."""
    return Text((ends[0] + ends[1]) / 2, y + OFFSET + 9, "", size=_NUMBER)
