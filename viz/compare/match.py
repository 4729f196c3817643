"""Matching: which node of one graph is which node of another. Names decide, and where nobody gave one, what is read."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping
from itertools import islice
from typing import TypeAlias

from graphengine.graph import Node, Tensor
from viz.compare.places import Place
from viz.model.subject import Subject

Pairs: TypeAlias = dict[Node, Node]  # by node of the second graph, its counterpart in the first
Spot: TypeAlias = tuple[Place, str]

_FEW = 8  # so many readers of one value are looked at


def match(a: Subject, b: Subject, places: Mapping[Node, Place]) -> Pairs:
    """Pair the nodes of two graphs; what is in no pair stands in one of them only."""
    pairs: Pairs = {}
    _by_name(a, b, places, pairs)
    _by_inputs(a, b, places, pairs)
    _by_reader(pairs)
    return pairs


def twin(tensor: Tensor, pairs: Pairs) -> Tensor | None:
    """Return the counterpart of a value of the second graph: of several outputs the one of the same name."""
    node = pairs.get(tensor.node)
    if node is None:
        return None
    if len(node.outputs) == len(tensor.node.outputs) == 1:
        return node.output
    return next((each for each in node.outputs if each.name == tensor.name), None)


def nameless(node: Node) -> bool:
    """Tell whether a node is called after its op, which is what happens to one that nobody names."""
    return re.fullmatch(re.escape(node.op.kind) + r"(_\d+)?", node.output.name) is not None


def _by_name(a: Subject, b: Subject, places: Mapping[Node, Place], pairs: Pairs) -> None:
    """Pair what has a name in common at the same place; where several have, what does the same comes first."""
    known: dict[Spot, list[Node]] = {}
    for node in a.nodes:
        if not nameless(node):
            for tensor in node.outputs:
                known.setdefault((places[node], tensor.name), []).append(node)
    taken: set[Node] = set()
    for node in b.nodes:
        if nameless(node):
            continue
        fits = [
            each
            for tensor in node.outputs
            for each in known.get((places[node], tensor.name), ())
            if each not in taken
        ]
        if fits:
            best = min(fits, key=lambda each: type(each.op) is not type(node.op))
            pairs[node] = best
            taken.add(best)


def _by_inputs(a: Subject, b: Subject, places: Mapping[Node, Place], pairs: Pairs) -> None:
    """Pair nameless nodes that do the same at the same place to most of the same inputs."""
    readers: dict[tuple[Spot, int, Tensor], deque[Node]] = {}
    called: dict[tuple[Spot, str], Node] = {}
    for node in a.nodes:
        if nameless(node) and node.inputs:
            called[_spot(node, places), node.output.name] = node
            for i, tensor in enumerate(node.inputs):
                readers.setdefault((_spot(node, places), i, tensor), deque()).append(node)
    taken: set[Node] = set()
    for node in b.nodes:
        if not nameless(node) or not node.inputs:
            continue
        spot = _spot(node, places)
        agreed: Counter[Node] = Counter()
        for i, tensor in enumerate(node.inputs):
            other = twin(tensor, pairs)
            if other is not None:
                agreed.update(_free(readers.get((spot, i, other), deque()), taken))
        found = max(agreed, key=lambda each: (agreed[each], -each.index), default=called.get((spot, node.output.name)))
        if found is not None and found not in taken:
            pairs[node] = found
            taken.add(found)


def _free(nodes: deque[Node], taken: set[Node]) -> list[Node]:
    """The first few of some nodes that are not taken; what is taken goes from the front, so that nobody looks twice."""
    while nodes and nodes[0] in taken:
        nodes.popleft()
    return [each for each in islice(nodes, _FEW) if each not in taken]


def _spot(node: Node, places: Mapping[Node, Place]) -> Spot:
    return places[node], node.op.kind


def _by_reader(pairs: Pairs) -> None:
    """Pair nameless constants that a pair reads in the same place."""
    taken = set(pairs.values())
    for second, first in list(pairs.items()):
        for tensor, other in zip(second.inputs, first.inputs, strict=False):
            one, two = other.node, tensor.node
            fresh = two not in pairs and one not in taken
            if fresh and nameless(two) and nameless(one) and not two.inputs and one.op.kind == two.op.kind:
                pairs[two] = one
                taken.add(one)
