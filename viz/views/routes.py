"""Routes: how the lines of a board run, and where the numbers of their gradients stand."""

from __future__ import annotations

from dataclasses import dataclass

from viz.curves import Curve, rounded, sideways, straight, upright
from viz.model.lattice import Item, Link
from viz.scene import Box, EdgeKind, Point, Text
from viz.views.board import LANE, Board
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
    if roles == ("part", "part") and link.source.block is link.target.block:
        return _inner(board, link)
    if roles[1] == "state":
        return _leave(board, link)
    if roles[0] in ("state", "start", "gap"):
        return _arrive(board, link)
    return _rise(board, link)


def _inner(board: Board, link: Link) -> Route:
    """Inside a cell."""
    source, target = board.boxes[link.source], board.boxes[link.target]
    assert link.source.part is not None and link.target.part is not None
    wire = board.wire(link.source, (link.source.part.name, link.target.part.name))
    kind = _inner_kind(board, link)
    if wire is None:
        return Route(source, target, sideways((source.right, source.y), (target.left, target.y)), kind, None, -1)
    return Route(source, target, wire.curve, kind, _at(wire.label), wire.side)


def _inner_kind(board: Board, link: Link) -> EdgeKind:
    name = board.lattice.names.get(link.tensor, "")
    return "c" if name == "c" else "h" if name == "h" else "forward"


def _at(label: Point | None) -> Text | None:
    return None if label is None else Text(*label, "", size=_NUMBER)


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
    label = _beneath(ends, y) if board.readers[link.target] > 1 else None
    curve = straight((ends[0], y), (ends[1], y))
    if link.source.part is not None:
        wire = board.wire(link.source, (link.source.part.name, f"{board.lattice.names[link.tensor]}>"))
        if wire is not None:
            curve = (*wire.curve[:-1], *straight(wire.curve[-1], (ends[1], y)))
            label = label or _at(wire.label)
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
    if link.lane and link.source.tensor is not None and board.lattice.names[link.source.tensor] != link.lane:
        return _around(board, link, kind, side)
    wire = board.wire(link.target, (f"<{link.lane}", link.target.part.name)) if link.target.part is not None else None
    if wire is not None:
        end = wire.curve[0]
        lead = straight(start, end) if abs(start[1] - end[1]) < 0.5 else sideways(start, end)
        return Route(source, target, (*lead[:-1], *wire.curve), kind, _beneath((start[0], end[0]), end[1]), side)
    if abs(start[1] - y) < 0.5:
        return Route(source, target, straight(start, end), kind, _beneath((start[0], end[0]), y), side)
    label = Text((start[0] + end[0]) / 2, max(start[1], y) + OFFSET + 9, "", size=_NUMBER)
    return Route(source, target, sideways(start, end), kind, label, side)


def _around(board: Board, link: Link, kind: EdgeKind, side: int) -> Route:
    """A state that skips a step passes the cells in between: in turns under and over them, the first one always over."""
    block, item = link.target.block, link.source
    assert block is not None and item.t is not None
    source, target = board.boxes[item], board.boxes[link.target]
    stage = board.stage_of[block]
    row = stage.rows[block]
    highest = source.y < stage.y + row.y - row.height / 2 + LANE
    above = item.role == "start" or (highest and stage.column[item.t] % 2 == 1)
    way = -1 if above else 1
    level = stage.y + row.y + way * (row.height / 2 + 12)
    x = target.left + 24 if target.x > source.x else target.right - 24
    leave, meet = (source.top, target.top) if above else (source.bottom, target.bottom)
    curve = rounded([(source.x, leave), (source.x, level), (x, level), (x, meet)], 6)
    label = Text((source.x + target.x) / 2, level - 9 if above else level + OFFSET + 9, "", size=_NUMBER)
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
    below, above = _departure(board, link), _arrival(board, link)
    bottom, top = (below[-1][1] if below else source.top), (above[0][1] if above else target.bottom)
    if offset is None:
        leaves = sum(reach(stage, lower, parts[0], "^")) / 2
        arrives = sum(reach(stage, upper, parts[1], "v")) / 2
        curve = upright((middle + leaves, bottom), (middle + arrives, top))
        offset = leaves
    else:
        curve = straight((middle + offset, bottom), (middle + offset, top))
    curve = (*below[:-1], *curve[:-1], *(above or curve[-1:]))
    leftmost = offset < stage.middle - 1
    x = middle + offset + (-1 if leftmost else 1) * (OFFSET + 6)
    label = Text(x, bottom - 10, "", "end" if leftmost else "start", _NUMBER)
    return Route(source, target, curve, kind, label, 1 if leftmost else -1)


def _departure(board: Board, link: Link) -> Curve:
    """The way from a part of an open cell to the upper border; nothing for a closed one."""
    if link.source.part is None:
        return ()
    wire = board.wire(link.source, (link.source.part.name, "^"))
    return wire.curve if wire is not None else ()


def _arrival(board: Board, link: Link) -> Curve:
    """The way from the lower border to a part of an open cell."""
    if link.target.part is None:
        return ()
    wire = board.wire(link.target, ("v", link.target.part.name))
    return wire.curve if wire is not None else ()


def _is_h(board: Board, link: Link) -> bool:
    return board.lattice.names.get(link.tensor) == "h"


def _beneath(ends: tuple[float, float], y: float) -> Text:
    """The number of a level line's gradient, under it."""
    return Text((ends[0] + ends[1]) / 2, y + OFFSET + 9, "", size=_NUMBER)
