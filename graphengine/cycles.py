"""Cycles and paths: the cycle with the greatest ratio of two sums over its edges, and the longest paths, exactly.

Both are found by relaxing edges until no label grows (Ford 1956, Bellman 1958). Weights are whole numbers, so nothing
is rounded. What an edge stands for is not known here.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from graphengine.node import Node, Tensor


class Edge(NamedTuple):
    """A node reads what another made: how much that adds to the length of a way, and how many steps it takes."""

    source: Node
    target: Node
    tensor: Tensor
    length: int
    steps: int


Edges: TypeAlias = Mapping[Node, Sequence[Edge]]
Components: TypeAlias = Sequence[Sequence[Node]]
Weight: TypeAlias = Callable[[Edge], int]
Labels: TypeAlias = dict[Node, int]
Parents: TypeAlias = dict[Node, Edge]


def length(edge: Edge) -> int:
    """What an edge adds to the length of a way."""
    return edge.length


def steps(edge: Edge) -> int:
    """How many steps of time an edge takes."""
    return edge.steps


def total(measure: Weight, way: Sequence[Edge]) -> int:
    """Add up a measure along a way."""
    return sum(measure(edge) for edge in way)


def excess(ratio: Fraction, gain: Weight, cost: Weight) -> Weight:
    """Return the weight `gain - ratio · cost`, times the ratio's denominator so that it is whole."""
    p, q = ratio.numerator, ratio.denominator
    return lambda edge: q * gain(edge) - p * cost(edge)


def greatest_ratio(
    components: Components, edges: Edges, gain: Weight, cost: Weight
) -> tuple[Fraction, list[Edge]]:
    """Return the greatest `Σ gain / Σ cost` of any cycle, and such a cycle; 0 and no edges where nothing goes round.

    A ratio is too small as long as some cycle has a positive sum of `gain - ratio · cost`, and that cycle has a greater
    one (Lawler 1966). Ratios of simple cycles only grow from round to round and are no more than the square of the
    number of nodes, so it takes polynomial time, and a handful of rounds as a rule.

    Args:
        components: the strongly connected components, each in an order in which most edges lead on.
        edges: those that lead to each node.
        gain: not negative.
        cost: positive on every cycle.
    """
    ratio = Fraction(0)
    found: list[Edge] = []
    for members in components:
        inside = _within(members, edges)
        while any(inside.values()):
            cycles = _positive_cycles(members, inside, excess(ratio, gain, cost))
            if not cycles:
                break
            found = max(cycles, key=lambda cycle: Fraction(total(gain, cycle), total(cost, cycle)))
            ratio = Fraction(total(gain, found), total(cost, found))
    return ratio, found


def longest(components: Components, edges: Edges, weight: Weight, start: Mapping[Node, int]) -> tuple[Labels, Parents]:
    """Return the weight of the longest way to every node that one leads to, and its last edge.

    Args:
        components: the strongly connected components in an order in which edges between them lead on.
        edges: those that lead to each node.
        weight: no cycle has a positive sum.
        start: the nodes where ways begin, and the weight that they begin with.
    """
    labels, parents = dict(start), Parents()
    for members in components:
        for _ in _sweeps(members, edges, weight, labels, parents):
            pass
    return labels, parents


def way_to(node: Node, parents: Parents) -> list[Edge]:
    """Return the edges of the way that ends at a node, in order."""
    way = []
    while node in parents:
        way.append(parents[node])
        node = parents[node].source
    return way[::-1]


def _within(members: Sequence[Node], edges: Edges) -> dict[Node, list[Edge]]:
    """The edges that stay inside a component."""
    own = set(members)
    return {node: [edge for edge in edges[node] if edge.source in own] for node in members}


def _positive_cycles(members: Sequence[Node], edges: Edges, weight: Weight) -> list[list[Edge]]:
    """Return some cycles whose weights have a positive sum, or none if there are none.

    While one is there labels grow without end, and the edges that they grew along lead round in a circle. It is looked
    for after 1, 2, 4, … sweeps, so that looking never costs more than the sweeps.
    """
    labels, parents = dict.fromkeys(members, 0), Parents()
    for count in _sweeps(members, edges, weight, labels, parents):
        if count & (count - 1) == 0:
            cycles = _circles(parents)
            if cycles:
                return cycles
    return []


def _sweeps(
    members: Sequence[Node], edges: Edges, weight: Weight, labels: Labels, parents: Parents
) -> Iterator[int]:
    """Let labels grow along edges until none does; yields how many sweeps over the members it has taken so far.

    A sweep visits, in order, the nodes before which a label grew.
    """
    place = {node: k for k, node in enumerate(members)}
    followers: list[list[int]] = [[] for _ in members]
    for k, node in enumerate(members):
        for edge in edges[node]:
            if edge.source in place:
                followers[place[edge.source]].append(k)
    now = list(range(len(members)))
    count = 0
    while now:
        waiting = set(now)
        later: set[int] = set()
        while now:
            k = heapq.heappop(now)
            waiting.discard(k)
            if _grow(members[k], edges, weight, labels, parents):
                later.update(other for other in followers[k] if other <= k)
                ahead = {other for other in followers[k] if other > k} - waiting
                waiting |= ahead
                for other in ahead:
                    heapq.heappush(now, other)
        count += 1
        yield count
        now = sorted(later)


def _grow(node: Node, edges: Edges, weight: Weight, labels: Labels, parents: Parents) -> bool:
    """Take the best edge to a node, if that makes its label grow."""
    grown = False
    best = labels.get(node)
    for edge in edges[node]:
        before = labels.get(edge.source)
        if before is None:
            continue
        label = before + weight(edge)
        if best is None or label > best:
            best = labels[node] = label
            parents[node] = edge
            grown = True
    return grown


def _circles(parents: Parents) -> list[list[Edge]]:
    """Return the circles that the edges which labels grew along form."""
    reached: dict[Node, Node] = {}
    found = []
    for first in parents:
        node = first
        while node in parents and node not in reached:
            reached[node] = first
            node = parents[node].source
        if reached.get(node) is first:
            cycle = [parents[node]]
            while cycle[-1].source is not node:
                cycle.append(parents[cycle[-1].source])
            found.append(cycle[::-1])
    return found
