"""Other views of the same entries: slices, reshapes, transpositions, stretched axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.errors import ShapeError
from graphengine.graph import Graph, Tensor
from graphengine.op import Arrays, Core, Op, lead, sum_to
from graphengine.ops.axes import Axes, Axis, apply_for, axes_from_end, axis_from_end, axis_names
from graphengine.ops.sizes import product, quotient
from graphengine.sources import Range
from graphengine.spec import Array, Dim, Spec, broadcast, show, simplest


class View(Op):
    """Shows the entries of its input in another order or shape; a plan copies nothing where strides allow it."""

    reads = ("",)
    is_view = True

    def forward(self, out: Array, x: Array) -> None:
        np.copyto(out, self.view(out.shape, x))


@dataclass(frozen=True)
class Reshape(View):
    """The same entries in another shape, in row-major order."""

    equation = "y = x in another shape"
    gradient = ("dx = dy in the shape of x",)
    before: tuple[Dim, ...]
    shape: tuple[Dim, ...]

    @classmethod
    def of(cls, x: Spec, shape: Iterable[Dim]) -> Reshape:
        """Make the op; a -1 stands for the size that is left over."""
        wanted = list(shape)
        if wanted.count(-1) > 1:
            raise ShapeError("only one size can be left over")
        if -1 in wanted:
            place = wanted.index(-1)
            wanted[place] = 1
            wanted[place] = quotient(x.shape, Spec.of(wanted, x.dtype).shape)
        return cls(x.shape, Spec.of(wanted, x.dtype).shape)

    @classmethod
    def expanding(cls, x: Spec, axis: int | Iterable[int]) -> Reshape:
        """Make the op that puts axes of size 1 in, at positions of the result."""
        several = [axis] if isinstance(axis, int) else list(axis)
        shape: list[Dim] = [0] * (x.rank + len(several))
        places = axes_from_end(several, tuple(shape))
        sizes = iter(x.shape)
        return cls(x.shape, tuple(1 if i - len(shape) in places else next(sizes) for i in range(len(shape))))

    @classmethod
    def squeezing(cls, x: Spec, axis: Axes) -> Reshape:
        """Make the op that takes axes of size 1 away."""
        if axis is None:
            return cls(x.shape, tuple(size for size in x.shape if size != 1))
        places = axes_from_end(axis, x.shape)
        for place in places:
            if x.shape[place] != 1:
                raise ShapeError(f"axis {place} has size {x.shape[place]}; only a literal 1 can be taken away")
        return cls(x.shape, tuple(size for i, size in enumerate(x.shape) if i - x.rank not in places))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """All axes."""
        return (axis_names("n", len(self.before)),), (axis_names("m", len(self.shape)),)

    def infer(self, x: Spec) -> Spec:
        """The new shape, if it provably holds as many entries whatever the names stand for."""
        had, has = product(x.shape), product(self.shape)
        if had != has:
            raise ShapeError(f"{show(x.shape)} holds {had} entries, {show(self.shape)} {has}")
        return Spec(self.shape, x.dtype)

    def view(self, shape: tuple[int, ...], x: Array) -> Array:
        ahead = x.shape[: x.ndim - len(self.before)]
        return x.reshape(ahead + shape[len(shape) - len(self.shape) :])

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return dy.reshape(dy.shape[: lead(dy, y)] + xs[0].shape)


@dataclass(frozen=True)
class Transpose(View):
    """The axes in another order."""

    equation = "y = x with its axes in another order"
    gradient = ("dx = dy with the axes back in order",)
    axes: tuple[int, ...]

    @classmethod
    def of(cls, x: Spec, axes: Iterable[Axis]) -> Transpose:
        """Make the op for axes as the user names them."""
        order = tuple(axis_from_end(axis, x.shape) for axis in axes)
        if sorted(order) != list(range(-x.rank, 0)):
            raise ShapeError(f"{tuple(axes)} does not name each of the {x.rank} axes of {show(x.shape)} once")
        return cls(order)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """All axes."""
        names = axis_names("n", len(self.axes))
        return (names,), (tuple(names[axis] for axis in self.axes),)

    def view(self, shape: tuple[int, ...], x: Array) -> Array:
        return _ordered(x, self.axes)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        back = [0] * len(self.axes)
        for place, axis in enumerate(self.axes):
            back[axis] = place - len(self.axes)
        return _ordered(dy, tuple(back))


def _ordered(x: Array, axes: tuple[int, ...]) -> Array:
    """Put the last axes in an order; those in front stay."""
    ahead = x.ndim - len(axes)
    return x.transpose(*range(ahead), *(x.ndim + axis for axis in axes))


@dataclass(frozen=True)
class BroadcastTo(View):
    """The value repeated to a larger shape, without memory."""

    equation = "y = x repeated along axes"
    gradient = ("dx = Σ dy along those axes",)
    rank: int
    shape: tuple[Dim, ...]

    @classmethod
    def of(cls, x: Spec, shape: Iterable[Dim]) -> BroadcastTo:
        """Make the op."""
        return cls(x.rank, Spec.of(shape, x.dtype).shape)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """All axes."""
        return (axis_names("n", self.rank),), (axis_names("m", len(self.shape)),)

    def infer(self, x: Spec) -> Spec:
        """The larger shape."""
        if broadcast((x.shape, self.shape)) != self.shape:
            raise ShapeError(f"{show(x.shape)} does not stretch to {show(self.shape)}")
        return Spec(self.shape, x.dtype)

    def view(self, shape: tuple[int, ...], x: Array) -> Array:
        ahead, own = x.shape[: x.ndim - self.rank], x.shape[x.ndim - self.rank :]
        wanted = shape[len(shape) - len(self.shape) :]
        return np.broadcast_to(x.reshape(ahead + (1,) * (len(wanted) - self.rank) + own), ahead + wanted)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        ahead = xs[0].ndim - self.rank
        return sum_to(dy, xs[0].shape[ahead:], lead(dy, y) + ahead)


def reshape(x: Any, shape: Iterable[Dim], name: str | None = None) -> Tensor:
    """Give the entries another shape, in row-major order; -1 stands for the size that is left over.

    Raises:
        ShapeError: the two shapes do not provably hold equally many entries.

    >>> from graphengine import Graph
    >>> x = Graph().placeholder("x", ("batch", "time", 12))
    >>> reshape(x, (-1, 12)).spec, reshape(x, ("batch", "time", 3, -1)).spec
    (float32[batch * time, 12], float32[batch, time, 3, 4])
    """
    return apply_for(Reshape.of, (x,), shape, name=name).output


def expand_dims(x: Any, axis: int | Iterable[int], name: str | None = None) -> Tensor:
    """Put axes of size 1 in, at positions of the result."""
    return apply_for(Reshape.expanding, (x,), axis, name=name or "expand_dims").output


def squeeze(x: Any, axis: Axes = None, name: str | None = None) -> Tensor:
    """Take axes of size 1 away; None is all of them.

    Raises:
        ShapeError: an axis has another size, or a name that might stand for one.
    """
    return apply_for(Reshape.squeezing, (x,), axis, name=name or "squeeze").output


def transpose(x: Any, axes: Iterable[Axis], name: str | None = None) -> Tensor:
    """Put the axes in another order.

    >>> from graphengine import Graph
    >>> x = Graph().placeholder("x", ("batch", "time", 3))
    >>> transpose(x, ("time", "batch", -1)).spec
    float32[time, batch, 3]
    """
    return apply_for(Transpose.of, (x,), tuple(axes), name=name).output


def broadcast_to(x: Any, shape: Iterable[Dim], name: str | None = None) -> Tensor:
    """Repeat a value to a larger shape; axes align from the right and only a literal 1 stretches."""
    return apply_for(BroadcastTo.of, (x,), shape, name=name).output


def arange(graph: Graph, size: Dim, name: str = "arange") -> Tensor:
    """Return the numbers 0, 1, … up to the size of a dimension, as integers.

    >>> from graphengine import Graph
    >>> arange(Graph(), "time").spec
    int64[time]
    """
    return graph.add(Range(simplest(size)), (), name=name).output
