"""The arithmetic that tensors offer: `x @ w + b`, `-x`, `x[:, 1:]`, `a > b`.

Each method applies an op of `graphengine.ops`; equality stays identity, because tensors are keys of feeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphengine.graph import Tensor


def _ops() -> Any:
    from graphengine import ops  # ops are built from tensors, so the import waits until both exist

    return ops


class Operators:
    """Arithmetic for `Tensor`; see the ops of the same names."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy arrays leave `array * tensor` to the tensor

    def __add__(self, other: Any) -> Tensor:
        return _ops().add(self, other)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> Tensor:
        return _ops().add(other, self)  # type: ignore[no-any-return]

    def __sub__(self, other: Any) -> Tensor:
        return _ops().subtract(self, other)  # type: ignore[no-any-return]

    def __rsub__(self, other: Any) -> Tensor:
        return _ops().subtract(other, self)  # type: ignore[no-any-return]

    def __mul__(self, other: Any) -> Tensor:
        return _ops().multiply(self, other)  # type: ignore[no-any-return]

    def __rmul__(self, other: Any) -> Tensor:
        return _ops().multiply(other, self)  # type: ignore[no-any-return]

    def __truediv__(self, other: Any) -> Tensor:
        return _ops().divide(self, other)  # type: ignore[no-any-return]

    def __rtruediv__(self, other: Any) -> Tensor:
        return _ops().divide(other, self)  # type: ignore[no-any-return]

    def __pow__(self, other: Any) -> Tensor:
        return _ops().power(self, other)  # type: ignore[no-any-return]

    def __rpow__(self, other: Any) -> Tensor:
        return _ops().power(other, self)  # type: ignore[no-any-return]

    def __mod__(self, other: Any) -> Tensor:
        return _ops().mod(self, other)  # type: ignore[no-any-return]

    def __rmod__(self, other: Any) -> Tensor:
        return _ops().mod(other, self)  # type: ignore[no-any-return]

    def __matmul__(self, other: Any) -> Tensor:
        return _ops().matmul(self, other)  # type: ignore[no-any-return]

    def __rmatmul__(self, other: Any) -> Tensor:
        return _ops().matmul(other, self)  # type: ignore[no-any-return]

    def __neg__(self) -> Tensor:
        return _ops().negate(self)  # type: ignore[no-any-return]

    def __abs__(self) -> Tensor:
        return _ops().absolute(self)  # type: ignore[no-any-return]

    def __getitem__(self, key: Any) -> Tensor:
        return _ops().take_slice(self, key)  # type: ignore[no-any-return]

    def __lt__(self, other: Any) -> Tensor:
        return _ops().less(self, other)  # type: ignore[no-any-return]

    def __le__(self, other: Any) -> Tensor:
        return _ops().less_equal(self, other)  # type: ignore[no-any-return]

    def __gt__(self, other: Any) -> Tensor:
        return _ops().greater(self, other)  # type: ignore[no-any-return]

    def __ge__(self, other: Any) -> Tensor:
        return _ops().greater_equal(self, other)  # type: ignore[no-any-return]

    def __and__(self, other: Any) -> Tensor:
        return _ops().logical_and(self, other)  # type: ignore[no-any-return]

    def __rand__(self, other: Any) -> Tensor:
        return _ops().logical_and(other, self)  # type: ignore[no-any-return]

    def __or__(self, other: Any) -> Tensor:
        return _ops().logical_or(self, other)  # type: ignore[no-any-return]

    def __ror__(self, other: Any) -> Tensor:
        return _ops().logical_or(other, self)  # type: ignore[no-any-return]

    def __invert__(self) -> Tensor:
        return _ops().logical_not(self)  # type: ignore[no-any-return]

    def __iter__(self) -> Any:
        raise TypeError("a tensor cannot be iterated; it has no values before a run. Use split() or a Loop")

    def __bool__(self) -> bool:
        raise TypeError("a tensor is neither true nor false before a run; use where() to choose by value")
