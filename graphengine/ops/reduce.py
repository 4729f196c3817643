"""Reductions: one value of many along axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod as product
from typing import Any, TypeVar

import numpy as np

from graphengine.errors import DtypeError, ShapeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, Op, lead
from graphengine.ops.axes import Axes, apply_for, axes_from_end, axis_names
from graphengine.spec import Array, Spec

Reduced = TypeVar("Reduced", bound="Reduce")


@dataclass(frozen=True)
class Reduce(Op):
    """An op that takes axes away, or leaves them with size 1."""

    axes: tuple[int, ...]
    keepdims: bool = False

    @classmethod
    def of(cls: type[Reduced], x: Spec, axis: Axes, keepdims: bool) -> Reduced:
        """Make the op for axes as the user names them."""
        return cls(axes_from_end(axis, x.shape), keepdims)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the first reduced one on."""
        depth = -self.axes[0] if self.axes else 0
        kept = tuple(f"n{i}" for i in range(depth) if self.keepdims or i - depth not in self.axes)
        return (axis_names("n", depth),) * inputs, (kept,)

    def infer(self, x: Spec) -> Spec:
        """The shape without the reduced axes, or with 1 there."""
        if x.dtype.kind == "b":
            raise DtypeError("needs numbers, got bool; use cast()")
        places = {axis + x.rank for axis in self.axes}
        if self.keepdims:
            return Spec(tuple(1 if i in places else size for i, size in enumerate(x.shape)), x.dtype)
        return Spec(tuple(size for i, size in enumerate(x.shape) if i not in places), x.dtype)

    def widened(self, reduced: Array) -> Array:
        """Put the reduced axes back with size 1, so that the result broadcasts against the input."""
        return reduced if self.keepdims else np.expand_dims(reduced, self.axes)


@dataclass(frozen=True)
class Sum(Reduce):
    """The sum along axes."""

    equation = "y = Σ x"
    gradient = ("dx = dy along the axes",)
    reads = ("",)

    def forward(self, out: Array, x: Array) -> None:
        np.add.reduce(x, axis=self.axes, dtype=x.dtype, out=out, keepdims=self.keepdims)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.broadcast_to(self.widened(dy), dy.shape[: lead(dy, y)] + xs[0].shape)


@dataclass(frozen=True)
class Mean(Reduce):
    """The mean along axes."""

    equation = "y = Σ x / n"
    gradient = ("dx = dy / n along the axes",)
    reads = ("",)

    def infer(self, x: Spec) -> Spec:
        """As every reduction; a mean of integers is no integer."""
        if not x.floating:
            raise DtypeError(f"needs floats, got {x.dtype}; use cast()")
        return super().infer(x)

    def forward(self, out: Array, x: Array) -> None:
        np.add.reduce(x, axis=self.axes, dtype=x.dtype, out=out, keepdims=self.keepdims)
        np.divide(out, self._count(x), out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        share = np.divide(self.widened(dy), self._count(xs[0]))
        return np.broadcast_to(share, dy.shape[: lead(dy, y)] + xs[0].shape)

    def _count(self, x: Array) -> int:
        return product(x.shape[axis] for axis in self.axes)


class Extreme(Reduce):
    """The largest or the smallest value along axes; ties share the gradient evenly."""

    reads = ("x0 y",)

    def infer(self, x: Spec) -> Spec:
        """As every reduction; there is no extreme of nothing."""
        if any(x.shape[axis] == 0 for axis in self.axes):
            raise ShapeError(f"there is no {self.kind} of nothing: an axis has size 0")
        return super().infer(x)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        chosen = np.equal(xs[0], self.widened(y))
        ties = np.add.reduce(chosen, axis=self.axes, dtype=dy.dtype, keepdims=True)
        return np.multiply(self.widened(dy), chosen / ties, out)


@dataclass(frozen=True)
class Max(Extreme):
    """The largest value along axes; ties share the gradient evenly."""

    equation = "y = max x"
    gradient = ("dx = dy / (number of ties) where x = y, else 0",)

    def forward(self, out: Array, x: Array) -> None:
        np.maximum.reduce(x, axis=self.axes, out=out, keepdims=self.keepdims)


@dataclass(frozen=True)
class Min(Extreme):
    """The smallest value along axes; ties share the gradient evenly."""

    equation = "y = min x"
    gradient = ("dx = dy / (number of ties) where x = y, else 0",)

    def forward(self, out: Array, x: Array) -> None:
        np.minimum.reduce(x, axis=self.axes, out=out, keepdims=self.keepdims)


@dataclass(frozen=True)
class Prod(Reduce):
    """The product along axes."""

    equation = "y = Π x"
    gradient = ("dx_i = dy ⊙ Π_{j≠i} x_j",)
    reads = ("x0",)

    def forward(self, out: Array, x: Array) -> None:
        np.multiply.reduce(x, axis=self.axes, dtype=x.dtype, out=out, keepdims=self.keepdims)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        # Products of what stands before and behind each factor: y / x would fail where a factor is 0.
        x = xs[0]
        last = tuple(range(-len(self.axes), 0))
        moved = np.moveaxis(x, self.axes, last)
        ahead = moved.shape[: x.ndim - len(self.axes)]
        flat = moved.reshape(*ahead, product(moved.shape[len(ahead) :]))
        others: Array = _product_before(flat) * _product_before(flat[..., ::-1])[..., ::-1]
        return np.multiply(self.widened(dy), np.moveaxis(others.reshape(moved.shape), last, self.axes), out)


def _product_before(x: Array) -> Array:
    """The product of everything before each entry of the last axis."""
    before = np.ones_like(x)
    np.multiply.accumulate(x[..., :-1], axis=-1, out=before[..., 1:])
    return before


def sum(x: Any, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Sum along axes: `y = Σ x`.

    Axes are positions or dimension names; None is all of them.

    >>> from graphengine import Graph
    >>> x = Graph().placeholder("x", ("batch", "time", 3))
    >>> sum(x, "time").spec, sum(x, (0, -1), keepdims=True).spec
    (float32[batch, 3], float32[1, time, 1])
    """
    return apply_for(Sum.of, (x,), axis, keepdims, name=name).output


def mean(x: Any, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Average along axes: `y = Σ x / n`. Axes are positions or dimension names; None is all of them."""
    return apply_for(Mean.of, (x,), axis, keepdims, name=name).output


def max(x: Any, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Return the largest value along axes; ties share the gradient evenly.

    Axes are positions or dimension names; None is all of them.
    """
    return apply_for(Max.of, (x,), axis, keepdims, name=name).output


def min(x: Any, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Return the smallest value along axes; ties share the gradient evenly.

    Axes are positions or dimension names; None is all of them.
    """
    return apply_for(Min.of, (x,), axis, keepdims, name=name).output


def prod(x: Any, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Multiply along axes: `y = Π x`. The gradient is right where factors are 0.

    Axes are positions or dimension names; None is all of them.
    """
    return apply_for(Prod.of, (x,), axis, keepdims, name=name).output
