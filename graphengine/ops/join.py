"""Joining and splitting along an axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from graphengine.errors import ShapeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, Op
from graphengine.ops.axes import Axis, apply_for, axis_from_end, axis_names
from graphengine.spec import Array, Derived, Dim, Spec, dim, show, simplest


def _part(x: Array, axis: int, start: int, size: int) -> Array:
    """View a part of an array along an axis that is counted from the end."""
    index: tuple[Any, ...] = (..., slice(start, start + size), *(slice(None),) * (-1 - axis))
    part: Array = x[index]
    return part


def _copy_each(parts: Sequence[Array], xs: Sequence[Array]) -> None:
    for part, x in zip(parts, xs, strict=True):
        np.copyto(part, x)


@dataclass(frozen=True)
class Concat(Op):
    """Several values behind each other along an axis."""

    equation = "y = [a; b; …]"
    gradient = ("da, db, … = the parts of dy",)
    joins = True
    axis: int

    @classmethod
    def of(cls, x: Spec, axis: Axis) -> Concat:
        """Make the op for an axis as the user names it."""
        return cls(axis_from_end(axis, x.shape))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the joined one on."""
        axes = axis_names("n", -self.axis)
        return (axes,) * inputs, (axes,)

    def infer(self, *xs: Spec) -> Spec:
        """The sizes of the axis add up, everything else agrees; nothing is broadcast."""
        first = xs[0]
        place = first.rank + self.axis
        for x in xs[1:]:
            if x.rank != first.rank or any(
                size != wanted for i, (size, wanted) in enumerate(zip(x.shape, first.shape, strict=True)) if i != place
            ):
                shown = f"{show(first.shape)} and {show(x.shape)}"
                raise ShapeError(f"{shown} differ beside axis {self.axis}; nothing is broadcast here")
        total = simplest(_sum(x.shape[place] for x in xs))
        dtype = self.result_dtype(*(x.dtype for x in xs))
        return Spec((*first.shape[:place], total, *first.shape[place + 1 :]), dtype)

    def forward(self, out: Array, *xs: Array) -> None:
        _copy_each(self.regions(out, [x.shape for x in xs]), xs)

    def bound(self, out: Array, *xs: Array) -> tuple[Any, ...]:
        return _copy_each, self.regions(out, [x.shape for x in xs]), xs

    def regions(self, out: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        sizes = [shape[self.axis] for shape in shapes]
        starts = accumulate(sizes, initial=0)
        return [_part(out, self.axis, start, size) for size, start in zip(sizes, starts, strict=False)]

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        start = sum(x.shape[self.axis] for x in xs[:i])
        return _part(dy, self.axis, start, xs[i].shape[self.axis])

    def reads_of(self, i: int) -> str:
        return ""


@dataclass(frozen=True)
class Stack(Op):
    """Several values side by side along a new axis."""

    equation = "y = [a, b, …]"
    gradient = ("da, db, … = the entries of dy",)
    joins = True
    axis: int

    @classmethod
    def of(cls, x: Spec, axis: int) -> Stack:
        """Make the op for an axis of the result."""
        return cls(axis_from_end(axis, (*x.shape, 1)))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis behind the new one."""
        axes = axis_names("n", -1 - self.axis)
        return (axes,) * inputs, (("m", *axes),)

    def infer(self, *xs: Spec) -> Spec:
        """The shape that all share, with their number put in."""
        for x in xs[1:]:
            if x.shape != xs[0].shape:
                raise ShapeError(f"{show(xs[0].shape)} and {show(x.shape)} differ; nothing is broadcast here")
        shape = list(xs[0].shape)
        shape.insert(len(shape) + 1 + self.axis, len(xs))
        return Spec(tuple(shape), self.result_dtype(*(x.dtype for x in xs)))

    def forward(self, out: Array, *xs: Array) -> None:
        _copy_each(self.regions(out, [x.shape for x in xs]), xs)

    def bound(self, out: Array, *xs: Array) -> tuple[Any, ...]:
        return _copy_each, self.regions(out, [x.shape for x in xs]), xs

    def regions(self, out: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        return [_part(out, self.axis, i, 1).squeeze(self.axis) for i in range(len(shapes))]

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        return _part(dy, self.axis, i, 1).squeeze(self.axis)

    def reads_of(self, i: int) -> str:
        return ""


@dataclass(frozen=True)
class Split(Op):
    """A value cut into parts along an axis; the parts are views."""

    equation = "a, b, … = the parts of x"
    gradient = ("dx = [da; db; …]",)
    reads = ("",)
    is_view = True
    axis: int
    sizes: tuple[Dim, ...]

    @classmethod
    def of(cls, x: Spec, sizes: int | Iterable[Dim], axis: Axis, names: Sequence[str] | None) -> Split:
        """Make the op for an axis as the user names it, and for a number of equal parts or their sizes."""
        op = cls._of(x, sizes, axis_from_end(axis, x.shape))
        if names is not None and len(names) != len(op.sizes):
            raise ShapeError(f"{len(names)} names for {len(op.sizes)} parts: {', '.join(names)}")
        return op

    @classmethod
    def _of(cls, x: Spec, sizes: int | Iterable[Dim], place: int) -> Split:
        if not isinstance(sizes, int):
            return cls(place, tuple(simplest(size) for size in sizes))
        whole = x.shape[place]
        size = simplest(dim(whole) // sizes) if sizes > 0 else whole
        if sizes < 1 or dim(size) * sizes != dim(whole):
            raise ShapeError(f"{whole} on axis {place} does not split into {sizes} equal parts; give their sizes")
        return cls(place, (size,) * sizes)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the cut one on."""
        axes = axis_names("n", -self.axis)
        return (axes,), (axes,) * len(self.sizes)

    def infer(self, x: Spec) -> Spec | tuple[Spec, ...]:
        """The shape with every part's size; the sizes add up to the whole."""
        place = x.rank + self.axis
        if dim(x.shape[place]) != _sum(self.sizes):
            raise ShapeError(f"the parts {show(self.sizes)} do not add up to {x.shape[place]} on axis {self.axis}")
        parts = tuple(Spec((*x.shape[:place], size, *x.shape[place + 1 :]), x.dtype) for size in self.sizes)
        return parts if len(parts) > 1 else parts[0]

    def view(self, shapes: Any, x: Array) -> Any:
        several = [shapes] if len(self.sizes) == 1 else shapes
        sizes = [shape[self.axis] for shape in several]
        starts = accumulate(sizes, initial=0)
        parts = tuple(_part(x, self.axis, start, size) for size, start in zip(sizes, starts, strict=False))
        return parts if len(parts) > 1 else parts[0]

    def forward(self, out: Any, x: Array) -> None:
        outs = out if isinstance(out, tuple) else (out,)
        start = 0
        for part in outs:
            np.copyto(part, _part(x, self.axis, start, part.shape[self.axis]))
            start += part.shape[self.axis]

    def backward(self, i: int, dy: Any, xs: Arrays, y: Any, out: Array | None = None) -> Array:
        parts = dy if isinstance(dy, tuple) else (dy,)
        return np.concatenate(parts, axis=self.axis, out=out)


def _sum(sizes: Iterable[Dim]) -> Derived:
    total = dim(0)
    for size in sizes:
        total = total + size
    return total


def concat(tensors: Sequence[Any], axis: Axis = -1, name: str | None = None) -> Tensor:
    """Put values behind each other along an axis: `y = [a; b; …]`. Other axes must agree; nothing is broadcast.

    >>> from graphengine import Graph
    >>> g = Graph()
    >>> x, h = g.placeholder("x", ("batch", 3)), g.placeholder("h", ("batch", 5))
    >>> concat([x, h]).spec
    float32[batch, 8]
    """
    return apply_for(Concat.of, tensors, axis, name=name).output


def stack(tensors: Sequence[Any], axis: int = 0, name: str | None = None) -> Tensor:
    """Put values of one shape side by side along a new axis of the result.

    >>> from graphengine import Graph
    >>> g = Graph()
    >>> a, b = g.placeholder("a", ("batch", 3)), g.placeholder("b", ("batch", 3))
    >>> stack([a, b], axis=1).spec
    float32[batch, 2, 3]
    """
    return apply_for(Stack.of, tensors, axis, name=name).output


def split(
    x: Any, sizes: int | Iterable[Dim], axis: Axis = -1, names: Sequence[str] | None = None
) -> tuple[Tensor, ...]:
    """Cut a value into parts along an axis: a number of equal parts, or parts of these sizes.

    Raises:
        ShapeError: the parts do not add up to the whole.

    >>> from graphengine import Graph
    >>> z = Graph().placeholder("z", ("batch", 20))
    >>> split(z, 4, names=("f", "i", "cproj", "o"))[2]
    <cproj float32[batch, 5]>
    """
    given = None if names is None else tuple(names)
    return apply_for(Split.of, (x,), sizes, axis, given, names=given).outputs
