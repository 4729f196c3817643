"""Softmax and its logarithm, with an optional mask of what takes part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from graphengine.errors import DtypeError, ShapeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, Op
from graphengine.ops.axes import Axis, apply_for, axis_from_end, axis_names
from graphengine.spec import Array, Spec, broadcast

Kind = TypeVar("Kind", bound="OverAxis")


@dataclass(frozen=True)
class OverAxis(Op):
    """An op that normalises along an axis. A second input, of booleans, says what takes part."""

    reads = ("y", "")
    axis: int

    @classmethod
    def of(cls: type[Kind], x: Spec, axis: Axis) -> Kind:
        """Make the op for an axis as the user names it."""
        return cls(axis_from_end(axis, x.shape))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the normalised one on."""
        axes = axis_names("n", -self.axis)
        return (axes,) * inputs, (axes,)

    def infer(self, x: Spec, *mask: Spec) -> Spec:
        """As the input; a mask may add batch axes."""
        if not x.floating:
            raise DtypeError(f"needs floats, got {x.dtype}; use cast()")
        shape = broadcast(each.shape for each in (x, *mask))
        for each in mask:
            if each.dtype.kind != "b":
                raise DtypeError(f"a mask holds booleans, not {each.dtype}; compare first (mask != 0)")
            if each.rank < -self.axis or shape[self.axis :] != x.shape[self.axis :]:
                raise ShapeError(f"the mask does not fit from axis {self.axis} on")
        return Spec(shape, x.dtype)

    def shifted(self, out: Array, x: Array, mask: Arrays) -> Array:
        """Write `x - max` to `out`, -∞ for what does not take part; return the sum of its exponentials, never 0."""
        np.copyto(out, -np.inf)
        np.copyto(out, x, where=mask[0] if mask else True)
        top = out.max(axis=self.axis, keepdims=True, initial=-np.inf)
        np.subtract(out, np.where(top == -np.inf, 0, top), out)
        total = np.exp(out).sum(axis=self.axis, keepdims=True)
        return np.asarray(np.where(total == 0, 1, total))


@dataclass(frozen=True)
class Softmax(OverAxis):
    """Positive numbers that add up to 1."""

    equation = "y_k = e^x_k / Σ_j e^x_j"
    gradient = ("dx = y ⊙ (dy - Σ_j dy_j y_j)", "")

    def forward(self, out: Array, x: Array, *mask: Array) -> None:
        """The exponentials over their sum."""
        total = self.shifted(out, x, mask)
        np.exp(out, out)
        np.divide(out, total, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        """A row of zeros has no gradient."""
        products = dy * y
        dx: Array = np.subtract(products, y * products.sum(axis=self.axis, keepdims=True), out)
        return dx


@dataclass(frozen=True)
class LogSoftmax(OverAxis):
    """The logarithm of a softmax, exact where the softmax itself would round to 0."""

    equation = "y_k = x_k - log Σ_j e^x_j"
    gradient = ("dx = dy - e^y Σ_j dy_j", "")

    def forward(self, out: Array, x: Array, *mask: Array) -> None:
        """What is left after the logarithm of the sum."""
        np.subtract(out, np.log(self.shifted(out, x, mask)), out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        """What does not take part, at -∞, neither gets nor gives a gradient."""
        dy = np.where(y == -np.inf, 0, dy)
        dx: Array = np.subtract(dy, np.exp(y) * dy.sum(axis=self.axis, keepdims=True), out)
        return dx


def softmax(x: Any, axis: Axis = -1, mask: Any = None, name: str | None = None) -> Tensor:
    """Turn numbers into positive ones that add up to 1 along an axis: `y_k = e^x_k / Σ_j e^x_j`.

    Args:
        mask: booleans that broadcast against `x`; what is false takes no part and is 0. A row of which nothing takes
            part is 0.

    >>> from graphengine import Graph, Plan
    >>> x = Graph().placeholder("x", (3,))
    >>> y = softmax(x, mask=[True, True, False])
    >>> Plan(y, wrt=[]).run({x: [1000.0, 1000.0, 2000.0]})[y].tolist()
    [0.5, 0.5, 0.0]
    """
    return apply_for(Softmax.of, _inputs(x, mask), axis, name=name).output


def log_softmax(x: Any, axis: Axis = -1, mask: Any = None, name: str | None = None) -> Tensor:
    """Return the logarithm of the softmax: `y_k = x_k - log Σ_j e^x_j`; what takes no part is -∞."""
    return apply_for(LogSoftmax.of, _inputs(x, mask), axis, name=name).output


def _inputs(x: Any, mask: Any) -> tuple[Any, ...]:
    return (x,) if mask is None else (x, mask)
