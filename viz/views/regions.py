"""Regions: what stands outside loops, beside the lattices, before them and after the last. It flows to the right."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from viz.curves import Curve, rounded, sideways
from viz.layout.grid import TITLE
from viz.layout.layered import Arrangement, arrange, bent
from viz.model.lattice import Item, Link
from viz.scene import Box, Point, Text
from viz.views.blocks import block_box
from viz.views.board import Board
from viz.views.flows import OFFSET
from viz.views.routes import Route, state_kind
from viz.views.stage import key_of

_ROOM = 34.0  # between a lattice and what stands beside it


@dataclass
class Region:
    """Blocks beside lattices, and the lines between them and to their surroundings.

    Attributes:
        links: every line that has an end here, and no end in a region further on.
        ports: items elsewhere that lines lead from or to, each with a place at the region's border.
    """

    items: list[Item] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    ports: list[Item] = field(default_factory=list)
    arrangement: Arrangement | None = None


def regions(board: Board) -> list[Region]:
    """Cut what is outside loops into regions: one before every lattice and one after the last, or the only one."""
    wide = {key for stage in board.stages for key in stage.rows}
    items = [item for item in board.lattice.items if item.role == "block" and item.block not in wide]
    found = [Region() for _ in range(len(board.stages) + 1)]
    home = _stages(board)
    for item in items:
        found[home[item]].items.append(item)
    links = [link for link in board.lattice.links if "block" in (link.source.role, link.target.role)]
    for link in links:
        ends = [home[item] for item in (link.source, link.target) if item in home and item in found[home[item]].items]
        if ends:
            found[max(ends)].links.append(link)
    for region in found:
        mine = set(region.items)
        ends_ = [item for link in region.links for item in (link.source, link.target)]
        region.ports = [item for item in dict.fromkeys(ends_) if item not in mine]
        _sort(board, region)
        _arrange(board, region)
    return found


def _sort(board: Board, region: Region) -> None:
    """Order a region by the height of what it leads to or comes from, so that lines need not cross."""

    def height(item: Item) -> float:
        key = key_of(item)
        return board.stage_of[key].rows[key].y if key in board.stage_of else math.inf

    heights = {item: height(item) for item in region.ports}
    for _ in region.items:
        for link in region.links:
            heights[link.source] = min(heights.get(link.source, math.inf), heights.get(link.target, math.inf))
    for _ in region.items:
        for link in region.links:
            if heights.get(link.target, math.inf) == math.inf:
                heights[link.target] = heights.get(link.source, math.inf)
    region.ports.sort(key=lambda item: heights[item])
    region.items.sort(key=lambda item: heights.get(item, math.inf))


def _stages(board: Board) -> dict[Item, int]:
    """By item outside loops, the number of the first lattice that needs it; for the rest their number."""
    number = {key: k for k, stage in enumerate(board.stages) for key in stage.rows}
    after: dict[Item, list[Item]] = {}
    for link in board.lattice.links:
        if link.source.role == "block":
            after.setdefault(link.source, []).append(link.target)
    found: dict[Item, int] = {}
    for item in board.lattice.items:
        if item.role != "block":
            continue
        nearest = len(board.stages)
        pending = [item]
        seen = {item}
        for each in pending:
            for target in after.get(each, ()):
                if target.role != "block":
                    nearest = min(nearest, number[key_of(target)])
                elif target not in seen:
                    seen.add(target)
                    pending.append(target)
        found[item] = nearest
    return found


def _arrange(board: Board, region: Region) -> None:
    """Find places inside a region, in breadth and depth."""
    sizes = []
    for item in region.items:
        box = block_box(board.words, item)
        sizes.append((box.height, box.width))
    sizes += [(10.0, 0.0)] * len(region.ports)
    index = {item: k for k, item in enumerate([*region.items, *region.ports])}
    edges = [(index[link.source], index[link.target]) for link in region.links]
    labels = {}
    if board.options.gradient:
        labels = {k: (40.0, 44.0) for k, link in enumerate(region.links) if board.subject.carries(link.flow)}
    read = {link.source for link in region.links}
    first = {index[item] for item in region.ports if item in read}
    last = {index[item] for item in region.ports if item not in read}
    between = 36 if labels else 26
    region.arrangement = arrange(sizes, edges, gap=16, between=between, lane=22, labels=labels, first=first, last=last)


def size(region: Region) -> tuple[float, float]:
    """Width and height on the paper."""
    assert region.arrangement is not None
    breadth, depth = region.arrangement.size
    return depth, breadth


def head_level(board: Board, region: Region) -> float:
    """The middle of what follows the last lattice: it stands at the height of where its inputs come from."""
    found = region.arrangement
    assert found is not None
    offsets = []
    for item, (across, _) in zip(region.ports, found.centres[len(region.items) :], strict=True):
        _, way = _port(board, item)
        offsets.append(way[-1][1] - (across - found.size[0] / 2))
    return sum(offsets) / len(offsets) if offsets else 0.0


def draw(board: Board, region: Region, left: float, level: float) -> None:
    """Draw a region's boxes and find the ways of its lines.

    Args:
        left: its left side.
        level: its middle.
    """
    assert region.arrangement is not None
    breadth, _ = region.arrangement.size

    def paper(place: Point) -> Point:
        across, along = place
        return left + along, level - breadth / 2 + across

    for item, centre in zip(region.items, region.arrangement.centres, strict=False):
        x, y = paper(centre)
        board.boxes[item] = board.sketch.box(replace(block_box(board.words, item), x=x, y=y, about=item))


def ways(board: Board, region: Region, left: float, level: float) -> list[tuple[Link, Route]]:
    """Return how the lines of a region run; its boxes and those of its ports must be drawn."""
    assert region.arrangement is not None
    breadth, _ = region.arrangement.size

    def paper(place: Point) -> Point:
        across, along = place
        return left + along, level - breadth / 2 + across

    found = []
    for k, link in enumerate(region.links):
        corners = [paper(corner) for corner in region.arrangement.routes[k]]
        curve = bent(corners, upright_bends=False)
        source, target = board.boxes.get(link.source), board.boxes.get(link.target)
        if link.source in region.ports:
            source, way = _port(board, link.source)
            curve = _join(_lead_in(way, corners[0]), curve)
        if link.target in region.ports:
            target, end = _goal(board, link.target)
            curve = _join(curve, sideways(corners[-1], end))
        assert source is not None
        assert target is not None
        spot = region.arrangement.labels.get(k)
        label = None
        if spot is not None:
            x, y = paper(spot)
            label = Text(x, y + OFFSET + 9, "", size=8.5)
        kind = state_kind(board, link.source) if link.source.role == "state" else "forward"
        found.append((link, Route(source, target, curve, kind, label, -1)))
    return found


def _join(first: Curve, second: Curve) -> Curve:
    return (*first, *second[1:])


def _lead_in(way: list[Point], port: Point) -> Curve:
    """From something beside the region to its border."""
    return _join(rounded(way, 10), sideways(way[-1], port)) if len(way) > 1 else sideways(way[0], port)


def _port(board: Board, item: Item) -> tuple[Box, list[Point]]:
    """The corners of the way out of a lattice. A state at the left end goes back over the top of its row."""
    if item.role == "whole":
        box, point = board.anchor(item, "right")
        return box, [point]
    box = board.boxes[item]
    if item.role != "state" or item.block is None or not item.block.direction:
        return box, [(box.right, box.y)]
    stage = board.stage_of[item.block]
    row = stage.rows[item.block]
    top = stage.y + row.y - row.height / 2 - (TITLE if row.framed else 0.0)
    lane = board.circuits[item.block].lanes[board.lattice.names[item.tensor]] if item.tensor is not None else 0.0
    left, _ = stage.span()
    out = left - 20 - lane / 8
    return box, [
        (box.left, box.y),
        (out, box.y),
        (out, top - 12 - lane / 8),
        (stage.span()[1] + 12, top - 12 - lane / 8),
    ]


def _goal(board: Board, item: Item) -> tuple[Box, Point]:
    """Where a line meets something that stands in a lattice."""
    if item.role == "whole":
        return board.anchor(item, "left")
    box = board.boxes[item]
    return box, (box.left, box.y)
