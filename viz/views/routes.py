"""Routes: how the lines of a board run, and where the numbers of their gradients stand."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from viz.curves import Curve, rounded, sideways, straight, upright
from viz.layout.channels import Course
from viz.layout.circuits import Wire
from viz.model.lattice import Item, Link
from viz.outline import meet
from viz.scene import Box, EdgeKind, Point, Text
from viz.track import Track
from viz.views.board import Board
from viz.views.flows import OFFSET
from viz.views.stage import key_of

_NUMBER = 8.5  # size of the number of a gradient
_CLEAR = 42.0  # so far beside an open cell nothing passes
_JOG = 17.0  # how far from a row a line turns aside
_NEAR = 110.0  # rows so near to each other have nothing between them


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

    @cached_property
    def track(self) -> Track:
        """What the line follows, and others that run alike."""
        if "circle" not in (self.source.shape, self.target.shape):
            return Track(self.curve)
        return Track(meet(self.curve, self.source, self.target))


def likeness(board: Board, link: Link) -> Hashable:
    """Return what lines have in common that run alike: all but where along x they stand."""
    source, target = board.boxes.get(link.source), board.boxes.get(link.target)
    if source is None or target is None:
        return link.kind
    way = round(target.x - source.x, 6), source.y, target.y
    return link.kind, way, board.turn(link), board.readers[link.target] > 1


def route(board: Board, link: Link) -> Route | None:
    """Return how a line runs; None for lines that end outside of the stages."""
    if link.inner:
        return _wire(board, link)
    roles = (link.source.role, link.target.role)
    if "block" in roles or "whole" in roles:
        return _on_rail(board, link)
    if roles[1] == "state":
        return _leave(board, link)
    if roles[0] in ("state", "start", "gap"):
        return _arrive(board, link)
    return _rise(board, link)


def _on_rail(board: Board, link: Link) -> Route | None:
    """Between a sequence as a whole and a block across the columns above or below it."""
    stage = board.home(link.source)
    if stage is None or stage is not board.home(link.target):
        return None
    if any(item.role not in ("whole", "block") for item in (link.source, link.target)):
        return None
    source, start = _rail_end(board, link.source, "top")
    target, end = _rail_end(board, link.target, "bottom")
    label = Text(start[0] + OFFSET + 6, start[1] - 10, "", "start", _NUMBER)
    return Route(source, target, straight(start, end), "forward", label, -1)


def _rail_end(board: Board, item: Item, side: str) -> tuple[Box, Point]:
    if item.role == "whole":
        return board.anchor(item, side)
    box = board.boxes[item]
    stage = board.home(item)
    assert stage is not None
    return box, (stage.rail, box.top if side == "top" else box.bottom)


def _wire(board: Board, link: Link) -> Route:
    """Inside a cell."""
    assert link.source.part is not None
    assert link.target.part is not None
    source, target = board.boxes[link.source], board.boxes[link.target]
    drawn = board.wire(link.source, (link.source.part.name, link.target.part.name))
    kind = _inner_kind(board, link)
    if drawn is None:
        return Route(source, target, sideways((source.right, source.y), (target.left, target.y)), kind, None, -1)
    return Route(source, target, drawn.curve, kind, _at(drawn.label), drawn.side)


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
    """From a cell to its state. A single line onward carries the same gradient, and its number."""
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
            label = _at(wire.label)
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
    part = link.target.part
    wire = board.wire(link.target, (f"<{link.lane}", part.name)) if part is not None else None
    if board.late(link):
        return _around(board, link, kind, side, wire)
    if wire is not None:
        end = wire.curve[0]
        lead = straight(start, end) if abs(start[1] - end[1]) < 0.5 else sideways(start, end)
        label = _beneath((_clear_of_passing(board, link, start[0], end[0]), end[0]), end[1])
        return Route(source, target, (*lead[:-1], *wire.curve), kind, label, side)
    if abs(start[1] - y) < 0.5:
        return Route(source, target, straight(start, end), kind, _beneath((start[0], end[0]), y), side)
    label = Text((start[0] + end[0]) / 2, max(start[1], y) + OFFSET + 9, "", size=_NUMBER)
    return Route(source, target, sideways(start, end), kind, label, side)


def _clear_of_passing(board: Board, link: Link, start: float, end: float) -> float:
    """Where the piece of a line begins that no line of another row crosses: these keep their distance from cells."""
    assert link.target.block is not None
    row = board.stage_of[link.target.block].rows[link.target.block]
    left, right = row.offset - row.width / 2, row.offset + row.width / 2
    crossed = row.passing[0] < left if start < end else row.passing[1] > right
    return end + (_CLEAR if start > end else -_CLEAR) if crossed else start


def _around(board: Board, link: Link, kind: EdgeKind, side: int, wire: Wire | None) -> Route:
    """A state that skips steps passes under the cells in between, or over them, in turns, on levels of their own."""
    block, item = link.target.block, link.source
    assert block is not None
    assert item.t is not None
    source, target = board.boxes[item], board.boxes[link.target]
    stage = board.stage_of[block]
    row = stage.rows[block]
    turn = board.turn(link)
    above = turn % 2 == 1
    level = stage.y + row.y + (-1 if above else 1) * (row.height / 2 + 12 + board.track * (turn // 2))
    onward = 1 if target.x > source.x else -1
    out = source.x
    lead = [(out, source.top if above else source.bottom)]
    if not _outermost(board, item, above):
        border = source.right if onward > 0 else source.left
        out = border + onward * (9 + 5 * turn)
        lead = [(border, source.y), (out, source.y)]
    if wire is None:
        x = target.left + 24 if onward > 0 else target.right - 24
        curve = rounded([*lead, (out, level), (x, level), (x, target.top if above else target.bottom)], 6)
    else:
        x, y = wire.curve[0]
        x -= 10 * onward
        curve = (*rounded([*lead, (out, level), (x, level), (x, y), wire.curve[0]], 6)[:-1], *wire.curve)
    label = Text((out + x) / 2, level - 9 if above else level + OFFSET + 9, "", size=_NUMBER)
    return Route(source, target, curve, kind, label, side)


def _outermost(board: Board, item: Item, above: bool) -> bool:
    """Whether no other state stands above a state, or none below it."""
    lattice, block = board.lattice, item.block
    assert block is not None
    names = lattice.incoming[block] if item.role == "start" else [lattice.names[each] for each in lattice.states[block]]
    heights = [board.circuits[block].lanes[name] for name in names]
    return board.circuits[block].lanes[lattice.lane(item)] == (min(heights) if above else max(heights))


def _rise(board: Board, link: Link) -> Route:
    """Upwards within a column: from an entry or a cell to the next row."""
    source, target = board.boxes[link.source], board.boxes[link.target]
    lower, upper = key_of(link.source), key_of(link.target)
    kind: EdgeKind = "input" if link.source.role == "entry" else "h" if _is_h(board, link) else "forward"
    if link.source.role == "entry" and link.source.t != link.target.t:
        curve = upright((source.x, source.top), (target.left + 14, target.bottom))
        label = Text(target.left + 6, target.bottom + 13, "", "end", _NUMBER)
        return Route(source, target, curve, kind, label, -1)
    stage = board.stage_of[lower]
    parts = [item.part.name if item.part is not None else "" for item in (link.source, link.target)]
    course = stage.lines[lower, parts[0], upper, parts[1]]
    middle = stage.crossing(link.source)[0] - stage.rows[lower].offset
    below, above = _departure(board, link), _arrival(board, link)
    bottom, top = (below[-1][1] if below else source.top), (above[0][1] if above else target.bottom)
    curve = (*below[:-1], *_between(middle, course, bottom, top)[:-1], *(above or ((middle + course.arrive, top),)))
    label, side = _number_beside(stage.middle, middle, course, bottom, top)
    return Route(source, target, curve, kind, label, side)


def _number_beside(centre: float, middle: float, course: Course, bottom: float, top: float) -> tuple[Text, int]:
    """Where the number of a rising line's gradient stands, and on which side of the line the gradient runs."""
    if not (course.straight or _bends_once(course, bottom, top)):
        x = middle + (course.leave + course.run) / 2
        return Text(x, bottom - _JOG - 9, "", size=_NUMBER), 1 if course.run < course.leave else -1
    left = course.arrive > course.leave or (course.straight and course.run < centre - 1)
    way = -1 if left else 1
    x = middle + course.leave + way * (OFFSET + 6)
    return Text(x, bottom - 10, "", "end" if left else "start", _NUMBER), -way


def _bends_once(course: Course, bottom: float, top: float) -> bool:
    """Whether a line between neighbouring rows is a plain S."""
    return course.run in (course.leave, course.arrive) and bottom - top < _NEAR


def _between(middle: float, course: Course, bottom: float, top: float) -> Curve:
    """From border to border: straight, bent once between neighbouring rows, or round what stands between."""
    start, end = (middle + course.leave, bottom), (middle + course.arrive, top)
    if course.straight:
        return straight(start, end)
    if _bends_once(course, bottom, top):
        return upright(start, end)
    run = middle + course.run
    corners = [start, (start[0], bottom - _JOG), (run, bottom - _JOG), (run, top + _JOG), (end[0], top + _JOG), end]
    kept = [corner for k, corner in enumerate(corners) if k in (0, len(corners) - 1) or _turns(corners, k)]
    return rounded(kept, 7)


def _turns(corners: list[Point], k: int) -> bool:
    """Whether a line really bends at a corner."""
    (x0, y0), (x1, y1), (x2, y2) = corners[k - 1 : k + 2]
    return abs((x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1)) > 0.01


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
