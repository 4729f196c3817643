"""Open cells of any kind in a lattice, as narrow as they can be: parts in ranks from below, like layers.

The input rises from below, states pass under the ranks on their way in; what leaves passes over the ranks to the
right, the output upwards, states down to their lanes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from viz.curves import Curve, rounded, straight
from viz.layout.circuits import Circuit, Slot, Wire
from viz.layout.layered import Size, arrange, bent
from viz.scene import BoxKind, Point, Shape

_SIDE = 22.0  # from the border to the ranks
_TITLE = 26.0
_APART = 20.0  # between lines side by side
_LANE = 46.0
_NUMBER = (72.0, 13.0)  # room for the number of a gradient, which stands at the right of its line
_RIGHT = 31.0


def standing_cell(
    sizes: Mapping[str, Size],
    looks: Mapping[str, tuple[Shape, BoxKind]],
    wires: Sequence[tuple[str, str]],
    numbered: Collection[tuple[str, str]],
    lanes: Sequence[str],
    title: float = 0.0,
) -> Circuit:
    """Lay out the inside of a cell; all as for `open_cell`.

    Args:
        title: the width of the cell's title, which nothing crosses.
    """
    boxes = list(sizes.values())
    index = {name: k for k, name in enumerate(sizes)}
    first: list[int] = []
    last: list[int] = []
    edges: list[tuple[int, int]] = []
    for wire in wires:  # every line that crosses the border has a port of its own
        ends = []
        for end, crossing in zip(wire, (first, last), strict=True):
            if end not in index:
                crossing.append(len(boxes))
                boxes.append((8.0, 0.0))
            ends.append(index.get(end, len(boxes) - 1))
        edges.append((ends[0], ends[1]))
    labels = {k: _NUMBER for k, wire in enumerate(wires) if wire in numbered}
    found = arrange(boxes, edges, gap=14, between=26, lane=16, labels=labels, first=first, last=last)
    breadth, depth = found.size
    ports = {wire: found.centres[edge[0]][0] for wire, edge in zip(wires, edges, strict=True)}
    order = sorted(lanes, key=lambda lane: min((x for wire, x in ports.items() if wire[0] == f"<{lane}"), default=1e9))
    up = [wire for wire in wires if wire[1] == "^"]
    on = [wire for lane in order for wire in wires if wire[1] == f"{lane}>"]
    top = _TITLE + 12 + _APART * len(up + on)
    bottom = top + depth
    heights = {lane: bottom + 20 + _LANE * k for k, lane in enumerate(order)}
    height = bottom + 20 + _LANE * max(len(lanes) - 1, 0) + 26
    width = max(breadth + 2 * _SIDE + _APART * len(on), title + 20.0) + _APART * len(up)

    def paper(place: Point) -> Point:
        return _SIDE + place[0], bottom - place[1]

    def outside(wire: tuple[str, str], start: Point) -> Curve:
        """From above the ranks to the border."""
        k = (up + on).index(wire)
        x, level = width - _SIDE / 2 - _APART * k, _TITLE + _APART * (k + 0.5)
        if wire[1] == "^":
            return rounded([start, (start[0], level), (x, level), (x, 0.0)], 8)
        lane = heights[wire[1][:-1]]
        return rounded([start, (start[0], level), (x, level), (x, lane), (width, lane)], 8)

    drawn = {}
    for k, wire in enumerate(wires):
        corners = [paper(corner) for corner in found.routes[k]]
        if not corners:
            continue
        curve = bent(corners, upright_bends=True)
        x, y = corners[0]
        if wire[0] == "v":
            curve = (*straight((x, height), (x, y)), *curve[1:])
        elif wire[0] not in sizes:
            lane = heights[wire[0][1:]]
            curve = (*rounded([(0.0, lane), (x, lane), (x, y)], 8), *curve[1:])
        if wire[1] not in sizes:
            curve = (*curve[:-1], *outside(wire, corners[-1]))
        spot = found.labels.get(k)
        drawn[wire] = Wire(curve, None if spot is None else (paper(spot)[0] + _RIGHT, paper(spot)[1]))
    slots = {name: Slot(*paper(found.centres[k]), *sizes[name], *looks[name]) for name, k in index.items()}
    return Circuit(width, height, slots, heights, drawn, framed=True)
