"""SVG written straight from a scene: self-contained, no script, no link, the same bytes in every process.

Items that look alike share a group, which keeps a picture of 60,000 boxes small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from viz import text
from viz.curves import Curve, shortened
from viz.outline import corner
from viz.scene import Box, Edge, Frame, Line, Point, Scene, Text
from viz.theme import BoxStyle, Dash, Theme, head_length
from viz.track import Track, along

FONT = "DejaVu Sans, Verdana, sans-serif"
DOUBLE = 4.0  # from the first of two outlines to the second; Graphviz has it so
_BASELINE = 0.36  # from the middle of the letters down to their baseline, in font sizes
_PART = 4000  # so many lines are put together at once: a large picture stands in memory once, not as its lines too
_PREFIX = "\0"  # stands for the picture's own prefix until its content is known; no cleaned text contains it
_DASHES: dict[Dash, tuple[float, float]] = {"dashed": (5.0, 4.0), "dotted": (0.1, 3.6)}


class _Groups:
    """Elements gathered by the attributes that they share, in the order in which these first appear."""

    def __init__(self) -> None:
        self._members: dict[str, list[str]] = {}

    def add(self, attributes: str, element: str) -> None:
        members = self._members.get(attributes)
        if members is None:
            self._members[attributes] = [element]
        else:
            members.append(element)

    def lines(self) -> Iterator[str]:
        for attributes, members in self._members.items():
            yield f"<g {attributes}>"
            yield from members
            yield "</g>"


def to_svg(scene: Scene, theme: Theme) -> str:
    """Return the scene as an SVG document."""
    title = text.xml(text.clean(scene.title))
    description = text.xml(text.clean(scene.description, text.TOOLTIP))
    lines = chain(_frames(scene, theme), _edges(scene, theme), _boxes(scene, theme), _texts(scene, theme))
    parts = list(iter(lambda: "\n".join(islice(lines, _PART)), "")) or [""]
    digest = hashlib.blake2b(f"{title}\0{theme.name}\0{parts[0]}".encode(), digest_size=4)
    for part in parts[1:]:
        digest.update(f"\n{part}".encode())
    prefix = "p" + digest.hexdigest()
    width, height = _number(scene.width), _number(scene.height)
    described = f" {prefix}-desc" if description else ""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}" '
        f'role="img" aria-labelledby="{prefix}-title{described}" font-family="{FONT}">',
        f'<title id="{prefix}-title">{title}</title>',
        *([f'<desc id="{prefix}-desc">{description}</desc>'] if description else []),
        f'<rect width="{width}" height="{height}" fill="{theme.background}"/>',
    ]
    return "\n".join([*head, *(part.replace(_PREFIX, prefix) for part in parts), "</svg>\n"])


def _frames(scene: Scene, theme: Theme) -> Iterator[str]:
    for frame in scene.frames:
        style = theme.frames[frame.kind]
        radius = 0.0 if frame.kind == "layer" else 8.0
        yield (
            f'<rect x="{_number(frame.left)}" y="{_number(frame.top)}" width="{_number(frame.width)}" '
            f'height="{_number(frame.height)}" rx="{_number(radius)}" {_outline(style)}'
            + _closed("rect", text.clean(frame.tooltip, text.TOOLTIP, lines=True))
        )
        if frame.title:
            yield _text(frame_title(frame), theme.frames[frame.kind].text)


def frame_title(frame: Frame) -> Text:
    """Return the text that names a frame, inside its upper left corner."""
    return Text(frame.left + 8, frame.top + 6 + frame.size / 2, frame.title, "start", frame.size, bold=True)


def _edges(scene: Scene, theme: Theme) -> Iterator[str]:
    """Lines, highlighted ones above, and all heads above all lines."""
    lines, heads = _Groups(), _Groups()
    rank = {"faded": 0, "normal": 1, "highlight": 2}
    pens: dict[object, _Pen] = {}
    for edge in sorted(scene.edges, key=lambda edge: rank[edge.emphasis]):
        look = edge.kind, edge.emphasis, edge.width, edge.strength, edge.head
        if look not in pens:
            pens[look] = _pen(edge, theme)
        pen = pens[look]
        points = along(edge.points)
        if points.track not in pen.drawn:
            pen.drawn[points.track] = edge_paths(points.track.curve, pen.length if edge.head else None)
        line, head = pen.drawn[points.track]
        tip = text.clean(edge.tooltip, text.TOOLTIP, lines=True)
        lines.add(pen.line, f'<path d="{line.moved(points.x)}"' + _closed("path", tip))
        if head is not None:
            heads.add(pen.head, f'<path d="{head.moved(points.x)}"/>')
    yield from lines.lines()
    yield from heads.lines()


class _Pen(NamedTuple):
    """How a line is drawn, how its head, and how long that is; and by track, what was drawn."""

    line: str
    head: str
    length: float
    drawn: dict[Track, tuple[PathData, PathData | None]]


def _pen(edge: Edge, theme: Theme) -> _Pen:
    style = theme.edges[edge.kind]
    colour, width = theme.line(edge)
    fill = colour if style.head == "filled" else theme.background
    return _Pen(
        f'fill="none" stroke="{colour}" stroke-width="{_number(width)}"{_dashes(style.dash, width)}',
        f'fill="{fill}" stroke="{colour}" stroke-width="1" stroke-linejoin="round"',
        head_length(width, style.head),
        {},
    )


class PathData(NamedTuple):
    """The data of a path: the x where it starts, and all the rest, which is the same wherever along x that is."""

    x: float
    rest: str

    def moved(self, x: float) -> str:
        """Return the data of the same path further to the right."""
        return f"M{_number(self.x + x)} {self.rest}"


def edge_paths(curve: Curve, length: float | None) -> tuple[PathData, PathData | None]:
    """Return the line of an edge that follows a curve, and a triangle for a head of some length; no length, no head."""
    if length is None:
        return _path(curve, "c"), None
    shorter = shortened(curve, length)
    (x0, y0), (x1, y1) = shorter[-1], curve[-1]
    wide = 0.35
    a = (x0 + (y1 - y0) * wide, y0 - (x1 - x0) * wide)
    b = (x0 - (y1 - y0) * wide, y0 + (x1 - x0) * wide)
    return _path(shorter, "c"), _path((a, (x1, y1), b), "l", "Z")


def _path(points: Curve, command: str, end: str = "") -> PathData:
    """Points as a path that says of all but the first how far from the last end they are."""
    size = 3 if command == "c" else 1
    x, y = start = _grid(points[0])
    rest = []
    for k, point in enumerate(points[1:], 1):
        px, py = _grid(point)
        rest += [_number(px - x), _number(py - y)]
        if k % size == 0:
            x, y = px, py
    return PathData(start[0], f"{_number(start[1])}{command}{' '.join(rest)}{end}")


def _grid(point: Point) -> Point:
    return round(point[0], 2), round(point[1], 2)


def _boxes(scene: Scene, theme: Theme) -> Iterator[str]:
    """Outlines first, then all their text, which lets the mouse through to the tooltips below."""
    shapes, words = _Groups(), _Groups()
    styles: dict[object, tuple[BoxStyle, str]] = {}
    faces: dict[object, str] = {}
    for box in scene.boxes:
        if box.kind == "anchor":
            continue
        look = box.kind, box.emphasis
        if look not in styles:
            styles[look] = theme.box(box), _outline(theme.box(box))
        style, outline = styles[look]
        tag = _TAGS.get(box.shape, "rect")
        shapes.add(outline, _shape(box, f'id="{_PREFIX}-{box.id}" ') + _closed(tag, text.hint(box)))
        if style.double:
            shapes.add(_outline(replace(style, fill=None)), _shape(inside_outline(box)) + "/>")
        x = _number(box.x)
        for line, y in box_lines(box):
            face = look, line.size, line.role, line.bold, line.italic
            if face not in faces:
                colour = theme.text(line.role, style)
                faces[face] = f'{_font(line)} fill="{colour}" text-anchor="middle" pointer-events="none"'
            content = text.xml(text.clean(line.content))
            words.add(faces[face], f'<text x="{x}" y="{_number(y + _BASELINE * line.size)}">{content}</text>')
    yield from shapes.lines()
    yield from words.lines()


def box_lines(box: Box) -> Iterator[tuple[Line, float]]:
    """Go through the lines of a box with the y of their middles, the whole stack centred in the box."""
    y = box.y - sum(line.size for line in box.lines) * text.LINE_HEIGHT / 2
    for line in box.lines:
        yield line, y + line.size * text.LINE_HEIGHT / 2
        y += line.size * text.LINE_HEIGHT


_TAGS = {"circle": "ellipse", "diamond": "path"}


def inside_outline(box: Box) -> Box:
    """Return where the second of two outlines runs."""
    return replace(box, width=max(box.width - 2 * DOUBLE, 0.0), height=max(box.height - 2 * DOUBLE, 0.0))


def _shape(box: Box, identity: str = "") -> str:
    if box.shape == "circle":
        return (
            f'<ellipse {identity}cx="{_number(box.x)}" cy="{_number(box.y)}" '
            f'rx="{_number(box.width / 2)}" ry="{_number(box.height / 2)}"'
        )
    if box.shape == "diamond":
        corners = ((box.x, box.top), (box.right, box.y), (box.x, box.bottom), (box.left, box.y))
        return f'<path {identity}d="M' + "L".join(f"{_number(x)} {_number(y)}" for x, y in corners) + 'Z"'
    radius = corner(box)
    look = f' rx="{_number(radius)}"' if radius else ""
    if box.shape == "none":
        look = ' fill="none" stroke="none" pointer-events="all"'
    return (
        f'<rect {identity}x="{_number(box.left)}" y="{_number(box.top)}" '
        f'width="{_number(box.width)}" height="{_number(box.height)}"{look}'
    )


def _texts(scene: Scene, theme: Theme) -> Iterator[str]:
    for label in scene.labels():
        yield _text(label, theme.text(label.role))


def _text(label: Text, colour: str) -> str:
    anchor = "" if label.anchor == "start" else f' text-anchor="{label.anchor}"'
    hint = text.hint(label)
    title = f"<title>{text.xml(hint)}</title>" if hint else ""
    return (
        f'<text x="{_number(label.x)}" y="{_number(label.y + _BASELINE * label.size)}"{anchor} {_font(label)} '
        f'fill="{colour}">{title}{text.xml(text.clean(label.content))}</text>'
    )


def _font(item: Line | Text) -> str:
    weight = ' font-weight="bold"' if item.bold else ""
    slant = ' font-style="italic"' if item.italic else ""
    return f'font-size="{_number(item.size)}"{weight}{slant}'


def _outline(style: BoxStyle) -> str:
    fill, stroke = style.fill or "none", style.stroke or "none"
    line = f' stroke-width="{_number(style.width)}"{_dashes(style.dash, style.width)}' if style.stroke else ""
    return f'fill="{fill}" stroke="{stroke}"{line}'


def _dashes(dash: Dash, width: float) -> str:
    if dash == "solid":
        return ""
    on, off = _DASHES[dash]
    cap = ' stroke-linecap="round"' if dash == "dotted" else ""
    stretch = max(1.0, width / 1.5)
    return f' stroke-dasharray="{_number(on * stretch)} {_number(off * stretch)}"{cap}'


def _closed(tag: str, tooltip: str) -> str:
    """The end of an element, its tooltip inside if it has one."""
    return f"><title>{text.xml(tooltip)}</title></{tag}>" if tooltip else "/>"


@lru_cache(1 << 13)  # a lattice repeats its coordinates
def _number(value: float) -> str:
    """Two decimals at most, and no minus zero."""
    rounded = round(value, 2) + 0.0
    whole = int(rounded)
    return str(whole) if whole == rounded else repr(rounded)
