"""Ops that rank: where the largest value is, the largest k, the order of all.

Of equal values the one at the lower position comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.errors import FeedError, SettingError, ShapeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, Op, lead
from graphengine.ops.axes import Axis, apply_for, axis_from_end, axis_names
from graphengine.spec import Array, Spec


@dataclass(frozen=True)
class ArgMax(Op):
    """The position of the largest value along an axis."""

    equation = "y = argmax_k x[k]"
    reads = ("",)
    differentiable = False
    kind = "argmax"
    axis: int

    @classmethod
    def of(cls, x: Spec, axis: Axis) -> ArgMax:
        """Make the op for an axis as the user names it."""
        return cls(axis_from_end(axis, x.shape))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the chosen one on."""
        under = axis_names("n", -self.axis - 1)
        return (("v", *under),), (under,)

    def infer(self, x: Spec) -> Spec:
        """The shape without the axis, in integers."""
        shape = list(x.shape)
        if shape.pop(self.axis) == 0:
            raise ShapeError("there is no largest of nothing: the axis has size 0")
        return Spec(tuple(shape), np.dtype(np.int64))

    def forward(self, out: Array, x: Array) -> None:
        """As NumPy has it."""
        np.copyto(out, np.argmax(x, axis=self.axis))


@dataclass(frozen=True)
class ArgSort(Op):
    """The positions that would put the values along an axis in order."""

    equation = "x[y[0]] ≤ x[y[1]] ≤ …"
    reads = ("",)
    differentiable = False
    kind = "argsort"
    axis: int
    descending: bool = False

    @classmethod
    def of(cls, x: Spec, axis: Axis, descending: bool) -> ArgSort:
        """Make the op for an axis as the user names it."""
        return cls(axis_from_end(axis, x.shape), descending)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the sorted one on."""
        axes = axis_names("n", -self.axis)
        return (axes,), (axes,)

    def infer(self, x: Spec) -> Spec:
        """The same shape, in integers."""
        return Spec(x.shape, np.dtype(np.int64))

    def forward(self, out: Array, x: Array) -> None:
        """Sort stably."""
        order = _largest_first if self.descending else _smallest_first
        np.copyto(out, order(x, self.axis))


@dataclass(frozen=True)
class TopK(Op):
    """The k largest values along an axis, the largest first, and their positions."""

    equation = "y, i = the k largest of x and their positions"
    gradient = ("dx[i] = dy, 0 elsewhere",)
    reads = ("y",)
    k: int
    axis: int

    @classmethod
    def of(cls, x: Spec, k: int, axis: Axis) -> TopK:
        """Make the op for an axis as the user names it."""
        if k < 1:
            raise SettingError(f"k is a number from 1 up, not {k}")
        return cls(int(k), axis_from_end(axis, x.shape))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the chosen one on."""
        under = axis_names("n", -self.axis - 1)
        return (("v", *under),), (("k", *under), ("k", *under))

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        """The axis has size k in both outputs."""
        size = x.shape[self.axis]
        if isinstance(size, int) and size < self.k:
            raise ShapeError(f"there are no {self.k} largest of {size}")
        shape = list(x.shape)
        shape[self.axis] = self.k
        return Spec(tuple(shape), x.dtype), Spec(tuple(shape), np.dtype(np.int64))

    def forward(self, out: tuple[Array, Array], x: Array) -> None:
        """Sort, and keep the beginning."""
        if x.shape[self.axis] < self.k:
            raise FeedError(f"there are no {self.k} largest of {x.shape[self.axis]}")
        values, indices = out
        order = np.moveaxis(_largest_first(x, self.axis), self.axis, 0)[: self.k]
        np.copyto(indices, np.moveaxis(order, 0, self.axis))
        np.copyto(values, np.take_along_axis(x, indices, self.axis))

    def backward(self, i: int, dy: Any, xs: Arrays, y: Any, out: Array | None = None) -> Array:
        """Put every gradient where its value came from."""
        gradient, indices = dy[0], y[1]
        before = gradient.shape[: lead(gradient, indices)]
        dx = np.zeros(before + xs[0].shape, gradient.dtype)
        np.put_along_axis(dx, np.broadcast_to(indices, gradient.shape), gradient, self.axis)
        return dx


def _smallest_first(x: Array, axis: int) -> Array:
    return np.argsort(x, axis=axis, kind="stable")


def _largest_first(x: Array, axis: int) -> Array:
    """Sort in descending order and keep equal values in their order: an ascending sort seen in a mirror."""
    order = np.flip(_smallest_first(np.flip(x, axis), axis), axis)
    return np.asarray(x.shape[axis] - 1 - order)


def argmax(x: Any, axis: Axis = -1, name: str | None = None) -> Tensor:
    """Return the position of the largest value along an axis, as an integer; the first one if several are equal."""
    return apply_for(ArgMax.of, (x,), axis, name=name).output


def argsort(x: Any, axis: Axis = -1, descending: bool = False, name: str | None = None) -> Tensor:
    """Return the positions that put the values along an axis in order; equal values stay in their order.

    >>> from graphengine import Graph, Plan
    >>> x = Graph().placeholder("x", (4,))
    >>> y = argsort(x, descending=True)
    >>> Plan(y, wrt=[]).run({x: [1.0, 3.0, 2.0, 3.0]})[y].tolist()
    [1, 3, 2, 0]
    """
    return apply_for(ArgSort.of, (x,), axis, descending, name=name).output


def top_k(x: Any, k: int, axis: Axis = -1, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Return the k largest values along an axis, the largest first, and their positions.

    Gradients pass through the values to where they came from.

    Raises:
        ShapeError, FeedError: there are fewer than k.

    >>> from graphengine import Graph, Plan
    >>> x = Graph().placeholder("x", (4,))
    >>> values, positions = top_k(x, 2)
    >>> run = Plan([values, positions], wrt=[]).run({x: [1.0, 3.0, 2.0, 3.0]})
    >>> run[values].tolist(), run[positions].tolist()
    ([3.0, 3.0], [1, 3])
    """
    values, indices = apply_for(TopK.of, (x,), k, axis, name=name).outputs
    return values, indices
