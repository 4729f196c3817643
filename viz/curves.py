"""Curves: cubic Bézier control points made from a few corners, moved sideways, cut, and asked for points.

A curve is a tuple of 1 + 3n points. y grows downward; "left" of a curve is left of who walks along it on the paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from viz.scene import Point

Curve: TypeAlias = tuple[Point, ...]

_CIRCLE = 0.5523  # how far the handles of a quarter circle reach, in radii


def straight(*corners: Point) -> Curve:
    """Return a curve of straight pieces through some corners.

    >>> straight((0, 0), (30, 0))
    ((0, 0), (10.0, 0.0), (20.0, 0.0), (30, 0))
    """
    points: list[Point] = [corners[0]]
    for (x0, y0), (x1, y1) in pairwise(corners):
        points += [(x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3), (x0 + (x1 - x0) * 2 / 3, y0 + (y1 - y0) * 2 / 3), (x1, y1)]
    return tuple(points)


def rounded(corners: Sequence[Point], radius: float = 8.0) -> Curve:
    """Return a curve of straight pieces whose inner corners are rounded, the way wires are drawn."""
    if len(corners) < 3:
        return straight(*corners)
    points: list[Point] = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        r = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        start, end = _towards(corner, before, r), _towards(corner, after, r)
        points += straight(points[-1], start)[1:]
        points += [_towards(start, corner, r * _CIRCLE), _towards(end, corner, r * _CIRCLE), end]
    points += straight(points[-1], corners[-1])[1:]
    return tuple(points)


def sideways(start: Point, end: Point, reach: float | None = None) -> Curve:
    """Return an S that leaves and arrives horizontally; its handles reach half the distance unless told otherwise."""
    (x0, y0), (x1, y1) = start, end
    handle = (x1 - x0) / 2 if reach is None else math.copysign(reach, x1 - x0)
    return (start, (x0 + handle, y0), (x1 - handle, y1), end)


def upright(start: Point, end: Point, reach: float | None = None) -> Curve:
    """Return an S that leaves and arrives vertically."""
    (x0, y0), (x1, y1) = start, end
    handle = (y1 - y0) / 2 if reach is None else math.copysign(reach, y1 - y0)
    return (start, (x0, y0 + handle), (x1, y1 - handle), end)


def reverse(curve: Curve) -> Curve:
    """Return the same curve walked the other way: a gradient runs against its forward edge."""
    return curve[::-1]


def beside(curve: Sequence[Point], distance: float) -> Curve:
    """Return the curve moved to its left by a distance (to its right if negative), ends included.

    The legs of the control polygon move and meet again where they cross (Tiller and Hanson, 1984).

    >>> beside(straight((0, 0), (30, 0)), 8)
    ((0.0, -8.0), (10.0, -8.0), (20.0, -8.0), (30.0, -8.0))
    """
    legs = _legs(curve)
    moved = []
    for (x, y), (ax, ay), (bx, by) in zip(curve, [legs[0], *legs], [*legs, legs[-1]], strict=True):
        opening = 1 + ax * bx + ay * by
        if opening < 0.2:  # a hairpin: its legs meet far away
            bx, by, opening = ax, ay, 2.0
        moved.append((x + distance * (ay + by) / opening, y - distance * (ax + bx) / opening))
    return tuple(moved)


def at(curve: Sequence[Point], share: float) -> tuple[Point, Point]:
    """Return the point after a share (0 to 1) of the curve's pieces, and the unit direction there."""
    pieces = (len(curve) - 1) // 3
    piece = min(int(share * pieces), pieces - 1)
    t = share * pieces - piece
    p0, p1, p2, p3 = curve[3 * piece : 3 * piece + 4]
    (x, dx), (y, dy) = (_polynomial(*coordinates, t) for coordinates in zip(p0, p1, p2, p3, strict=True))
    return (x, y), _unit(dx, dy)


def _polynomial(a: float, b: float, c: float, d: float, t: float) -> Point:
    """The value of one coordinate at a place of a piece, and a third of its slope there."""
    u = 1 - t
    return (
        u**3 * a + 3 * u * u * t * b + 3 * u * t * t * c + t**3 * d,
        u * u * (b - a) + 2 * u * t * (c - b) + t * t * (d - c),
    )


def shortened(curve: Sequence[Point], length: float) -> Curve:
    """Return the curve without its last bit, so that an arrow head of that length fits between its end and the tip."""
    p0, p1, p2, p3 = piece = curve[-4:]
    chord = math.dist(p0, p1) + math.dist(p1, p2) + math.dist(p2, p3)
    t = 1 - min(length / chord, 0.9) if chord else 1.0
    for _ in range(4):  # Newton, on the distance from the tip
        _, left, end, right = _cut(piece, t)
        speed = 3 * math.dist(left, right)
        if speed < 1e-9:
            break
        t, before = min(max(t + (math.dist(end, p3) - length) / speed, 0.05), 1.0), t
        if t == before:
            break
    first, second, end, _ = _cut(piece, t)
    return (*curve[:-3], first, second, end)


def _cut(piece: Sequence[Point], t: float) -> tuple[Point, Point, Point, Point]:
    """Cut a single piece in two (de Casteljau): the handles of the first, its end, the first handle of the second."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = piece
    ax, ay = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
    bx, by = x1 + (x2 - x1) * t, y1 + (y2 - y1) * t
    cx, cy = x2 + (x3 - x2) * t, y2 + (y3 - y2) * t
    dx, dy = ax + (bx - ax) * t, ay + (by - ay) * t
    ex, ey = bx + (cx - bx) * t, by + (cy - by) * t
    return (ax, ay), (dx, dy), (dx + (ex - dx) * t, dy + (ey - dy) * t), (ex, ey)


def _legs(curve: Sequence[Point]) -> list[Point]:
    """Unit directions of the control polygon's legs; one of no length takes its neighbour's."""
    legs: list[Point] = []
    for p, q in pairwise(curve):
        if math.dist(p, q) > 1e-9 or not legs:
            legs.append(_unit(q[0] - p[0], q[1] - p[1]))
        else:
            legs.append(legs[-1])
    return legs


def _unit(x: float, y: float) -> Point:
    length = math.hypot(x, y)
    return (x / length, y / length) if length > 1e-12 else (1.0, 0.0)


def _towards(start: Point, goal: Point, distance: float) -> Point:
    x, y = _unit(goal[0] - start[0], goal[1] - start[1])
    return (start[0] + x * distance, start[1] + y * distance)
