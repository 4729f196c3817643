"""Open cells of any kind: parts in ranks from left to right, states through the sides, input below, output above."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from viz.curves import rounded, sideways
from viz.layout.circuits import Circuit, Slot, Wire
from viz.layout.layered import Size, arrange, bent
from viz.layout.ranks import spread
from viz.layout.templates import BEYOND
from viz.scene import BoxKind, Point, Shape

_STRIP = 34.0  # between the border of the cell and its first and last rank
_ABOVE = 30.0  # for the cell's title
_APART = 18.0  # between lines that enter or leave side by side
_LANE = 46.0
_NUMBER = (42.0, 38.0)  # room for the number of a gradient, across and along
_BELOW_LINE = 17.0


def open_cell(
    sizes: Mapping[str, Size],
    looks: Mapping[str, tuple[Shape, BoxKind]],
    wires: Sequence[tuple[str, str]],
    numbered: Collection[tuple[str, str]],
    lanes: Sequence[str],
    apart: float = _LANE,
) -> Circuit:
    """Lay out the inside of a cell.

    Args:
        sizes: by part, width and height; `looks`: by part, shape and kind.
        wires: by the names of their ends, as a circuit has them.
        numbered: wires beside which a gradient's number stands.
        lanes: the states that pass the cell, from above; `apart`: how far their lanes are at least from each other.
    """
    ports = list(dict.fromkeys(end for wire in wires for end in wire if end not in sizes))
    names = [*sizes, *ports]
    index = {name: k for k, name in enumerate(names)}
    boxes = [(sizes[name][1], sizes[name][0]) if name in sizes else (8.0, 0.0) for name in names]
    found = arrange(
        boxes, [(index[a], index[b]) for a, b in wires], gap=14, between=28, lane=16,
        labels={k: _NUMBER for k, wire in enumerate(wires) if wire in numbered and wire[1] in sizes},
        first={index[port] for port in ports if port[0] in "<v"},
        last={index[port] for port in ports if port[-1] in ">^"},
    )  # fmt: skip
    breadth, depth = found.size
    rising = [wire for wire in wires if wire[0] == "v"]
    leaving = [wire for wire in wires if wire[1] == "^"]
    before, after = (_STRIP + _APART * max(len(group) - 1, 0) for group in (rising, leaving))
    width = depth + before + after
    height = max(breadth, apart * len(lanes)) + _ABOVE + 16
    shift = _ABOVE + (height - _ABOVE - 16 - breadth) / 2

    def paper(place: Point) -> Point:
        return before + place[1], shift + place[0]

    centres = {name: paper(found.centres[k]) for name, k in index.items()}
    wished = [
        centres[f"<{lane}"][1] if f"<{lane}" in centres else centres.get(f"{lane}>", (0, height / 2))[1]
        for lane in lanes
    ]
    order = sorted(range(len(lanes)), key=lambda k: (wished[k], k))
    heights = spread([wished[k] for k in order], [apart] * (len(lanes) - 1), [1.0] * len(lanes))
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
        if source == "v":
            x = _STRIP / 2 + _APART * rising.index((source, target))
            curve = (*rounded([(x, height), (x, corners[0][1]), corners[0]], 8), *curve[1:])
        elif source in ports:
            curve = (*sideways((0.0, places[source[1:]]), corners[0]), *curve[1:])
        if target == "^":
            x = width - _STRIP / 2 - _APART * leaving.index((source, target))
            curve = (*curve[:-1], *rounded([corners[-1], (x, corners[-1][1]), (x, 0.0)], 8))
        elif target in ports:
            curve = (*curve[:-1], *sideways(corners[-1], (width, places[target[:-1]])))
        spot = found.labels.get(k)
        label = None if spot is None else (paper(spot)[0], paper(spot)[1] + _BELOW_LINE)
        if (source, target) in numbered and target not in sizes:
            label = (width + BEYOND, places[target[:-1]] + _BELOW_LINE)
        drawn[source, target] = Wire(curve, label)
    return Circuit(width, height, slots, places, drawn, framed=True)
