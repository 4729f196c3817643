"""The sweep over a circle: from the last step to the first, carrying gradients through the delays.

What lives for one step takes turns in two arrays, one for even steps and one for odd, because a step still reads what
the step after it carried. Gradients that are needed of all steps are written where they stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphengine.gradients import Gradients, step_of
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, Loop
from graphengine.memory import root
from graphengine.op import one_or_all
from graphengine.passes.split import Unit
from graphengine.spec import Array

if TYPE_CHECKING:
    from graphengine.backward import Backward


class Sweep:
    """The backward pass over one stepwise unit."""

    def __init__(self, backward: Backward, unit: Unit) -> None:
        self.backward = backward
        self.forward = backward.forward
        self.program = backward.program
        self.unit = unit
        assert unit.loop is not None
        self.loop: Loop = unit.loop
        self.count = self.forward.count(unit.loop)
        self.circle = self.forward.circles[unit]
        self.members = set(unit.nodes)
        self.delays = [node for node in unit.nodes if isinstance(node.op, Delay)]
        schedule = backward.schedule
        wanted = schedule.wanted
        self.maker = schedule.maker
        self.deferred = {node: inputs for node, inputs in schedule.deferred[unit].items() if inputs}
        self.order = [
            (node, tuple(i for i in wanted[node] if i not in self.deferred.get(node, ())))
            for node in reversed(unit.nodes)
            if wanted[node]
        ]
        self.everywhere = {tensor: Everywhere(self, tensor) for tensor in self._needed_everywhere()}
        self.turns: dict[tuple[Tensor, str, int], Array] = {}
        self.nothing: dict[Tensor, Array] = {}
        self.parity: dict[int, int] = {}
        self.shared: dict[int, Everywhere] = {}

    def _needed_everywhere(self) -> set[Tensor]:
        """Return the tensors whose gradient is needed of all steps, and those that hand such a one on as it is."""
        needed = {tensor for node in self.deferred for tensor in node.outputs}
        for node in reversed(self.unit.nodes):
            for i, tensor in enumerate(node.inputs):
                outside = tensor.loop is not None and self.maker(tensor) not in self.members
                handed_on = not node.op.reads_of(i) and not node.op.contracts and tensor.spec == node.output.spec
                if handed_on and not isinstance(node.op, Delay) and (outside or tensor in needed):
                    needed.add(node.output)
        return needed & self.backward.schedule.active

    def compute(self) -> None:
        """Sweep over the steps, then form what was deferred."""
        outside = self.backward.gradients.arrays
        self.outer = [(n, each, outside[each]) for n in self.unit.nodes for each in n.outputs if each in outside]
        carried = self._arrivals()
        for t in reversed(range(self.count)):
            carried = self._step(t, carried)
        gradients = self.backward.gradients
        waiting = {}
        for tensor, gradient in self.everywhere.items():
            if (whole := gradient.finish()) is None:
                continue
            waiting[tensor] = whole
            if self.maker(tensor) not in self.members:
                gradients.add(tensor.node, tensor, whole, fresh=gradient.same is None)
        for node, inputs in self.deferred.items():
            if any(tensor in waiting for tensor in node.outputs):
                self.program.node = node
                self.backward.stacked(node, inputs, waiting)
        self.everywhere.clear()
        self.shared.clear()

    def _arrivals(self) -> dict[Tensor, Array]:
        """The gradients of what is handed on at the last step."""
        found = Gradients(self.program, lambda tensor: self._turn(tensor, "arriving", self.count))
        for node in self.delays:
            gradient = self.backward.arrival(node)
            if gradient is not None:
                found.add(node, node.sources[1], gradient, fresh=False)
        return found.arrays

    def _step(self, t: int, carried: dict[Tensor, Array]) -> dict[Tensor, Array]:
        """One step; returns the gradients for the step before it."""
        here = Gradients(self.program, lambda tensor: self._turn(tensor, "sum", t), carried)
        for node, tensor, entering in self.outer:
            here.add(node, tensor, step_of(entering, len(self.backward.lead), t), fresh=False)
        for node, inputs in self.order:
            if all(here.get(tensor) is None for tensor in node.outputs):
                continue
            self.program.node = node
            for tensor in node.outputs if node in self.deferred else ():
                gradient = here.get(tensor)
                if gradient is not None:
                    self.everywhere[tensor].put(node, t, gradient)
            if inputs:
                self._op(node, inputs, t, here)
        before = Gradients(self.program, lambda tensor: self._turn(tensor, "carried", t))
        for node in self.delays:
            gradient, fed = here.get(node.output), node.sources[1]
            if gradient is not None and not t:
                self.backward.begin(node, gradient)
            elif gradient is not None and fed in self.backward.schedule.active:
                before.add(node, fed, self._recent(node, gradient, t), fresh=False)
        return before.arrays

    def _op(self, node: Node, inputs: tuple[int, ...], t: int, here: Gradients) -> None:
        of = self.circle.of
        dys = [here.get(each) for each in node.outputs]
        dy = one_or_all([self._zeros(each) if d is None else d for each, d in zip(node.outputs, dys, strict=True)])
        xs = [of(tensor)[t] for tensor in node.inputs]
        ys = [of(tensor)[t] for tensor in node.outputs] + [hidden[t] for hidden in self.circle.hidden[node]]

        def buffer(i: int) -> Array:
            return self._buffer(node, i, t, here)

        for i, result, fresh in self.backward.contributions(node, inputs, dy, xs, ys, buffer):
            tensor = node.inputs[i]
            if self.maker(tensor) in self.members:
                here.add(node, tensor, result, fresh)
            elif tensor.loop is not None:
                self.everywhere.setdefault(tensor, Everywhere(self, tensor)).put(node, t, result)
            else:
                self._to_invariant(node, tensor, result)

    def _buffer(self, node: Node, i: int, t: int, here: Gradients) -> Array:
        """Make room for the gradient of an input: where it stays, if it is needed of all steps."""
        tensor = node.inputs[i]
        if tensor.loop is not None and self.maker(tensor) not in self.members:
            self.everywhere.setdefault(tensor, Everywhere(self, tensor))
        if tensor in self.everywhere and here.get(tensor) is None and self.everywhere[tensor].free(t):
            return self.everywhere[tensor].view(t)
        return self._turn(tensor, f"{node.index}:{i}", t)

    def _to_invariant(self, node: Node, tensor: Tensor, gradient: Array) -> None:
        """Add to the gradient of something that all steps read; the array of the first step is not the step's own."""
        outside = self.backward.gradients
        if outside.get(tensor) is None:
            self.program.do(node, np.copyto, outside.whole(node, tensor), gradient)
        else:
            outside.add(node, tensor, gradient, fresh=False)

    def _turn(self, tensor: Tensor, use: str, t: int) -> Array:
        """Return an array for one step, the same for every second step."""
        key = (tensor, use, t % 2)
        if key not in self.turns:
            shape = self.forward.run.shape(tensor.spec)
            made = self.backward.memory.by_feature(self.backward.lead, shape, tensor.dtype)
            self.turns[key] = made
            self.parity[id(root(made))] = t % 2
        return self.turns[key]

    def _recent(self, node: Node, gradient: Array, t: int) -> Array:
        """Return a gradient to be carried, copied if its array will be used again by the step it is carried to."""
        if self.parity.get(id(root(gradient)), t % 2) == t % 2:
            return gradient
        copy = self._turn(node.output, "recent", t)
        self.program.do(node, np.copyto, copy, gradient)
        return copy

    def _zeros(self, tensor: Tensor) -> Array:
        """The gradient of an output that nobody used, the same in every step."""
        if tensor not in self.nothing:
            self.nothing[tensor] = np.zeros(self.backward.lead + self.forward.run.shape(tensor.spec), tensor.dtype)
        return self.nothing[tensor]


