"""The plain interpreter: a graph run as written, one op at a time and one step at a time.

It takes none of the shortcuts of a plan (no stacking, no deferring, no shared memory), which is why plans are tested
against it and pictures are drawn from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphengine import errors
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepCount, StepSlice, time_first
from graphengine.op import Source, check_gradient, one_or_all, sum_to
from graphengine.passes.split import Unit
from graphengine.program import explained
from graphengine.run import RunContext
from graphengine.spec import Array, Spec

if TYPE_CHECKING:
    from graphengine.plan import Plan


class Interpreter:
    """Values and gradients by tensor, one array per step in the order of processing (one in all outside loops).

    A gradient is None until something adds to it, and an array may be set to None by whoever needs it no longer.
    """

    def __init__(self, plan: Plan, context: RunContext, seeds: Mapping[Tensor, Array] | None) -> None:
        self.plan = plan
        self.context = context
        self.seeds = seeds
        self.values: dict[Tensor, list[Array | None]] = {}
        self.hidden: dict[Node, list[list[Array]]] = {}
        self.gradients: dict[Tensor, list[Array | None]] = {}
        self.counts: dict[Loop, int] = {}
        self.drawn: dict[Node, Array] = {}
        self.lead: tuple[int, ...] = ()

    def compute(self, finished: Callable[[Unit, int], None]) -> None:
        """Run forward and, where there are seeds, backward.

        `finished` is told every step of every unit, as soon as nothing needs it any more.
        """
        self._forward()
        if self.seeds is not None:
            self._backward(self.seeds, finished)
        else:
            for unit in self.plan.units:
                for k in range(self._rounds(unit)):
                    finished(unit, k)

    def count(self, loop: Loop) -> int:
        """How many steps a loop ran."""
        return self.counts.get(loop, self.context.steps(loop))

    def carries(self, node: Node, i: int) -> bool:
        """Tell whether a gradient flows along the edge from a node to its input `i`."""
        active = self.plan.active
        outputs = any(output in active for output in node.outputs)
        return self.seeds is not None and node.op.carries(i) and outputs and node.sources[i] in active

    def zeros(self, tensor: Tensor) -> Array:
        """A gradient of nothing."""
        return np.zeros(self.lead + self.context.shape(tensor.spec), tensor.dtype)

    def _forward(self) -> None:
        for unit in self.plan.units:
            loop = unit.loop
            limit = 1 if loop is None else self.count(loop)
            done = None if loop is None else loop.until_node
            for node in unit.nodes:
                self.values.update((tensor, []) for tensor in node.outputs)
                self.hidden[node] = []
            ran = limit
            for k in range(limit):
                for node in unit.nodes:
                    self._guarded(node, self._compute, k)
                if done in self.values and done is not None and done.node in unit.nodes:
                    flag = self.values[done][k]
                    if flag is not None and flag.all():
                        ran = k + 1
                        break
            if loop is not None and done is not None and done.node in unit.nodes:
                self._end(loop, ran)

    def _end(self, loop: Loop, ran: int) -> None:
        self.counts[loop] = ran
        for tensor, values in self.values.items():
            if tensor.loop is loop:
                del values[ran:]

    def _guarded(self, node: Node, act: Callable[[Node, int], None], k: int) -> None:
        """Do something for a node; errors name it."""
        try:
            with np.errstate(over="ignore", under="ignore"):
                act(node, k)
        except errors.GraphError as problem:
            raise explained(problem, node) from None
        except Exception as problem:
            problem.add_note(f"while tracing {node.path}: {node.op}{errors.at(node.location)}")
            raise

    def _at(self, tensor: Tensor, k: int) -> Array:
        """A value at step `k` of the processing, or the only one outside loops."""
        found = self.values[tensor][0 if tensor.loop is None else k]
        assert found is not None
        return found

    def _compute(self, node: Node, k: int) -> None:
        op = node.op
        if isinstance(op, Source):
            if k == 0:
                self.drawn[node] = op.value(node, self.context)
            value = self.drawn[node]
            self.values[node.output].append(np.array(value[k, ...] if node.loop is not None else value))
        elif type(op) in BORDER:
            self.values[node.output].append(BORDER[type(op)](self, node, k))
        else:
            xs = [self._at(tensor, k) for tensor in node.inputs]
            outs = [self._empty(tensor.spec) for tensor in node.outputs]
            hidden = [self._empty(spec) for spec in self.plan.written.hidden_specs.get(node, ())]
            op.forward(one_or_all(outs + hidden), *xs)
            for tensor, out in zip(node.outputs, outs, strict=True):
                self.values[tensor].append(out)
            self.hidden[node].append(hidden)

    def _empty(self, spec: Spec) -> Array:
        return np.empty(self.context.shape(spec), spec.dtype)

    def _slice(self, node: Node, k: int) -> Array:
        op = node.op
        assert isinstance(op, StepSlice)
        return time_first(self._at(node.inputs[0], 0), op.axis, op.reverse)[k, ...].copy()

    def _delay(self, node: Node, k: int) -> Array:
        assert node.feeds is not None
        return (self._at(node.feeds, k - 1) if k else self._at(node.inputs[0], 0)).copy()

    def _stack(self, node: Node, k: int) -> Array:
        op = node.op
        assert isinstance(op, StackSteps)
        value = np.zeros(self.context.shape(node.output.spec), node.output.dtype)
        ordered = time_first(value, op.axis, op.reverse)
        for place, step in enumerate(self.values[node.inputs[0]]):
            ordered[place] = step
        return value

    def _last(self, node: Node, k: int) -> Array:
        steps = self.values[node.inputs[0]]
        if not steps:
            raise errors.FeedError(f"{node.inputs[0].loop} has no steps, so there is no last one")
        return self._at(node.inputs[0], len(steps) - 1).copy()

    def _steps_run(self, node: Node, k: int) -> Array:
        return np.asarray(len(self.values[node.inputs[0]]), np.int64)

    def _rounds(self, unit: Unit) -> int:
        """How many times a unit runs."""
        return 1 if unit.loop is None else self.count(unit.loop)

    def _backward(self, seeds: Mapping[Tensor, Array], finished: Callable[[Unit, int], None]) -> None:
        for tensor in self.plan.active:
            steps = 1 if tensor.loop is None else self.count(tensor.loop)
            self.gradients[tensor] = [None] * steps
        for tensor, seed in seeds.items():
            self.lead = seed.shape[: seed.ndim - len(tensor.shape)]
            self.gradients[tensor][0] = np.array(seed)
        for unit in reversed(self.plan.units):
            for k in reversed(range(self._rounds(unit))):
                for node in reversed(unit.nodes):
                    self._guarded(node, self._spread, k)
                self._finish(unit, k)
                finished(unit, k)

    def _spread(self, node: Node, k: int) -> None:
        """Add a node's contributions to the gradients of what it uses; what leaves a loop reaches all its steps."""
        for i, tensor in enumerate(node.sources):
            if not self.carries(node, i):
                continue
            if isinstance(node.op, StepSlice):
                self._add_slice(node, k)
                continue
            steps = range(self.count(tensor.loop)) if node.loop is None and tensor.loop is not None else (k,)
            for step in steps:
                gradient = self.contribution(node, i, step)
                if gradient is None:
                    continue
                back = step - 1 if isinstance(node.op, Delay) and i else step
                self._accumulate(tensor, 0 if tensor.loop is None else back, gradient)

    def _accumulate(self, tensor: Tensor, k: int, gradient: Array) -> None:
        before = self.gradients[tensor][k]
        self.gradients[tensor][k] = np.array(gradient if before is None else before + gradient)

    def _add_slice(self, node: Node, k: int) -> None:
        """Add a step's contribution to the gradient of the whole sequence in place."""
        op, x, dy = node.op, node.inputs[0], self.gradients[node.output][k]
        assert isinstance(op, StepSlice)
        whole = self.gradients[x][0]
        if whole is None:
            whole = self.gradients[x][0] = self.zeros(x)
        if dy is not None:
            time_first(whole, op.axis, op.reverse)[k, ...] += dy

    def contribution(self, node: Node, i: int, k: int) -> Array | None:
        """The gradient along an edge at step `k`; None for nothing."""
        if type(node.op) in BORDER:
            return BORDER_BACKWARD[type(node.op)](self, node, i, k)
        dys = [self.gradients[tensor][k] if tensor in self.gradients else None for tensor in node.outputs]
        if all(dy is None for dy in dys):
            return None
        filled = [
            self.zeros(tensor) if dy is None else dy
            for tensor, dy in zip(node.outputs, dys, strict=True)
        ]
        return self.vjp(node, i, one_or_all(filled), k)

    def vjp(self, node: Node, i: int, dy: Any, k: int) -> Array:
        """What the backward of a node's op makes of a gradient of its outputs, for input `i`."""
        xs = tuple(self._at(tensor, k) for tensor in node.inputs)
        ys = [self._at(tensor, k) for tensor in node.outputs] + self.hidden[node][k]
        if node.op.together:
            (gradient,) = node.op.backward_all((i,), dy, xs, one_or_all(ys))
        else:
            gradient = node.op.backward(i, dy, xs, one_or_all(ys))
        gradient = sum_to(np.asarray(gradient), xs[i].shape, len(self.lead))
        check_gradient(i, gradient, self.lead + xs[i].shape, xs[i].dtype)
        return gradient

    def _slice_back(self, node: Node, i: int, k: int) -> Array | None:
        """The part of the sequence that the step is; zero elsewhere."""
        op, x = node.op, node.inputs[0]
        assert isinstance(op, StepSlice)
        dy = self.gradients[node.output][k]
        if dy is None:
            return None
        whole = self.zeros(x)
        time_first(whole, op.axis, op.reverse)[k, ...] = dy
        return whole

    def _delay_back(self, node: Node, i: int, k: int) -> Array | None:
        return self.gradients[node.output][k] if (k == 0) == (i == 0) else None

    def _stack_back(self, node: Node, i: int, k: int) -> Array | None:
        op = node.op
        assert isinstance(op, StackSteps)
        dy = self.gradients[node.output][0]
        return None if dy is None else time_first(dy, op.axis, op.reverse)[k, ...]

    def _last_back(self, node: Node, i: int, k: int) -> Array | None:
        loop = node.inputs[0].loop
        assert loop is not None
        return self.gradients[node.output][0] if k == self.count(loop) - 1 else None

    def _finish(self, unit: Unit, k: int) -> None:
        """Turn gradients of a step that nobody added to into zeros."""
        for node in unit.nodes:
            for tensor in node.outputs:
                if tensor in self.gradients and self.gradients[tensor][k] is None:
                    self.gradients[tensor][k] = self.zeros(tensor)


BORDER: dict[type, Callable[[Interpreter, Node, int], Array]] = {
    StepSlice: Interpreter._slice,
    Delay: Interpreter._delay,
    StackSteps: Interpreter._stack,
    LastStep: Interpreter._last,
    StepCount: Interpreter._steps_run,
}
BORDER_BACKWARD: dict[type, Callable[[Interpreter, Node, int, int], Array | None]] = {
    StepSlice: Interpreter._slice_back,
    Delay: Interpreter._delay_back,
    StackSteps: Interpreter._stack_back,
    LastStep: Interpreter._last_back,
}
