"""Arithmetic, entry by entry. Shapes broadcast from the right; only a literal 1 stretches, and dtypes must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.errors import DtypeError
from graphengine.graph import Tensor, apply
from graphengine.op import Arrays, Elementwise
from graphengine.spec import Array


class OnNumbers(Elementwise):
    """Elementwise on floats and integers."""

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As the inputs; booleans are refused, because adding truths is a mistake more often than a count."""
        if any(dtype.kind == "b" for dtype in dtypes):
            raise DtypeError("needs numbers, got bool; use cast(), or logical_and, logical_or, logical_not")
        return super().result_dtype(*dtypes)


class OnFloats(Elementwise):
    """Elementwise on floats, because the result is no integer."""

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As the inputs."""
        for dtype in dtypes:
            if dtype.kind != "f":
                raise DtypeError(f"needs floats, got {dtype}; use cast()")
        return super().result_dtype(*dtypes)


@dataclass(frozen=True)
class Add(OnNumbers):
    """The sum of two values."""

    equation = "y = a + b"
    gradient = ("da = dy", "db = dy")
    reads = ("", "")

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.add(a, b, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return dy


@dataclass(frozen=True)
class Subtract(OnNumbers):
    """The difference of two values."""

    equation = "y = a - b"
    gradient = ("da = dy", "db = -dy")
    reads = ("", "")

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.subtract(a, b, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.negative(dy, out) if i else dy


@dataclass(frozen=True)
class Multiply(OnNumbers):
    """The product of two values (Hadamard, ⊙)."""

    equation = "y = a ⊙ b"
    gradient = ("da = dy ⊙ b", "db = dy ⊙ a")
    reads = ("x1", "x0")

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.multiply(a, b, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.multiply(dy, xs[1 - i], out)


@dataclass(frozen=True)
class Divide(OnFloats):
    """The quotient of two values."""

    equation = "y = a / b"
    gradient = ("da = dy / b", "db = -dy ⊙ y / b")
    reads = ("x1", "x1 y")

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As the inputs; there are two ways to divide integers, so the user says which."""
        if all(dtype.kind in "iu" for dtype in dtypes):
            raise DtypeError("integers rarely divide evenly; cast() them to floats, and floor() the quotient if wanted")
        return super().result_dtype(*dtypes)

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.divide(a, b, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        dx = np.divide(dy, xs[1], out)
        if i == 1:
            dx *= -y
        return dx


@dataclass(frozen=True)
class Mod(OnNumbers):
    """The remainder of a division, with the sign of the divisor."""

    equation = "y = a - b ⊙ floor(a / b)"
    gradient = ("da = dy", "db = -dy ⊙ floor(a / b)")
    reads = ("", "x0 x1")

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.remainder(a, b, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return np.multiply(dy, -np.floor_divide(*xs), out) if i else dy


@dataclass(frozen=True)
class Power(OnNumbers):
    """A base raised to an exponent; a negative base needs a whole exponent."""

    equation = "y = a^b"
    gradient = ("da = dy ⊙ b ⊙ a^(b - 1)", "db = dy ⊙ y ⊙ log(a), 0 where a = 0 and b ≥ 0")
    reads = ("x0 x1", "x0 x1 y")

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.power(a, b, out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        a, b = xs
        if i == 0:
            # a^0 is flat even at a = 0, where a^(b - 1) is infinite.
            slope: Array = b * np.power(a, np.where(b == 0, 1, b - 1))
        else:
            flat = (a == 0) & (b >= 0)
            slope = y * np.log(np.where(flat, 1, a))
        return np.multiply(dy, slope, out)


@dataclass(frozen=True)
class Maximum(OnNumbers):
    """The larger of two values; at a tie both get half of the gradient."""

    equation = "y = max(a, b)"
    gradient = ("da = dy where a > b, dy / 2 where a = b", "db = dy where b > a, dy / 2 where a = b")
    reads = ("x0 x1", "x0 x1")

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.maximum(a, b, out=out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return _share(dy, xs[i], xs[1 - i], out)


@dataclass(frozen=True)
class Minimum(OnNumbers):
    """The smaller of two values; at a tie both get half of the gradient."""

    equation = "y = min(a, b)"
    gradient = ("da = dy where a < b, dy / 2 where a = b", "db = dy where b < a, dy / 2 where a = b")
    reads = ("x0 x1", "x0 x1")

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.minimum(a, b, out=out)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return _share(dy, xs[1 - i], xs[i], out)


def _share(dy: Array, larger: Array, smaller: Array, out: Array | None) -> Array:
    """Pass the gradient where the order is as said, and half of it at ties."""
    share = np.add(larger > smaller, larger >= smaller, dtype=dy.dtype)
    share *= 0.5
    return np.multiply(dy, share, out)


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


def add(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Add two values: `y = a + b`; also spelt `a + b`."""
    return apply(Add(), a, b, name=name).output


def subtract(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Subtract the second value from the first: `y = a - b`; also spelt `a - b`."""
    return apply(Subtract(), a, b, name=name).output


def multiply(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Multiply two values entry by entry: `y = a ⊙ b`; also spelt `a * b`."""
    return apply(Multiply(), a, b, name=name).output


def divide(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Divide the first value by the second: `y = a / b`; also spelt `a / b`."""
    return apply(Divide(), a, b, name=name).output


def mod(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Return what division leaves over, with the sign of the divisor: `y = a - b floor(a / b)`; also spelt `a % b`."""
    return apply(Mod(), a, b, name=name).output


def power(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Raise a base to an exponent: `y = a^b`; also spelt `a ** b`."""
    return apply(Power(), a, b, name=name).output


def maximum(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Return the larger of two values: `y = max(a, b)`; at a tie both get half of the gradient."""
    return apply(Maximum(), a, b, name=name).output


def minimum(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Return the smaller of two values: `y = min(a, b)`; at a tie both get half of the gradient."""
    return apply(Minimum(), a, b, name=name).output


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
