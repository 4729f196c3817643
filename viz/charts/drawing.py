"""Drawings: a chart as plain data, in points from the upper left corner, before anything paints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from graphengine.spec import Array
from viz import text
from viz.theme import Theme

MARGIN = 16.0

Anchor: TypeAlias = Literal["start", "middle", "end"]
Points: TypeAlias = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; `y` is its middle. A turned one reads upwards."""

    x: float
    y: float
    content: str
    colour: str
    size: float = 9.0
    anchor: Anchor = "start"
    bold: bool = False
    turned: bool = False

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        wide, high = text.width(self.content, self.size, bold=self.bold), 1.1 * self.size
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        if self.turned:
            return self.x - high / 2, self.y - wide * (1 - share), self.x + high / 2, self.y + wide * share
        return self.x - wide * share, self.y - high / 2, self.x + wide * (1 - share), self.y + high / 2


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle, plain or hatched."""

    left: float
    top: float
    width: float
    height: float
    fill: str | None = None
    stroke: str | None = None
    hatch: str | None = None


@dataclass(frozen=True, slots=True)
class Raster:
    """Coloured cells side by side, `[rows, columns, 3]` in bytes."""

    left: float
    top: float
    width: float
    height: float
    colours: Array


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, or the area inside them."""

    points: Points
    stroke: str | None = None
    fill: str | None = None
    width: float = 0.8
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """The same sign at many places: a circle, or the cross of what is no number."""

    points: Points
    colour: str
    size: float
    sign: Literal["circle", "cross"]


Item: TypeAlias = Label | Patch | Raster | Path | Marks


@dataclass
class Drawing:
    """Everything that stands in a picture, what comes later above."""

    title: str
    description: str
    theme: Theme
    width: float = 0.0
    height: float = 0.0
    items: list[Item] = field(default_factory=list)

    def add(self, *items: Item) -> None:
        """Put items above what is there."""
        self.items += items

    @property
    def labels(self) -> list[Label]:
        """Its texts."""
        return [item for item in self.items if isinstance(item, Label)]

    def head(self, subtitle: str) -> float:
        """Write the title and a line below it; return where the rest begins."""
        self.add(
            Label(MARGIN, MARGIN + 6, self.title, self.theme.roles["text"], 12, bold=True),
            Label(MARGIN, MARGIN + 23, subtitle, self.theme.roles["muted"], 9),
        )
        return MARGIN + 44

    def close(self) -> Drawing:
        """Make the picture as large as what stands in it, with a margin; return it."""
        extents = [extent(item) for item in self.items]
        self.width = max(right for right, _ in extents) + MARGIN
        self.height = max(bottom for _, bottom in extents) + MARGIN
        return self


def fitted(name: str, size: float, room: float = 150.0, *, bold: bool = False) -> str:
    """Return what may be drawn of a user's name, and fits.

    >>> fitted("belling\x00the cat", 10, 50)
    'belling…'
    """
    return text.fit(text.clean(name), size, room, bold=bold)


def extent(item: Item) -> tuple[float, float]:
    """Return how far an item reaches to the right and down."""
    if isinstance(item, Label):
        return item.extent[2:]
    if isinstance(item, Patch | Raster):
        return item.left + item.width, item.top + item.height
    return max((x for x, _ in item.points), default=0.0), max((y for _, y in item.points), default=0.0)
