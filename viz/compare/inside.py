"""The picture of two cells on one lattice: what both have stands there once, what one of them has beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from viz.compare import pen
from viz.compare.changes import Comparison, Status
from viz.compare.union import Union, Wire, united
from viz.compare.words import Words, piece_lines
from viz.curves import Curve, at, rounded, straight
from viz.layout.circuits import Circuit, Slot
from viz.layout.open_cell import open_cell
from viz.layout.ranks import spread
from viz.model.blocks import Block
from viz.outline import meet
from viz.scene import Box, Frame, Line, Point, Shape, Text
from viz.views import content
from viz.views.sketch import Sketch

_OUT = 44.0  # from the cell to what stands around it
_CLOSE = 16.0  # between things that stand there side by side
_NEAR = 6.0  # so near may a box come to another
_FAR = 60.0  # so far may it grow
_SMALLEST = 7.0
_SAMPLES = 40  # points of a wire that are looked at


Blocks: TypeAlias = tuple[Block | None, Block | None]


def draw(comparison: Comparison, blocks: Blocks) -> Sketch:
    """Draw two cells as one; one of them may be missing."""
    union = united(comparison, blocks)
    words = {name: piece_lines(comparison, piece, wide=True) for name, piece in union.pieces.items()}
    circuit = _drawn_by_hand(union, words)
    if circuit is None:
        words = {name: piece_lines(comparison, piece, wide=False) for name, piece in union.pieces.items()}
        circuit = _laid_out(union, words)
    drawing = _Drawing(union, circuit, words, any(block is not None and block.direction for block in blocks))
    drawing.draw(next(block.path for block in blocks if block is not None))
    return drawing.sketch


def title_of(blocks: Blocks) -> str:
    """Name two cells: `LSTM → GRU`, or the one where they are of a kind or only one graph has it."""
    names = [content.named(block.kind) for block in blocks if block is not None]
    if len(names) == 1:
        return f"{names[0]}, only in {'a' if blocks[1] is None else 'b'}"
    return " → ".join(dict.fromkeys(names))


def _drawn_by_hand(union: Union, words: dict[str, tuple[Line, ...]]) -> Circuit | None:
    """The circuit of a template that has a place for everything in either cell, its boxes fitted to their words."""
    for template in union.templates:
        circuit = template.sizes["medium"]
        inner = [wire for wire in union.wires if wire[0] != "v"]
        placed = set(union.pieces) <= set(circuit.slots) and set(union.lanes) <= set(circuit.lanes)
        if placed and set(inner) <= set(circuit.wires):
            slots = {name: circuit.slots[name] for name in union.pieces}
            wires = {wire: circuit.wires[wire] for wire in inner}
            circuit = replace(circuit, slots=slots, wires=wires)
            for name, piece in union.pieces.items():
                slot, words[name] = _fitted(circuit, name, piece.status, words[name])
                slots[name] = slot
            return circuit
    return None


def _fitted(circuit: Circuit, name: str, status: Status, lines: tuple[Line, ...]) -> tuple[Slot, tuple[Line, ...]]:
    """A slot as large as some lines, or lines as small as there is room; a ball that is no longer one sign is a box."""
    slot = circuit.slots[name]
    if slot.shape == "circle" and (status == "same" or len(lines[0].content) <= 1):
        return slot, lines
    room = slot.width + 2 * _room(circuit, name)
    while pen.size(status, lines)[0] > room and lines[0].size > _SMALLEST:
        lines = tuple(replace(line, size=line.size - 0.5) for line in lines)
    width, height = pen.size(status, lines)
    shape: Shape = "round" if slot.shape == "circle" else slot.shape
    return replace(slot, width=max(slot.width, width), height=max(slot.height, height), shape=shape), lines


def _room(circuit: Circuit, name: str) -> float:
    """How far a slot can grow to both sides until it meets another or a wire that is not its own."""
    slot = circuit.slots[name]
    reach = _FAR
    for other, each in circuit.slots.items():
        if other != name and each.top < slot.bottom + _NEAR and slot.top - _NEAR < each.bottom:
            reach = min(reach, max(each.left - slot.right, slot.left - each.right))
    for wire, drawn in circuit.wires.items():
        if name not in wire:
            for k in range(_SAMPLES + 1):
                (x, y), _ = at(drawn.curve, k / _SAMPLES)
                if slot.top - _NEAR < y < slot.bottom + _NEAR:
                    reach = min(reach, max(x - slot.right, slot.left - x))
    return max(0.0, reach - _NEAR)


def _laid_out(union: Union, words: Words) -> Circuit:
    """The parts in ranks from left to right."""
    busy = [Counter(wire[end] for wire in union.wires) for end in (0, 1)]
    sizes, looks = {}, {}
    for name, piece in union.pieces.items():
        wires = max(count[name] for count in busy)
        width, height = pen.size(piece.status, words[name])
        shape: Shape = "circle" if piece.tap else "round"
        sizes[name] = (24.0, 24.0) if piece.tap else (max(30.0, width), max(26.0, height, 20.0 * wires))
        looks[name] = (shape, piece.status)
    return open_cell(sizes, looks, list(union.wires), (), union.lanes)


class _Drawing:
    """A cell in coordinates of its own; the backward direction mirrored, so that time still runs to the right."""

    def __init__(self, union: Union, circuit: Circuit, words: Words, turned: bool) -> None:
        self.union, self.circuit, self.words, self.turned = union, circuit, words, turned
        self.sketch = Sketch()
        self.boxes: dict[str, Box] = {}

    def draw(self, title: str) -> None:
        """Draw everything."""
        width, height = self.circuit.width, self.circuit.height
        self.sketch.frames.append(Frame(0, 0, width, height, "" if self.turned else title, "cell", 10))
        if self.turned:
            self.sketch.texts.append(Text(width - 8, 11, title, "end", 10, bold=True))
        for name, piece in self.union.pieces.items():
            slot = self.circuit.slots[name]
            x, y = self._paper((slot.x, slot.y))
            path = piece.part.nodes[-1].path if piece.part is not None and piece.part.nodes else ""
            self.boxes[name] = pen.box(
                self.sketch, piece.status, x, y, slot.width, slot.height, self.words[name], slot.shape, path, path
            )
        outside = self._states() | self._entries("v") | self._entries("^")
        for wire, status in self.union.wires.items():
            source, target = (self.boxes.get(end) or outside[wire] for end in wire)
            curve = tuple(map(self._paper, self._curve(wire, outside.get(wire))))
            pen.edge(self.sketch, status, source, target, meet(curve, source, target))

    def _paper(self, point: Point) -> Point:
        return (self.circuit.width - point[0] if self.turned else point[0]), point[1]

    def _status(self, wires: list[Wire]) -> Status:
        """The status of what stands at the end of some wires."""
        found = {self.union.wires[wire] for wire in wires}
        written = {self.union.outer[wire] for wire in wires}
        if any(before and after and before != after for before, after in written):
            return "changed"
        return found.pop() if len(found) == 1 else "same"

    def _label(self, wires: list[Wire]) -> str:
        """What is written there, and what was."""
        before, after = (
            next(filter(None, (self.union.outer[wire][side] for wire in wires)), "") for side in (0, 1)
        )
        return " → ".join(dict.fromkeys(filter(None, (before, after))))

    def _box(self, wires: list[Wire], x: float, y: float, shape: Shape) -> Box:
        """Something outside the cell; x is that of the side that faces the cell, or of the middle."""
        status = self._status(wires)
        lines = pen.signed(status, (Line(self._label(wires), 10, bold=True),))
        width, height = pen.size(status, lines)
        width, height = max(44.0, width), max(24.0, height)
        x += {"in": -width / 2, "out": width / 2}.get("in" if x < 0 else "out" if x > self.circuit.width else "", 0.0)
        middle, _ = self._paper((x, y))
        return pen.box(self.sketch, status, middle, y, width, height, lines, shape)

    def _states(self) -> dict[Wire, Box]:
        """The states before the step at the left, those after it at the right; by wire, the box at its end."""
        found: dict[Wire, Box] = {}
        for lane, y in self.circuit.lanes.items():
            for end, x in ((f"<{lane}", -_OUT), (f"{lane}>", self.circuit.width + _OUT)):
                wires = [wire for wire in self.union.wires if end in wire]
                if wires:
                    box = self._box(wires, x, y, "rect" if lane == "c" else "pill")
                    found |= dict.fromkeys(wires, box)
        return found

    def _entries(self, end: str) -> dict[Wire, Box]:
        """The inputs below, the outputs above, each as near to its wires as there is room."""
        groups: dict[str, list[Wire]] = {}
        for wire in self.union.wires:
            if end in wire:
                groups.setdefault(self._label([wire]), []).append(wire)
        wished = {key: sum(map(self._border, wires)) / len(wires) for key, wires in groups.items()}
        order = sorted(groups, key=wished.__getitem__)
        sizes = [pen.size("changed", (Line(f"~ {key}", 10, bold=True),))[0] for key in order]
        apart = [(a + b) / 2 + _CLOSE for a, b in pairwise(sizes)]
        found: dict[Wire, Box] = {}
        for key, x in zip(order, spread([wished[key] for key in order], apart, [1.0] * len(order)), strict=True):
            y = self.circuit.height + _OUT + 12 if end == "v" else -_OUT - 12
            found |= dict.fromkeys(groups[key], self._box(groups[key], x, y, "round"))
        return found

    def _border(self, wire: Wire) -> float:
        """Where along x a wire from below or to above crosses the border."""
        drawn = self.circuit.wires.get(wire)
        if drawn is not None:
            return drawn.curve[0 if wire[0] == "v" else -1][0]
        return self.circuit.slots[wire[1] if wire[0] == "v" else wire[0]].x

    def _curve(self, wire: Wire, outside: Box | None) -> Curve:
        """A wire in the cell's own coordinates, drawn on to what stands outside."""
        drawn = self.circuit.wires.get(wire)
        if outside is None:
            assert drawn is not None
            return drawn.curve
        x, y = self._paper((outside.x, outside.y))
        if wire[0] == "v":
            slot = self.circuit.slots[wire[1]]
            inner = drawn.curve if drawn is not None else straight((slot.x, self.circuit.height), (slot.x, slot.bottom))
            return (*self._upright((x, outside.top), inner[0]), *inner[1:])
        assert drawn is not None
        if wire[1] == "^":
            return (*drawn.curve[:-1], *self._upright(drawn.curve[-1], (x, outside.bottom)))
        if wire[0].startswith("<"):
            return (*straight((x + outside.width / 2, y), drawn.curve[0]), *drawn.curve[1:])
        return (*drawn.curve[:-1], *straight(drawn.curve[-1], (x - outside.width / 2, y)))

    def _upright(self, start: Point, end: Point) -> Curve:
        if abs(start[0] - end[0]) < 0.5:
            return straight(start, (start[0], end[1]))
        middle = (start[1] + end[1]) / 2
        return rounded([start, (start[0], middle), (end[0], middle), end], 7)
