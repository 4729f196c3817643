"""What the pictures of a comparison share: how each kind of change looks, is signed, and is told in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from viz import text
from viz.compare.changes import SIGNS, Change, Status
from viz.compare.summary import counted
from viz.curves import Curve
from viz.scene import Box, EdgeKind, Line, Role, Scene, Shape, Text
from viz.views import content
from viz.views.sketch import Sketch

PAD = 10.0  # between the text of a box and its outline, or its second outline
_TOLD = 9  # so many lines of the summary stand below a picture
_LINE = 14.0
_EDGES: dict[Status, EdgeKind] = {"added": "added", "removed": "removed", "changed": "same", "same": "same"}
_ROLES: dict[str, Role] = {"+": "added", "−": "removed"}
_COUNTED: tuple[Status, ...] = ("added", "removed", "changed")
_RANK = ("same", "removed", "added")


def joint(in_a: bool, in_b: bool) -> Status:
    """Return the status of what is alike wherever it is."""
    return "same" if in_a and in_b else "added" if in_b else "removed"


def signed(status: Status, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Put the sign of a status before the first of some lines."""
    first, *rest = lines
    sign = SIGNS[status]
    return (replace(first, content=f"{sign} {first.content}"), *rest) if sign else (first, *rest)


def size(status: Status, lines: Sequence[Line]) -> tuple[float, float]:
    """Return the size of a box for some lines."""
    width, height = content.size_of(tuple(lines), PAD)
    return (width + 6, height + 8) if status == "changed" else (width, height)


def role(status: Status) -> Role:
    """Return how a small text of a status is written."""
    return _ROLES.get(SIGNS[status], "muted")


def box(
    sketch: Sketch, status: Status, x: float, y: float, width: float, height: float, lines: Sequence[Line],
    shape: Shape = "round", tooltip: str = "", path: str = "",
) -> Box:
    """Add a box of a status."""
    return sketch.box(Box("", x, y, width, height, shape, status, tuple(lines), tooltip, path))


def edge(sketch: Sketch, status: Status, source: Box, target: Box, curve: Curve, tooltip: str = "") -> None:
    """Add a line of a status."""
    sketch.edge(source, target, curve, _EDGES[status], tooltip=tooltip)


def scene(
    sketch: Sketch, title: str, sizes: tuple[int, int], changes: Iterable[Change], told: Iterable[str]
) -> Scene:
    """Finish a picture: on top how much differs; below the beginning of the summary, and a legend.

    Args:
        sizes: how many numbers the parameters have in a and in b.
        changes: what the picture shows.
        told: lines of the summary that belong to it.
    """
    sketch.edges.sort(key=lambda each: _RANK.index(each.kind))
    left, _, _, bottom = sketch.extent()
    lines = list(told)
    more = len(lines) - _TOLD + 1
    for k, line in enumerate(lines if more < 2 else [*lines[: _TOLD - 1], f"… and {more} more lines of summary"]):
        colour = _ROLES.get(line[:1], "text")
        sketch.texts.append(Text(left, bottom + 24 + k * _LINE, text.clean(line, 110), "start", 9.5, colour))
    counts = _counts(changes) or ["no op differs" if lines else "nothing differs"]
    before, after = sizes
    subtitle = " · ".join([f"parameters {counted(before, after)}{' in both' if before == after else ''}", *counts])
    return sketch.scene(title, subtitle, "\n".join([subtitle, *lines]))


def _counts(changes: Iterable[Change]) -> list[str]:
    found = [change.status for change in changes]
    return [f"{SIGNS[each]} {found.count(each)} {each}" for each in _COUNTED if each in found]
