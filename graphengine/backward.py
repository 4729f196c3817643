"""The backward pass of a plan: units in reverse, every op's own `backward`, contributions added up.

A gradient has the shape of its value behind the axes of the seeds; a value of a loop's body has a gradient for all
steps, in the order of processing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphengine import errors
from graphengine.forward import Forward, explained, one_or_all
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepSlice
from graphengine.op import check_gradient, placeholder_array, sum_to
from graphengine.passes.split import Unit
from graphengine.spec import Array


class Gradients:
    """Gradients by tensor, added up in place where the array is ours, and never in one that somebody else holds."""

    def __init__(self) -> None:
        self.arrays: dict[Tensor, Array] = {}
        self._ours: set[Tensor] = set()

    def add(self, tensor: Tensor, gradient: Array, fresh: bool) -> None:
        """Add a contribution; `fresh` tells that nobody else holds the array."""
        before = self.arrays.get(tensor)
        if before is None:
            self.arrays[tensor] = gradient
            if fresh:
                self._ours.add(tensor)
        elif tensor in self._ours:
            before += gradient
        else:
            self.arrays[tensor] = np.asarray(before + gradient)
            self._ours.add(tensor)

    def slab(self, tensor: Tensor, shape: tuple[int, ...]) -> Array:
        """Return the gradient as an array to write parts of, zeros at first."""
        if tensor not in self.arrays:
            self.arrays[tensor] = np.zeros(shape, tensor.dtype)
        elif tensor not in self._ours:
            self.arrays[tensor] = self.arrays[tensor].copy()
        self._ours.add(tensor)
        return self.arrays[tensor]

    def get(self, tensor: Tensor) -> Array | None:
        """Return the sum so far."""
        return self.arrays.get(tensor)

    def pop(self, tensor: Tensor) -> None:
        """Forget a gradient that nobody will ask for."""
        self.arrays.pop(tensor, None)
        self._ours.discard(tensor)

    def owned(self, tensor: Tensor) -> Array:
        """Return a gradient as an array that nobody else holds."""
        array = self.arrays[tensor]
        return array if tensor in self._ours and array.base is None else array.copy()


class Backward:
    """One backward pass over what a forward pass left behind."""

    def __init__(self, forward: Forward, seeds: Mapping[Tensor, Array]) -> None:
        self.forward = forward
        self.plan = forward.plan
        self.gradients = Gradients()
        self.node: Node | None = None
        self.lead: tuple[int, ...] = ()
        for tensor, seed in seeds.items():
            self.lead = seed.shape[: seed.ndim - len(tensor.shape)]
            self.gradients.add(tensor, seed, fresh=False)

    def compute(self) -> dict[Tensor, Array]:
        """Return the gradients that the plan was asked for."""
        asked = set(self.plan.differentiated)
        try:
            with np.errstate(over="ignore", under="ignore"):
                for unit in reversed(self.plan.units):
                    if unit.stepwise:
                        CircleBackward(self, unit).compute()
                    else:
                        self._once(unit.nodes[0])
                    for node in unit.nodes:
                        for tensor in node.outputs:
                            if tensor not in asked:
                                self.gradients.pop(tensor)
        except errors.GraphError as problem:
            assert self.node is not None
            raise explained(problem, self.node) from None
        except Exception as problem:
            if self.node is not None:
                problem.add_note(f"in the backward of {self.node.path}: {self.node.op}{errors.at(self.node.location)}")
            raise
        for tensor in asked - set(self.gradients.arrays):
            self.gradients.slab(tensor, self.shape(tensor))
        return {tensor: self.gradients.owned(tensor) for tensor in self.plan.differentiated}

    def shape(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape of a tensor's gradient, of all steps if it has some."""
        steps = () if tensor.loop is None else (self.forward.count(tensor.loop),)
        return self.lead + steps + self.forward.run.shape(tensor.spec)

    def steps_of(self, array: Array) -> Array:
        """View an array of gradients with the axis of the steps in front."""
        return np.moveaxis(array, len(self.lead), 0)

    def _once(self, node: Node) -> None:
        self.node = node
        if all(self.gradients.get(tensor) is None for tensor in node.outputs):
            return
        border = BORDER.get(type(node.op))
        if border is not None:
            border(self, node, self.gradients.arrays[node.output])
        elif self.plan.wanted[node]:
            self.stacked(node, self.plan.wanted[node], self.gradients)

    def stacked(self, node: Node, wanted: tuple[int, ...], gradients: Gradients) -> None:
        """Add the contributions of a node to its inputs, of all steps at once where it has steps.

        `gradients` holds those of its outputs.
        """
        alignment = self.plan.alignments.get(node)
        dy = self._of_outputs(node, gradients)
        xs = [self._value(tensor) for tensor in node.inputs]
        if alignment is not None:
            xs = [alignment.widen(i, x) for i, x in enumerate(xs)]
        for i, result, fresh in self.call(node, wanted, dy, xs, self._results(node)):
            result = sum_to(result, xs[i].shape, len(self.lead))
            if alignment is not None:
                result = alignment.narrow(i, result, len(self.lead))
            check_gradient(i, result, self.shape(node.inputs[i]), node.inputs[i].dtype)
            self.gradients.add(node.inputs[i], result, fresh)

    def _value(self, tensor: Tensor) -> Array:
        """A value, or its stand-in where the forward pass kept none because nobody reads it."""
        value = self.forward.values.get(tensor)
        return placeholder_array(self.shape(tensor)[len(self.lead) :], tensor.dtype) if value is None else value

    def _results(self, node: Node) -> list[Array]:
        """The outputs and hidden arrays of a node, or their stand-ins."""
        hidden = list(self.forward.hidden.get(node, ()))
        if not hidden:
            steps = () if node.loop is None else (self.forward.count(node.loop),)
            specs = self.plan.hidden_specs.get(node, ())
            hidden = [placeholder_array(steps + self.forward.run.shape(spec), spec.dtype) for spec in specs]
        return [self._value(tensor) for tensor in node.outputs] + hidden

    def _of_outputs(self, node: Node, gradients: Gradients) -> Any:
        """The gradients of a node's outputs as its op takes them; zeros for outputs that nobody used."""
        found = []
        for tensor in node.outputs:
            gradient = gradients.get(tensor)
            found.append(np.zeros(self.shape(tensor), tensor.dtype) if gradient is None else gradient)
        return one_or_all(found)

    def call(
        self, node: Node, wanted: tuple[int, ...], dy: Any, xs: list[Array], ys: list[Array]
    ) -> list[tuple[int, Array, bool]]:
        """Call the backward of a node's op: for every wanted input the gradient, and whether the array is new.

        The op sees what it declared to read; the rest is NaN.
        """
        op = node.op
        if op.together:
            shown = _shown(op.reads_together(wanted), xs, ys)
            every = op.backward_all(wanted, dy, *shown)
        else:
            every = [op.backward(i, dy, *_shown(op.reads_of(i), xs, ys)) for i in wanted]
        known = [*every, *(dy if isinstance(dy, tuple) else (dy,))]
        return [(i, np.asarray(result), _fresh(result, known)) for i, result in zip(wanted, every, strict=True)]

    def _slice(self, node: Node, dy: Array) -> None:
        op, x = node.op, node.inputs[0]
        assert isinstance(op, StepSlice)
        whole = self.gradients.slab(x, self.shape(x))
        ordered = np.moveaxis(whole, op.axis, 0)
        part = (ordered[::-1] if op.reverse else ordered)[: dy.shape[len(self.lead)]]
        part += self.steps_of(dy)

    def _shift(self, node: Node, dy: Array) -> None:
        steps = self.steps_of(dy)
        initial, fed = node.sources
        if len(steps) and initial in self.plan.active:
            self.gradients.add(initial, steps[0, ...], fresh=False)
        if fed in self.plan.active and fed.loop is None:
            self.gradients.add(fed, np.asarray(steps[1:].sum(axis=0)), fresh=True)
        elif fed in self.plan.active:
            part = self.steps_of(self.gradients.slab(fed, self.shape(fed)))[: max(len(steps) - 1, 0)]
            part += steps[1:]

    def _stack(self, node: Node, dy: Array) -> None:
        op, x = node.op, node.inputs[0]
        assert isinstance(op, StackSteps)
        assert x.loop is not None
        ordered = np.moveaxis(dy, op.axis, len(self.lead))
        before = (slice(None),) * len(self.lead)
        if op.reverse:
            ordered = ordered[(*before, slice(None, None, -1))]
        self.gradients.add(x, ordered[(*before, slice(self.forward.count(x.loop)))], fresh=False)

    def _last(self, node: Node, dy: Array) -> None:
        x = node.inputs[0]
        last = self.steps_of(self.gradients.slab(x, self.shape(x)))[-1, ...]
        last += dy


