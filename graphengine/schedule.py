"""Schedules: what runs in which order, and which gradients flow where, for one set of nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from graphengine.align import Alignment
from graphengine.forward import BORDER
from graphengine.node import Node, Tensor
from graphengine.op import Source
from graphengine.passes.active import active, wanted_inputs
from graphengine.passes.defer import defer
from graphengine.passes.keep import keep
from graphengine.passes.segment import Item, segment
from graphengine.passes.split import Unit, split
from graphengine.spec import Spec


class Schedule:
    """Everything that does not depend on sizes.

    Attributes:
        nodes: what runs, in construction order.
        units: what runs together, in the order of running.
        active: the tensors that carry a gradient.
        wanted: for every node, the inputs that its backward serves.
    """

    def __init__(
        self,
        nodes: list[Node],
        targets: Iterable[Tensor],
        wished: Iterable[Tensor],
        made_by: Mapping[Tensor, Node] | None = None,
        passes: Collection[str] = (),
    ) -> None:
        self.nodes = nodes
        self.passes = passes
        self._made_by = made_by or {}
        self.units = split(nodes, self.maker)
        self.active = active(nodes, targets, wished, self.maker)
        self.wanted = {node: wanted_inputs(node, self.active) for node in nodes}

    def maker(self, tensor: Tensor) -> Node:
        """Return the node that makes a tensor here, which may stand for several of the graph's."""
        return self._made_by.get(tensor, tensor.node)

    @cached_property
    def circles(self) -> list[Unit]:
        """The units that run step by step."""
        return [unit for unit in self.units if unit.stepwise]

    @cached_property
    def sections(self) -> list[Item]:
        """The units with those of a loop brought together where it can run in segments."""
        return segment(self.units, self.maker)

    @cached_property
    def alignments(self) -> dict[Node, Alignment]:
        """How the nodes inside loops line up the axes of their inputs."""
        inner = (node for node in self.nodes if node.loop is not None and type(node.op) not in BORDER)
        return {node: Alignment.of(node) for node in inner if not isinstance(node.op, Source)}

    @cached_property
    def hidden_specs(self) -> dict[Node, tuple[Spec, ...]]:
        """The arrays that nodes save and scribble on beside their outputs."""
        found = {}
        for node in self.nodes:
            specs = [tensor.spec for tensor in node.inputs]
            if hidden := (*node.op.saves(*specs), *node.op.scratch(*specs)):
                found[node] = hidden
        return found

    @cached_property
    def deferred(self) -> dict[Unit, dict[Node, tuple[int, ...]]]:
        """For every circle, the inputs whose gradient waits until after the sweep."""
        if "defer" not in self.passes:
            return {unit: dict.fromkeys(unit.nodes, ()) for unit in self.circles}
        return {unit: defer(unit, self.wanted, self.maker) for unit in self.circles}

    @cached_property
    def kept(self) -> dict[bool, dict[Unit, tuple[set[Tensor], set[Node]]]]:
        """For every circle, what is needed beyond its step, with gradients and without."""
        nothing: dict[Node, tuple[int, ...]] = dict.fromkeys(self.nodes, ())
        return {
            gradients: {
                unit: keep(unit, self.nodes, self.wanted if gradients else nothing, self.maker)
                for unit in self.circles
            }
            for gradients in (True, False)
        }
