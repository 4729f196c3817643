"""Gradient overlays: against every forward edge that carries a gradient one edge, as wide as its norm says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from viz import text
from viz.curves import beside, reverse
from viz.errors import SceneError
from viz.outline import meet
from viz.scene import Box, Edge, EdgeKind, Role, Text
from viz.track import Moved, Track, along

Scale: TypeAlias = Literal["log", "relative"]

LOW, HIGH = 1e-4, 3.0
OFFSET = 8.0  # how far a gradient runs from its forward edge
_ROLES: dict[EdgeKind, Role] = {"gradient": "gradient", "zero": "muted", "bad": "bad"}


@dataclass(frozen=True, slots=True)
class Flow:
    """The gradient of one forward edge, still without its look.

    Attributes:
        norm: of its own contribution; NaN or infinite where that is.
        label: where its number stands; only the place counts. None: no number.
        side: +1 runs to the left of the forward edge as one walks along it, -1 to its right.
    """

    edge: Edge
    norm: float
    label: Text | None
    side: int = -1
    tooltip: str = ""


def overlay(flows: Sequence[Flow], boxes: dict[str, Box], scale: Scale = "log") -> tuple[list[Edge], str]:
    """Return one gradient edge for every flow, and the range of norms that widths and shades span."""
    if scale not in ("log", "relative"):
        raise SceneError(f'the scale of gradients is "log" or "relative", not {scale!r}')
    low, high = LOW, HIGH
    if scale == "relative":
        norms = [flow.norm for flow in flows if math.isfinite(flow.norm) and flow.norm > 0]
        low, high = (min(norms), max(norms)) if norms else (LOW, HIGH)
    ways: dict[tuple[Track, int], Moved] = {}
    edges = [_against(flow, _way(flow, boxes, ways), low, high) for flow in flows]
    return edges, f"{text.number(low, 2)} … {text.number(high, 2)}"


def share(norm: float, low: float, high: float) -> float:
    """Return where a norm lies between two others on a logarithmic scale, 0 to 1."""
    if not norm > low:
        return 0.0
    return min(1.0, math.log10(norm / low) / math.log10(high / low)) if high > low else 1.0


def _way(flow: Flow, boxes: dict[str, Box], ways: dict[tuple[Track, int], Moved]) -> Moved:
    """Where a gradient runs: found for the first forward edge on a track and moved to the others.

    Args:
        ways: that are known, by track and side, as they run for the track itself.
    """
    edge = flow.edge
    points = along(edge.points)
    key = points.track, flow.side
    if key not in ways:
        curve = reverse(beside(points, flow.side * OFFSET))
        ways[key] = Moved(Track(meet(curve, boxes[edge.target], boxes[edge.source])), -points.x)
    known = ways[key]
    return Moved(known.track, known.x + points.x)


def _against(flow: Flow, way: Moved, low: float, high: float) -> Edge:
    forward = flow.edge
    kind: EdgeKind = "gradient"
    number = text.number(flow.norm, 3 if flow.norm >= 0.1 else 2)
    if not math.isfinite(flow.norm):
        kind, number = "bad", f"✕ {number}"
    elif flow.norm == 0:
        kind = "zero"
    strength = share(flow.norm, low, high) if kind == "gradient" else 1.0
    label = None
    if flow.label is not None:
        place = flow.label
        label = Text(place.x, place.y, number, place.anchor, place.size, _ROLES[kind])
    width = 0.9 + 2.3 * strength if kind == "gradient" else 1.0
    return Edge(
        forward.target, forward.source, way, kind, round(width, 2), round(strength, 3), True, label, flow.tooltip,
        about=forward.about,
    )  # fmt: skip
