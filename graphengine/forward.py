"""The forward pass of a plan: compute the values of units in order.

A value of a loop's body is kept as `[time, ...]`, steps in the order of processing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphengine import errors
from graphengine.circle import Circle
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepCount, StepSlice, time_first
from graphengine.op import Source
from graphengine.passes.split import Unit
from graphengine.run import RunContext
from graphengine.spec import Array, Spec

if TYPE_CHECKING:
    from graphengine.plan import Plan


def explained(problem: errors.GraphError, node: Node) -> errors.GraphError:
    """Return a run-time problem with the node's path, op, inputs and the line that made it."""
    shown = ", ".join(f"{tensor.name} {tensor.spec}" for tensor in node.inputs)
    return type(problem)(f"{node.path}: {node.op}({shown}): {problem}{errors.at(node.location)}")


def one_or_all(arrays: Sequence[Array]) -> Any:
    """Return arrays in the form that ops take them: alone, or as a tuple."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


class Forward:
    """One forward pass; afterwards it holds what the backward pass and the run's results are read from."""

    def __init__(self, plan: Plan, run: RunContext, *, gradients: bool) -> None:
        self.plan = plan
        self.run = run
        self.kept = plan.kept[gradients]
        self.values: dict[Tensor, Array] = {}
        self.hidden: dict[Node, list[Array]] = {}
        self.counts: dict[Loop, int] = {}
        self.circles: dict[Unit, Circle] = {}
        self.node: Node | None = None

    def compute(self) -> None:
        """Run every unit; errors name the node at fault."""
        try:
            with np.errstate(over="ignore", under="ignore"):
                for unit in self.plan.units:
                    if unit.stepwise:
                        self._stepwise(unit)
                    else:
                        self._once(unit.nodes[0])
        except errors.GraphError as problem:
            assert self.node is not None
            raise explained(problem, self.node) from None
        except Exception as problem:
            if self.node is not None:
                problem.add_note(f"while computing {self.node.path}: {self.node.op}{errors.at(self.node.location)}")
            raise

    def count(self, loop: Loop) -> int:
        """How many steps a loop runs: all, unless it has ended early."""
        return self.counts.get(loop, self.run.steps(loop))

    def _once(self, node: Node) -> None:
        """Compute a node outside circles, for all steps at once where it has steps."""
        self.node = node
        op, loop = node.op, node.loop
        if isinstance(op, Source):
            value = op.value(node, self.run)
            if loop is not None and loop in self.counts:
                value = value[: self.counts[loop]]
            self.values[node.output] = value
        elif type(op) in BORDER:
            self.values[node.output] = BORDER[type(op)](self, node)
        else:
            self._apply(node)
        if loop is not None and loop.until_node is not None and loop.until_node.node is node:
            done = self.values[loop.until_node]
            ended = np.flatnonzero(done.all(axis=tuple(range(1, done.ndim))))
            self._end(loop, int(ended[0]) + 1 if len(ended) else len(done))

    def _apply(self, node: Node) -> None:
        op, loop = node.op, node.loop
        alignment = self.plan.alignments.get(node)
        xs = [self.values[tensor] for tensor in node.inputs]
        if alignment is not None:
            xs = [alignment.widen(i, x) for i, x in enumerate(xs)]
        before = () if loop is None else (self.count(loop),)
        if op.is_view:
            views = op.view(self.shapes(node), *xs)
            several = views if isinstance(views, tuple) else (views,)
            self.values.update(zip(node.outputs, several, strict=True))
            return
        outs = [self.empty(tensor.spec, before) for tensor in node.outputs]
        hidden = [self.empty(spec, before) for spec in self.plan.hidden_specs.get(node, ())]
        op.forward(one_or_all(outs + hidden), *xs)
        self.values.update(zip(node.outputs, outs, strict=True))
        self.hidden[node] = hidden

    def shapes(self, node: Node) -> Any:
        """The shapes of a node's outputs as its op takes them: alone, or as a tuple."""
        shapes = tuple(self.run.shape(tensor.spec) for tensor in node.outputs)
        return shapes[0] if len(shapes) == 1 else shapes

    def empty(self, spec: Spec, before: tuple[int, ...] = ()) -> Array:
        """Make an array for a spec, with axes in front."""
        return np.empty(before + self.run.shape(spec), spec.dtype)

    def _end(self, loop: Loop, count: int) -> None:
        """End a loop early: what was computed for later steps never happened."""
        self.counts[loop] = count
        for tensor, value in self.values.items():
            if tensor.loop is loop:
                self.values[tensor] = value[:count]
        for node, hidden in self.hidden.items():
            if node.loop is loop:
                self.hidden[node] = [array[:count] for array in hidden]

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
        initial = self.values[node.inputs[0]]
        value = np.empty((count, *initial.shape), initial.dtype)
        value[:1] = initial
        fed = self.values[node.feeds]
        value[1:] = fed if node.feeds.loop is None else fed[: max(count - 1, 0)]
        return value

    def _stack(self, node: Node) -> Array:
        op = node.op
        assert isinstance(op, StackSteps)
        steps = self.values[node.inputs[0]]
        shape = self.run.shape(node.output.spec)
        whole = len(steps) == shape[op.axis]
        value = (np.empty if whole else np.zeros)(shape, steps.dtype)
        time_first(value, op.axis, op.reverse)[: len(steps)] = steps
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
            for node, forward, outs, xs in circle.calls:
                self.node = node
                forward(outs[0][t] if len(outs) == 1 else tuple(o[t] for o in outs), *[x[t] for x in xs])
            if t + 1 < circle.count:
                for target, source in circle.copies:
                    np.copyto(target[t + 1], source[t])
            if done is not None and done[t].all():
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
