"""Layered layout of any directed graph, after Sugiyama, Tagawa and Toda (1981): rank, order, place, route.

Positions are (breadth, depth): breadth runs along a rank, depth from rank to rank; a caller turns them into x and y
for the direction in which its picture flows. The same input gives the same layout, and nothing recurses.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import dist
from typing import TypeAlias

from viz.curves import Curve, sideways, straight, upright
from viz.layout.ranks import longest_ranks, spread, turned_edges

Position: TypeAlias = tuple[float, float]
Size: TypeAlias = tuple[float, float]

_SWEEPS = 12
_PORT = 22.0  # at most so far apart do edges leave a box
_CORNER = 16.0  # so far from its corners, if there is room


@dataclass(frozen=True)
class Arrangement:
    """Where everything stands.

    Attributes:
        centres: of the boxes.
        routes: for every edge its corners, from the source's border to the target's: it is straight between the
            corners 0 and 1, bends from 1 to 2, is straight again from 2 to 3, and so on; bends stay between ranks.
        labels: for every edge with a label the centre of the label.
        size: the whole extent; the smallest breadth and depth are 0.
    """

    centres: list[Position]
    routes: list[list[Position]]
    labels: dict[int, Position]
    size: Size


def bent(corners: Sequence[Position], *, upright_bends: bool) -> Curve:
    """Return the curve of a route on the paper: straight, bent, straight, bent, and so on."""
    curve: Curve = (corners[0],)
    for k, (one, other) in enumerate(pairwise(corners)):
        if dist(one, other) > 0.01:
            bend = upright if upright_bends else sideways
            curve = (*curve, *(straight(one, other) if k % 2 == 0 else bend(one, other))[1:])
    return curve


@dataclass
class _Item:
    """A box, or a place that a long edge passes (then `edge` says which)."""

    breadth: float
    depth: float
    rank: int
    edge: int | None = None
    label: bool = False
    core: tuple[float, float] = (0.0, 0.0)
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    at: float = 0.0

    @property
    def meet(self) -> float:
        """The middle of the part that edges meet."""
        return self.at + self.core[0]


@dataclass(frozen=True)
class _Band:
    """From where to where a rank reaches."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        """Where its boxes are centred."""
        return (self.start + self.end) / 2


def arrange(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    *,
    gap: float = 18.0,
    between: float = 34.0,
    lane: float = 10.0,
    labels: Mapping[int, Size] | None = None,
    first: Collection[int] = (),
    last: Collection[int] = (),
    cores: Mapping[int, tuple[float, float]] | None = None,
    back: Collection[int] = (),
) -> Arrangement:
    """Lay out boxes of given sizes (breadth, depth) so that edges run from rank to rank.

    Edges of circles are drawn against the flow where they must. An edge from a box to itself has no route.

    Args:
        gap: the room between boxes of a rank.
        between: the room between ranks.
        lane: the breadth that a passing edge needs.
        labels: sizes of the labels of edges; a label gets a place of its own in a rank between.
        first: boxes without edges coming in that stay in the first rank, wherever they lead.
        last: boxes without edges going out that stand in the last rank.
        back: edges that point back by nature; they never decide where boxes stand.
        cores: for boxes that edges meet in a part only, that part: how far its middle is from theirs, and its breadth.
    """
    labels = labels or {}
    span = 2 if labels else 1
    turned = turned_edges(len(sizes), edges, back)
    flows = [(b, a) if i in turned else (a, b) for i, (a, b) in enumerate(edges)]
    ranks = longest_ranks(len(sizes), [flow for flow in flows if flow[0] != flow[1]], span, first)
    for i in last:
        ranks[i] = max(ranks)
    items = [_Item(*size, ranks[i], core=(cores or {}).get(i, (0.0, size[0]))) for i, size in enumerate(sizes)]
    chains = _chains(items, flows, labels, lane)
    order = _ordered(items)
    _place(items, order, gap)
    bands, total = _bands(items, order, between / span)
    low = min((item.at - item.breadth / 2 for item in items), default=0.0)
    high = max((item.at + item.breadth / 2 for item in items), default=0.0)
    for item in items:
        item.at -= low
    ports = _ports(items, chains)
    routes = []
    for i, chain in enumerate(chains):
        route = _route(items, chain, bands, ports, i) if chain else []
        routes.append(route[::-1] if i in turned else route)
    centres = [(item.at, bands[item.rank].middle) for item in items[: len(sizes)]]
    spots = {item.edge: (item.at, bands[item.rank].middle) for item in items if item.label and item.edge is not None}
    return Arrangement(centres, routes, spots, (high - low, total))


def _chains(
    items: list[_Item], flows: list[tuple[int, int]], labels: Mapping[int, Size], lane: float
) -> list[list[int]]:
    """Cut every edge into steps of one rank; returns the items along each edge."""
    chains: list[list[int]] = []
    for edge, (a, b) in enumerate(flows):
        if a == b:
            chains.append([])
            continue
        chain = [a]
        first, last = items[a].rank + 1, items[b].rank
        for rank in range(first, last):
            here = edge in labels and rank == first
            breadth, depth = labels[edge] if here else (lane, 0.0)
            items.append(_Item(breadth, depth, rank, edge, here))
            chain.append(len(items) - 1)
        chain.append(b)
        for one, other in pairwise(chain):
            items[one].after.append(other)
            items[other].before.append(one)
        chains.append(chain)
    return chains


def _ordered(items: list[_Item]) -> list[list[int]]:
    """Order the items of every rank so that few edges cross: barycentres, sweeping down and up, the best one kept."""
    order: list[list[int]] = [[] for _ in range(max((item.rank for item in items), default=-1) + 1)]
    for i, item in enumerate(items):
        order[item.rank].append(i)
    best, fewest = [list(rank) for rank in order], _crossings(items, order)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        place: dict[int, int] = {}
        for rank in order if down else reversed(order):
            _sort(items, rank, place, down)
            place = {i: k for k, i in enumerate(rank)}
        crossings = _crossings(items, order)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in order], crossings
    return best


def _sort(items: list[_Item], rank: list[int], place: Mapping[int, int], down: bool) -> None:
    """Sort a rank by the mean place of its neighbours; what has none stays where it is."""
    means = {}
    for k, i in enumerate(rank):
        near = items[i].before if down else items[i].after
        means[i] = sum(place[j] for j in near) / len(near) if near else float(k)
    rank.sort(key=means.__getitem__)


def _crossings(items: list[_Item], order: list[list[int]]) -> int:
    total = 0
    for rank, below in pairwise(order):
        place = {i: k for k, i in enumerate(below)}
        seen: list[int] = []
        for i in rank:
            ends = sorted(place[j] for j in items[i].after)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _place(items: list[_Item], order: list[list[int]], gap: float) -> None:
    """Move items towards their neighbours, rank by rank, without changing their order."""
    for rank in order:
        at = 0.0
        for i in rank:
            items[i].at = at + items[i].breadth / 2
            at += items[i].breadth + gap
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for rank in order if down else reversed(order):
            wanted, weights = [], []
            for i in rank:
                item = items[i]
                near = item.before if down else item.after
                wanted.append(_wish(items, near or (item.after if down else item.before), item.meet) - item.core[0])
                weights.append(8.0 if item.edge is not None else 0.05 if _hangs(item) else 1.0)
            apart = [(items[i].breadth + items[j].breadth) / 2 + gap for i, j in pairwise(rank)]
            for i, at in zip(rank, spread(wanted, apart, weights), strict=True):
                items[i].at = at


def _wish(items: list[_Item], near: list[int], at: float) -> float:
    """The mean place of neighbours; a mere source pulls little, so that the main way runs straight."""
    pulls = [0.02 if _hangs(items[j]) else 1.0 for j in near]
    return sum(pull * items[j].meet for pull, j in zip(pulls, near, strict=True)) / sum(pulls) if near else at


def _hangs(item: _Item) -> bool:
    """Whether it is a mere source of one other item, which stands aside for the rest."""
    return not item.before and len(item.after) == 1


def _bands(items: list[_Item], order: list[list[int]], between: float) -> tuple[list[_Band], float]:
    """Return where every rank lies, and the whole depth."""
    bands = []
    edge = 0.0
    for rank in order:
        thick = max(items[i].depth for i in rank) if rank else 0.0
        bands.append(_Band(edge, edge + thick))
        edge += thick + between
    return bands, max(edge - between, 0.0)


def _ports(items: list[_Item], chains: list[list[int]]) -> dict[tuple[int, bool], float]:
    """Let the edges of a box leave it towards where they go, as straight as there is room; by (edge, at its source)."""
    sides: dict[tuple[int, bool], list[tuple[float, int]]] = {}
    for edge, chain in enumerate(chains):
        if chain:
            sides.setdefault((chain[0], True), []).append((items[chain[1]].meet, edge))
            sides.setdefault((chain[-1], False), []).append((items[chain[-2]].meet, edge))
    ports: dict[tuple[int, bool], float] = {}
    for (i, leaving), ends in sides.items():
        middle, breadth = items[i].meet, items[i].core[1]
        ends.sort()
        step = min(_PORT, breadth / (len(ends) + 1))
        margin = min(_CORNER, (breadth - step * (len(ends) - 1)) / 2)
        low, high = middle - breadth / 2 + margin, middle + breadth / 2 - margin
        wanted = [
            min(max(there, low + step * k), high - step * (len(ends) - 1 - k)) for k, (there, _) in enumerate(ends)
        ]
        places = spread(wanted, [step] * (len(ends) - 1), [1.0] * len(ends))
        for place, (_, edge) in zip(places, ends, strict=True):
            ports[edge, leaving] = place
    for (i, leaving), ends in sides.items():
        edge = ends[0][1]
        if len(ends) == 1 and len(chains[edge]) == 2:  # straight, if the box reaches so far
            half = max(items[i].core[1] / 2 - _CORNER, 0.0)
            ports[edge, leaving] = min(max(ports[edge, not leaving], items[i].meet - half), items[i].meet + half)
    return ports


def _route(
    items: list[_Item], chain: list[int], bands: list[_Band], ports: Mapping[tuple[int, bool], float], edge: int
) -> list[Position]:
    first, last = items[chain[0]], items[chain[-1]]
    start, end = ports[edge, True], ports[edge, False]
    route = [(start, bands[first.rank].middle + first.depth / 2), (start, bands[first.rank].end)]
    for i in chain[1:-1]:
        route += [(items[i].at, bands[items[i].rank].start), (items[i].at, bands[items[i].rank].end)]
    return [*route, (end, bands[last.rank].start), (end, bands[last.rank].middle - last.depth / 2)]
