"""Matching: which node of one graph is which node of another. Names decide, and where nobody gave one, what is read."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Collection, Hashable, Mapping
from itertools import islice
from typing import TypeAlias

from graphengine.graph import Node, Tensor
from viz.compare.places import Place
from viz.model.subject import Subject
from viz.views import content

Pairs: TypeAlias = dict[Node, Node]  # by node of the second graph, its counterpart in the first
Spot: TypeAlias = tuple[Place, str]

_FEW = 8  # so many readers of one value are looked at


def match(a: Subject, b: Subject, places: Mapping[Node, Place]) -> Pairs:
    """Pair the nodes of two graphs; what is in no pair stands in one of them only.

    In cells names decide. Around them it is first what a node does to which inputs, then its name: two drivers may well
    call unlike things `outputs`. What nobody named is paired with what reads most of the same.
    """
    pairs: Pairs = {}
    _by_name(a, b, places, pairs, around=False)
    _by_all_inputs(a, b, places, pairs)
    _by_name(a, b, places, pairs, around=True)
    _by_some_inputs(a, b, places, pairs)
    _by_reader(pairs)
    return pairs


def twin(tensor: Tensor, pairs: Mapping[Node, Node]) -> Tensor | None:
    """Return the counterpart of a value of the second graph: of several outputs the one of the same name."""
    node = pairs.get(tensor.node)
    if node is None:
        return None
    if len(node.outputs) == len(tensor.node.outputs) == 1:
        return node.output
    name = content.bare(tensor.name)
    return next((each for each in node.outputs if content.bare(each.name) == name), None)


def nameless(node: Node) -> bool:
    """Tell whether a node is called after its op, which is what happens to one that nobody names."""
    return re.fullmatch(re.escape(node.op.kind) + r"(_\d+)?", node.output.name) is not None


def _around(node: Node) -> bool:
    """Whether a node stands outside cells and reads something."""
    return bool(node.inputs) and node.feeds is None and node.scope.nearest("cell") is None


def _by_name(a: Subject, b: Subject, places: Mapping[Node, Place], pairs: Pairs, *, around: bool) -> None:
    """Pair what has a name in common at the same place: first what does the same there, then the rest.

    Args:
        around: also what stands around cells and reads something.
    """
    for strict in (True, False):
        taken = set(pairs.values())
        ours = _named(a, places, taken, around, strict)
        theirs = _named(b, places, pairs, around, strict)
        for exact in (True, False):
            for key, nodes in theirs.items():
                known = [node for node in ours.get(key, ()) if node not in taken]
                fresh = [node for node in nodes if node not in pairs]
                for node, first in _in_order(fresh, known, exact=exact and len(nodes) != len(ours.get(key, ()))):
                    pairs[node] = first
                    taken.add(first)


def _named(
    subject: Subject, places: Mapping[Node, Place], done: Collection[Node], around: bool, strict: bool
) -> dict[Hashable, list[Node]]:
    """Nodes that are in no pair yet, by place and name without its number; `strict` by what they do too."""
    found: dict[Hashable, list[Node]] = {}
    for node in subject.nodes:
        if node in done or nameless(node) or (_around(node) and not around):
            continue
        does = (type(node.op), node.scope.nearest("cell") is None) if strict else None
        for name in dict.fromkeys(content.bare(tensor.name) for tensor in node.outputs):
            found.setdefault((places[node], name, does), []).append(node)
    return found


def _in_order(nodes: list[Node], others: list[Node], *, exact: bool) -> list[tuple[Node, Node]]:
    """Pair nodes of one name: those whose numbers agree too, or as they come."""
    if not exact:
        return list(zip(nodes, others, strict=False))
    known = {other.output.name: other for other in others}
    return [(node, known[node.output.name]) for node in nodes if node.output.name in known]


def _by_all_inputs(a: Subject, b: Subject, places: Mapping[Node, Place], pairs: Pairs) -> None:
    """Pair what does the same to the same around cells; where several do, those of one name or place come first."""
    taken = set(pairs.values())
    known: dict[tuple[str, tuple[Tensor, ...]], deque[Node]] = {}
    for node in a.nodes:
        if _around(node):
            known.setdefault((node.op.kind, node.inputs), deque()).append(node)
    for node in b.nodes:
        if not _around(node):
            continue
        inputs = [twin(tensor, pairs) for tensor in node.inputs]
        fits = _free(known.get((node.op.kind, tuple(each for each in inputs if each is not None)), deque()), taken)
        if fits and None not in inputs:
            best = min(fits, key=lambda each: (each.output.name != node.output.name, places[each] != places[node]))
            pairs[node] = best
            taken.add(best)


def _by_some_inputs(a: Subject, b: Subject, places: Mapping[Node, Place], pairs: Pairs) -> None:
    """Pair nameless nodes that do the same at the same place to most of the same inputs."""
    taken = set(pairs.values())
    readers: dict[tuple[Spot, int, Tensor], deque[Node]] = {}
    called: dict[tuple[Spot, str], Node] = {}
    for node in a.nodes:
        if nameless(node) and node.inputs and node not in taken:
            called[_spot(node, places), node.output.name] = node
            for i, tensor in enumerate(node.inputs):
                readers.setdefault((_spot(node, places), i, tensor), deque()).append(node)
    for node in b.nodes:
        if not nameless(node) or not node.inputs or node in pairs:
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
