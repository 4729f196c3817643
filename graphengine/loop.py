"""Loops: time inside the graph.

A recurrence is written once, for one step. The nodes of its body are ordinary nodes of the same flat list that know
their loop; `delay` carries a value to the next step, and `feed` closes the circle.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np

from graphengine import errors
from graphengine.border import (
    LEAVING,
    Delay,
    LastStep,
    StackSteps,
    StepCount,
    StepSlice,
    dependencies,
    time_first,
)
from graphengine.graph import Graph, Node, Tensor, graph_of, tensors_in
from graphengine.op import Op
from graphengine.sources import StepIndex
from graphengine.spec import Dim, Spec, show
from graphengine.structure import map_structure, rebuild, same_form, walk

__all__ = ["LEAVING", "Delay", "LastStep", "Loop", "StackSteps", "StepCount", "StepSlice", "time_first"]


class Loop:
    """A loop over a named axis, written for one step.

    Args:
        over: the dimension it runs along, usually a name (`"time"`).
        reverse: run from the last position to the first; results stay in the order of the input.

    >>> from graphengine import Graph, Plan, ops
    >>> g = Graph(dtype="float64")
    >>> x = g.placeholder("x", ("batch", "time"))
    >>> with Loop(over="time") as loop:
    ...     total = loop.delay(g.fill(("batch",)), name="total")
    ...     loop.feed(total, total + loop.slice(x))
    >>> before = loop.stack(total)
    >>> Plan(before, wrt=[]).run({x: [[1.0, 2.0, 4.0]]})[before].tolist()
    [[0.0, 1.0, 3.0]]

    Raises:
        LoopError: an open loop meets another, a delay is fed twice, or a loop would wait for its own result.
    """

    def __init__(self, over: Dim, *, reverse: bool = False) -> None:
        self.over = Spec.of((over,), np.bool_).shape[0]
        self.reverse = reverse
        self.graph: Graph | None = None
        self.closed = False
        self.until_node: Tensor | None = None
        self._left = False

    def __enter__(self) -> Loop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True

    def __repr__(self) -> str:
        return f"the {'reverse ' if self.reverse else ''}loop over {self.over}"

    def slice(self, x: Any, name: str | None = None) -> Any:
        """Return the step's part of sequences: the loop's axis is taken away.

        Raises:
            LoopError: the tensor has no axis of the loop's name, or two.
        """
        return map_structure(lambda each: self._slice(each, name), x)

    def _slice(self, x: Tensor, name: str | None) -> Tensor:
        axes = [axis for axis, size in enumerate(x.shape) if size == self.over]
        if len(axes) != 1:
            count = "no axis" if not axes else f"{len(axes)} axes"
            raise errors.LoopError(
                f"{x.path} {x.spec} has {count} {self.over!r} for {self} to run along"
                f"{errors.here()}"
            )
        op = StepSlice(axes[0] - len(x.shape), self.reverse)
        return self._inside(op, (x,), name or f"{x.name}_t")

    def index(self, graph: Graph | None = None) -> Tensor:
        """Return the step's position as an integer, counted as the input is."""
        graph = self._join(graph or self.graph)
        return graph.add(StepIndex(), (), name="t", loop=self).output

    def delay(self, initial: Any, name: str | None = None) -> Any:
        """Return values of the previous step; at the first step they are `initial`. `feed` must follow.

        Takes any nesting of named tuples; leaves are named `c_prev`, `layer0/h_prev` after their place in it.
        """
        made = []
        for path, leaf in walk(initial):
            *around, own = path or (name or "delay",)
            made.append(self._delay(leaf, tuple(around), name if not path and name else f"{own}_prev"))
        return rebuild(initial, made)

    def _delay(self, initial: Tensor, around: tuple[str, ...], name: str) -> Tensor:
        tensors_in(initial)
        graph = self._join(initial.graph)
        with graph.inside_place(around):
            return self._inside(Delay(), (initial,), name)

    def feed(self, delay: Any, value: Any) -> None:
        """Close the circle: the delay's value at the next step is `value` at this one.

        Raises:
            LoopError: it is no delay of this loop, or was fed before, or the value waits for the loop's own result.
            StructureError, ShapeError: form, shape or dtype differ; nothing is broadcast.
        """
        same_form(delay, value, "the value fed to a delay")
        for (path, target), (_, source) in zip(walk(delay), walk(value), strict=True):
            self._feed(target, source, "/".join(path))

    def _feed(self, delay: Tensor, value: Tensor, part: str) -> None:
        where = errors.here()
        node = tensors_in(delay)[0].node
        tensors_in(value)
        if not isinstance(node.op, Delay) or node.loop is not self:
            raise errors.LoopError(f"{delay.path} is not a delay of {self}{where}")
        if node.feeds is not None:
            raise errors.LoopError(f"{delay.path} is fed already, by {node.feeds.path}{where}")
        graph_of((delay, value), f"feed of {delay.path}")
        if value.loop is not None and value.loop is not self:
            raise errors.LoopError(f"{delay.path} of {self} cannot be fed from {value.path} of {value.loop}{where}")
        if value.spec != delay.spec:
            raise errors.ShapeError(
                f"{delay.path}{f' ({part})' if part else ''}: the initial value is {delay.spec} and the value fed is "
                f"{value.spec}; a state keeps its shape and dtype from step to step{where}"
            )
        self._refuse_waiting_for_itself(node, value, where)
        node.feeds = value

    def _refuse_waiting_for_itself(self, delay: Node, value: Tensor, where: str) -> None:
        """Refuse a value that leaves this loop and comes back: the loop could never start."""
        if not self._left:
            return
        for node in _ancestors(value.node):
            if self._ends(node) and delay in set(_ancestors(node)):
                raise errors.LoopError(
                    f"{delay.path} would wait for {node.path}, which is ready only after {self} has run: "
                    f"{delay.path} → {node.inputs[0].path} → {node.path} → {value.path} → {delay.path}{where}"
                )

    def _ends(self, node: Node) -> bool:
        """Tell whether a node takes a value out of this loop."""
        return isinstance(node.op, LEAVING) and node.inputs[0].loop is self

    def stack(self, values: Any, axis: int | None = None, name: str | None = None) -> Any:
        """Return the values of all steps, time on `axis` (from the end; default: after the first axis).

        Positions after an early end (`until`) hold zeros.
        """

        def stacked(value: Tensor) -> Tensor:
            rank = len(value.shape) + 1
            if axis is not None and not -rank <= axis < rank:
                raise errors.ShapeError(
                    f"{value.path} {value.spec} of all steps has {rank} axes, none of them {axis}"
                    f"{errors.here()}"
                )
            where = (min(1, rank - 1) - rank) if axis is None else axis if axis < 0 else axis - rank
            return self._outside(StackSteps(self.over, where, self.reverse), value, name or f"{value.name}_all")

        return self._in_places(stacked, values)

    def last(self, values: Any, name: str | None = None) -> Any:
        """Return the values of the step processed last (in a reverse loop, the one at position 0)."""
        return self._in_places(lambda value: self._outside(LastStep(), value, name or f"{value.name}_last"), values)

    def _in_places(self, take: Callable[[Tensor], Tensor], values: Any) -> Any:
        """Take every leaf out of the loop, in the scope that its place in the structure names."""
        made = []
        for path, leaf in walk(values):
            (tensor,) = tensors_in(leaf)
            with tensor.graph.inside_place(path[:-1]):
                made.append(take(tensor))
        return rebuild(values, made)

    def steps(self, value: Tensor) -> Tensor:
        """Return how many steps were run, as an integer; `value` is any value of the loop."""
        return self._outside(StepCount(), value, "steps")

    def until(self, done: Tensor) -> None:
        """End the loop after the first step where every entry of `done` is true.

        Raises:
            LoopError: `done` is no boolean of this loop or waits for its end, or an end was set before.
        """
        where = errors.here()
        if done.loop is not self or done.dtype != np.bool_:
            raise errors.LoopError(f"{self} can end on a boolean of its own, not on {done.path} {done.spec}{where}")
        if self.until_node is not None:
            raise errors.LoopError(f"{self} ends on {self.until_node.path} already{where}")
        for node in _ancestors(done.node):
            if self._ends(node):
                raise errors.LoopError(
                    f"{self} would wait for {node.path}, which is ready only after it has run: "
                    f"{node.inputs[0].path} → {node.path} → {done.path}{where}"
                )
        self.until_node = done

    def _join(self, graph: Graph | None) -> Graph:
        where = errors.here()
        if self.closed:
            raise errors.LoopError(f"{self} is closed; write its body inside the with block{where}")
        if graph is None:
            raise errors.LoopError(f"{self} has no input yet, so its graph is unknown; pass it{where}")
        if self.graph is None:
            self.graph = graph
            graph.loops.append(self)
        elif graph is not self.graph:
            raise errors.GraphMismatchError(
                f"{self} belongs to graph {self.graph.name!r}, not {graph.name!r}{where}"
            )
        return graph

    def _inside(self, op: Op, inputs: tuple[Tensor, ...], name: str) -> Tensor:
        graph = self._join(inputs[0].graph)
        for tensor in inputs:
            if tensor.loop is not None:
                inner = "itself" if tensor.loop is self else f"{tensor.loop}: a loop inside a loop"
                raise errors.LoopError(
                    f"{tensor.path} {show(tensor.shape)} has a value per step of {inner}; {self} takes values from "
                    f"outside loops{errors.here()}"
                )
        return graph.add(op, inputs, name=name, loop=self).output

    def _outside(self, op: Op, value: Tensor, name: str) -> Tensor:
        tensors_in(value)
        if value.loop is not self:
            raise errors.LoopError(
                f"{value.path} has no value per step of {self}{errors.here()}"
            )
        self._left = True
        return value.graph.add(op, (value,), name=name, loop=None).output


def _ancestors(node: Node) -> list[Node]:
    """Return the nodes that a node waits for, itself first."""
    seen = {node}
    pending = [node]
    for current in pending:
        for other in dependencies(current):
            if other not in seen:
                seen.add(other)
                pending.append(other)
    return pending
