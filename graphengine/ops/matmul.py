"""The product of matrices, over any number of batch axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from graphengine.errors import DtypeError, ShapeError
from graphengine.graph import Tensor, apply
from graphengine.op import Arrays, Op, lead
from graphengine.spec import Array, Spec

ROWS = 512


@dataclass(frozen=True)
class MatMul(Op):
    """The product of two matrices; every axis before the last two is batch.

    Its backward sums over the batch axes that an operand lacks inside one product. Forming a gradient per batch entry
    and summing afterwards would take `[time, m, n]` of memory for the weights of a recurrent layer.
    """

    signature = "(m,k),(k,n)->(m,n)"
    equation = "y = a b"
    gradient = ("da = dy bᵀ", "db = aᵀ dy")
    reads = ("x1", "x0")
    contracts = True
    kind = "matmul"

    def infer(self, a: Spec, b: Spec) -> Spec:
        """Broadcast the batch axes; the inner sizes must agree."""
        for spec in (a, b):
            if spec.rank < 2:
                raise ShapeError(
                    f"needs matrices, got {spec}; give a vector its second axis with expand_dims, "
                    "or spell an inner product as sum(a * b)"
                )
            if not spec.floating:
                raise DtypeError(f"needs floats, got {spec.dtype}; use cast()")
        found = super().infer(a, b)
        assert isinstance(found, Spec)
        return found

    def forward(self, out: Array, a: Array, b: Array) -> None:
        if b.ndim == 2 and out.flags.c_contiguous:
            # One large product instead of many small ones; and a call of dot costs half of one of matmul.
            np.dot(_rows(a), b, _rows(out))
        else:
            np.matmul(a, b, out)

    def bound(self, out: Array, a: Array, b: Array) -> tuple[Any, ...]:
        if out.ndim == 2 and out.T.flags.c_contiguous:
            # Half the overhead of matmul, and BLAS reads transposed operands as they are.
            return np.dot, b.T, a.T, out.T
        return self.forward, out, a, b

    def bound_backward(
        self, wanted: Sequence[int], dy: Array, xs: Arrays, y: Array, outs: Sequence[Array]
    ) -> tuple[Any, ...] | None:
        (a, b), (out,) = xs, outs
        if tuple(wanted) == (0,) and dy.ndim == 2 and out.T.flags.c_contiguous:
            return np.dot, b, dy.T, out.T
        if tuple(wanted) == (0,) and b.ndim == 2 and out.shape == (*dy.shape[:-1], len(b)):
            return np.matmul, dy, b.T, out
        if tuple(wanted) != (1,) or a.ndim != dy.ndim or out.ndim != 2:
            return None
        if _in_rows(a, dy, out):
            return np.dot, _rows(a).T, _rows(dy), out
        if a.ndim == 3 and len(a):
            return sum_products, _chunks(a, dy), out, np.empty(out.shape, out.dtype)
        return None

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        a, b = xs
        product: Array
        if i == 1 and b.ndim == 2 and a.ndim == dy.ndim:
            product = np.dot(_rows(a).T, _rows(dy))
            return product
        if i == 1:
            return _contract(a, dy, b.shape, lead(dy, y))
        if b.ndim == 2:
            product = np.dot(_rows(dy), b.T)
            return product.reshape(dy.shape[:-1] + a.shape[-1:])
        # yᵀ = bᵀ aᵀ, so the first operand is the second one of the mirrored product.
        *batch, m, k = a.shape
        return _contract(b.swapaxes(-1, -2), dy.swapaxes(-1, -2), (*batch, k, m), lead(dy, y)).swapaxes(-1, -2)


def _in_rows(*arrays: Array) -> bool:
    """Tell whether the rows of all matrices stand under each other in memory already."""
    return all(array.flags.c_contiguous for array in arrays)


def _chunks(a: Array, dy: Array) -> list[tuple[Array, ...]]:
    """Cut the matrices of `a` and `dy` into chunks, and make room for one whose rows stand under each other.

    What is copied there and multiplied is still in the cache then.
    """
    steps, rows, _ = a.shape
    size = max(1, min(steps, ROWS // max(rows, 1)))
    rooms = [np.empty((size, *x.shape[1:]), x.dtype) for x in (a, dy)]
    found: list[tuple[Array, ...]] = []
    for first in range(0, steps, size):
        count = min(size, steps - first)
        parts = [(room[:count], x[first : first + count]) for room, x in zip(rooms, (a, dy), strict=True)]
        found.append((*parts[0], *parts[1], _rows(parts[0][0]).T, _rows(parts[1][0])))
    return found


def sum_products(chunks: list[tuple[Array, ...]], out: Array, room: Array) -> None:
    """Sum `aᵀ dy` over chunks."""
    target = out
    for a_room, a, dy_room, dy, turned, rows in chunks:
        np.copyto(a_room, a)
        np.copyto(dy_room, dy)
        np.dot(turned, rows, target)
        if target is room:
            np.add(out, room, out)
        target = room


def _rows(x: Array) -> Array:
    """Put all rows of all matrices under each other."""
    return x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])


def _contract(a: Array, dy: Array, shape: tuple[int, ...], extra: int) -> Array:
    """The gradient of `b` in `a b`, for `b` of a shape: `aᵀ dy` summed over the batch axes that `b` lacks.

    Those axes become rows: they are summed over within the product.
    """
    rank = dy.ndim - extra
    own = (1,) * (rank - len(shape)) + shape
    a = a.reshape((1,) * (rank - a.ndim) + a.shape)
    summed = [axis for axis in range(rank - 2) if own[axis] == 1]
    kept = [axis for axis in range(rank - 2) if own[axis] != 1]
    if summed:
        a = _merged(a, kept, summed, 0)
        dy = _merged(dy, kept, summed, extra)
    product: Array = np.matmul(a.swapaxes(-1, -2), dy)
    return product.reshape(dy.shape[:extra] + shape)


def _merged(x: Array, kept: list[int], summed: list[int], extra: int) -> Array:
    """Merge the summed batch axes into the rows, behind `extra` axes."""
    rank = x.ndim - extra
    order = [*range(extra), *(extra + axis for axis in (*kept, *summed, rank - 2, rank - 1))]
    moved = x.transpose(order)
    ahead = moved.shape[: extra + len(kept)]
    return moved.reshape(*ahead, prod(moved.shape[extra + len(kept) : -1]), moved.shape[-1])


def matmul(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Multiply matrices: `y = a b`; also spelt `a @ b`.

    Shapes `[..., m, k]` and `[..., k, n]` give `[..., m, n]`; the axes in front broadcast.

    Raises:
        ShapeError: the inner sizes differ, or an operand is a vector.

    >>> from graphengine import Graph
    >>> g = Graph()
    >>> x, kernel = g.placeholder("x", ("batch", "time", 3)), g.placeholder("kernel", (3, 5))
    >>> matmul(x, kernel).spec
    float32[batch, time, 5]
    """
    return apply(MatMul(), a, b, name=name).output
