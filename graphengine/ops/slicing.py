"""Slices: `x[:, 1:]`, `x[..., -1]`, `x[:, None]`, where dimensions may have names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from graphengine.errors import DtypeError, ShapeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, lead
from graphengine.ops.axes import apply_for, axis_names
from graphengine.ops.shape import View
from graphengine.spec import Array, Derived, Dim, Spec, dim, show, simplest


class Cut(NamedTuple):
    """A slice that can be compared and hashed."""

    start: int | None
    stop: int | None
    step: int

    def __str__(self) -> str:
        ends = f"{'' if self.start is None else self.start}:{'' if self.stop is None else self.stop}"
        return ends if self.step == 1 else f"{ends}:{self.step}"


Part: TypeAlias = int | Cut | None


@dataclass(frozen=True)
class TakeSlice(View):
    """The entries at regular places: one position of an axis, or a stretch of it."""

    equation = "y = x[key]"
    gradient = ("dx[key] = dy, 0 elsewhere",)
    key: tuple[Part, ...]

    @classmethod
    def of(cls, x: Spec, key: Any) -> TakeSlice:
        """Make the op for a key as the user writes it; afterwards it names every axis."""
        given = list(key) if isinstance(key, tuple) else [key]
        dots = [i for i, part in enumerate(given) if part is Ellipsis]
        left_over = x.rank - sum(part is not None and part is not Ellipsis for part in given)
        if left_over < 0 or len(dots) > 1:
            raise ShapeError(f"{'too many indices' if left_over < 0 else 'more than one ...'} for {show(x.shape)}")
        place = dots[0] if dots else len(given)
        given[place : place + 1] = [slice(None)] * left_over
        return cls(tuple(_part(each) for each in given))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """All axes."""
        taken = sum(part is not None for part in self.key)
        kept = sum(not isinstance(part, int) for part in self.key)
        return (axis_names("n", taken),), (axis_names("m", kept),)

    def infer(self, x: Spec) -> Spec:
        """The sizes of the stretches; of a named dimension a slice is taken to lie inside."""
        sizes = iter(x.shape)
        shape: list[Dim] = []
        for part in self.key:
            if part is None:
                shape.append(1)
            elif isinstance(part, Cut):
                shape.append(_size(part, next(sizes)))
            else:
                size = next(sizes)
                if isinstance(size, int) and not -size <= part < size:
                    raise ShapeError(f"no position {part} on an axis of size {size}")
        return Spec(tuple(shape), x.dtype)

    def view(self, shape: tuple[int, ...], x: Array) -> Array:
        part: Array = x[self._index()]
        own = shape[len(shape) - sum(not isinstance(each, int) for each in self.key) :]
        if part.shape[part.ndim - len(own) :] != own:
            raise ShapeError(f"the slice does not lie inside {list(x.shape)}")
        return part

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        dx = np.zeros(dy.shape[: lead(dy, y)] + xs[0].shape, dy.dtype)
        dx[self._index()] = dy
        return dx

    def _index(self) -> tuple[Any, ...]:
        return (..., *(slice(*part) if isinstance(part, Cut) else part for part in self.key))

    def __str__(self) -> str:
        return f"TakeSlice[{', '.join(map(str, self.key))}]"


def _part(given: Any) -> Part:
    """Read one part of a key."""
    if given is None:
        return None
    if isinstance(given, slice):
        start, stop, step = given.start, given.stop, 1 if given.step is None else given.step
        if all(each is None or _whole(each) for each in (start, stop, step)) and step != 0:
            return Cut(None if start is None else int(start), None if stop is None else int(stop), int(step))
        raise DtypeError(f"{given} is no slice that can be taken; its ends are whole numbers and its step is not 0")
    if _whole(given):
        return int(given)
    raise DtypeError(f"takes whole numbers, slices, None and ..., not {given!r}; for positions that are data: gather()")


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _size(cut: Cut, size: Dim) -> Dim:
    """Return how many positions a slice takes; one of a named dimension is taken to lie inside it."""
    if isinstance(size, int):
        return len(range(*slice(*cut).indices(size)))
    low, high = (cut.start, cut.stop) if cut.step > 0 else (cut.stop, cut.start)
    if low is not None and low < 0 and high is not None and high >= 0:
        raise ShapeError(f"the size of [{cut}] of {size} is not known before the run; count both ends from one side")
    if cut.step > 0:
        span = _place(cut.stop, size, dim(size)) - _place(cut.start, size, dim(0))
    else:
        span = _place(cut.start, size, dim(size) - 1) - _place(cut.stop, size, dim(-1))
    step = abs(cut.step)
    found = simplest((span + (step - 1)) // step)
    return max(found, 0) if isinstance(found, int) else found


def _place(end: int | None, size: Dim, default: Derived) -> Derived:
    """Return where a slice begins or ends, counted from the first position."""
    if end is None:
        return default
    return dim(end) if end >= 0 else dim(size) + end


def take_slice(x: Any, key: Any, name: str | None = None) -> Tensor:
    """Take positions and stretches of axes, as NumPy's basic indexing does; also spelt `x[key]`.

    A slice of a named dimension is taken to lie inside it; a run that feeds less is an error.

    Raises:
        ShapeError: there are no such positions, or their number is not known before the run.
        DtypeError: the key holds something else (`gather` takes positions that are data).

    >>> from graphengine import Graph
    >>> x = Graph().placeholder("x", ("batch", "time", 3))
    >>> x[:, 1:].spec, x[:, -1].spec, x[:, ::2, None, :2].spec
    (float32[batch, time - 1, 3], float32[batch, 3], float32[batch, (time + 1) // 2, 1, 2])
    """
    return apply_for(TakeSlice.of, (x,), key, name=name).output