class Everywhere:
    """The gradient of one tensor at every step, written as the sweep goes down.

    Where it is at every step the very array of another one (an addition hands its gradient on as it is), it stays that
    one's and nothing is copied.
    """

    def __init__(self, sweep: Sweep, tensor: Tensor) -> None:
        self.sweep = sweep
        self.tensor = tensor
        self.array: Array | None = None
        self.views: list[Array] = []
        self.same: Everywhere | None = None
        self.lowest = sweep.count

    def free(self, t: int) -> bool:
        """Tell whether nothing was written at this step yet, so that an op may write here directly."""
        return self.same is None and self.lowest > t

    def view(self, t: int) -> Array:
        """Return the place of a step."""
        if self.array is None:
            self.array = self.sweep.backward.room(self.tensor)
            lead = len(self.sweep.backward.lead)
            self.views = [step_of(self.array, lead, k) for k in range(self.sweep.count)]
            self.sweep.shared.update((id(view), self) for view in self.views)
        return self.views[t]

    def put(self, node: Node, t: int, gradient: Array) -> None:
        """Take the gradient of a step, or add to it."""
        do = self.sweep.program.do
        other = self.sweep.shared.get(id(gradient))
        if self.array is None and other is not None and other is not self and self.lowest == self.sweep.count:
            self.same = other
        self._skipped(node, t)
        if self.same is not other or self.lowest == t:
            self._own(node)
        if self.same is None:
            place = self.view(t)
            if self.lowest == t:
                do(node, np.add, place, gradient, place)
            elif gradient is not place:
                do(node, np.copyto, place, gradient)
        self.lowest = t

    def _own(self, node: Node) -> None:
        """Stop being another's array."""
        if self.same is None:
            return
        same, self.same = self.same, None
        for k in range(self.lowest, self.sweep.count):
            self.sweep.program.do(node, np.copyto, self.view(k), same.views[k])

    def _skipped(self, node: Node, t: int) -> None:
        """Write zeros where no gradient came between the last step written and this one."""
        for k in range(t + 1, self.lowest):
            self._own(node)
            self.sweep.program.do(node, np.copyto, self.view(k), 0)

    def finish(self) -> Array | None:
        """Return the gradients of all steps; None if there was none."""
        if self.lowest == self.sweep.count:
            return None
        for k in range(self.lowest):
            self._own(self.tensor.node)
            self.sweep.program.do(self.tensor.node, np.copyto, self.view(k), 0)
        return self.array if self.same is None else self.same.array
