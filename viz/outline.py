"""Outlines: how far a point is from the drawn border of a box, and curves that end exactly there."""

from __future__ import annotations

import math
from collections.abc import Callable

from viz.curves import Curve, at
from viz.scene import Box, Point

CORNER = 12.0  # what Graphviz rounds corners by; SVG does the same
_STRAY = 12.0  # so far an end walks towards an outline, and twice as far as it is away from it


def corner(box: Box) -> float:
    """Return the radius of a box's corners."""
    shorter = min(box.width, box.height)
    return {"round": min(CORNER, shorter / 3), "pill": shorter / 2}.get(box.shape, 0.0)


def distance(box: Box, point: Point) -> float:
    """Return how far a point is outside the outline of a box; negative inside.

    Exact for boxes and circles; for diamonds and ellipses an estimate that is good near the outline.

    >>> distance(Box("n0", 0, 0, 20, 20), (12, 0)), distance(Box("n0", 0, 0, 20, 20, "diamond"), (10, 0))
    (2.0, 0.0)
    """
    x, y = abs(point[0] - box.x), abs(point[1] - box.y)
    a, b = box.width / 2, box.height / 2
    if box.shape == "circle" and a and b:
        scaled = math.hypot(x / a, y / b)
        return (scaled - 1) * (math.hypot(x, y) / scaled if scaled else min(a, b))
    if box.shape == "diamond" and a and b:
        return (x / a + y / b - 1) / math.hypot(1 / a, 1 / b)
    radius = corner(box)
    dx, dy = x - a + radius, y - b + radius
    return math.hypot(max(dx, 0.0), max(dy, 0.0)) + min(max(dx, dy), 0.0) - radius


def meet(curve: Curve, source: Box, target: Box) -> Curve:
    """Return the curve with its ends moved along their own directions onto the outlines of the boxes.

    An end that lies inside is drawn back, one that lies outside is drawn on, one that would pass by stays. A gradient
    that runs beside its forward edge needs this where boxes have no straight sides.

    >>> from viz.curves import straight
    >>> ball, box = Box("a", 0, 0, 20, 20, "circle"), Box("b", 60, 0, 20, 20)
    >>> meet(straight((0, 6), (60, 6)), ball, box)[::3]
    ((8.0, 6.0), (50.0, 6.0))
    """
    _, leaving = at(curve, 0.0)
    _, arriving = at(curve, 1.0)
    first = _on_outline(source, curve[0], (-leaving[0], -leaving[1]))
    last = _on_outline(target, curve[-1], arriving)
    return (first, *curve[1:-1], last)


def _on_outline(box: Box, end: Point, inward: Point) -> Point:
    """Walk from an end, inward if it is outside and back if inside, until the outline is crossed; or stay.

    Who walks on beside a long side, a hair's breadth outside, might cross it far from where the end should be.
    """

    def height(s: float) -> float:
        return distance(box, (end[0] + s * inward[0], end[1] + s * inward[1]))

    s, here = 0.0, height(0.0)
    step = 0.5 if here > 0 else -0.5
    reach = 2 * here + _STRAY if here > 0 else 2 * (box.width + box.height)
    while abs(s) <= reach:
        there = height(s + step)
        if (here > 0) != (there > 0):
            s = _root(height, (s, here), (s + step, there))
            return (round(end[0] + s * inward[0], 3), round(end[1] + s * inward[1], 3))
        s, here = s + step, there
    return end


def _root(height: Callable[[float], float], low: Point, high: Point) -> float:
    """Close in on where the sign changes by false position (Illinois), which meets a straight side at once.

    Args:
        low: a place on one side of it and the height there; `high` on the other side.
    """
    (first, before), (last, here) = low, high
    for _ in range(20):
        s = (first * here - last * before) / (here - before)
        found = height(s)
        if (found > 0) != (here > 0):
            first, before = last, here
        else:
            before /= 2
        last, here = s, found
        if abs(here) < 1e-7:
            break
    return last
