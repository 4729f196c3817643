"""Fused ops: the block of a cell between its products, as one op.

Cells name them beside the equations that they stand for (`Graph.fuse`). They are the same mathematics in fewer passes
over memory; a test proves each equal to its spelling.

Both passes of a fused op are lists of NumPy calls, worked out once for arrays that stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np

from graphengine.op import Arrays, Op, several
from graphengine.spec import Array

Do: TypeAlias = Callable[..., None]
Calls: TypeAlias = list[tuple[Callable[..., Any], tuple[Any, ...]]]


class Fused(Op):
    """An op that says what it calls, `do(function, *args)`, instead of calling it.

    Attributes:
        weights: the inputs of one entry per unit, which all of a batch share. Where the array for the gradient of one
            has no axes of the batch, the calls sum over them.
    """

    together = True
    weights: ClassVar[tuple[int, ...]] = ()

    def compute(self, do: Do, out: Any, *xs: Any) -> None:
        """Say the calls of the forward pass."""
        raise NotImplementedError(f"{type(self).__name__}.compute")

    def differentiate(self, do: Do, dy: Any, xs: Arrays, y: Any, outs: Sequence[Array]) -> None:
        """Say the calls that fill the gradients of all inputs."""
        raise NotImplementedError(f"{type(self).__name__}.differentiate")

    def forward(self, out: Any, *xs: Any) -> None:
        function, calls = self.bound(out, *xs)
        function(calls)

    def bound(self, out: Any, *xs: Any) -> tuple[Any, ...]:
        return make, said(self.compute, out, *xs)

    def backward_all(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array] | None = None
    ) -> list[Array]:
        made = self._room(dy, xs)
        make(said(self.differentiate, dy, xs, y, made))
        return [made[i] for i in wanted]

    def bound_backward(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array]
    ) -> tuple[Any, ...] | None:
        """The calls that fill these arrays, unless they are of shapes that only the sweep can reduce to."""
        first = several(dy)[0]
        for i, out in zip(wanted, outs, strict=True):
            if out.shape[:-1] != first.shape[:-1] and not (i in self.weights and out.ndim == 1):
                return None
        filled = self._room(dy, xs, dict(zip(wanted, outs, strict=True)))
        return make, said(self.differentiate, dy, xs, y, filled)

    def _room(self, dy: Any, xs: Arrays, given: dict[int, Array] | None = None) -> list[Array]:
        """Make arrays for the gradients of all inputs, but where some are given."""
        first, given = several(dy)[0], given or {}
        rows, dtype = first.shape[:-1], first.dtype
        return [given[i] if i in given else np.empty((*rows, x.shape[-1]), dtype) for i, x in enumerate(xs)]


def said(say: Callable[..., None], *arrays: Any) -> Calls:
    """Return the calls that an op says for some arrays."""
    calls: Calls = []
    say(lambda function, *args: calls.append((function, args)), *arrays)
    return calls


def make(calls: Calls) -> None:
    """Make calls in order."""
    for function, args in calls:
        function(*args)


def logistic(do: Do, z: Array) -> None:
    """Turn -x into σ(x) where it stands; that exp overflows to ∞ is harmless, since 1/∞ is 0."""
    one = scalar(1.0, z.dtype)
    do(np.exp, z, z)
    do(np.add, z, one, z)
    do(np.reciprocal, z, z)


def logistic_slope(do: Do, y: Array, slope: Array) -> None:
    """The derivative of σ from its value: y (1 - y)."""
    do(np.subtract, scalar(1.0, y.dtype), y, slope)
    do(np.multiply, slope, y, slope)


def tanh_slope(do: Do, y: Array, slope: Array) -> None:
    """The derivative of tanh from its value: 1 - y²."""
    do(np.multiply, y, y, slope)
    do(np.subtract, scalar(1.0, y.dtype), slope, slope)


def over_batch(do: Do, dy: Array, out: Array) -> None:
    """The gradient of a weight from those of every row: summed where `out` has no axes for them."""
    if out.ndim == dy.ndim:
        do(np.copyto, out, dy)
    elif dy.ndim == 2 and out.flags.c_contiguous:
        do(np.dot, _ones(len(dy), dy.dtype), dy, out)  # NumPy's own sum takes longer
    else:
        do(np.sum, dy, tuple(range(dy.ndim - 1)), None, out)


def parts(array: Array, count: int) -> list[Array]:
    """View equal parts of the last axis."""
    return [array[place] for place in _places(array.shape[-1], count)]


def span(array: Array, start: int, stop: int, count: int) -> Array:
    """View some of the equal parts of the last axis as one."""
    size = array.shape[-1] // count
    view: Array = array[..., start * size : stop * size]
    return view


@cache
def _places(size: int, count: int) -> list[tuple[Any, slice]]:
    return [(..., slice(k * size // count, (k + 1) * size // count)) for k in range(count)]


@cache
def scalar(value: float, dtype: np.dtype[Any]) -> Array:
    """Return a number as an array of no axes: a Python number would be converted in every call."""
    return _constant(np.array(value, dtype))


@cache
def _ones(size: int, dtype: np.dtype[Any]) -> Array:
    return _constant(np.ones(size, dtype))


def _constant(made: Array) -> Array:
    made.flags.writeable = False
    return made
