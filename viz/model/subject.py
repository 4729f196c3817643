"""Subjects: what a picture is about. A graph, the part of it that a plan needs, or a trace with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np

from graphengine import errors
from graphengine.graph import Graph, Node, Tensor
from graphengine.loop import LEAVING, Loop, StackSteps, StepSlice
from graphengine.parameter import Parameter
from graphengine.plan import Plan
from graphengine.sources import ParameterValue, Placeholder
from graphengine.spec import Array
from graphengine.trace import Trace

Subjectlike: TypeAlias = Graph | Plan | Trace
Use: TypeAlias = tuple[Node, int]  # one edge of the graph: a node and the number of the input that it reads there
Uses: TypeAlias = tuple[Use, ...]
Flow: TypeAlias = tuple[
    tuple[Uses, int | None], ...
]  # edges of the graph at positions in time: what a drawn edge stands for


class Subject:
    """A graph as a picture sees it.

    Attributes:
        nodes: those that are drawn, in order of construction: all of a graph, or what a plan needs.
        trace: the numbers, if there are any.
        static: nodes that depend on nothing fed: weights, constants, zero states and what is computed from them alone.
        time: how many steps are drawn of a loop whose number of steps is not known.
    """

    def __init__(self, what: Subjectlike, time: int = 3) -> None:
        if not isinstance(what, Graph | Plan | Trace):
            raise errors.StructureError(
                f"a picture is of a graph, a plan or a trace, not of a {type(what).__name__}"
                f"{errors.at(errors.user_location())}"
            )
        self.what = what
        self.trace = what if isinstance(what, Trace) else None
        plan = what.plan if isinstance(what, Trace) else what
        self.graph: Graph = plan if isinstance(plan, Graph) else plan.graph
        self.nodes: list[Node] = self.graph.nodes if isinstance(plan, Graph) else plan.nodes
        self.targets: tuple[Tensor, ...] = () if isinstance(plan, Graph) else plan.targets
        self.time = time
        self.static = _static(self.nodes)
        self.loops = list(dict.fromkeys(node.loop for node in self.nodes if node.loop is not None))

    def positions(self, loop: Loop) -> list[int]:
        """The positions in time of a loop's steps, in the order of processing."""
        if self.trace is not None:
            return list(self.trace.positions(loop))
        steps = loop.over if isinstance(loop.over, int) else self.time
        return list(range(steps))[:: -1 if loop.reverse else 1]

    def uses(self) -> dict[Tensor, list[Use]]:
        """By tensor, everything that reads it."""
        found: dict[Tensor, list[Use]] = {}
        for node in self.nodes:
            for i, tensor in enumerate(node.sources):
                found.setdefault(tensor, []).append((node, i))
        return found

    def shape(self, tensor: Tensor) -> tuple[object, ...]:
        """The shape of a value: numbers where they are known, names where not."""
        return tensor.shape if self.trace is None else self.trace.shape(tensor)

    def value(self, tensor: Tensor, t: int | None = None) -> Array | None:
        """Return a value at a position in time, if the trace has it."""
        if self.trace is None:
            return None
        try:
            return self.trace.value(tensor, t)
        except errors.UnknownPathError:
            return None

    def gradient(self, tensor: Tensor, t: int | None = None) -> Array | None:
        """Return the gradient of a value at a position in time, if the trace has it."""
        if self.trace is None or not self.trace.carries(tensor):
            return None
        try:
            return self.trace.grad(tensor, t)
        except errors.UnknownPathError:
            return None

    def carries(self, flow: Flow) -> bool:
        """Tell whether a gradient flows along any of the edges that a drawn edge stands for."""
        trace = self.trace
        return trace is not None and any(trace.edge_carries(node, i) for uses, _ in flow for node, i in uses)

    def contribution(self, flow: Flow) -> Array | None:
        """Return the gradient that a drawn edge carries, the sum over the edges that it stands for; None for none.

        An edge of a loop's body without a position stands for those of all steps.
        """
        if self.trace is None:
            return None
        total: Array | None = None
        for uses, t in flow:
            for node, i in uses:
                for each in self._contributions(node, i, t) if self.trace.edge_carries(node, i) else ():
                    total = each if total is None else total + each
        return total

    def _contributions(self, node: Node, i: int, t: int | None) -> Iterator[Array]:
        trace = self.trace
        assert trace is not None
        if node.loop is None or t is not None:
            yield trace.contribution(node, i, t)
        elif isinstance(node.op, StepSlice):
            parts = {position: trace.grad(node.output, position) for position in trace.positions(node.loop)}
            lead = next((part.shape[: part.ndim - node.output.spec.rank] for part in parts.values()), ())
            whole = np.zeros(lead + trace.shape(node.inputs[0]), node.inputs[0].dtype)
            for position, part in parts.items():
                np.moveaxis(whole, node.op.axis, 0)[position] = part
            yield whole
        else:
            for position in trace.positions(node.loop):
                yield trace.contribution(node, i, position)

    def parameters(self, tensor: Tensor) -> list[Parameter]:
        """The parameters that a static tensor is computed from."""
        found: dict[Parameter, None] = {}
        pending = [tensor.node]
        for node in pending:
            if isinstance(node.op, ParameterValue):
                found[node.op.parameter] = None
            pending.extend(each.node for each in node.inputs)
        return list(found)


def plain_time(node: Node, over: object) -> bool:
    """Tell whether a node treats every position in time alike: its value at `t` depends on its inputs at `t` only."""
    if len(node.outputs) > 1 or over not in node.output.shape:
        return False
    cores, (after, *_) = node.op.core(len(node.inputs))
    place = node.output.shape.index(over) - len(node.output.shape) + len(after)
    if place >= 0:
        return False
    for tensor, core in zip(node.inputs, cores, strict=True):
        if over in tensor.shape and tensor.shape.index(over) - len(tensor.shape) + len(core) != place:
            return False
    return True


def time_axis(tensor: Tensor, over: object) -> int:
    """The axis of a sequence that is time."""
    if isinstance(tensor.node.op, StackSteps):
        return len(tensor.shape) + tensor.node.op.axis
    return list[object](tensor.shape).index(over)


def _static(nodes: Iterable[Node]) -> set[Node]:
    found: set[Node] = set()
    for node in nodes:
        fed = isinstance(node.op, (Placeholder, *LEAVING)) or node.loop is not None
        if not fed and all(tensor.node in found for tensor in node.inputs):
            found.add(node)
    return found
