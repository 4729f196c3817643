"""Activation functions, entry by entry. Each backward reads the output alone where the mathematics allows it."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np

from graphengine.graph import Tensor, apply
from graphengine.op import Arrays
from graphengine.ops.elementwise import OnFloats, OnNumbers
from graphengine.spec import Array


@dataclass(frozen=True)
class Identity(OnFloats):
    """The linear activation: a value under another name."""

    equation = "y = x"
    gradient = ("dx = dy",)
    reads = ("",)
    is_view = True

    def view(self, shape: tuple[int, ...], x: Array) -> Array:
        return x

    def forward(self, out: Array, x: Array) -> None:
        np.copyto(out, x)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return dy


@dataclass(frozen=True)
class Sigmoid(OnFloats):
    """The logistic function σ."""

    equation = "y = 1 / (1 + e^-x)"
    gradient = ("dx = dy ⊙ y ⊙ (1 - y)",)
    reads = ("y",)

    def forward(self, out: Array, x: Array) -> None:
        # Far below zero e^-x overflows to infinity, and 1/∞ is the 0 that is meant.
        np.negative(x, out)
        np.exp(out, out)
        np.add(out, 1, out)
        np.reciprocal(out, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        dx = np.empty_like(dy) if out is None else out
        np.subtract(1, y, dx)
        np.multiply(dx, y, dx)
        return np.multiply(dx, dy, dx)


@dataclass(frozen=True)
class Tanh(OnFloats):
    """The hyperbolic tangent."""

    equation = "y = tanh(x)"
    gradient = ("dx = dy ⊙ (1 - y²)",)
    reads = ("y",)

    def forward(self, out: Array, x: Array) -> None:
        np.tanh(x, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        dx = np.empty_like(dy) if out is None else out
        np.multiply(y, y, dx)
        np.subtract(1, dx, dx)
        return np.multiply(dx, dy, dx)


@dataclass(frozen=True)
class Relu(OnNumbers):
    """The positive part; at 0 no gradient passes."""

    equation = "y = max(x, 0)"
    gradient = ("dx = dy where y > 0, else 0",)
    reads = ("y",)

    def forward(self, out: Array, x: Array) -> None:
        np.maximum(x, 0, out=out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.multiply(dy, y > 0, out)


@dataclass(frozen=True)
class Softplus(OnFloats):
    """A smooth positive part."""

    equation = "y = log(1 + e^x)"
    gradient = ("dx = dy ⊙ (1 - e^-y)",)
    reads = ("y",)

    def forward(self, out: Array, x: Array) -> None:
        np.logaddexp(x, 0, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.multiply(dy, -np.expm1(-y), out)


@dataclass(frozen=True)
class HardSigmoid(OnFloats):
    """A sigmoid made of straight lines; at its corners no gradient passes."""

    equation = "y = min(max(x + 3, 0), 6) / 6"
    gradient = ("dx = dy / 6 where 0 < y < 1, else 0",)
    reads = ("y",)

    def forward(self, out: Array, x: Array) -> None:
        np.add(x, 3, out)
        np.clip(out, 0, 6, out)
        np.divide(out, 6, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        dx = np.multiply(dy, (y > 0) & (y < 1), out)
        dx /= 6
        return dx


@dataclass(frozen=True)
class Erf(OnFloats):
    """The error function, twice the area under the normal curve with variance 1/2."""

    equation = "y = 2/√π ∫₀ˣ e^-t² dt"
    gradient = ("dx = dy ⊙ 2/√π e^-x²",)
    reads = ("x0",)

    def forward(self, out: Array, x: Array) -> None:
        size = np.absolute(x)
        square = size * size
        near = x * _ratio(np.minimum(square, _BORDER**2), _NEAR)
        far = np.copysign(1 - np.exp(-square) * _ratio(np.minimum(size, _ONE), _FAR), x)
        np.copyto(out, np.where(size <= _BORDER, near, far))

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        slope: Array = np.exp(-(xs[0] * xs[0]))
        dx = np.multiply(dy, slope, out)
        dx *= 2 / sqrt(pi)
        return dx


# Rational approximations of W. J. Cody (1969), highest power first: x P(x²)/Q(x²) up to the border, and
# 1 - e^-x² P(x)/Q(x) above it. From 6 on the result is 1 in double precision.
_BORDER, _ONE = 0.46875, 6.0
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_FAR = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
        2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
)


def _ratio(x: Array, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    """Evaluate the quotient of two polynomials by Horner's rule."""
    above, below = (_horner(x, each) for each in coefficients)
    return np.divide(above, below)


def _horner(x: Array, coefficients: tuple[float, ...]) -> Array:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total


def identity(x: Any, name: str | None = None) -> Tensor:
    """Give a value another name: `y = x`, the linear activation."""
    return apply(Identity(), x, name=name).output


def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """Squash into (0, 1): `y = σ(x) = 1 / (1 + e^-x)`."""
    return apply(Sigmoid(), x, name=name).output


def tanh(x: Any, name: str | None = None) -> Tensor:
    """Squash into (-1, 1) by the hyperbolic tangent."""
    return apply(Tanh(), x, name=name).output


def relu(x: Any, name: str | None = None) -> Tensor:
    """Keep the positive part: `y = max(x, 0)`; at 0 no gradient passes."""
    return apply(Relu(), x, name=name).output


def softplus(x: Any, name: str | None = None) -> Tensor:
    """Keep the positive part, smoothly: `y = log(1 + e^x)`."""
    return apply(Softplus(), x, name=name).output


def hard_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """Squash into [0, 1] along straight lines: `y = min(max(x + 3, 0), 6) / 6`, as PyTorch and Keras 3 have it.

    Keras 1 and 2 had `min(max(0.2 x + 0.5, 0), 1)`; that is `clip(0.2 * x + 0.5, 0, 1)`.
    """
    return apply(HardSigmoid(), x, name=name).output


def erf(x: Any, name: str | None = None) -> Tensor:
    """Return the error function: `y = 2/√π ∫₀ˣ e^-t² dt`, exact to the last bits of a double.

    Source: W. J. Cody, Rational Chebyshev Approximations for the Error Function (Math. Comp. 1969).
    """
    return apply(Erf(), x, name=name).output
