"""Strokes: lines of a sketch. Those inside of cells follow tracks: a cell's wires, moved to where each cell stands.

A lattice's cells are all the same but for where they stand, and those of one row differ in x alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viz.curves import Curve
from viz.scene import Edge, EdgeKind, Emphasis, Text


@dataclass(frozen=True, eq=False)
class Track:
    """A curve that strokes follow, each of them moved to the right by a distance of its own.

    Attributes:
        met: whether its ends were found on the outlines of boxes, which is exact to three decimals and no more.
    """

    curve: Curve
    met: bool = False

    def across(self, x: float) -> list[float]:
        """Return every x of the curve, moved to the right."""
        return self._ends([px + x for px, _ in self.curve])

    def down(self) -> list[float]:
        """Return every y of the curve."""
        return self._ends([y for _, y in self.curve])

    def _ends(self, values: list[float]) -> list[float]:
        if self.met:
            values[0], values[-1] = round(values[0], 3), round(values[-1], 3)
        return values


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line that follows a track.

    Attributes:
        x: how far to the right of the track it runs; of its label too.
    """

    source: str
    target: str
    track: Track
    x: float = 0.0
    kind: EdgeKind = "forward"
    width: float = 1.2
    strength: float = 1.0
    label: Text | None = None
    tooltip: str = ""
    emphasis: Emphasis = "normal"
    about: object = None

    def curve(self) -> Curve:
        """Return where it runs."""
        return tuple(zip(self.track.across(self.x), self.track.down(), strict=True))


def reach(strokes: Iterable[Stroke]) -> tuple[list[float], list[float]]:
    """Return every x and y that lies outermost on a track, for the first and the last stroke that follows it."""
    ends: dict[Track, tuple[float, float]] = {}
    for stroke in strokes:
        low, high = ends.get(stroke.track, (stroke.x, stroke.x))
        if not low < stroke.x < high:
            ends[stroke.track] = min(low, stroke.x), max(high, stroke.x)
    xs: list[float] = []
    ys: list[float] = []
    for track, (low, high) in ends.items():
        xs += (min(track.across(low)), max(track.across(high)))
        ys += (min(track.down()), max(track.down()))
    return xs, ys


def drawn(strokes: Sequence[Stroke], dx: float, dy: float) -> Iterable[Edge]:
    """Go through the edges that strokes become, all moved by the same distance."""
    heights = {each: [round(y + dy, 2) for y in each.down()] for each in {stroke.track: None for stroke in strokes}}
    for each in strokes:
        xs = [round(x + dx, 2) for x in each.track.across(each.x)]
        points = tuple(zip(xs, heights[each.track], strict=True))
        label = None if each.label is None else moved(each.label, each.x, dx, dy)
        yield Edge(
            each.source, each.target, points, each.kind, each.width, each.strength, True, label, each.tooltip,
            each.emphasis, each.about,
        )  # fmt: skip


def moved(label: Text, x: float, dx: float, dy: float) -> Text:
    """Return a text that stood x to the right, moved to its place."""
    x, y = round(label.x + x + dx, 2), round(label.y + dy, 2)
    return Text(x, y, label.content, label.anchor, label.size, label.role, label.bold, label.italic, label.tooltip)
