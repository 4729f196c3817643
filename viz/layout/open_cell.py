"""Open cells of any kind: the parts in ranks from left to right, the states through the sides, input below, output above."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from viz.curves import Curve, rounded, sideways
from viz.layout.circuits import Circuit, Slot, Wire
from viz.layout.layered import Size, arrange, bent, spread
from viz.scene import BoxKind, Point, Shape

_STRIP = 34.0  # between the border of the cell and its first and last rank
_ABOVE = 30.0  # for the cell's title
_LANE = 46.0
_NUMBER = (42.0, 44.0)  # room for the number of a gradient, across and along
_BELOW_LINE = 17.0


def open_cell(
    sizes: Mapping[str, Size],
    looks: Mapping[str, tuple[Shape, BoxKind]],
    wires: Sequence[tuple[str, str]],
    numbered: Collection[tuple[str, str]],
    lanes: Sequence[str],
) -> Circuit:
    """Lay out the inside of a cell.

    Args:
        sizes: by part, width and height; `looks`: by part, shape and kind.
        wires: by the names of their ends, as a circuit has them.
        numbered: wires beside which a gradient's number stands.
        lanes: the states that pass the cell, from above.
    """
    ports = list(dict.fromkeys(end for wire in wires for end in wire if end not in sizes))
    names = [*sizes, *ports]
    index = {name: k for k, name in enumerate(names)}
    boxes = [(sizes[name][1], sizes[name][0]) if name in sizes else (8.0, 0.0) for name in names]
    found = arrange(
        boxes, [(index[a], index[b]) for a, b in wires], gap=14, between=40 if numbered else 30, lane=16,
        labels={k: _NUMBER for k, wire in enumerate(wires) if wire in numbered},
        first={index[port] for port in ports if port[0] in "<v"},
        last={index[port] for port in ports if port[-1] in ">^"},
    )  # fmt: skip
    breadth, depth = found.size
    width = depth + 2 * _STRIP
    height = max(breadth, _LANE * len(lanes)) + _ABOVE + 16
    shift = _ABOVE + (height - _ABOVE - 16 - breadth) / 2

    def paper(place: Point) -> Point:
        return _STRIP + place[1], shift + place[0]

    centres = {name: paper(found.centres[k]) for name, k in index.items()}
    wished = [centres[f"<{lane}"][1] if f"<{lane}" in centres else centres.get(f"{lane}>", (0, height / 2))[1] for lane in lanes]
    order = sorted(range(len(lanes)), key=lambda k: (wished[k], k))
    heights = spread([wished[k] for k in order], [_LANE] * (len(lanes) - 1), [1.0] * len(lanes))
    low = max(0.0, _ABOVE - min(heights, default=_ABOVE))
    high = max(0.0, max(heights, default=0.0) - (height - 20))
    places = {lanes[k]: y + low - high for k, y in zip(order, heights, strict=True)}
    slots = {name: Slot(*centres[name], *sizes[name], *looks[name]) for name in sizes}
    drawn = {}
    for k, (source, target) in enumerate(wires):
        corners = [paper(corner) for corner in found.routes[k]]
        if not corners:
            continue
        curve = bent(corners, upright_bends=False)
        curve = (*_enter(source, corners[0], places, height), *curve[1:]) if source in ports else curve
        curve = (*curve, *_leave(target, corners[-1], places, width)[1:]) if target in ports else curve
        spot = found.labels.get(k)
        label = None if spot is None else (paper(spot)[0], paper(spot)[1] + _BELOW_LINE)
        drawn[source, target] = Wire(curve, label)
    return Circuit(width, height, slots, places, drawn, framed=True)


def _enter(end: str, port: Point, lanes: Mapping[str, float], height: float) -> Curve:
    """From the border to the first rank."""
    if end == "v":
        return rounded([(_STRIP / 2, height), (_STRIP / 2, port[1]), port], 8)
    return sideways((0.0, lanes[end[1:]]), port)


def _leave(end: str, port: Point, lanes: Mapping[str, float], width: float) -> Curve:
    """From the last rank to the border."""
    if end == "^":
        return rounded([port, (width - _STRIP / 2, port[1]), (width - _STRIP / 2, 0.0)], 8)
    return sideways(port, (width, lanes[end[:-1]]))
