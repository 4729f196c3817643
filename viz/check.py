"""What is wrong with a picture, found without looking at it: overlaps, text outside its box, arrows that miss.

Made for tests of layouts: `assert not problems(scene)`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from viz import text
from viz.curves import at
from viz.outline import distance
from viz.scene import Box, Edge, Frame, Line, Point, Scene, Text
from viz.svg import box_lines, frame_title

_LETTERS = 0.5  # half the height of a line of text, ascenders and descenders, in font sizes
_CAPITAL = 0.365  # half the height of a capital
_MISS = 1.5  # points that an arrow may end beside an outline
_TOUCH = 10.0  # so many points from its end a line is clear of the outline that it meets
_CELL = 120.0  # side of the squares in which neighbours are looked for
_APART = 3.0  # points between the tips of two arrows
_SQUARE = 3.0  # side of the squares that a line passes
_SHARED = 8  # so many squares may two lines share
_BACK = ("gradient", "zero", "bad")


@dataclass(frozen=True)
class Rectangle:
    """Where something stands, with a name for messages."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Rectangle) -> bool:
        """Whether the two share more than a hair's breadth."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > 0.05
            and min(self.bottom, other.bottom) - max(self.top, other.top) > 0.05
        )

    def holds(self, other: Rectangle) -> bool:
        """Whether the other lies inside completely."""
        return (
            self.left - 0.05 <= other.left and other.right <= self.right + 0.05
            and self.top - 0.05 <= other.top and other.bottom <= self.bottom + 0.05
        )

    def contains(self, point: Point) -> bool:
        """Whether a point lies inside."""
        return self.left < point[0] < self.right and self.top < point[1] < self.bottom


def problems(scene: Scene, *, crossings: bool = True) -> list[str]:
    """Return a sentence for everything that a reader would stumble over; an empty list for a clean picture.

    Boxes overlap; free texts overlap each other or a box; a line of text does not fit into its box; something leaves
    the canvas or straddles the border of a frame; an edge does not start or end at the outline of its box, or does so
    along it.

    Args:
        crossings: also lines that run through a text or through a box that they have nothing to do with, lines that run
            upon each other, and arrows that end in one point.
    """
    boxes = [_box(box) for box in scene.boxes if box.kind != "anchor"]
    texts = [_text(label) for label in _free_texts(scene)]
    found = [
        *(f"{a.name} overlaps {b.name}" for a, b in _pairs(boxes, boxes)),
        *(f"{a.name} overlaps {b.name}" for a, b in _pairs(texts, texts)),
        *(f"{a.name} overlaps {b.name}" for a, b in _pairs(texts, boxes)),
        *(problem for box in scene.boxes if box.kind != "anchor" for problem in _overflow(box)),
        *_outside(scene, [*boxes, *texts, *map(_frame, scene.frames)]),
        *_straddling([_frame(frame) for frame in scene.frames], [*boxes, *texts]),
        *(problem for edge in scene.edges for problem in _missed(scene, edge)),
    ]
    return [*found, *_crossed(scene, texts), *_upon(scene), *_heads(scene)] if crossings else found


def _free_texts(scene: Scene) -> Iterator[Text]:
    yield from scene.labels()
    for frame in scene.frames:
        if frame.title:
            yield frame_title(frame)


def _box(box: Box) -> Rectangle:
    return Rectangle(f"box {box.id}", box.left, box.top, box.right, box.bottom)


def _frame(frame: Frame) -> Rectangle:
    return Rectangle(f"frame {frame.title!r}", frame.left, frame.top, frame.right, frame.bottom)


def _text(label: Text) -> Rectangle:
    wide = _width(label)
    left = label.x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
    high = _LETTERS * label.size
    return Rectangle(f"text {label.content!r}", left, label.y - high, left + wide, label.y + high)


def _width(line: Line | Text) -> float:
    return text.width(text.clean(line.content), line.size, bold=line.bold)


def _pairs(first: list[Rectangle], second: list[Rectangle]) -> Iterator[tuple[Rectangle, Rectangle]]:
    """Go through the pairs that overlap, each once, looking only at neighbours."""
    near = _squares(second)
    seen: set[tuple[int, int]] = set()
    for i, one in enumerate(first):
        for square in _covered(one):
            for j in near.get(square, ()):
                if (first is not second or i < j) and (i, j) not in seen and one.overlaps(second[j]):
                    seen.add((i, j))
                    yield one, second[j]


def _squares(rectangles: list[Rectangle]) -> dict[tuple[int, int], list[int]]:
    near: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, rectangle in enumerate(rectangles):
        for square in _covered(rectangle):
            near[square].append(i)
    return near


def _covered(rectangle: Rectangle) -> Iterator[tuple[int, int]]:
    for i in range(math.floor(rectangle.left / _CELL), math.floor(rectangle.right / _CELL) + 1):
        for j in range(math.floor(rectangle.top / _CELL), math.floor(rectangle.bottom / _CELL) + 1):
            yield i, j


def _overflow(box: Box) -> Iterator[str]:
    """Lines whose capitals reach beyond the outline of their box."""
    for line, y in box_lines(box):
        half = _width(line) / 2
        ends = [(box.x + half, y + sign * _CAPITAL * line.size) for sign in (-1, 1)]
        if any(distance(box, end) > 0.05 for end in ends):
            yield f"box {box.id}: its text {line.content!r} does not fit"


def _outside(scene: Scene, items: Iterable[Rectangle]) -> Iterator[str]:
    canvas = Rectangle("the canvas", 0, 0, scene.width, scene.height)
    for item in items:
        if not canvas.holds(item):
            yield f"{item.name} leaves the canvas"
    for edge in scene.edges:
        if not all(-0.05 <= x <= scene.width + 0.05 and -0.05 <= y <= scene.height + 0.05 for x, y in edge.points):
            yield f"{_name(edge)} leaves the canvas"


def _straddling(frames: list[Rectangle], items: list[Rectangle]) -> Iterator[str]:
    near = _squares(items)
    for frame in frames:
        indices = sorted({i for square in _covered(frame) for i in near.get(square, ())})
        for i in indices:
            if frame.overlaps(items[i]) and not frame.holds(items[i]):
                yield f"{items[i].name} straddles {frame.name}"


def _missed(scene: Scene, edge: Edge) -> Iterator[str]:
    for what, identity, end in (("starts", edge.source, edge.points[0]), ("ends", edge.target, edge.points[-1])):
        gap = distance(scene.box(identity), end)
        if abs(gap) > _MISS:
            where = "outside" if gap > 0 else "inside"
            yield f"{_name(edge)} {what} {abs(gap):.1f} pt {where} {identity}"
        clear = [point for point in _along(edge) if math.dist(point, end) > _TOUCH]
        if clear and abs(distance(scene.box(identity), clear[0 if what == "starts" else -1])) <= _MISS:
            yield f"{_name(edge)} {what} along the outline of {identity}"


def _heads(scene: Scene) -> Iterator[str]:
    """Arrows whose tips meet, so that one cannot tell whose head it is."""
    tips = [(edge, edge.points[-1]) for edge in scene.edges if edge.head]
    near = _squares([Rectangle(_name(edge), x, y, x, y) for edge, (x, y) in tips])
    for indices in near.values():
        for k, i in enumerate(indices):
            for j in indices[k + 1 :]:
                if math.dist(tips[i][1], tips[j][1]) < _APART and not _alternatives(tips[i][0], tips[j][0]):
                    yield f"{_name(tips[i][0])} and {_name(tips[j][0])} end in one point"


def _upon(scene: Scene) -> Iterator[str]:
    """Lines that hide each other for a stretch; those that branch are one line up to there."""
    passing: dict[tuple[int, int], dict[int, None]] = defaultdict(dict)
    for i, edge in enumerate(scene.edges):
        for x, y in _along(edge, _SQUARE):
            passing[math.floor(x / _SQUARE), math.floor(y / _SQUARE)][i] = None
    shared = Counter(pair for edges in passing.values() for pair in combinations(edges, 2))
    for (i, j), count in shared.items():
        one, other = scene.edges[i], scene.edges[j]
        branch = one.source == other.source and one.kind not in _BACK and other.kind not in _BACK
        if count > _SHARED and not branch and not _alternatives(one, other):
            yield f"{_name(one)} runs upon {_name(other)}"


def _alternatives(one: Edge, other: Edge) -> bool:
    """Whether one line stands in the place of another: in the picture of two graphs, where each has its own."""
    return {one.kind, other.kind} == {"added", "removed"}


def _name(edge: Edge) -> str:
    return f"edge {edge.source} -> {edge.target}"


def _crossed(scene: Scene, texts: list[Rectangle]) -> Iterator[str]:
    boxes = [box for box in scene.boxes if box.kind != "anchor"]
    near_texts, near_boxes = _squares(texts), _squares([_box(box) for box in boxes])
    for edge in scene.edges:
        name = _name(edge)
        hit: dict[str, None] = {}
        for point in _along(edge):
            square = (math.floor(point[0] / _CELL), math.floor(point[1] / _CELL))
            for i in near_texts.get(square, ()):
                if texts[i].contains(point):
                    hit[f"{name} runs through {texts[i].name}"] = None
            for i in near_boxes.get(square, ()):
                if boxes[i].id not in (edge.source, edge.target) and distance(boxes[i], point) < 0:
                    hit[f"{name} runs through box {boxes[i].id}"] = None
        yield from hit


def _along(edge: Edge, step: float = 4.0) -> Iterator[Point]:
    """Points on an edge, about a step apart."""
    length = sum(math.dist(p, q) for p, q in zip(edge.points, edge.points[1:], strict=False))
    count = max(8, math.ceil(length / step))
    for i in range(count + 1):
        yield at(edge.points, i / count)[0]
