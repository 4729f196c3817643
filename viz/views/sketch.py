"""Sketches: scenes in the making. They give out ids, remember where gradients run, and add legend and title."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TypeAlias

from viz import text
from viz.curves import Curve, straight
from viz.scene import Anchor, Box, BoxKind, Edge, EdgeKind, Emphasis, Frame, Point, Scene, Text
from viz.views import moving
from viz.views.flows import Flow, Scale, overlay

Extent: TypeAlias = tuple[float, float, float, float]

MARGIN = 18.0
_BEFORE: dict[Anchor, float] = {"start": 0.0, "middle": 0.5, "end": 1.0}  # how much of a text is left of its place
_KEYS: tuple[tuple[BoxKind, str], ...] = (
    ("c", "c, cell state"),
    ("h", "h, hidden state"),
    ("state", "state"),
    ("added", "+ added, only in b"),
    ("removed", "− removed, only in a"),
    ("changed", "~ changed"),
    ("same", "the same in both"),
)


class Sketch:
    """A picture in the making, in any coordinates; `scene` moves it to where it belongs.

    Attributes:
        keys: what the legend says of boxes in it, where the kind alone does not tell: by kind and meaning.
        lit: what is highlighted, for the legend; `unlit` what should be, but is not drawn.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.boxes: dict[str, Box] = {}
        self.edges: list[Edge] = []
        self.texts: list[Text] = []
        self.flows: list[Flow] = []
        self.keys: dict[tuple[BoxKind, str], None] = {}
        self.lit = self.unlit = ""

    def box(self, box: Box) -> Box:
        """Add a box, under the next free id if it has none."""
        made = box if box.id else replace(box, id=self.free())
        self.boxes[made.id] = made
        return made

    def free(self) -> str:
        """The next free id."""
        return f"n{len(self.boxes)}"

    def anchor(self, point: Point) -> Box:
        """Add an end for edges in free space."""
        return self.box(Box("", *point, 0, 0, "none", "anchor"))

    def edge(self, source: Box, target: Box, curve: Curve, kind: EdgeKind = "forward", tooltip: str = "",
             emphasis: Emphasis = "normal", about: object = None) -> None:  # fmt: skip
        """Add an edge that is alone in its kind."""
        self.edges.append(Edge(source.id, target.id, curve, kind, tooltip=tooltip, emphasis=emphasis, about=about))

    def flow(self, flow: Flow) -> None:
        """Have a gradient drawn against an edge."""
        self.flows.append(flow)

    def light(self, things: Collection[object]) -> None:
        """Let the boxes and edges stand out that are about some things."""
        for box in self.boxes.values():
            if box.about in things:
                self.boxes[box.id] = replace(box, emphasis="highlight")
        self.edges = [replace(edge, emphasis="highlight") if edge.about in things else edge for edge in self.edges]

    def name(self, what: str, drawn: bool) -> None:
        """Say what stands out, in the legend; or below the picture, that nothing of it is drawn."""
        self.lit = what if drawn else ""
        self.unlit = "" if drawn else f"{what}; nothing of it is in this picture"

    def extent(self) -> Extent:
        """The rectangle that holds everything: left, top, right, bottom."""
        return _extent(*self._outermost())

    def _outermost(self) -> tuple[list[float], list[float]]:
        """Every x and y that something reaches to."""
        xs, ys = moving.reach(self.edges)
        for box in self.boxes.values():
            xs += (box.left, box.right)
            ys += (box.top, box.bottom)
        for frame in self.frames:
            xs += (frame.left, frame.right)
            ys += (frame.top, frame.bottom)
        labels = [*self.texts, *(edge.label for edge in self.edges), *(flow.label for flow in self.flows)]
        for label in filter(None, labels):
            wide = text.width(text.clean(label.content), label.size, bold=label.bold)
            left = label.x - wide * _BEFORE[label.anchor]
            xs += (left, left + wide)
            ys += (label.y - label.size / 2, label.y + label.size / 2)
        return xs, ys

    def scene(
        self, title: str, subtitle: str = "", description: str = "", scale: Scale = "log", notes: Iterable[str] = ()
    ) -> Scene:
        """Finish: gradients, a legend of what occurs, a title, and everything moved into the canvas."""
        gradients, span = overlay(self.flows, self.boxes, scale)
        inside = self._outermost()
        left, top, _, bottom = _extent(*inside)
        heading = [Text(left, top - 42, text.clean(title, 90), "start", 15, bold=True)] if title else []
        if subtitle:
            heading.append(Text(left, top - 23, subtitle, "start", 9.5, "muted"))
        below = bottom + 16
        remarks = []
        for note in (*notes, *filter(None, (self.unlit,))):
            remarks.append(Text(left, below, note, "start", 9, "muted"))
            below += 14
        kinds = {edge.kind for edge in [*self.edges, *gradients]}
        pieces = _Legend(self, left, below + 14)
        for box_kind, name in _KEYS:
            lines = box_kind in ("added", "removed") and box_kind in kinds
            if lines or any(box.kind == box_kind for box in self.boxes.values()):
                pieces.sample(box_kind, name)
        for box_kind, name in self.keys:
            pieces.sample(box_kind, name)
        if self.lit:
            pieces.arrow("forward", self.lit, "highlight")
        if kinds & {"gradient", "zero", "bad"}:
            pieces.arrow("forward", "value")
        if "gradient" in kinds:
            pieces.arrow("gradient", f"gradient; width, shade and number: ‖·‖, drawn {span}")
        if "zero" in kinds:
            pieces.arrow("zero", "gradient exactly 0")
        if "bad" in kinds:
            pieces.arrow("bad", "✕ NaN or infinite")
        around = Sketch()
        around.frames = pieces.frame()
        around.boxes = pieces.boxes
        around.edges = [*gradients, *pieces.edges]
        around.texts = [*heading, *remarks, *pieces.texts]
        xs, ys = (a + b for a, b in zip(inside, around._outermost(), strict=True))
        return self._with(around, _extent(xs, ys), title, description)

    def _with(self, around: Sketch, extent: Extent, title: str, description: str) -> Scene:
        """Return the scene with what stands around it, everything moved into the canvas."""
        left, top, right, bottom = extent
        dx, dy = MARGIN - left, MARGIN - top
        frames = (*self.frames, *around.frames)
        boxes = (*self.boxes.values(), *around.boxes.values())
        return Scene(
            round(right - left + 2 * MARGIN, 2), round(bottom - top + 2 * MARGIN, 2), title or "graph", description,
            tuple(replace(each, left=round(each.left + dx, 2), top=round(each.top + dy, 2)) for each in frames),
            tuple(moving.box(box, dx, dy) for box in boxes),
            tuple(moving.edges((*self.edges, *around.edges), dx, dy)),
            tuple(moving.label(label, dx, dy) for label in (*self.texts, *around.texts)),
        )  # fmt: skip


