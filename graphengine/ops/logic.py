"""Comparing, choosing and converting, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphengine.errors import DtypeError
from graphengine.graph import Tensor, apply, as_tensor, graph_of
from graphengine.op import Arrays, Elementwise
from graphengine.parameter import Parameter
from graphengine.spec import Array, Spec


class Comparison(Elementwise):
    """Compares two values of one dtype; the answer is a boolean, so no gradient passes."""

    reads = ()
    differentiable = False

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """A boolean."""
        super().result_dtype(*dtypes)
        return np.dtype(np.bool_)


@dataclass(frozen=True)
class Less(Comparison):
    """Whether the first is smaller."""

    equation = "y = a < b"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.less(a, b, out)


@dataclass(frozen=True)
class LessEqual(Comparison):
    """Whether the first is not larger."""

    equation = "y = a ≤ b"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.less_equal(a, b, out)


@dataclass(frozen=True)
class Greater(Comparison):
    """Whether the first is larger."""

    equation = "y = a > b"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.greater(a, b, out)


@dataclass(frozen=True)
class GreaterEqual(Comparison):
    """Whether the first is not smaller."""

    equation = "y = a ≥ b"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.greater_equal(a, b, out)


@dataclass(frozen=True)
class Equal(Comparison):
    """Whether both are the same."""

    equation = "y = (a = b)"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.equal(a, b, out)


@dataclass(frozen=True)
class NotEqual(Comparison):
    """Whether they differ."""

    equation = "y = a ≠ b"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.not_equal(a, b, out)


class Logical(Elementwise):
    """Combines booleans."""

    reads = ()
    differentiable = False

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """A boolean, as the inputs."""
        for dtype in dtypes:
            if dtype.kind != "b":
                raise DtypeError(f"needs booleans, got {dtype}; compare first (x != 0)")
        return dtypes[0]


@dataclass(frozen=True)
class LogicalAnd(Logical):
    """Whether both are true."""

    equation = "y = a ∧ b"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.logical_and(a, b, out)


@dataclass(frozen=True)
class LogicalOr(Logical):
    """Whether one or both are true."""

    equation = "y = a ∨ b"

    def forward(self, out: Array, a: Array, b: Array) -> None:
        np.logical_or(a, b, out)


@dataclass(frozen=True)
class LogicalNot(Logical):
    """Whether it is false."""

    equation = "y = ¬x"

    def forward(self, out: Array, x: Array) -> None:
        np.logical_not(x, out)


@dataclass(frozen=True)
class Where(Elementwise):
    """The one value or the other, chosen by a condition; the gradient goes to the one that was chosen."""

    equation = "y = a where condition, else b"
    gradient = ("none", "da = dy where condition, else 0", "db = 0 where condition, else dy")
    reads = ("", "x0", "x0")

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As the values."""
        if dtypes[0].kind != "b":
            raise DtypeError(f"the condition is a boolean, not {dtypes[0]}; compare first (x != 0)")
        return super().result_dtype(*dtypes[1:])

    def forward(self, out: Array, condition: Array, a: Array, b: Array) -> None:
        np.copyto(out, b)
        np.copyto(out, a, where=condition)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        # Not a product with the condition: what was not chosen may have an infinite gradient, and 0 ∞ is no zero.
        return np.where(xs[0], dy, 0) if i == 1 else np.where(xs[0], 0, dy)


@dataclass(frozen=True)
class Hold(Where):
    """Keeps the state of a row that has ended: the new value while it lives, then the previous one."""

    equation = "y = new where live, else previous"
    gradient = ("none", "d new = dy where live, else 0", "d previous = 0 where live, else dy")


@dataclass(frozen=True)
class Cast(Elementwise):
    """The value in another dtype; a gradient passes between floats."""

    equation = "y = x as dtype"
    gradient = ("dx = dy as the dtype of x",)
    reads = ("",)
    dtype: np.dtype[Any]

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As asked for."""
        return self.dtype

    def forward(self, out: Array, x: Array) -> None:
        np.copyto(out, x, casting="unsafe")

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return dy.astype(xs[0].dtype, copy=False)


@dataclass(frozen=True)
class StopGradient(Elementwise):
    """The value itself, as a constant to every gradient."""

    equation = "y = x"
    gradient = ("dx = 0",)
    reads = ("",)
    differentiable = False
    is_view = True

    def view(self, shape: tuple[int, ...], x: Array) -> Array:
        return x

    def forward(self, out: Array, x: Array) -> None:
        np.copyto(out, x)


def less(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether the first value is smaller; also spelt `a < b`."""
    return apply(Less(), a, b, name=name).output


def less_equal(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether the first value is not larger; also spelt `a <= b`."""
    return apply(LessEqual(), a, b, name=name).output


def greater(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether the first value is larger; also spelt `a > b`."""
    return apply(Greater(), a, b, name=name).output


def greater_equal(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether the first value is not smaller; also spelt `a >= b`."""
    return apply(GreaterEqual(), a, b, name=name).output


def equal(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether two values are the same. `a == b` asks something else: whether two tensors are one object."""
    return apply(Equal(), a, b, name=name).output


def not_equal(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether two values differ."""
    return apply(NotEqual(), a, b, name=name).output


def logical_and(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether both booleans are true; also spelt `a & b`."""
    return apply(LogicalAnd(), a, b, name=name).output


def logical_or(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Tell whether one of two booleans is true, or both; also spelt `a | b`."""
    return apply(LogicalOr(), a, b, name=name).output


def logical_not(x: Any, name: str | None = None) -> Tensor:
    """Tell whether a boolean is false; also spelt `~x`."""
    return apply(LogicalNot(), x, name=name).output


def where(condition: Any, a: Any, b: Any, name: str | None = None) -> Tensor:
    """Choose between two values: `a` where the condition is true, else `b`."""
    return apply(Where(), *_choices(condition, a, b), name=name).output


def hold(live: Any, new: Any, previous: Any, name: str | None = None) -> Tensor:
    """Keep the state of rows that have ended: `new` where they live, else `previous`."""
    return apply(Hold(), *_choices(live, new, previous), name=name).output


def _choices(condition: Any, a: Any, b: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Give numbers the dtype of the other choice, not the condition's."""
    graph = graph_of((condition, a, b), "where")
    typed = [each.dtype for each in (a, b) if isinstance(each, Tensor | Parameter)]
    like = typed[0] if typed else graph.dtype
    return as_tensor(graph, condition, np.bool_), as_tensor(graph, a, like), as_tensor(graph, b, like)


def cast(x: Any, dtype: npt.DTypeLike, name: str | None = None) -> Tensor:
    """Convert to another dtype. A gradient passes between floats; fractions are dropped on the way to integers."""
    return apply(Cast(Spec.of((), dtype).dtype), x, name=name).output


def stop_gradient(x: Any, name: str | None = None) -> Tensor:
    """Pass the value on and no gradient back."""
    return apply(StopGradient(), x, name=name).output
