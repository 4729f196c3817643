"""Circuits: where the parts of a cell stand inside it, and how its wires run; stamped on every crossing of a lattice.

Coordinates start at the upper left corner of the cell; states of the earlier step come in from the left and leave to
the right, the input comes from below, the output leaves upwards. A backward direction is the same circuit mirrored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from viz.curves import Curve
from viz.scene import BoxKind, Point, Shape


@dataclass(frozen=True)
class Slot:
    """Where a part stands: its centre and size, and how it looks."""

    x: float
    y: float
    width: float
    height: float
    shape: Shape = "round"
    kind: BoxKind = "cell"

    @property
    def left(self) -> float:
        """Its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """Its upper side."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height / 2

    def mirrored(self, width: float) -> Slot:
        """Return the slot in a cell of some width in which right is left."""
        return Slot(width - self.x, self.y, self.width, self.height, self.shape, self.kind)


@dataclass(frozen=True)
class Wire:
    """A line inside a cell.

    Attributes:
        curve: from its first end to its last; an end at the border of the cell lies on the border.
        label: where the number of its gradient stands, if there is room.
        side: on which side of it the gradient runs: +1 to the left of who walks along it, -1 to the right.
    """

    curve: Curve
    label: Point | None = None
    side: int = -1

    def moved(self, x: float, y: float) -> Wire:
        """Return the wire in a cell whose upper left corner stands somewhere else."""
        label = None if self.label is None else (x + self.label[0], y + self.label[1])
        return Wire(tuple([(x + px, y + py) for px, py in self.curve]), label, self.side)

    def mirrored(self, width: float) -> Wire:
        """Return the wire in a cell of some width in which right is left."""
        label = None if self.label is None else (width - self.label[0], self.label[1])
        return Wire(tuple([(width - px, py) for px, py in self.curve]), label, -self.side)


@dataclass(frozen=True)
class Circuit:
    """The inside of a cell.

    Attributes:
        slots: by name of the part.
        lanes: by state, the y at which it passes the borders.
        wires: by (from, to): names of parts; "<c" is the state c of the step before, "c>" the state that leaves, "v"
            what comes from below, "^" what leaves upwards. A wire that is missing runs straight.
        spots: by value, where its gradient may stand as a box of its own.
        framed: whether the cell is a frame around its parts, or one box that is its only part.
    """

    width: float
    height: float
    slots: Mapping[str, Slot]
    lanes: Mapping[str, float]
    wires: Mapping[tuple[str, str], Wire] = field(default_factory=dict)
    spots: Mapping[str, Point] = field(default_factory=dict)
    framed: bool = False


def closed(
    width: float, height: float, states: Sequence[str], shape: Shape = "round", kind: BoxKind = "cell"
) -> Circuit:
    """Return a cell that shows nothing of its inside; its states share its sides evenly."""
    step = height / max(len(states), 1)
    lanes = {name: step * (k + 0.5) for k, name in enumerate(states)}
    return Circuit(width, height, {"cell": Slot(width / 2, height / 2, width, height, shape, kind)}, lanes)
