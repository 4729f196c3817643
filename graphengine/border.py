"""The border of a loop: the ops that bring values in, hand them from step to step, and take them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from graphengine.node import Node, Tensor
from graphengine.op import Op
from graphengine.spec import Array, Dim, Spec

Maker: TypeAlias = Callable[[Tensor], Node]


def time_first(array: Array, axis: int, reverse: bool, lead: int = 0) -> Array:
    """View an array with its time axis (counted from the end) in front, in the order of processing.

    A gradient keeps the `lead` axes of its seeds before that.
    """
    moved = np.moveaxis(array, axis, lead)
    return moved[(*(slice(None),) * lead, slice(None, None, -1))] if reverse else moved


@dataclass(frozen=True)
class StepSlice(Op):
    """The part of a sequence that belongs to the step: `x_t = x[t]`."""

    signature = "(t)->()"
    equation = "x_t = x[t]"
    gradient = ("dx[t] = dx_t",)
    reads = ("",)
    kind = "slice"
    axis: int
    reverse: bool

    def infer(self, x: Spec) -> Spec:
        """The shape without the time axis."""
        shape = list(x.shape)
        del shape[self.axis]
        return Spec(tuple(shape), x.dtype)


@dataclass(frozen=True)
class Delay(Op):
    """The value of the previous step, and at the first step the initial value."""

    signature = "()->()"
    equation = "y_t = x_{t-1}, y_0 = initial"
    gradient = ("d initial = dy_0", "dx_t = dy_{t+1}")
    reads = ("",)

    def infer(self, initial: Spec) -> Spec:
        """As the initial value."""
        return initial


@dataclass(frozen=True)
class StackSteps(Op):
    """The values of all steps along an axis, in the order of the input whatever the direction."""

    signature = "()->(t)"
    equation = "y[t] = x_t"
    gradient = ("dx_t = dy[t]",)
    reads = ("",)
    kind = "stack"
    over: Dim
    axis: int
    reverse: bool

    def infer(self, x: Spec) -> Spec:
        """The shape with the time axis put in."""
        shape = list(x.shape)
        shape.insert(len(shape) + 1 + self.axis, self.over)
        return Spec(tuple(shape), x.dtype)


@dataclass(frozen=True)
class LastStep(Op):
    """The value of the step that is processed last."""

    signature = "()->()"
    equation = "y = x_T"
    gradient = ("dx_T = dy",)
    reads = ("",)
    kind = "last"

    def infer(self, x: Spec) -> Spec:
        """As one step's value."""
        return x


@dataclass(frozen=True)
class StepCount(Op):
    """How many steps were run, fewer than the axis holds when `until` ended the loop."""

    signature = "()->()"
    equation = "y = number of steps"
    reads = ("",)
    differentiable = False
    kind = "steps"

    def infer(self, x: Spec) -> Spec:
        """One integer."""
        return Spec.of((), np.int64)


LEAVING = (StackSteps, LastStep, StepCount)


def written_by(tensor: Tensor) -> Node:
    """Return the node that makes a tensor in the graph as written."""
    return tensor.node


def dependencies(node: Node, maker: Maker = written_by) -> list[Node]:
    """Return the nodes that one waits for.

    Where a loop may end early, every next step waits for that too, and so does what leaves the loop.
    """
    found = [maker(tensor) for tensor in node.sources]
    loop = node.loop if isinstance(node.op, Delay) else node.inputs[0].loop if isinstance(node.op, LEAVING) else None
    if loop is not None and loop.until_node is not None:
        found.append(maker(loop.until_node))
    return found
