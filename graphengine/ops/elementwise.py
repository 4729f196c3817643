"""Arithmetic of two values, entry by entry.

Shapes broadcast from the right, where only a literal 1 stretches; dtypes must agree.
"""

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
