"""Split: find what really has to run step by step, and in which order everything runs.

The nodes are cut into strongly connected components over data edges and feeds. A circle runs step by step; every other
node of a loop runs once, on the values of all steps. Projecting an input before the loop,
running a stack layer by layer and working on all outputs after the loop are all this one rule.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphengine.border import Delay, Maker, dependencies, written_by
from graphengine.graph import Node
from graphengine.loop import Loop


@dataclass(frozen=True, eq=False)
class Unit:
    """Nodes that run together.

    Attributes:
        nodes: in an order in which each finds its inputs ready; delays first.
        loop: the loop they belong to, None outside.
        stepwise: whether they run step by step; otherwise it is a single node.
    """

    nodes: tuple[Node, ...]
    loop: Loop | None
    stepwise: bool


def needed(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes that some nodes depend on, themselves included, in construction order: pruning."""
    seen = set(nodes)
    pending = list(seen)
    while pending:
        for node in dependencies(pending.pop()):
            if node not in seen:
                seen.add(node)
                pending.append(node)
    return sorted(seen, key=lambda node: node.index)


def split(nodes: list[Node], maker: Maker = written_by) -> list[Unit]:
    """Cut pruned nodes into units and order them, ties in construction order."""
    before_of = {node: dependencies(node, maker) for node in nodes}
    components = strongly_connected(nodes, before_of)
    members: dict[Node, int] = {}
    for position, component in enumerate(components):
        for node in component:
            members[node] = position
    waiting = [0] * len(components)
    followers: list[list[int]] = [[] for _ in components]
    for position, component in enumerate(components):
        before = {members[other] for node in component for other in before_of[node]} - {position}
        waiting[position] = len(before)
        for other in before:
            followers[other].append(position)
    first = [min(node.index for node in component) for component in components]
    ready = [(first[p], p) for p in range(len(components)) if not waiting[p]]
    heapq.heapify(ready)
    units = []
    while ready:
        _, position = heapq.heappop(ready)
        units.append(_unit(components[position], before_of))
        for other in followers[position]:
            waiting[other] -= 1
            if not waiting[other]:
                heapq.heappush(ready, (first[other], other))
    return units


def _unit(component: list[Node], before_of: Mapping[Node, list[Node]]) -> Unit:
    stepwise = len(component) > 1 or component[0] in before_of[component[0]]
    ordered = sorted(component, key=lambda node: (not isinstance(node.op, Delay), node.index))
    return Unit(tuple(ordered), component[0].loop, stepwise)


def strongly_connected(nodes: list[Node], before_of: Mapping[Node, list[Node]]) -> list[list[Node]]:
    """Return the strongly connected components (Tarjan 1972), without recursion."""
    order: dict[Node, int] = {}
    low: dict[Node, int] = {}
    on_stack: set[Node] = set()
    stack: list[Node] = []
    found: list[list[Node]] = []
    for root in nodes:
        if root in order:
            continue
        work = [(root, iter(before_of[root]))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, successors = work[-1]
            descended = False
            for other in successors:
                if other not in order:
                    order[other] = low[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(before_of[other])))
                    descended = True
                    break
                if other in on_stack:
                    low[node] = min(low[node], order[other])
            if descended:
                continue
            work.pop()
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[node])
            if low[node] == order[node]:
                component = []
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    component.append(member)
                    if member is node:
                        break
                found.append(component)
    return found
