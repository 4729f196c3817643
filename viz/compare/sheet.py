"""Sheets: boxes of two graphs and the lines between them, in ranks that flow upwards, the states of cells as loops."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from viz import text
from viz.compare import pen
from viz.compare.changes import Status
from viz.curves import rounded
from viz.layout.layered import arrange, bent
from viz.scene import Box, Line, Point, Shape, Text
from viz.views.sketch import Sketch

_LANE = 52.0  # from loop to loop beside a cell
_OUT = 50.0  # from a cell to the delays beside it
_DELAY = (46.0, 24.0)


@dataclass(frozen=True)
class Loopback:
    """What a cell hands to a later step of its own.

    Attributes:
        name: of the state, with its shape.
        mark: z⁻¹, or how many steps it takes.
    """

    name: str
    mark: str
    status: Status


@dataclass
class Thing:
    """A box.

    Attributes:
        loops: the states that it hands on, from above; `left` whether they stand at its left.
    """

    key: Hashable
    status: Status
    lines: tuple[Line, ...]
    tooltip: str = ""
    path: str = ""
    shape: Shape = "round"
    loops: list[Loopback] = field(default_factory=list)
    left: bool = False


@dataclass(frozen=True)
class Tie:
    """A line between two things; `back` if it leads to a later step."""

    source: Hashable
    target: Hashable
    status: Status
    label: str = ""
    back: bool = False


def draw(things: Sequence[Thing], ties: Sequence[Tie]) -> Sketch:
    """Place things in ranks, and draw them and their ties."""
    sketch = Sketch()
    index = {thing.key: k for k, thing in enumerate(things)}
    cores = [_core(thing) for thing in things]
    rooms = [_room(thing) for thing in things]
    skew = {
        k: (room / 2 if thing.left else -room / 2, core[0])
        for k, (thing, core, room) in enumerate(zip(things, cores, rooms, strict=True))
        if room
    }
    found = arrange(
        [(width + room, height) for (width, height), room in zip(cores, rooms, strict=True)],
        [(index[tie.source], index[tie.target]) for tie in ties],
        gap=26, between=36, lane=14, cores=skew,
        labels={k: (2 * text.width(tie.label, 8.5) + 16, 14.0) for k, tie in enumerate(ties) if tie.label},
        back={k for k, tie in enumerate(ties) if tie.back},
    )  # fmt: skip
    total = found.size[1]

    def paper(place: Point) -> Point:
        return place[0], total - place[1]

    boxes = []
    for k, (thing, (width, height)) in enumerate(zip(things, cores, strict=True)):
        x, y = paper(found.centres[k])
        x += skew.get(k, (0.0, 0.0))[0]
        made = pen.box(sketch, thing.status, x, y, width, height, thing.lines, thing.shape, thing.tooltip, thing.path)
        boxes.append(made)
        _draw_loops(sketch, thing, made)
    for k, tie in enumerate(ties):
        if not found.routes[k]:
            continue
        curve = bent([paper(corner) for corner in found.routes[k]], upright_bends=True)
        pen.edge(sketch, tie.status, boxes[index[tie.source]], boxes[index[tie.target]], curve)
        if k in found.labels:
            x, y = paper(found.labels[k])
            sketch.texts.append(Text(x + 8, y, tie.label, "start", 8.5, pen.role(tie.status)))
    return sketch


def _core(thing: Thing) -> tuple[float, float]:
    """The size of a box."""
    width, height = pen.size(thing.status, thing.lines)
    if not thing.loops:
        return max(width, 40.0), max(height, 26.0)
    return max(width, 100.0), max(height, _LANE * len(thing.loops))


def _room(thing: Thing) -> float:
    """What the loops of a cell need beside it."""
    words = [text.width(loop.name, 9) for loop in thing.loops]
    return _OUT + _DELAY[0] / 2 + max(words) + 14 if words else 0.0


def _draw_loops(sketch: Sketch, thing: Thing, cell: Box) -> None:
    """The states of a cell, out at its side and back into it."""
    way, side = (-1, cell.left) if thing.left else (1, cell.right)
    for k, loop in enumerate(thing.loops):
        x, y = side + way * _OUT, cell.y + _LANE * (k - (len(thing.loops) - 1) / 2)
        mark = pen.signed(loop.status, (Line(loop.mark, 10, bold=True),))
        delay = pen.box(sketch, loop.status, x, y, *_DELAY, mark)
        out = rounded([(side, y - 18), (x, y - 18), (x, delay.top)], 6)
        back = rounded([(x, delay.bottom), (x, y + 18), (side, y + 18)], 6)
        pen.edge(sketch, loop.status, cell, delay, out)
        pen.edge(sketch, loop.status, delay, cell, back)
        beside = x + way * (_DELAY[0] / 2 + 6)
        sketch.texts.append(Text(beside, y, loop.name, "end" if thing.left else "start", 9, pen.role(loop.status)))
