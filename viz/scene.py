"""Scenes: a picture as plain data, between the layouts that place things and the writers that draw them.

Coordinates are points (1/72 inch). x grows to the right, **y grows downward**, the origin is the top left corner.
Boxes and texts stand at their centre lines; colours are never here, only kinds, which a theme turns into colours.

A scene is checked when it is made, so that writers can trust it: ids are ours and unique, every edge ends at a box
that exists, every number is finite, every kind is known.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, TypeAlias, get_args

from viz.errors import SceneError
from viz.track import Point as Point
from viz.track import along

Heat: TypeAlias = Literal["heat0", "heat1", "heat2", "heat3", "heat4", "heat5"]  # shares of time, small to large
Shape: TypeAlias = Literal["rect", "round", "pill", "circle", "diamond", "none"]
BoxKind: TypeAlias = Literal[
    "cell", "scope", "c", "h", "state", "input", "output", "op", "gate", "weights", "source", "loss", "delay",
    "gradient", "ellipsis", "bad", "plain", "anchor", "added", "removed", "changed", "same", Heat,
]
EdgeKind: TypeAlias = Literal[
    "forward", "c", "h", "state", "input", "weights", "gradient", "delay", "zero", "bad", "added", "removed", "same",
]  # fmt: skip
FrameKind: TypeAlias = Literal["layer", "direction", "cell", "scope", "legend"]
Role: TypeAlias = Literal[
    "auto", "text", "muted", "c", "h", "state", "input", "weights", "gradient", "bad", "added", "removed",
]  # fmt: skip
Anchor: TypeAlias = Literal["start", "middle", "end"]
Emphasis: TypeAlias = Literal["normal", "highlight", "faded"]

HEATS: tuple[Heat, ...] = get_args(Heat)
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the text inside a box; lines are centred and stacked in order.

    Attributes:
        role: its colour; "auto" takes the box's own text colour.
    """

    content: str
    size: float = 11.0
    role: Role = "auto"
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text that stands free.

    Attributes:
        x: where `anchor` is: the left end ("start"), the middle, or the right end ("end") of the text.
        y: the vertical middle of its letters.
        tooltip: shown on hover in SVG.
    """

    x: float
    y: float
    content: str
    anchor: Anchor = "middle"
    size: float = 10.0
    role: Role = "text"
    bold: bool = False
    italic: bool = False
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A node of the picture.

    Attributes:
        id: ours, `n12`: a letter, then letters, digits, underscores; never a user's name.
        x: its centre; so is y.
        shape: "rect" has sharp corners, "round" rounded ones, "pill" half circles at both ends, "none" is text only.
        kind: what it is; the theme knows the colours. "anchor" draws nothing: an end for an edge in free space.
        lines: its text.
        tooltip: shown on hover in SVG and interactive pictures; may have several lines.
        path: where it stands in the graph, `rnn/layer0/f`; goes to JSON, and to nothing that is drawn.
        about: what of a graph it stands for, as the view says it: for who tells more than the picture does. No part of
            the picture, so it goes to no file and does not tell two boxes apart.
    """

    id: str
    x: float
    y: float
    width: float
    height: float
    shape: Shape = "rect"
    kind: BoxKind = "op"
    lines: tuple[Line, ...] = ()
    tooltip: str = ""
    path: str = ""
    emphasis: Emphasis = "normal"
    about: object = field(default=None, compare=False, repr=False)

    @property
    def left(self) -> float:
        """The x of its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The y of its upper side, the smaller one."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """The y of its lower side, the larger one."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle behind everything else, with a title inside its top left corner. Frames are painted in order.

    Attributes:
        left: its upper left corner, with `top`.
    """

    left: float
    top: float
    width: float
    height: float
    title: str = ""
    kind: FrameKind = "cell"
    size: float = 11.0
    tooltip: str = ""
    path: str = ""

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Edge:
    """A curve from one box to another.

    Attributes:
        source: the id of the box where the flow starts. A gradient edge starts where the gradient comes from.
        target: the id of the box where the arrow's tip is.
        points: cubic Bézier control points, 1 + 3n of them, tail to tip (`viz.curves` makes them). The tip is where the
            arrow's point touches; writers draw the curve a little shorter.
        kind: what flows; the theme knows colour, dashes and head.
        width: of the line, in points.
        strength: 0 is a pale shade of the kind's colour, 1 the full one.
        head: whether there is an arrow head; the first parts of a line that is drawn in pieces have none.
        label: a text near the edge, placed like any other.
        about: what of a graph it stands for, as for a box.
    """

    source: str
    target: str
    points: Sequence[Point]
    kind: EdgeKind = "forward"
    width: float = 1.2
    strength: float = 1.0
    head: bool = True
    label: Text | None = None
    tooltip: str = ""
    emphasis: Emphasis = "normal"
    about: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Scene:
    """A whole picture. Painted in this order: frames, edges, boxes, texts and labels.

    Attributes:
        title: what screen readers announce, and the tooltip of the background.
        description: a sentence or two for who cannot see it.

    Raises:
        SceneError: an id is malformed or used twice, an end point does not exist, a number is not finite, a kind is
            unknown, an edge has another number of points than 1 + 3n.

    >>> scene = Scene(100, 40, "one box", boxes=(Box("n0", 50, 20, 60, 24, lines=(Line("tanh"),)),))
    >>> scene.box("n0").left
    20.0
    """

    width: float
    height: float
    title: str
    description: str = ""
    frames: tuple[Frame, ...] = ()
    boxes: tuple[Box, ...] = ()
    edges: tuple[Edge, ...] = ()
    texts: tuple[Text, ...] = ()
    _index: dict[str, Box] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("frames", "boxes", "edges", "texts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "_index", {box.id: box for box in self.boxes})
        _check(self)

    def box(self, identity: str) -> Box:
        """Return the box with this id."""
        return self._index[identity]

    def labels(self) -> Iterator[Text]:
        """Go through all free texts: those of the scene and the labels of its edges."""
        yield from self.texts
        for edge in self.edges:
            if edge.label is not None:
                yield edge.label


def _check(scene: Scene) -> None:
    """Raise on the first thing that a writer could not draw."""
    _check_numbers("the scene", (scene.width, scene.height), (scene.width, scene.height))
    if len(scene._index) != len(scene.boxes):
        identity = Counter(box.id for box in scene.boxes).most_common(1)[0][0]
        raise SceneError(f"two boxes have the id {identity!r}")
    for frame in scene.frames:
        _check_kind("frame", frame.kind, _FRAME_KINDS)
        _check_numbers("a frame", (frame.left, frame.top, frame.size), (frame.width, frame.height))
    for box in scene.boxes:
        if not _ID.match(box.id):
            raise SceneError(f"the id of a box is a letter, then letters, digits and underscores, not {box.id!r}")
        _check_kind("box", box.kind, _BOX_KINDS)
        _check_kind("shape", box.shape, _SHAPES)
        _check_kind("emphasis", box.emphasis, _EMPHASES)
        _check_numbers(box, (box.x, box.y), (box.width, box.height))
        for line in box.lines:
            _check_kind("role", line.role, _ROLES)
            _check_numbers(box, (), (line.size,), "a line of ")
    for edge in scene.edges:
        for end in (edge.source, edge.target):
            if end not in scene._index:
                raise SceneError(f"{_named(edge)}: there is no box {end!r}")
        _check_kind("edge", edge.kind, _EDGE_KINDS)
        _check_kind("emphasis", edge.emphasis, _EMPHASES)
        _check_numbers(edge, (along(edge.points).x,), (edge.width,))
        if not 0 <= edge.strength <= 1:
            raise SceneError(f"{_named(edge)}: strength lies between 0 and 1, not {edge.strength}")
    for track, edge in {along(edge.points).track: edge for edge in scene.edges}.items():
        if len(track.curve) % 3 != 1 or len(track.curve) < 4:
            raise SceneError(f"{_named(edge)}: a Bézier curve has 4, 7, 10, … points, not {len(track.curve)}")
        _check_numbers(edge, chain.from_iterable(track.curve), ())
    for text in scene.labels():
        _check_kind("role", text.role, _ROLES)
        _check_kind("anchor", text.anchor, _ANCHORS)
        _check_numbers("a text", (text.x, text.y), (text.size,))


_SHAPES = frozenset(get_args(Shape))
_BOX_KINDS = frozenset(get_args(BoxKind))
_EDGE_KINDS = frozenset(get_args(EdgeKind))
_FRAME_KINDS = frozenset(get_args(FrameKind))
_ROLES = frozenset(get_args(Role))
_ANCHORS = frozenset(get_args(Anchor))
_EMPHASES = frozenset(get_args(Emphasis))


def _check_kind(what: str, kind: str, known: frozenset[str]) -> None:
    if kind not in known:
        raise SceneError(f"there is no {what} {kind!r}; there are {', '.join(sorted(known))}")


def _check_numbers(what: object, values: Iterable[float], sizes: Iterable[float], of: str = "") -> None:
    """Every value finite, every size finite and not negative."""
    for value in values:
        if not math.isfinite(value):
            raise SceneError(f"{of}{_named(what)}: {value} is not a finite number")
    for size in sizes:
        if not 0 <= size < math.inf:
            raise SceneError(f"{of}{_named(what)}: {size} is not a size")


def _named(what: object) -> str:
    """What messages call a part of a scene."""
    if isinstance(what, Edge):
        return f"edge {what.source} -> {what.target}"
    return f"box {what.id}" if isinstance(what, Box) else str(what)
