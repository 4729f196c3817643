"""The backward pass of a plan: units in reverse, every op's own `backward`, contributions added up.

A gradient has the shape of its value behind the axes of the seeds; a value of a loop's body has a gradient for all
steps, in the order of processing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from graphengine.forward import Forward
from graphengine.gradients import Gradients, step_of
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, StackSteps, StepSlice, time_first
from graphengine.memory import Memory
from graphengine.op import Op, check_gradient, one_or_all, placeholder_array, several, sum_to
from graphengine.passes.split import Unit
from graphengine.program import Program
from graphengine.spec import Array
from graphengine.sweep import Sweep

Shown: TypeAlias = tuple[tuple[Array, ...], Any]


class Backward:
    """The backward pass over what a forward pass leaves behind."""

    def __init__(self, forward: Forward, seeds: Mapping[Tensor, Array]) -> None:
        self.forward = forward
        self.plan = forward.plan
        self.schedule = forward.schedule
        self.memory = Memory()
        self.program = Program(forward.program.dry)
        self.seeds = seeds
        self.gradients = Gradients(self.program, self.room)
        self.asked = set(self.plan.differentiated)
        self.lead: tuple[int, ...] = ()
        self._whole: dict[tuple[Node, int], bool] = {}

    def compute(self) -> None:
        """Sweep for the first time."""
        for tensor, seed in self.seeds.items():
            self.lead = seed.shape[: seed.ndim - len(tensor.shape)]
            array = self.memory.empty(seed.shape, seed.dtype)
            self.program.do(tensor.node, self._enter, tensor, array)
            self.gradients.add(tensor.node, tensor, array, fresh=False)
        self.sweep()
        for tensor in self.asked - set(self.gradients.arrays):
            self.gradients.whole(tensor.node, tensor)

    def sweep(self) -> None:
        """Go over all units, the last first."""
        for unit in reversed(self.schedule.units):
            self.unit(unit)

    def unit(self, unit: Unit) -> None:
        """Go over one unit."""
        self.program.begin(unit.nodes)
        if unit.stepwise:
            Sweep(self, unit).compute()
        else:
            self.once(unit.nodes[0])
        self.forget(unit.nodes)

    def forget(self, nodes: Iterable[Node]) -> None:
        """Let go of the gradients of what nodes made, which nobody will ask for."""
        for node in nodes:
            for tensor in node.outputs:
                if tensor not in self.asked:
                    self.gradients.pop(tensor)

    def parts(self) -> list[Backward]:
        """All that repeats calls: itself, and what runs inside it."""
        return [self]

    def release(self) -> None:
        """Let go of all arrays."""
        for part in self.parts():
            part.program.clear()
            del part.gradients

    def again(self, seeds: Mapping[Tensor, Array]) -> None:
        """Sweep over what the forward pass left behind this time."""
        self.seeds = seeds
        self.program.repeat()

    def _enter(self, tensor: Tensor, array: Array) -> None:
        np.copyto(array, self.seeds[tensor])

    def shape(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape of a tensor's gradient, of all steps if it has some."""
        steps = () if tensor.loop is None else (self.forward.count(tensor.loop),)
        return self.lead + steps + self.forward.run.shape(tensor.spec)

    def room(self, tensor: Tensor) -> Array:
        """Make an array for a gradient, laid out as the value is."""
        if tensor.loop is None:
            return self.memory.empty(self.shape(tensor), tensor.dtype)
        before = (*self.lead, self.forward.count(tensor.loop))
        return self.memory.by_feature(before, self.forward.run.shape(tensor.spec), tensor.dtype)

    def steps_of(self, array: Array) -> Array:
        """View an array of gradients with the axis of the steps in front."""
        return np.moveaxis(array, len(self.lead), 0)

    def once(self, node: Node) -> None:
        """Go over a node outside circles, for all steps at once where it has steps."""
        self.program.node = node
        if all(self.gradients.get(tensor) is None for tensor in node.outputs):
            return
        border = BORDER.get(type(node.op))
        if border is not None:
            border(self, node, self.gradients.arrays[node.output])
        elif self.schedule.wanted[node]:
            self.stacked(node, self.schedule.wanted[node], self.gradients.arrays)

    def stacked(self, node: Node, wanted: tuple[int, ...], gradients: Mapping[Tensor, Array]) -> None:
        """Add the contributions of a node to its inputs, of all steps at once where it has steps.

        `gradients` holds those of its outputs.
        """
        alignment = self.schedule.alignments.get(node)
        dy = one_or_all([
            gradients[each] if each in gradients else np.zeros(self.shape(each), each.dtype) for each in node.outputs
        ])
        xs = [self._value(tensor) for tensor in node.inputs]
        if alignment is not None:
            xs = [alignment.widen(i, x) for i, x in enumerate(xs)]

        def buffer(i: int) -> Array:
            room = self.room(node.inputs[i])
            return room if alignment is None else alignment.widen(i, room, len(self.lead))

        for i, result, fresh in self.contributions(node, wanted, dy, xs, self._results(node), buffer):
            narrow = result if alignment is None else alignment.narrow(i, result, len(self.lead))
            self.gradients.add(node, node.inputs[i], narrow, fresh)

    def _value(self, tensor: Tensor) -> Array:
        """A value, or its stand-in where the forward pass kept none because nobody reads it."""
        value = self.forward.values.get(tensor)
        return placeholder_array(self.shape(tensor)[len(self.lead) :], tensor.dtype) if value is None else value

    def _results(self, node: Node) -> list[Array]:
        """The outputs and hidden arrays of a node, or their stand-ins."""
        specs = self.schedule.hidden_specs.get(node, ())
        steps = () if node.loop is None else (self.forward.count(node.loop),)
        found = self.forward.hidden.get(node) or [None] * len(specs)
        hidden = [
            placeholder_array(steps + self.forward.run.shape(spec), spec.dtype) if array is None else array
            for spec, array in zip(specs, found, strict=True)
        ]
        return [self._value(tensor) for tensor in node.outputs] + hidden

    def contributions(
        self,
        node: Node,
        wanted: tuple[int, ...],
        dy: Any,
        xs: list[Array],
        ys: list[Array],
        buffer: Callable[[int], Array],
    ) -> list[tuple[int, Array, bool]]:
        """Call the backward of a node's op: for every wanted input the gradient, and whether nobody else holds it.

        The op sees what it declared to read; the rest is NaN. `buffer` makes the array for the gradient of an input; a
        gradient that is a view of the incoming one needs none, and no call in later runs either.
        """
        op = node.op
        if op.together:
            outs = [buffer(i) for i in wanted]
            shown_x, shown_y = _shown(op.reads_together(wanted), xs, ys)
            usual = (all_into, op, wanted, dy, shown_x, shown_y, outs, len(self.lead))
            self._do(node, op.bound_backward(wanted, dy, shown_x, shown_y, outs) or usual, (dy, shown_x, shown_y, outs))
            return [(i, out, True) for i, out in zip(wanted, outs, strict=True)]
        found = []
        for i in wanted:
            shown = _shown(op.reads_of(i), xs, ys)
            shape = self.lead + xs[i].shape
            if (passed := self._passed(op, i, dy, shown, shape)) is not None:
                found.append((i, passed, False))
                continue
            out = buffer(i)
            self._fill(node, i, dy, shown, out, self._fits(node, i, xs, ys))
            found.append((i, out, True))
        return found

    def _do(self, node: Node, call: tuple[Any, ...], given: Any) -> None:
        """Make a call that an op has bound on what it was given, and on arrays of its own."""
        if self.program.dry:
            self.memory.adopt(call, given)
        self.program.do(node, *call)

    def _passed(self, op: Op, i: int, dy: Any, shown: Shown, shape: tuple[int, ...]) -> Array | None:
        """Return the gradient of an input where it is the incoming one or a view of it."""
        if op.reads_of(i) or op.contracts:
            return None
        result = np.asarray(op.backward(i, dy, *shown))
        view = any(np.may_share_memory(result, each) for each in several(dy))
        return result if view and result.shape == shape else None

    def _fill(self, node: Node, i: int, dy: Any, shown: Shown, out: Array, fits: bool) -> None:
        """Put the gradient of an input into an array, as directly as the op can."""
        op, lead = node.op, len(self.lead)
        if fits and (call := op.bound_backward((i,), dy, *shown, outs=(out,))) is not None:
            self._do(node, call, (dy, shown, out))
            return
        if self.program.dry:
            self.program.keep(node, into, op, i, dy, *shown, out, lead)
            return
        result = np.asarray(op.backward(i, dy, *shown, out=out if fits else None))
        if result is out:
            self.program.keep(node, op.backward, i, dy, *shown, out)
            return
        result = sum_to(result, out.shape[lead:], lead)
        check_gradient(i, result, out.shape, out.dtype)
        np.copyto(out, result)
        self.program.keep(node, into, op, i, dy, *shown, out, lead)

    def _fits(self, node: Node, i: int, xs: list[Array], ys: list[Array]) -> bool:
        """Tell whether an input's gradient comes out of its op in the input's own shape, not stretched by others."""
        if (node, i) not in self._whole:
            cores, outputs = node.op.core(len(node.inputs))
            x, y = xs[i], ys[0]
            stretched = x.shape[: x.ndim - len(cores[i])] != y.shape[: y.ndim - len(outputs[0])]
            self._whole[node, i] = node.op.contracts or not stretched
        return self._whole[node, i]

    def _slice(self, node: Node, dy: Array) -> None:
        op, x = node.op, node.inputs[0]
        assert isinstance(op, StepSlice)
        lead = len(self.lead)
        ordered = time_first(self.gradients.whole(node, x), op.axis, op.reverse, lead)
        part = step_of(ordered, lead, slice(dy.shape[lead]))
        self.program.do(node, np.add, part, dy, part)

    def _shift(self, node: Node, dy: Array) -> None:
        steps = self.steps_of(dy)
        _, fed = node.sources
        if len(steps):
            self.begin(node, steps[0, ...])
        if fed not in self.schedule.active:
            return
        if fed.loop is None:
            last = self.room(fed)
            self.program.do(node, np.sum, steps[1:], 0, None, last)
            self.gradients.add(node, fed, last, fresh=True)
        else:
            whole = self.steps_of(self.gradients.whole(node, fed))
            part, last = whole[: max(len(steps) - 1, 0)], whole[-1:]
            self.program.do(node, np.add, part, steps[1:], part)
        if (gradient := self.arrival(node)) is not None:
            self.program.do(node, np.add, last, gradient, last)

    def begin(self, delay: Node, gradient: Array) -> None:
        """Take the gradient of a delay's value at the first step."""
        if delay.inputs[0] in self.schedule.active:
            self.gradients.add(delay, delay.inputs[0], gradient, fresh=False)

    def arrival(self, delay: Node) -> Array | None:
        """The gradient of what a delay hands on at the last step."""
        return None

    def _stack(self, node: Node, dy: Array) -> None:
        op, x = node.op, node.inputs[0]
        assert isinstance(op, StackSteps)
        assert x.loop is not None
        lead = len(self.lead)
        ordered = time_first(dy, op.axis, op.reverse, lead)
        self.gradients.add(node, x, step_of(ordered, lead, slice(self.forward.count(x.loop))), fresh=False)

    def _last(self, node: Node, dy: Array) -> None:
        x = node.inputs[0]
        last = self.steps_of(self.gradients.whole(node, x))[-1, ...]
        self.program.do(node, np.add, last, dy, last)


