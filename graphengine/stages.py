"""Stages: what counts as one on a way through a graph, at the level of layers or of single ops.

Everything else is a wire: what brings values into loops, hands them from step to step and takes them out, and, at the
level of layers, the ops between the layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Literal, TypeAlias

from graphengine.border import LEAVING, Delay, StepSlice
from graphengine.cycles import Edge
from graphengine.node import Node
from graphengine.op import Source
from graphengine.ops.logic import Hold
from graphengine.passes.split import strongly_connected
from graphengine.scope import Scope

Level: TypeAlias = Literal["layer", "op"]
Stage: TypeAlias = Scope | Node
WIRES = (Delay, StepSlice, *LEAVING, Hold)
NEW = 1  # the input of a hold that counts: that a row past its end keeps its state is padding, no computation


class Network:
    """Some nodes of a graph and what they read of each other, measured in stages and in steps.

    An edge has length 1 where it enters a stage, from elsewhere or from an earlier step, and 0 otherwise.

    Attributes:
        nodes: in order of construction.
        stages: the stage of every node that is not a wire.
        edges: those that lead to each node.
    """

    def __init__(self, nodes: Sequence[Node], level: Level) -> None:
        self.nodes = nodes
        self.stages = _layers(nodes) if level == "layer" else {node: node for node in nodes if _works(node)}
        self.stages |= _free_circles([node for node in nodes if node not in self.stages])
        inside = set(nodes)
        self.edges = {node: [edge for edge in self._edges(node) if edge.source in inside] for node in nodes}

    def _edges(self, node: Node) -> Iterable[Edge]:
        stage = self.stages.get(node)
        for i, tensor in enumerate(node.sources):
            if isinstance(node.op, Hold) and i != NEW:
                continue
            steps = int(isinstance(node.op, Delay) and i > 0)
            entered = stage is not None and (steps > 0 or self.stages.get(tensor.node) is not stage)
            yield Edge(tensor.node, node, tensor, int(entered), steps)

    @cached_property
    def components(self) -> list[list[Node]]:
        """The strongly connected components, each after those that it reads."""
        return _components(self.nodes, {node: [edge.source for edge in self.edges[node]] for node in self.nodes})

    @cached_property
    def output_layers(self) -> set[Node]:
        """The nodes of stages outside loops and cells after which comes no other stage and no loop."""
        onward: set[Node] = set()
        for node in reversed(self.nodes):
            for edge in self.edges[node]:
                if edge.length or node.loop is not None or node in onward:
                    onward.add(edge.source)
        inner = {
            stage for node, stage in self.stages.items()
            if node in onward or node.loop is not None or node.scope.nearest("cell") is not None
        }
        return {node for node, stage in self.stages.items() if stage not in inner}


def _works(node: Node) -> bool:
    """Tell whether a node computes something from what it reads."""
    return not isinstance(node.op, (Source, *WIRES))


def _layers(nodes: Sequence[Node]) -> dict[Node, Stage]:
    """Return the layer that nodes stand in.

    A cell is one; so is a scope of the role "layer", and any other layer of its kind ("Dense") that has no such inside.
    What is around a single cell and nothing else (a wrapper, the layer of a stack) belongs to it.
    """
    working = [node for node in nodes if _works(node)]
    scopes = working[0].graph.scopes if working else []
    busy = Counter(node.scope for node in working)
    cells: Counter[Scope] = Counter()
    others: Counter[Scope] = Counter()
    whole = set()
    for scope in reversed(scopes):
        found = (cells[scope], others[scope])
        if busy[scope] or any(found):
            if scope.role in ("cell", "layer") and (not found[0] or found == (1, 0)):
                whole.add(scope)
                found = (1, 0)
            elif scope.role == "group" and scope.kind and not any(found):
                whole.add(scope)
                found = (0, 1)
            if scope.parent is not None:
                cells[scope.parent] += found[0]
                others[scope.parent] += found[1]
    outermost: dict[Scope, Scope] = {}
    for scope in scopes:
        if scope.parent is not None and scope.parent in outermost:
            outermost[scope] = outermost[scope.parent]
        elif scope in whole:
            outermost[scope] = scope
    return {node: outermost[node.scope] for node in working if node.scope in outermost}


def _free_circles(wires: Sequence[Node]) -> dict[Node, Stage]:
    """Return stages for what carries itself from step to step outside all others, each called after its state."""
    own = set(wires)
    before = {
        node: [
            tensor.node for i, tensor in enumerate(node.sources)
            if tensor.node in own and not (isinstance(node.op, Hold) and i != NEW)
        ]
        for node in wires
    }
    found: dict[Node, Stage] = {}
    for members in _components(wires, before):
        inside = set(members)
        states = [node.feeds.node for node in members if node.feeds is not None and node.feeds.node in inside]
        if states:
            state = min(states, key=lambda node: node.index)
            found.update(dict.fromkeys([node for node in members if _works(node)] or members, state))
    return found


def _components(nodes: Sequence[Node], before: dict[Node, list[Node]]) -> list[list[Node]]:
    """Return the strongly connected components, each in an order in which nodes follow what they read of their step."""
    return [_in_order(members) for members in strongly_connected(list(nodes), before)]


def _in_order(members: list[Node]) -> list[Node]:
    """Put delays first, each after the one that feeds it, then the rest as it was constructed."""
    if len(members) == 1:
        return members
    members = sorted(members, key=lambda node: node.index)
    delays = [node for node in members if isinstance(node.op, Delay)]
    behind: dict[Node, list[Node]] = {}
    for node in delays:
        if node.feeds is not None:
            behind.setdefault(node.feeds.node, []).append(node)
    ordered = [node for other, each in behind.items() if not isinstance(other.op, Delay) for node in each]
    for node in ordered:
        ordered += behind.get(node, [])
    return list(dict.fromkeys([*ordered, *members]))
