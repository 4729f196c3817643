"""Functions of one value, entry by entry: exponentials, roots, signs, bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.errors import DtypeError
from graphengine.graph import Tensor, apply
from graphengine.op import Arrays
from graphengine.ops.elementwise import OnFloats, OnNumbers
from graphengine.spec import Array


@dataclass(frozen=True)
class Negate(OnNumbers):
    """The value with its sign changed."""

    equation = "y = -x"
    gradient = ("dx = -dy",)
    reads = ("",)

    def forward(self, out: Array, x: Array) -> None:
        np.negative(x, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.negative(dy, out)


@dataclass(frozen=True)
class Absolute(OnNumbers):
    """The value without its sign; at 0 no gradient passes."""

    equation = "y = |x|"
    gradient = ("dx = dy ⊙ sign(x)",)
    reads = ("x0",)

    def forward(self, out: Array, x: Array) -> None:
        np.absolute(x, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.multiply(dy, np.sign(xs[0]), out)


@dataclass(frozen=True)
class Sign(OnNumbers):
    """-1, 0 or 1; constant between jumps, so no gradient passes."""

    equation = "y = sign(x)"
    gradient = ("dx = 0",)
    reads = ("",)
    differentiable = False

    def forward(self, out: Array, x: Array) -> None:
        np.sign(x, out)


@dataclass(frozen=True)
class Floor(OnNumbers):
    """The next whole number below; constant between jumps, so no gradient passes."""

    equation = "y = floor(x)"
    gradient = ("dx = 0",)
    reads = ("",)
    differentiable = False

    def forward(self, out: Array, x: Array) -> None:
        np.floor(x, out)


@dataclass(frozen=True)
class Exp(OnFloats):
    """The exponential."""

    equation = "y = e^x"
    gradient = ("dx = dy ⊙ y",)
    reads = ("y",)

    def forward(self, out: Array, x: Array) -> None:
        np.exp(x, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.multiply(dy, y, out)


@dataclass(frozen=True)
class Log(OnFloats):
    """The natural logarithm."""

    equation = "y = log(x)"
    gradient = ("dx = dy / x",)
    reads = ("x0",)

    def forward(self, out: Array, x: Array) -> None:
        np.log(x, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.divide(dy, xs[0], out)


@dataclass(frozen=True)
class Sqrt(OnFloats):
    """The square root."""

    equation = "y = √x"
    gradient = ("dx = dy / 2y",)
    reads = ("y",)

    def forward(self, out: Array, x: Array) -> None:
        np.sqrt(x, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        twice: Array = y + y
        return np.divide(dy, twice, out)


@dataclass(frozen=True)
class Clip(OnNumbers):
    """The value kept between two bounds; the gradient passes where it lies between them, bounds included."""

    equation = "y = min(max(x, low), high)"
    gradient = ("dx = dy where low ≤ x ≤ high, else 0",)
    reads = ("x0",)
    low: float | None
    high: float | None

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As the input, which must be able to hold the bounds."""
        for bound in (self.low, self.high):
            if dtypes[0].kind in "iu" and not isinstance(bound, int | None):
                raise DtypeError(f"the bounds of integers are integers, not {bound}")
        return super().result_dtype(*dtypes)

    def forward(self, out: Array, x: Array) -> None:
        np.clip(x, self.low, self.high, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return np.multiply(dy, (xs[0] >= low) & (xs[0] <= high), out)


def negate(x: Any, name: str | None = None) -> Tensor:
    """Change the sign: `y = -x`; also spelt `-x`."""
    return apply(Negate(), x, name=name).output


def absolute(x: Any, name: str | None = None) -> Tensor:
    """Drop the sign: `y = |x|`; also spelt `abs(x)`. At 0 no gradient passes."""
    return apply(Absolute(), x, name=name).output


def sign(x: Any, name: str | None = None) -> Tensor:
    """Return -1, 0 or 1. No gradient passes."""
    return apply(Sign(), x, name=name).output


def floor(x: Any, name: str | None = None) -> Tensor:
    """Round down to a whole number, of the same dtype. No gradient passes."""
    return apply(Floor(), x, name=name).output


def exp(x: Any, name: str | None = None) -> Tensor:
    """Raise e to a value: `y = e^x`."""
    return apply(Exp(), x, name=name).output


def log(x: Any, name: str | None = None) -> Tensor:
    """Take the natural logarithm."""
    return apply(Log(), x, name=name).output


def sqrt(x: Any, name: str | None = None) -> Tensor:
    """Return the square root: `y = √x`; its gradient at 0 is infinite."""
    return apply(Sqrt(), x, name=name).output


def clip(x: Any, low: float | None = None, high: float | None = None, name: str | None = None) -> Tensor:
    """Keep a value between two bounds: `y = min(max(x, low), high)`.

    Bounds are numbers; `maximum` and `minimum` take tensors.
    """
    return apply(Clip(low, high), x, name=name).output
