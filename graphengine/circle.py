"""Circles: the memory of a stepwise unit, and the calls that make one of its steps.

What is needed beyond its step lives in `[time, ...]` arrays; the rest takes turns in two small ones. A delay and the
value fed to it share memory one step apart, so that handing a state on costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay
from graphengine.op import several
from graphengine.passes.split import Unit
from graphengine.spec import Array, Spec

if TYPE_CHECKING:
    from graphengine.forward import Forward

Steps: TypeAlias = list[Array]
Call: TypeAlias = tuple[Node, list[Steps], list[Steps]]


class Circle:
    """One unit's arrays in one run.

    Attributes:
        steps: for every value, its array at each step.
        hidden: for every node, the arrays at each step of what it saves and scribbles on.
        calls: the ops of one step in order, with their arrays.
        copies: delays that could not share memory: where to, where from.
    """

    def __init__(self, forward: Forward, unit: Unit, count: int) -> None:
        self.forward = forward
        self.unit = unit
        self.count = count
        self.kept, self.kept_hidden = forward.kept[unit]
        self.steps: dict[Tensor, Steps] = {}
        self.hidden: dict[Node, list[Steps]] = {}
        self.calls: list[Call] = []
        self.copies: list[tuple[Node, Steps, Steps]] = []
        self.room: dict[Tensor, Array] = {}
        self.members = set(unit.nodes)
        delays = [node for node in unit.nodes if isinstance(node.op, Delay)]
        joined = [node for node in reversed(unit.nodes) if self._bind_joined(node, {delay.feeds for delay in delays})]
        sharing = [node for node in delays if self._bind_delay(node)]
        for node in unit.nodes[len(delays) :]:
            if node not in joined and not (node.op.is_view and self._bind_view(node)):
                self._bind_call(node)
        for node in delays:
            if node not in sharing:
                assert node.feeds is not None
                self.copies.append((node, self.steps[node.output], self.of(node.feeds)))

    def of(self, tensor: Tensor) -> Steps:
        """The array of a value at each step, whether it is made here, before the circle or outside the loop."""
        if tensor not in self.steps:
            value = self.forward.values[tensor]
            self.steps[tensor] = [value] * self.count if tensor.loop is None else by_step(value)
        return self.steps[tensor]

    def _bind_joined(self, node: Node, fed: set[Tensor | None]) -> bool:
        """Let the inputs of an op that joins them live inside its output; tell whether all do.

        What is the same in all steps or known before them is put there once.
        """
        once = len(set(node.inputs)) == len(node.inputs)
        if not node.op.joins or not once or not all(self._may_live_inside(tensor, fed) for tensor in node.inputs):
            return False
        forward = self.forward
        slab = self.room.get(node.output)  # where it is joined itself
        if slab is None:
            slab = forward.empty(node.output.spec, self.count + 1)
        parts = node.op.regions(slab, [forward.run.shape(tensor.spec) for tensor in node.inputs])
        for tensor, part in zip(node.inputs, parts, strict=True):
            if forward.schedule.maker(tensor) in self.members:
                self.room[tensor] = part
            else:
                forward.program.do(node, np.copyto, part[: self.count], forward.values[tensor])
        forward.values[node.output] = slab[: self.count]
        self.steps[node.output] = by_step(slab)[: self.count]
        forward.hidden[node] = []
        self.hidden[node] = []
        return True

    def _may_live_inside(self, tensor: Tensor, fed: set[Tensor | None]) -> bool:
        """Tell whether a value can be made inside the output of an op that joins it to others."""
        maker = self.forward.schedule.maker(tensor)
        return maker not in self.members or (tensor not in self.room and tensor not in fed and not maker.op.is_view)

    def _bind_delay(self, node: Node) -> bool:
        """Make the arrays of a delay; tell whether the value fed to it lives in them too."""
        fed = node.feeds
        assert fed is not None
        maker = self.forward.schedule.maker(fed)
        placed = fed in self.steps or fed in self.room or maker.op.is_view
        sharing = maker in self.members and not placed and not isinstance(maker.op, Delay)
        length = self.count + 1 if sharing else self.count
        if node.output in self.room or node.output in self.kept or (sharing and fed in self.kept):
            inside = self.room.get(node.output)
            slab = self.forward.empty(node.output.spec, length) if inside is None else inside[:length]
            self.forward.values[node.output] = slab[: self.count]
            every = by_step(slab)
            if sharing:
                self.forward.values[fed] = slab[1:]
        else:
            pair = by_step(self.forward.empty(node.output.spec, 2))
            every = [pair[t % 2] for t in range(length)]
        if self.count:
            self.forward.program.do(node, np.copyto, every[0], self.forward.initial(node))
        self.steps[node.output] = every[: self.count]
        if sharing:
            self.steps[fed] = every[1:]
        return sharing

    def _bind_view(self, node: Node) -> bool:
        """Make the outputs of a view op; tell whether strides allowed it, so that nothing is left to compute."""
        shape = self.forward.shapes(node)
        source = node.inputs[0]
        whole = self.forward.values.get(source) if source.loop is not None else None

        def views(x: Array) -> tuple[Array, ...]:
            return several(node.op.view(shape, x))

        if whole is not None:
            slabs = views(whole)
            if not all(np.may_share_memory(slab, whole) for slab in slabs):
                return False
            for tensor, slab in zip(node.outputs, slabs, strict=True):
                self.forward.values[tensor] = slab
                self.steps[tensor] = by_step(slab)
        else:
            xs = self.of(source)
            made_once = {id(x): views(x) for x in xs}
            each = [made_once[id(x)] for x in xs]
            if not all(np.may_share_memory(view, x) for x, made in zip(xs, each, strict=True) for view in made):
                return False
            for position, tensor in enumerate(node.outputs):
                self.steps[tensor] = [made[position] for made in each]
        self.forward.hidden[node] = []
        self.hidden[node] = []
        return True

    def _bind_call(self, node: Node) -> None:
        for tensor in node.outputs:
            if tensor not in self.steps:
                self.steps[tensor], slab = self._arrays(tensor.spec, tensor in self.kept, self.room.get(tensor))
                if slab is not None:
                    self.forward.values[tensor] = slab
        saved = len(node.op.saves(*[tensor.spec for tensor in node.inputs]))
        hidden = [
            self._arrays(spec, node in self.kept_hidden and place < saved)
            for place, spec in enumerate(self.forward.schedule.hidden_specs.get(node, ()))
        ]
        self.hidden[node] = [steps for steps, _ in hidden]
        self.forward.hidden[node] = [slab for _, slab in hidden]
        outs = [self.steps[tensor] for tensor in node.outputs] + self.hidden[node]
        self.calls.append((node, outs, [self.of(tensor) for tensor in node.inputs]))

    def _arrays(self, spec: Spec, kept: bool, inside: Array | None = None) -> tuple[Steps, Array | None]:
        if inside is not None:
            return by_step(inside[: self.count]), inside[: self.count]
        if not kept:
            return by_step(self.forward.empty(spec, 1)) * self.count, None
        slab = self.forward.empty(spec, self.count)
        return by_step(slab), slab


def by_step(array: Array) -> Steps:
    """View the parts of an array along its first axis, as arrays even where they are single numbers."""
    return [array[t, ...] for t in range(len(array))]
