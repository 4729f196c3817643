"""A stage: the loops that run along one axis of time, on one grid with everything that stands in their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from graphengine.graph import Tensor
from graphengine.loop import Loop
from viz.layout.channels import Course, Interval, Vertical, channels
from viz.layout.circuits import Circuit
from viz.layout.grid import Grid, Row, Spacing
from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Link
from viz.scene import Point


@dataclass(frozen=True)
class Shared:
    """A value from outside that every step along an axis reads as it is."""

    tensor: Tensor
    over: object


Key: TypeAlias = (
    Block | Tensor | Shared
)  # what makes a row: a cell, a sequence, or a block outside loops between two of them
Line: TypeAlias = tuple[Key, str, Key, str]  # a vertical line in every column: (row, part) to (row, part)

SHIFT = 36.0  # how far the second of two directions stands to the right of the first
_EDGE = 10.0  # how near to a corner a line may meet a side
_BESIDE = 12.0  # what a line and its gradient need on either side
_NUMBER = 34.0  # what the number of a line needs that leaves an open cell near its corner


@dataclass
class Stage:
    """Everything along one axis of time, with its places.

    Attributes:
        links: a line of every kind.
        rows: what stands in each row, from below.
        times: the position in time of every column; of one that stands for steps left out, the first.
        column: by position in time, its column.
        lines: by vertical line, how it runs; x is counted from the middle of the column.
        middle: how far the middle of a column's things stands to the right of the column's own.
        x: where the first column stands; `y` where the top is.
    """

    lattice: Lattice
    over: object
    loops: list[Loop]
    circuits: Mapping[Block, Circuit]
    links: Sequence[Link]
    rows: dict[Key, Row] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    column: dict[int, int] = field(default_factory=dict)
    lines: dict[Line, Course] = field(default_factory=dict)
    middle: float = 0.0
    grid: Grid = field(init=False)
    x: float = 0.0
    y: float = 0.0

    def crossing(self, item: Item) -> Point:
        """Where the row and the column of an item meet."""
        assert item.t is not None
        row = self.rows[key_of(item)]
        return self.x + self.grid.columns[self.column[item.t]] + row.offset, self.y + row.y

    @property
    def rail(self) -> float:
        """The x beside the first column where lines between whole rows run."""
        entries = [row for row in self.rows.values() if row.kind != "cell"]
        return self.x + self.grid.columns[0] + min(row.offset - row.width / 2 for row in entries) - 26

    def span(self) -> tuple[float, float]:
        """From where to where it reaches along x."""
        spans = [self.grid.span(row) for row in self.rows.values()]
        return self.x + min(left for left, _ in spans), self.x + max(right for _, right in spans)


def key_of(item: Item) -> Key:
    """The row that an item stands in."""
    if item.role in ("part", "gap", "state", "start", "block"):
        assert item.block is not None
        return item.block
    assert item.tensor is not None
    return item.tensor if item.over is None else Shared(item.tensor, item.over)


def build(
    lattice: Lattice,
    over: object,
    links: Sequence[Link],
    circuits: Mapping[Block, Circuit],
    wide: Mapping[Block, float],
    entry: tuple[float, float],
    pill: float,
    spacing: Spacing,
) -> Stage:
    """Place the loops along an axis.

    Args:
        links: a line of every kind.
        wide: the heights of blocks outside loops that stand between two of its sequences, each across all columns.
        entry: the size of a sequence's value at a position.
        pill: the width of a state.
    """
    loops = [loop for loop in lattice.stations if loop.over == over]
    stage = Stage(lattice, over, loops, circuits, links)
    lines = _lines(stage, wide)
    levels = _levels(stage, lines, wide)
    widest = max(len(level) for level in levels)
    stage.middle = SHIFT * (widest - 1) / 2
    cells = sum(isinstance(key, Block) and key not in wide for level in levels for key in level)
    linked = {key_of(item) for link in links for item in (link.source, link.target) if item.role == "whole"}
    for level in levels:
        for k, key in enumerate(level):
            row = stage.rows[key] = _row(stage, key, k, len(level), wide, entry)
            row.framed = cells > 1 if row.kind == "cell" else key in linked or _gathered(lattice, key)
    if widest == 1:
        _align(stage, lines)
    _place_columns(stage)
    _place_lines(stage, lines)
    gaps = {station.first for loop in loops for station in lattice.stations[loop] if station.gap}
    stage.grid = Grid([t in gaps for t in stage.times], list(stage.rows.values()), pill, spacing)
    return stage


def _lines(stage: Stage, between: Mapping[Block, float]) -> list[Line]:
    """The vertical lines of a column, each once."""
    found: dict[Line, None] = {}
    for link in stage.links:
        ends = [_end(stage, item, between) for item in (link.source, link.target)]
        if ends[0] is not None and ends[1] is not None and ends[0][0] is not ends[1][0]:
            found[*ends[0], *ends[1]] = None
    return list(found)


def _end(stage: Stage, item: Item, between: Mapping[Block, float]) -> tuple[Key, str] | None:
    """Row and part of an item that vertical lines may meet in this stage."""
    if item.role == "part" and item.part is not None and item.part.block.loop in stage.loops:
        return item.part.block, item.part.name
    if item.role in ("entry", "whole"):
        return (key_of(item), "") if stage.lattice.whole_over(item) == stage.over else None
    if item.role == "block" and item.block in between:
        assert item.block is not None
        return item.block, ""
    return None


def _levels(stage: Stage, lines: list[Line], between: Mapping[Block, float]) -> list[list[Key]]:
    """The rows by how long the way from the inputs to them is; forward directions before backward ones."""
    keys: list[Key] = [block for block in stage.lattice.parts if block.loop in stage.loops]
    wholes = [item for item in stage.lattice.items if item.role == "whole"]
    keys += [key_of(item) for item in wholes if stage.lattice.whole_over(item) == stage.over]
    keys += between
    depth = dict.fromkeys(keys, 0)
    for _ in keys:
        moved = False
        for lower, _, upper, _ in lines:
            if depth[upper] <= depth[lower] < len(keys):
                depth[upper] = depth[lower] + 1
                moved = True
        if not moved:
            break
    found: dict[int, list[Key]] = {}
    for key in keys:
        found.setdefault(depth[key], []).append(key)
    return [sorted(found[k], key=_turn) for k in sorted(found)]


def _turn(key: Key) -> int:
    return key.direction if isinstance(key, Block) else 0


def _gathered(lattice: Lattice, key: Key) -> bool:
    return not isinstance(key, Block | Shared) and bool(lattice.sequences.stacks[key])


def _row(stage: Stage, key: Key, k: int, count: int, between: Mapping[Block, float], entry: tuple[float, float]) -> Row:
    if isinstance(key, Block) and key in between:
        return Row("wide", entry[0], between[key], stage.middle)
    if isinstance(key, Block):
        circuit = stage.circuits[key]
        offset = SHIFT * k if count > 1 else stage.middle
        states = bool(stage.lattice.states[key] or stage.lattice.incoming[key])
        return Row("cell", circuit.width, circuit.height, offset, bool(key.direction), states, passing=(offset, offset))
    width, height = entry
    if count > 1:
        return Row("entry", width, height, stage.middle + 0.7 * width * (k - (count - 1) / 2))
    width = max(width, 2 * stage.middle + 104.0) if stage.middle else width
    return Row("entry", width, height, stage.middle)


def _align(stage: Stage, lines: list[Line]) -> None:
    """Put entries straight below or above the one place where their line meets the border of an open cell."""
    for key, row in stage.rows.items():
        met = [reach(stage, upper, reader, "v") for lower, _, upper, reader in lines if lower == key]
        met += [reach(stage, lower, sender, "^") for lower, sender, upper, _ in lines if upper == key]
        if row.kind == "entry" and len(met) == 1 and met[0][0] == met[0][1]:
            row.offset = met[0][0]


def _place_columns(stage: Stage) -> None:
    """One column for every position that some loop shows; runs of steps left out share theirs."""
    stations = [station for loop in stage.loops for station in stage.lattice.stations[loop]]
    stage.times = sorted({min(station.first, station.last) for station in stations})
    index = {t: k for k, t in enumerate(stage.times)}
    for station in stations:
        k = index[min(station.first, station.last)]
        stage.column[station.first] = stage.column[station.last] = k


def _place_lines(stage: Stage, lines: list[Line]) -> None:
    keys = list(stage.rows)
    number = {key: k for k, key in enumerate(keys)}
    covered = []
    for key, row in stage.rows.items():
        opened = isinstance(key, Block) and row.kind == "cell" and stage.circuits[key].framed
        half = row.width / 2 + (_NUMBER if opened else 0.0)
        covered.append([(row.offset - half, row.offset + half)])
    verticals = []
    for lower, sender, upper, reader in lines:
        leaves, arrives = reach(stage, lower, sender, "^"), reach(stage, upper, reader, "v")
        wish = sum(arrives if stage.middle else leaves) / 2
        verticals.append(Vertical(number[lower], number[upper], leaves, arrives, wish))
    for line, vertical, course in zip(lines, verticals, channels(covered, verticals), strict=True):
        stage.lines[line] = course
        for key in keys[vertical.lower + 1 : vertical.upper]:
            row = stage.rows[key]
            row.passing = (min(row.passing[0], course.run - _BESIDE), max(row.passing[1], course.run + _BESIDE))


def reach(stage: Stage, key: Key, part: str, way: str) -> Interval:
    """Where along x a vertical line may meet a part: anywhere on its side, or where its wire meets the border."""
    row = stage.rows[key]
    if isinstance(key, Block) and row.kind == "cell":
        circuit = stage.circuits[key]
        names = (part, "^") if way == "^" else ("v", part)
        wire = circuit.wires.get(names)
        slot = circuit.slots[part]
        low, high = slot.left + _EDGE, slot.right - _EDGE
        if wire is not None:
            low = high = wire.curve[-1 if way == "^" else 0][0]
        if row.backwards:
            low, high = circuit.width - high, circuit.width - low
        return row.offset - row.width / 2 + low, row.offset - row.width / 2 + high
    return row.offset - row.width / 2 + _EDGE, row.offset + row.width / 2 - _EDGE


def stages_of(lattice: Lattice, links: Sequence[Link]) -> list[object]:
    """The axes of time, in the order in which one needs what another computes."""
    axes: list[object] = list(dict.fromkeys(loop.over for loop in lattice.stations))
    home: dict[Key, object] = {block: block.loop.over for block in lattice.parts if block.loop is not None}
    home |= {key_of(item): lattice.whole_over(item) for item in lattice.items if item.role == "whole"}
    after: dict[Key, set[Key]] = {}
    for link in links:
        after.setdefault(key_of(link.source), set()).add(key_of(link.target))
    later: dict[object, set[object]] = {axis: set() for axis in axes}
    for axis in axes:
        pending = [key for key, over in home.items() if over == axis]
        seen = set(pending)
        for key in pending:
            fresh = after.get(key, set()) - seen
            seen |= fresh
            pending.extend(fresh)
        later[axis] = {home[key] for key in seen if key in home} - {axis}
    return sorted(axes, key=lambda axis: -len(later[axis]))


def wide_blocks(lattice: Lattice, over: object, links: Sequence[Link]) -> list[Block]:
    """Blocks outside loops that an axis' sequences both feed and are fed by."""
    links = [link for link in links if {link.source.role, link.target.role} <= {"whole", "block"}]
    own = [tensor for tensor, each in lattice.sequences.over.items() if each == over]
    down = _reached(own, [(key_of(link.source), key_of(link.target)) for link in links])
    up = _reached(own, [(key_of(link.target), key_of(link.source)) for link in links])
    return [key for key in down if isinstance(key, Block) and key in up]


def _reached(start: Iterable[Key], edges: list[tuple[Key, Key]]) -> dict[Key, None]:
    after: dict[Key, list[Key]] = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    found: dict[Key, None] = {}
    pending = list(start)
    for key in pending:
        for other in after.get(key, ()):
            if other not in found:
                found[other] = None
                pending.append(other)
    return found
