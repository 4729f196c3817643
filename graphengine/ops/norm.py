"""Layer normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.errors import DtypeError, SettingError, ShapeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, Op, lead, sum_to
from graphengine.ops.axes import Axes, apply_for, axes_from_end, axis_names
from graphengine.spec import Array, Spec, show


@dataclass(frozen=True)
class LayerNorm(Op):
    """Every row shifted and scaled to mean 0 and variance 1, then to a learnt mean and spread."""

    equation = "y = g ⊙ x̂ + b, x̂ = (x - mean x) / s, s = √(var x + ε)"
    gradient = ("dx = (dx̂ - mean dx̂ - x̂ ⊙ mean(dx̂ ⊙ x̂)) / s with dx̂ = dy ⊙ g", "dg = Σ dy ⊙ x̂", "db = Σ dy")
    reads = ("x1 y", "y", "")
    contracts = True
    rank: int
    epsilon: float

    @classmethod
    def of(cls, x: Spec, axis: Axes, epsilon: float) -> LayerNorm:
        """Make the op for axes as the user names them."""
        axes = axes_from_end(axis, x.shape)
        if not axes or axes != tuple(range(-len(axes), 0)):
            raise ShapeError(f"normalises over the last axes, not over {axes} of {show(x.shape)}; transpose() first")
        if not epsilon >= 0:
            raise SettingError(f"epsilon is a number from 0 up, not {epsilon}")
        return cls(len(axes), float(epsilon))

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes of a row."""
        return tuple(range(-self.rank, 0))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """The axes of a row."""
        row = axis_names("n", self.rank)
        return (row,) * inputs, (row,)

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As the inputs, which are floats."""
        if dtypes[0].kind != "f":
            raise DtypeError(f"needs floats, got {dtypes[0]}; use cast()")
        return super().result_dtype(*dtypes)

    def saves(self, x: Spec, *learnt: Spec) -> tuple[Spec, ...]:
        """The normalised rows, and how far each was spread."""
        return x, Spec((*x.shape[: x.rank - self.rank], *(1,) * self.rank), x.dtype)

    def forward(self, out: tuple[Array, Array, Array], x: Array, gain: Array, shift: Array) -> None:
        """Normalise first, then scale and shift."""
        y, normal, spread = out
        np.subtract(x, x.mean(axis=self.axes, keepdims=True), normal)
        np.copyto(spread, np.sqrt((normal * normal).mean(axis=self.axes, keepdims=True) + self.epsilon))
        np.divide(normal, spread, normal)
        np.multiply(normal, gain, y)
        np.add(y, shift, y)

    def backward(self, i: int, dy: Array, xs: Arrays, y: tuple[Array, Array, Array], out: Array | None = None) -> Array:
        """A row's mean and spread answer to all its entries."""
        _, normal, spread = y
        if i > 0:
            return sum_to(dy * normal if i == 1 else dy, xs[i].shape, lead(dy, y[0]))
        inner = dy * xs[1]
        along = (inner * normal).mean(axis=self.axes, keepdims=True)
        dx = inner - inner.mean(axis=self.axes, keepdims=True) - normal * along
        return sum_to(np.divide(dx, spread, dx), xs[0].shape, lead(dy, y[0]))


def layer_norm(
    x: Any, gain: Any, shift: Any, axis: Axes = -1, epsilon: float = 1e-5, name: str | None = None
) -> Tensor:
    """Shift and scale every row to mean 0 and variance 1, then to a learnt mean and spread.

        y = gain ⊙ (x - mean x) / sqrt(var x + epsilon) + shift

    The variance is the biased one. With one entry per row y is `shift`, and x has no gradient.

    Shapes: `[..., H]`, with gain and shift `[H]`; or several last axes.

    Raises:
        ShapeError: `axis` is not the last one (or ones), or gain or shift have another shape than a row.

    Source: Ba, Kiros, Hinton, "Layer normalization", 2016.

    >>> from graphengine import Graph, Plan
    >>> x = Graph(dtype="float64").placeholder("x", (2,))
    >>> y = layer_norm(x, [10.0, 10.0], [1.0, 1.0], epsilon=0.0)
    >>> Plan(y, wrt=[]).run({x: [3.0, 5.0]})[y].tolist()
    [-9.0, 11.0]
    """
    return apply_for(LayerNorm.of, (x, gain, shift), axis, epsilon, name=name).output