BORDER: dict[type, Callable[[Backward, Node, Array], None]] = {
    StepSlice: Backward._slice,
    Delay: Backward._shift,
    StackSteps: Backward._stack,
    LastStep: Backward._last,
}


class CircleBackward:
    """The backward sweep over a stepwise unit: from the last step to the first, carrying gradients through delays."""

    def __init__(self, backward: Backward, unit: Unit) -> None:
        self.backward = backward
        self.forward = backward.forward
        self.unit = unit
        assert unit.loop is not None
        self.loop: Loop = unit.loop
        self.circle = self.forward.circles[unit]
        self.members = set(unit.nodes)
        self.delays = [node for node in unit.nodes if isinstance(node.op, Delay)]
        wanted = backward.plan.wanted
        self.deferred = {node: inputs for node, inputs in backward.plan.deferred[unit].items() if inputs}
        self.order = [
            (node, tuple(i for i in wanted[node] if i not in self.deferred.get(node, ())))
            for node in reversed(unit.nodes)
            if wanted[node]
        ]
        self.waiting = Gradients()

    def compute(self) -> None:
        """Sweep over the steps, then form what was deferred."""
        carried = Gradients()
        for t in reversed(range(self.forward.count(self.loop))):
            carried = self._step(t, carried)
        for tensor, gradient in carried.arrays.items():
            self.backward.gradients.add(tensor, gradient, fresh=False)
        for node, inputs in self.deferred.items():
            if any(tensor in self.waiting.arrays for tensor in node.outputs):
                self.backward.node = node
                self.backward.stacked(node, inputs, self.waiting)

    def _step(self, t: int, carried: Gradients) -> Gradients:
        """One step; returns the gradients for the step before it, or for the initial values at the first."""
        backward, here = self.backward, carried
        plan = backward.plan
        for node in self.unit.nodes:
            for tensor in node.outputs:
                outer = backward.gradients.get(tensor)
                if outer is not None:
                    here.add(tensor, self._at(outer, t), fresh=False)
        for node, inputs in self.order:
            if all(here.get(tensor) is None for tensor in node.outputs):
                continue
            backward.node = node
            if node in self.deferred:
                for tensor in node.outputs:
                    gradient = here.get(tensor)
                    if gradient is not None:
                        self._at(self.waiting.slab(tensor, backward.shape(tensor)), t)[...] = gradient
            if inputs:
                self._op(node, inputs, t, here)
        before = Gradients()
        for node in self.delays:
            gradient = here.get(node.output)
            target = node.sources[1 if t else 0]
            if gradient is not None and target in plan.active:
                before.add(target, gradient, fresh=False)
        return before

    def _op(self, node: Node, inputs: tuple[int, ...], t: int, here: Gradients) -> None:
        backward, steps = self.backward, self.circle.steps
        found = []
        for tensor in node.outputs:
            gradient = here.get(tensor)
            blank = backward.lead + self.forward.run.shape(tensor.spec)
            found.append(np.zeros(blank, tensor.dtype) if gradient is None else gradient)
        xs = [steps[tensor][t] for tensor in node.inputs]
        ys = [steps[tensor][t] for tensor in node.outputs] + [hidden[t] for hidden in self.circle.hidden[node]]
        for i, result, fresh in backward.call(node, inputs, one_or_all(found), xs, ys):
            tensor, x = node.inputs[i], xs[i]
            result = sum_to(result, x.shape, len(backward.lead))
            check_gradient(i, result, backward.lead + x.shape, tensor.dtype)
            if tensor.node in self.members:
                here.add(tensor, result, fresh)
            elif tensor.loop is not None:
                self._at(backward.gradients.slab(tensor, backward.shape(tensor)), t)[...] += result
            else:
                backward.gradients.add(tensor, result, fresh)

    def _at(self, array: Array, t: int) -> Array:
        """View the part of step `t`."""
        place: tuple[Any, ...] = (*(slice(None),) * len(self.backward.lead), t, ...)
        part: Array = array[place]
        return part


def _shown(declared: str, xs: list[Array], ys: list[Array]) -> tuple[tuple[Array, ...], Any]:
    """Return inputs and outputs as a backward that declares what it reads may see them."""
    if declared == "*":
        return tuple(xs), one_or_all(ys)
    words = declared.split()
    shown_x = tuple(x if f"x{i}" in words else placeholder_array(x.shape, x.dtype) for i, x in enumerate(xs))
    return shown_x, one_or_all(ys if "y" in words else [placeholder_array(y.shape, y.dtype) for y in ys])


def _fresh(result: Array, known: list[Array]) -> bool:
    """Tell whether an op returned a new array, and only here: no view, nothing that stands twice among those known."""
    return isinstance(result, np.ndarray) and result.base is None and sum(result is each for each in known) == 1