class _Legend:
    """A row of samples under the picture."""

    def __init__(self, sketch: Sketch, left: float, y: float) -> None:
        self._first = len(sketch.boxes)
        self._left = left
        self._x = left + 12
        self._y = y
        self.boxes: dict[str, Box] = {}
        self.edges: list[Edge] = []
        self.texts: list[Text] = []

    def _add(self, box: Box) -> Box:
        made = replace(box, id=f"n{self._first + len(self.boxes)}")
        self.boxes[made.id] = made
        return made

    def _name(self, name: str) -> None:
        self.texts.append(Text(self._x, self._y, name, "start", 9))
        self._x += text.width(name, 9) + 22

    def sample(self, kind: BoxKind, name: str) -> None:
        """A small box of a kind, and what it means."""
        shape = {"c": "rect", "h": "pill", "state": "pill"}.get(kind, "round")
        self._add(Box("", self._x + 11, self._y, 22, 12, shape, kind))  # type: ignore[arg-type]
        self._x += 30
        self._name(name)

    def arrow(self, kind: EdgeKind, name: str, emphasis: Emphasis = "normal") -> None:
        """A short arrow of a kind, and what it means."""
        ends = [self._add(Box("", x, self._y, 0, 0, "none", "anchor")) for x in (self._x, self._x + 34)]
        if kind in ("gradient", "zero", "bad"):
            ends.reverse()
        curve = straight((ends[0].x, self._y), (ends[1].x, self._y))
        self.edges.append(Edge(ends[0].id, ends[1].id, curve, kind, 1.4, emphasis=emphasis))
        self._x += 42
        self._name(name)

    def frame(self) -> list[Frame]:
        """The frame around them, if there are any."""
        if not self.texts:
            return []
        return [Frame(self._left, self._y - 13, self._x - 10 - self._left, 26, "", "legend")]


def _extent(xs: list[float], ys: list[float]) -> Extent:
    return min(xs, default=0.0), min(ys, default=0.0), max(xs, default=0.0), max(ys, default=0.0)
