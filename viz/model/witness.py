"""Witnesses: where the cycle or path that attains a measure runs, step by step, and what a picture shows of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import cycle, groupby
from typing import TypeAlias

from graphengine import errors
from graphengine.depth import Measure
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop
from viz.model.fold import Folded, Return
from viz.model.groups import Grouped
from viz.model.lattice import Item, Lattice, Link
from viz.model.subject import Flow, Subject, Use

Hop: TypeAlias = tuple[Tensor | None, Node]  # a node, and what it reads of the one before; of the first, nothing
Shown: TypeAlias = Mapping[Loop, Collection[int]]


@dataclass
class Way:
    """The edges and nodes of the graph that a witness uses, each with the positions in time; None is outside loops."""

    uses: dict[Use, set[int | None]] = field(default_factory=dict)
    nodes: dict[Node, set[int | None]] = field(default_factory=dict)

    def add(self, hop: Hop, t: int | None) -> None:
        """Go on by one node."""
        tensor, node = hop
        self.nodes.setdefault(node, set()).add(t)
        for i, source in enumerate(node.sources):
            if source is tensor:
                self.uses.setdefault((node, i), set()).add(t)

    def takes(self, flow: Flow) -> bool:
        """Whether any of the edges that a line stands for is part of it, at its position."""
        return any(self.meets(uses) if t is None else self._at(uses, t) for uses, t in flow)

    def meets(self, uses: Iterable[Use]) -> bool:
        """Whether any of some edges is part of it, at whatever position."""
        return any(use in self.uses for use in uses)

    def _at(self, uses: Iterable[Use], t: int) -> bool:
        return any(t in self.uses.get(use, ()) for use in uses)

    def comes_back(self, node: Node, i: int) -> bool:
        """Whether what a node reads there came through delays, and not as the first value of one."""
        delay = node.inputs[i].node
        while isinstance(delay.op, Delay) and delay.feeds is not None:
            if (delay, len(delay.inputs)) not in self.uses:
                return False
            delay = delay.feeds.node
        return True

    def enters(self, nodes: Collection[Node], times: Collection[int | None]) -> bool:
        """Whether it comes to any of some nodes at any of some positions."""
        return any(not self.nodes.get(node, set()).isdisjoint(times) for node in nodes)


def lit(lattice: Lattice, measure: Measure) -> set[object]:
    """Return the items and lines of a lattice along which a witness runs.

    A cycle is followed from the first step to the last, a path once: to the last step, or, where the values of all
    steps are gathered, to the last one that is drawn.

    Raises:
        GraphMismatchError: the measure is of another graph.
    """
    _check(lattice.subject, measure)
    drawn: Shown = {
        loop: {each.first for each in columns if not each.gap} for loop, columns in lattice.stations.items()
    }  # fmt: skip
    way = _round_and_round(lattice.subject, measure) if measure.closed else _through(lattice.subject, measure, drawn)
    gaps = {
        (loop, each.first): range(min(each.first, each.last), max(each.first, each.last) + 1)
        for loop, columns in lattice.stations.items() for each in columns if each.gap
    }  # fmt: skip

    def entered(item: Item) -> bool:
        if item.part is not None:
            return way.enters(item.part.nodes, (item.t,))
        if item.block is None or item.role not in ("gap", "block"):
            return False
        loop = item.block.loop
        times = gaps[loop, item.t] if item.role == "gap" and loop is not None and item.t is not None else (None,)
        return way.enters(item.block.nodes, times)

    return _with_ends(link for link in lattice.links if way.takes(link.flow)) | set(filter(entered, lattice.items))


def lit_folded(found: Folded, measure: Measure) -> set[object]:
    """Return the items, lines and returns of a folded graph along which a witness runs.

    Raises:
        GraphMismatchError: the measure is of another graph.
    """
    _check(found.lattice.subject, measure)
    way = Way()
    for hop in _hops(measure):
        way.add(hop, None)
    lines: list[Link | Return] = [link for link in found.lattice.links if way.meets(found.uses(link))]
    lines += [each for each in found.returns if way.meets(use for use in found.uses(each) if way.comes_back(*use))]
    items = [
        item for item in found.lattice.items
        if way.enters(item.part.nodes if item.part is not None else item.block.nodes if item.block else (), (None,))
    ]
    return _with_ends(lines) | set(items)


def _with_ends(lines: Iterable[Link | Return]) -> set[object]:
    return {each for line in lines for each in (line, line.source, line.target)}


def lit_grouped(subject: Subject, found: Grouped, measure: Measure) -> tuple[set[object], set[tuple[object, object]]]:
    """Return the groups, by key, and the edges between groups along which a witness runs.

    Raises:
        GraphMismatchError: the measure is of another graph.
    """
    _check(subject, measure)
    home = {node: key for key, group in found.groups.items() for node in group.nodes}
    entered = {home[node] for node in measure.nodes if node in home}
    pairs = {(home.get(tensor.node), home.get(node)) for tensor, node in measure.hops}
    return entered, {pair for pair in pairs if pair in found.edges}


def _check(subject: Subject, measure: Measure) -> None:
    graph = measure.path[0].node.graph if measure.path else subject.graph
    if graph is not subject.graph:
        raise errors.GraphMismatchError(
            f"the measure to highlight is of graph {graph.name!r}, the picture of graph {subject.graph.name!r}"
            f"{errors.here()}"
        )


def _hops(measure: Measure) -> list[Hop]:
    """Every node with how it is reached; a cycle begins with what reads a delay."""
    if not measure.closed:
        return [*((None, node) for node in measure.nodes[:1]), *measure.hops]
    delays = [isinstance(node.op, Delay) for node in measure.nodes]
    first = next((k for k, delay in enumerate(delays) if not delay and delays[k - 1]), 0)
    hops = measure.hops
    return [hops[first - 1], *hops[first:], *hops[: first - 1]] if first else [*hops[-1:], *hops[:-1]]


def _is_step(hop: Hop) -> bool:
    return hop[0] is not None and hop[0] is hop[1].feeds


def _round_and_round(subject: Subject, measure: Measure) -> Way:
    """A cycle, again and again while there are steps; what a state is at first is no part of it."""
    way = Way()
    loop = measure.path[0].loop
    positions = subject.positions(loop) if loop is not None and loop in subject.loops else []
    first, *hops = _hops(measure)
    for t in positions[:1]:
        way.add((None, first[1]), t)
    k = 0
    for hop in cycle([*hops, first]):
        k += _is_step(hop)
        if k >= len(positions):
            break
        way.add(hop, positions[k])
    return way


def _through(subject: Subject, measure: Measure, drawn: Shown) -> Way:
    """A path, read from its end, for where it leaves a loop says when it entered."""
    way = Way()
    onward: tuple[object, int] | None = None  # along which axis, and at which position, the next loop is entered
    leaving: Hop | None = None
    for loop, section in reversed([(loop, list(hops)) for loop, hops in groupby(_hops(measure), key=_loop)]):
        if loop is None or loop not in drawn:
            for hop in section if loop is None else ():
                way.add(hop, None)
            leaving = section[0]
            continue
        positions = subject.positions(loop)
        last = len(positions) - 1
        if leaving is None or not isinstance(leaving[1].op, LastStep):
            place = {t: k for k, t in enumerate(positions)}
            last = max((place[t] for t in drawn[loop]), default=last)
            if onward is not None and onward[0] == loop.over:
                last = place.get(onward[1], last)
        hops, k = _timed(section, last)
        onward = (loop.over, positions[k]) if 0 <= k <= last else None
        for hop in hops:
            k += _is_step(hop)
            if 0 <= k <= last:
                way.add(hop, positions[k])
        if leaving is not None and k == last:
            way.add(leaving, positions[k])
        leaving = None
    return way


def _loop(hop: Hop) -> Loop | None:
    return hop[1].loop


def _timed(hops: list[Hop], last: int) -> tuple[list[Hop], int]:
    """Return the part of a path inside a loop, and when it must enter to leave at some place in the order of steps.

    What enters as the first value of a state does so at the first step, and goes round with that state until then.
    """
    late = last - sum(map(_is_step, hops))
    delay = hops[0][1]
    if delay.feeds is None:
        return hops, late
    made = next((k for k, (_, node) in enumerate(hops) if node is delay.feeds.node), 0)
    lap: list[Hop] = [*hops[1 : made + 1], (delay.feeds, delay)] if made else []
    return [hops[0], *lap * late, *hops[1:]], 0
