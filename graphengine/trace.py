"""Traces: every value and every gradient of a run, at every step, by path and position in time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from graphengine import errors
from graphengine.explain import explain
from graphengine.explanation import Explanation
from graphengine.graph import Node, Tensor
from graphengine.interpreter import BORDER, Interpreter
from graphengine.loop import Loop
from graphengine.op import Source
from graphengine.parameter import Parameter
from graphengine.passes.split import Unit
from graphengine.run import RunContext
from graphengine.spec import Array

if TYPE_CHECKING:
    from graphengine.plan import Plan


class Trace:
    """What happened in one run.

    Values are asked for by path or tensor, and by position in time for what lives inside a loop. Positions are those
    of the input, in loops of either direction.

    Attributes:
        plan: what was run.
        graph: where it comes from.
        context: feeds, sizes and seed of the run.
    """

    def __init__(
        self,
        plan: Plan,
        context: RunContext,
        seeds: Mapping[Tensor, Array] | None,
        *,
        keep: Iterable[str] | None = None,
        steps: Iterable[int] | None = None,
        norms_only: bool = False,
        budget: int | None = None,
    ) -> None:
        self.plan = plan
        self.graph = plan.graph
        self.context = context
        self.norms_only = norms_only
        self.seeded = seeds is not None
        self._keep = None if keep is None else tuple(keep)
        self._steps = None if steps is None else frozenset(steps)
        self._partial = norms_only or keep is not None or steps is not None
        self._run = Interpreter(plan, context, seeds)
        self._refuse_unknown()
        if budget is not None:
            self._refuse_beyond(budget)
        self._run.compute(self._thin)

    def count(self, loop: Loop) -> int:
        """How many steps a loop ran."""
        return self._run.count(loop)

    def positions(self, loop: Loop) -> range:
        """The positions in time that a loop ran over, in the order of processing."""
        whole = range(self.context.steps(loop))
        return (whole[::-1] if loop.reverse else whole)[: self.count(loop)]

    def shape(self, what: str | Tensor) -> tuple[int, ...]:
        """The shape of a value (at one step) in numbers."""
        return self.context.shape(self.find(what).spec)

    def value(self, what: str | Tensor, t: int | None = None) -> Array:
        """Return a value; inside a loop the one at position `t`, or those of all steps in the order of the input.

        Raises:
            UnknownPathError: nothing has this path, or the trace was told not to keep it.
        """
        return self._read(self._run.values, self.find(what), t)

    def grad(self, what: str | Tensor | Parameter, t: int | None = None) -> Array:
        """Return the gradient of the targets with respect to a value, summed over everything that uses it.

        Raises:
            GradientError: no gradient flows there, or the trace was made without gradients.
        """
        tensor = self._place_of(what) if isinstance(what, Parameter) else self.find(what)
        if not self.carries(tensor):
            none = "none flows from the targets to what is differentiated there"
            why = none if self.seeded else "this trace has none"
            raise errors.GradientError(f"no gradient of {tensor.path}: {why}{errors.here()}")
        return self._read(self._run.gradients, tensor, t)

    def contribution(self, node: Node, i: int, t: int | None = None) -> Array:
        """Return the gradient that one edge carries: from a node to its input `i`; `len(inputs)` is a delay's feed.

        `t` is the position of the step inside the loop at whose end the edge lies: for a delay the delay's own, so that
        the feed's contribution at `t` reaches the value of the step before. The contributions of all edges that leave
        a tensor add up to its gradient.

        Raises:
            GradientError: the edge carries no gradient.
        """
        tensor = node.sources[i]
        if not self.edge_carries(node, i):
            raise errors.GradientError(
                f"no gradient flows from {node.path} to {tensor.path}{errors.here()}"
            )
        found = self._run.contribution(node, i, self._step(node, node.loop or tensor.loop, t))
        return self._run.zeros(tensor) if found is None else np.array(found)

    def vjp(self, node: Node, i: int, dy: Any, t: int | None = None) -> Array:
        """Return what a node's backward makes of a gradient of its outputs: the gradient of its input `i`.

        It asks the op alone, at the values of this trace: whether or not the plan needs that gradient, and of any
        `dy`, such as a part of the node's own.

        Raises:
            GradientError: no gradient passes through the op, or the node stands at the border of a loop.
        """
        if not node.op.carries(i) or isinstance(node.op, (Source, *BORDER)):
            raise errors.GradientError(
                f"no op of {node.path} hands a gradient to its input {i}{errors.here()}"
            )
        return np.array(self._run.vjp(node, i, dy, self._step(node, node.loop, t)))

    def explain(self, what: str | Tensor | Parameter, t: int | None = None) -> Explanation:
        """Explain a value: its equation with the numbers in it, its gradient, and where every part of that comes from.

        Raises:
            UnknownPathError: nothing has this path or position, or the trace did not keep what this takes.

        >>> from graphengine import Graph, Plan, ops
        >>> x = Graph(dtype="float64").placeholder("x", (2,))
        >>> trace = Plan(ops.sum(ops.tanh(x, name="h")), wrt=[x]).trace({x: [0.0, 1.0]})
        >>> print(trace.explain("h"))
        h, float64[2]
        <BLANKLINE>
          h = tanh(x)
            h   [0 0.762]  2  ‖·‖ 0.762
            x   [0 1]      2  ‖·‖ 1
        <BLANKLINE>
          gradient
            dh  1 ×2       2  ‖·‖ 1.41
          from sum: dh = dsum along the axes
                1 ×2       2  ‖·‖ 1.41
        """
        used = isinstance(what, Parameter) and what in self.graph.parameters
        tensor = self.graph.tensor(what) if isinstance(what, Parameter) and used else what
        if isinstance(tensor, Parameter):
            raise errors.UnknownPathError(f"{tensor.path} is no parameter of this graph{errors.here()}")
        tensor = self.find(tensor)
        return explain(self, tensor, t, (self._run.seeds or {}).get(tensor))

    @cached_property
    def readers(self) -> dict[Tensor, list[tuple[Node, int]]]:
        """By tensor, every node that uses it, and as which of its sources."""
        found: dict[Tensor, list[tuple[Node, int]]] = {}
        for node in self.plan.nodes:
            for i, tensor in enumerate(node.sources):
                found.setdefault(tensor, []).append((node, i))
        return found

    def _step(self, node: Node, loop: Loop | None, t: int | None) -> int:
        """Return when a position is processed, for a gradient that is formed from whole values."""
        if (t is None) != (loop is None):
            wanted = "say at which position t" if loop else "has no time"
            raise errors.UnknownPathError(f"{node.path}: {wanted}{errors.here()}")
        if self._partial:
            raise errors.UnknownPathError(
                f"contributions at {node.path} are formed from whole values, and this trace keeps only some "
                f"(keep=, steps=, norms_only=){errors.here()}"
            )
        return 0 if loop is None or t is None else self._index(loop, t)

    def carries(self, what: str | Tensor) -> bool:
        """Tell whether a gradient flows to a value."""
        tensor = self.find(what)
        return self.seeded and tensor in self.plan.active

    def edge_carries(self, node: Node, i: int) -> bool:
        """Tell whether a gradient flows along the edge from a node to its input `i`."""
        return self._run.carries(node, i)

    def find(self, what: str | Tensor) -> Tensor:
        """Return the tensor at a path, if this plan computes it."""
        tensor = self.graph[what] if isinstance(what, str) else what
        if tensor not in self._run.values:
            raise errors.UnknownPathError(
                f"{tensor.path} is no part of this plan: its targets do not need it{errors.here()}"
            )
        return tensor

    def _place_of(self, parameter: Parameter) -> Tensor:
        tensor = self.plan.parameter_tensors.get(parameter)
        if tensor is None:
            raise errors.GradientError(
                f"no gradient of {parameter.path}: the plan does not differentiate it"
                f"{errors.here()}"
            )
        return tensor

    def _index(self, loop: Loop, t: int) -> int:
        """Return when a position is processed."""
        total = self.context.steps(loop)
        if not -total <= t < total:
            raise errors.UnknownPathError(f"{loop} has {total} steps, none at {t}{errors.here()}")
        k = total - 1 - t % total if loop.reverse else t % total
        if k >= self.count(loop):
            raise errors.UnknownPathError(f"{loop} ended before position {t}{errors.here()}")
        return k

    def _read(self, table: dict[Tensor, list[Array | None]], tensor: Tensor, t: int | None) -> Array:
        loop = tensor.loop
        if loop is None and t is not None:
            raise errors.UnknownPathError(
                f"{tensor.path} lives outside loops, so it has no position {t}{errors.here()}"
            )
        found = table[tensor]
        chosen = found if loop is None or t is None else [found[self._index(loop, t)]]
        arrays = [array for array in chosen if array is not None]
        if len(arrays) < len(chosen):
            raise errors.UnknownPathError(
                f"{tensor.path}: the trace was told not to keep it (keep=, steps=){errors.here()}"
            )
        if loop is None or t is not None:
            return arrays[0].copy()
        shape = () if self.norms_only else self.context.shape(tensor.spec)
        lead = self._run.lead if table is self._run.gradients and not self.norms_only else ()
        stacked = np.stack(arrays) if arrays else np.zeros((0, *lead, *shape), tensor.dtype)
        return stacked[::-1].copy() if loop.reverse else stacked

    def _refuse_unknown(self) -> None:
        """Refuse to keep what is not there, because nobody would notice."""
        for path in self._keep or ():
            if not any(_leads_to(path, tensor) for node in self.plan.nodes for tensor in node.outputs):
                self.find(path.rstrip("/"))

    def _kept(self, tensor: Tensor) -> bool:
        return self._keep is None or any(_leads_to(path, tensor) for path in self._keep)

    def _thin(self, unit: Unit, k: int) -> None:
        """Let go of what was not asked for, once nothing needs a step any more."""
        if not self._partial:
            return
        for node in unit.nodes:
            if self._run.hidden[node]:
                self._run.hidden[node][k] = []
            for tensor in node.outputs:
                self._thin_step(tensor, self._run.values[tensor], k)
                if tensor in self._run.gradients:
                    self._thin_step(tensor, self._run.gradients[tensor], k)

    def _thin_step(self, tensor: Tensor, arrays: list[Array | None], k: int) -> None:
        array = arrays[k]
        if not self._kept(tensor) or (tensor.loop is not None and not self._wanted_step(tensor.loop, k)):
            arrays[k] = None
        elif self.norms_only and array is not None:
            arrays[k] = np.asarray(np.linalg.norm(array.astype(np.float64)))

    def _wanted_step(self, loop: Loop, k: int) -> bool:
        return self._steps is None or self.positions(loop)[k] in self._steps

    def _refuse_beyond(self, budget: int) -> None:
        """Estimate the bytes of all values and of the gradients to keep, and refuse too many."""
        total = 0
        for node in self.plan.nodes:
            steps = 1 if node.loop is None else self.context.steps(node.loop)
            kept = steps if node.loop is None or self._steps is None else min(steps, len(self._steps))
            for tensor in node.outputs:
                each = math.prod(self.context.shape(tensor.spec)) * tensor.dtype.itemsize
                total += each * steps
                if self.seeded and tensor in self.plan.active and self._kept(tensor):
                    total += kept * (8 if self.norms_only else each)
        if total > budget:
            raise errors.BudgetError(
                f"the trace would hold {total:,} bytes, beyond the budget of {budget:,}; narrow it with keep=[paths], "
                f"steps=[positions] or norms_only=True, feed less, or raise budget={errors.here()}"
            )


def _leads_to(path: str, tensor: Tensor) -> bool:
    """Tell whether a path is a tensor's own or that of a scope around it."""
    return tensor.path == path or tensor.path.startswith(path.rstrip("/") + "/")
