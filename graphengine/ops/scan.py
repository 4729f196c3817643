"""Scans: running sums and products along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from graphengine.errors import DtypeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, Op
from graphengine.ops.axes import Axis, apply_for, axis_from_end, axis_names
from graphengine.spec import Array, Spec

Scanning = TypeVar("Scanning", bound="Scan")


@dataclass(frozen=True)
class Scan(Op):
    """An op that accumulates along an axis, from its end if `reverse`."""

    axis: int
    reverse: bool = False

    @classmethod
    def of(cls: type[Scanning], x: Spec, axis: Axis, reverse: bool) -> Scanning:
        """Make the op for an axis as the user names it."""
        return cls(axis_from_end(axis, x.shape), reverse)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the accumulated one on."""
        axes = axis_names("n", -self.axis)
        return (axes,) * inputs, (axes,)

    def infer(self, x: Spec) -> Spec:
        """As the input."""
        if x.dtype.kind == "b":
            raise DtypeError("needs numbers, got bool; use cast()")
        return x

    def ordered(self, x: Array) -> Array:
        """View an array with the axis last, in the order of accumulation."""
        moved = np.moveaxis(x, self.axis, -1)
        return moved[..., ::-1] if self.reverse else moved


@dataclass(frozen=True)
class CumSum(Scan):
    """The running sum."""

    equation = "y_k = Σ_{j≤k} x_j"
    gradient = ("dx_j = Σ_{k≥j} dy_k",)
    reads = ("",)
    kind = "cumsum"

    def forward(self, out: Array, x: Array) -> None:
        np.add.accumulate(self.ordered(x), axis=-1, dtype=x.dtype, out=self.ordered(out))

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        dx = np.empty_like(dy) if out is None else out
        np.add.accumulate(self.ordered(dy)[..., ::-1], axis=-1, out=self.ordered(dx)[..., ::-1])
        return dx


@dataclass(frozen=True)
class CumProd(Scan):
    """The running product."""

    equation = "y_k = Π_{j≤k} x_j"
    gradient = ("dx_j = y_{j-1} ⊙ s_j with s_j = dy_j + x_{j+1} ⊙ s_{j+1}",)
    reads = ("x0 y",)
    kind = "cumprod"

    def forward(self, out: Array, x: Array) -> None:
        np.multiply.accumulate(self.ordered(x), axis=-1, dtype=x.dtype, out=self.ordered(out))

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        # A recurrence from the end: the closed form Σ dy y / x would fail where a factor is 0.
        dx = np.empty_like(dy) if out is None else out
        np.copyto(dx, dy)
        x, gradient = self.ordered(xs[0]), self.ordered(dx)
        for j in reversed(range(x.shape[-1] - 1)):
            gradient[..., j] += x[..., j + 1] * gradient[..., j + 1]
        gradient[..., 1:] *= self.ordered(y)[..., :-1]
        return dx


def cumsum(x: Any, axis: Axis = -1, reverse: bool = False, name: str | None = None) -> Tensor:
    """Sum up along an axis: `y_k = Σ_{j≤k} x_j`; with `reverse`, `y_k = Σ_{j≥k} x_j`.

    >>> from graphengine import Graph, Plan
    >>> g = Graph()
    >>> x = g.placeholder("x", (3,))
    >>> y, z = cumsum(x), cumsum(x, reverse=True)
    >>> run = Plan([y, z], wrt=[]).run({x: [1.0, 2.0, 4.0]})
    >>> run[y].tolist(), run[z].tolist()
    ([1.0, 3.0, 7.0], [7.0, 6.0, 4.0])
    """
    return apply_for(CumSum.of, (x,), axis, reverse, name=name).output


def cumprod(x: Any, axis: Axis = -1, reverse: bool = False, name: str | None = None) -> Tensor:
    """Multiply up along an axis: `y_k = Π_{j≤k} x_j`; with `reverse`, `y_k = Π_{j≥k} x_j`.

    The gradient is right where factors are 0.
    """
    return apply_for(CumProd.of, (x,), axis, reverse, name=name).output
