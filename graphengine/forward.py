"""The forward pass of a plan: compute the values of units in order.

A value of a loop's body is kept as `[time, ...]`, steps in the order of processing, and each step `[batch, features]`
stands feature by feature in memory: then the gates that a product makes side by side are contiguous blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphengine import errors
from graphengine.circle import Circle
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepCount, StepSlice, time_first
from graphengine.memory import Memory
from graphengine.op import Op, Source, one_or_all, several
from graphengine.passes.split import Unit
from graphengine.program import Program
from graphengine.run import RunContext
from graphengine.spec import Array, Spec

if TYPE_CHECKING:
    from graphengine.plan import Plan


def copy_views(op: Op, shape: Any, xs: Sequence[Array], into: Sequence[Array]) -> None:
    """Copy what a view op sees into arrays of ours."""
    for target, view in zip(into, several(op.view(shape, *xs)), strict=True):
        np.copyto(target, view)


class Forward:
    """The forward pass for one set of sizes; afterwards it holds what backward pass and results are read from."""

    def __init__(self, plan: Plan, run: RunContext, *, gradients: bool, dry: bool = False) -> None:
        self.plan = plan
        self.run = run
        self.schedule = plan.lowered
        self.gradients = gradients
        self.kept = self.schedule.kept[gradients]
        self.memory = Memory()
        self.program = Program(dry)
        self.values: dict[Tensor, Array] = {}
        self.hidden: dict[Node, list[Array | None]] = {}
        self.counts: dict[Loop, int] = {}
        self.circles: dict[Unit, Circle] = {}

    def compute(self) -> None:
        """Run everything for the first time."""
        for unit in self.schedule.units:
            self.unit(unit)

    def unit(self, unit: Unit) -> None:
        """Run a unit for the first time."""
        self.program.begin(unit.nodes)
        if unit.stepwise:
            self._stepwise(unit)
        else:
            self.once(unit.nodes[0])

    def parts(self) -> list[Forward]:
        """All that repeats calls: itself, and what runs inside it."""
        return [self]

    def release(self) -> None:
        """Let go of all arrays, which otherwise wait for Python to find circles of references."""
        for part in self.parts():
            part.program.clear()
            part.circles.clear()
            part.values.clear()
            part.hidden.clear()

    def again(self, run: RunContext) -> None:
        """Run on other feeds of the same sizes."""
        self.run = run
        self.program.repeat()

    def count(self, loop: Loop) -> int:
        """How many steps a loop runs: all, unless it has ended early."""
        return self.counts.get(loop, self.run.steps(loop))

    def once(self, node: Node) -> None:
        """Compute a node outside circles, for all steps at once where it has steps."""
        self.program.node = node
        op, loop = node.op, node.loop
        if isinstance(op, Source):
            self.source(node, op)
        elif type(op) in BORDER:
            self.values[node.output] = BORDER[type(op)](self, node)
        else:
            self._apply(node)
        if loop is not None and loop.until_node is not None and self.schedule.maker(loop.until_node) is node:
            done = self.values[loop.until_node]
            ended = np.flatnonzero(done.all(axis=tuple(range(1, done.ndim))))
            self._end(loop, int(ended[0]) + 1 if len(ended) and not self.program.dry else len(done))

    def source(self, node: Node, op: Source) -> None:
        """Take a value from outside: as it is where it is the same in every run, else copied into an array of ours."""
        if op.steady:
            value = op.value(node, self.run)
        else:
            steps = () if node.loop is None else (self.run.steps(node.loop),)
            value = self.memory.empty(steps + self.run.shape(node.output.spec), node.output.dtype)
            self.program.do(node, self._refresh, node, op, value)
        self.values[node.output] = value[: self.counts[node.loop]] if node.loop in self.counts else value

    def _refresh(self, node: Node, op: Source, array: Array) -> None:
        np.copyto(array, op.value(node, self.run))

    def _apply(self, node: Node) -> None:
        op, loop = node.op, node.loop
        alignment = self.schedule.alignments.get(node)
        xs = [self.values[tensor] for tensor in node.inputs]
        if alignment is not None:
            xs = [alignment.widen(i, x) for i, x in enumerate(xs)]
        if op.is_view:
            self._view(node, xs)
            return
        before = None if loop is None else self.count(loop)
        outs = [self.empty(tensor.spec, before) for tensor in node.outputs]
        hidden = [self.empty(spec, before) for spec in self.schedule.hidden_specs.get(node, ())]
        self.program.do(node, *op.bound(one_or_all(outs + hidden), *xs))
        self.values.update(zip(node.outputs, outs, strict=True))
        self.hidden[node] = list(hidden)

    def _view(self, node: Node, xs: list[Array]) -> None:
        """Take views once; where strides force a copy, it is made in every run."""
        shape = self.shapes(node)
        found = several(node.op.view(shape, *xs))
        if not all(np.may_share_memory(each, xs[0]) for each in found):
            found = tuple(self.memory.empty(each.shape, each.dtype) for each in found)
            self.program.do(node, copy_views, node.op, shape, xs, found)
        self.values.update(zip(node.outputs, found, strict=True))

    def shapes(self, node: Node) -> Any:
        """The shapes of a node's outputs as its op takes them: alone, or as a tuple."""
        shapes = tuple(self.run.shape(tensor.spec) for tensor in node.outputs)
        return shapes[0] if len(shapes) == 1 else shapes

    def empty(self, spec: Spec, steps: int | None = None) -> Array:
        """Make an array for a spec, or for a number of its steps."""
        shape = self.run.shape(spec)
        if steps is None:
            return self.memory.empty(shape, spec.dtype)
        return self.memory.by_feature((steps,), shape, spec.dtype)

    def initial(self, delay: Node) -> Array:
        """The value of a delay at the first step."""
        return self.values[delay.inputs[0]]

    def _end(self, loop: Loop, count: int) -> None:
        """End a loop early: what was computed for later steps never happened."""
        self.counts[loop] = count
        for tensor, value in self.values.items():
            if tensor.loop is loop:
                self.values[tensor] = value[:count]
        for node, hidden in self.hidden.items():
            if node.loop is loop:
                self.hidden[node] = [None if array is None else array[:count] for array in hidden]

    def _slice(self, node: Node) -> Array:
        op = node.op
        assert isinstance(op, StepSlice)
        assert node.loop is not None
        return time_first(self.values[node.inputs[0]], op.axis, op.reverse)[: self.count(node.loop)]

    def _shift(self, node: Node) -> Array:
        """A delay whose value does not depend on it."""
        assert node.loop is not None
        assert node.feeds is not None
        count = self.count(node.loop)
        value = self.empty(node.output.spec, count)
        fed = self.values[node.feeds]
        self.program.do(node, np.copyto, value[:1], self.initial(node))
        self.program.do(node, np.copyto, value[1:], fed if node.feeds.loop is None else fed[: max(count - 1, 0)])
        return value

    def _stack(self, node: Node) -> Array:
        op = node.op
        assert isinstance(op, StackSteps)
        steps = self.values[node.inputs[0]]
        shape = self.run.shape(node.output.spec)
        whole = len(steps) == shape[op.axis]
        value = self.memory.empty(shape, steps.dtype)
        if not whole:
            value[...] = 0
        self.program.do(node, np.copyto, time_first(value, op.axis, op.reverse)[: len(steps)], steps)
        return value

    def _last(self, node: Node) -> Array:
        steps = self.values[node.inputs[0]]
        if not len(steps):
            raise errors.FeedError(f"{node.inputs[0].loop} has no steps, so there is no last one")
        return steps[-1, ...]

    def _count_steps(self, node: Node) -> Array:
        return np.asarray(len(self.values[node.inputs[0]]), np.int64)

    def _stepwise(self, unit: Unit) -> None:
        """Run a circle step by step."""
        loop = unit.loop
        assert loop is not None
        circle = self.circles[unit] = Circle(self, unit, self.count(loop))
        done = circle.steps.get(loop.until_node) if loop.until_node is not None else None
        ran = circle.count
        for t in range(circle.count):
            for node, outs, xs in circle.calls:
                self.program.do(node, *node.op.bound(one_or_all([out[t] for out in outs]), *[x[t] for x in xs]))
            if t + 1 < circle.count:
                for node, target, source in circle.copies:
                    self.program.do(node, np.copyto, target[t + 1], source[t])
            if done is not None and not self.program.dry and done[t].all():
                ran = t + 1
                break
        if done is not None:
            self._end(loop, ran)


BORDER: dict[type, Callable[[Forward, Node], Array]] = {
    StepSlice: Forward._slice,
    Delay: Forward._shift,
    StackSteps: Forward._stack,
    LastStep: Forward._last,
    StepCount: Forward._count_steps,
}
