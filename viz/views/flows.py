"""Gradient overlays: against every forward edge that carries a gradient one edge, as wide as its norm says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from viz import text
from viz.curves import Curve, beside, reverse
from viz.errors import SceneError
from viz.outline import meet
from viz.scene import Box, EdgeKind, Role, Text
from viz.views.strokes import Stroke, Track

Scale: TypeAlias = Literal["log", "relative"]

LOW, HIGH = 1e-4, 3.0
OFFSET = 8.0  # how far a gradient runs from its forward edge
_ROLES: dict[EdgeKind, Role] = {"gradient": "gradient", "zero": "muted", "bad": "bad"}


@dataclass(frozen=True, slots=True)
class Flow:
    """The gradient of one forward stroke, still without its look.

    Attributes:
        norm: of its own contribution; NaN or infinite where that is.
        label: where its number stands, as the stroke's own label would; only the place counts. None: no number.
        side: +1 runs to the left of the forward stroke as one walks along it, -1 to its right.
    """

    stroke: Stroke
    norm: float
    label: Text | None
    side: int = -1
    tooltip: str = ""


def overlay(flows: Sequence[Flow], boxes: dict[str, Box], scale: Scale = "log") -> tuple[list[Stroke], str]:
    """Return one gradient stroke for every flow, and the range of norms that widths and shades span."""
    if scale not in ("log", "relative"):
        raise SceneError(f'the scale of gradients is "log" or "relative", not {scale!r}')
    low, high = LOW, HIGH
    if scale == "relative":
        norms = [flow.norm for flow in flows if math.isfinite(flow.norm) and flow.norm > 0]
        low, high = (min(norms), max(norms)) if norms else (LOW, HIGH)
    edges = [_against(flow, boxes, low, high) for flow in flows]
    return edges, f"{text.number(low, 2)} … {text.number(high, 2)}"


def share(norm: float, low: float, high: float) -> float:
    """Return where a norm lies between two others on a logarithmic scale, 0 to 1."""
    if not norm > low:
        return 0.0
    return min(1.0, math.log10(norm / low) / math.log10(high / low)) if high > low else 1.0


def _against(flow: Flow, boxes: dict[str, Box], low: float, high: float) -> Stroke:
    forward = flow.stroke
    curve: Curve = reverse(beside(forward.curve(), flow.side * OFFSET))
    curve = meet(curve, boxes[forward.target], boxes[forward.source])
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
        label = Text(forward.x + place.x, place.y, number, place.anchor, place.size, _ROLES[kind])
    width = 0.9 + 2.3 * strength if kind == "gradient" else 1.0
    return Stroke(
        forward.target, forward.source, Track(curve), 0.0, kind, round(width, 2), round(strength, 3), label,
        flow.tooltip, about=forward.about,
    )  # fmt: skip