BORDER: dict[type, Callable[[Backward, Node, Array], None]] = {
    StepSlice: Backward._slice,
    Delay: Backward._shift,
    StackSteps: Backward._stack,
    LastStep: Backward._last,
}


def into(op: Op, i: int, dy: Any, xs: tuple[Array, ...], y: Any, out: Array, lead: int) -> None:
    """Put the gradient of one input into an array, undoing broadcasting."""
    np.copyto(out, sum_to(np.asarray(op.backward(i, dy, xs, y)), out.shape[lead:], lead))


def all_into(
    op: Op, wanted: tuple[int, ...], dy: Any, xs: tuple[Array, ...], y: Any, outs: Sequence[Array], lead: int
) -> None:
    """Put the gradients of several inputs into arrays, undoing broadcasting where the op has not filled them."""
    for i, out, result in zip(wanted, outs, op.backward_all(wanted, dy, xs, y, outs), strict=True):
        if result is not out:
            found = sum_to(np.asarray(result), out.shape[lead:], lead)
            check_gradient(i, found, out.shape, out.dtype)
            np.copyto(out, found)


def _shown(declared: str, xs: list[Array], ys: list[Array]) -> Shown:
    """Return inputs and outputs as a backward that declares what it reads may see them."""
    if declared == "*":
        return tuple(xs), one_or_all(ys)
    inputs, outputs = _declared(declared)
    shown_x = tuple([x if i in inputs else placeholder_array(x.shape, x.dtype) for i, x in enumerate(xs)])
    return shown_x, one_or_all(ys if outputs else [placeholder_array(y.shape, y.dtype) for y in ys])


@cache
def _declared(declared: str) -> tuple[frozenset[int], bool]:
    """Read which inputs, and whether the outputs, are declared."""
    words = declared.split()
    return frozenset(int(word[1:]) for word in words if word != "y"), "y" in words
