"""Ops that choose by position: embeddings, picking along an axis, one-hot rows.

Positions are integers from 0 up. One that lies outside is an error, never wrapped around or clipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphengine.errors import DtypeError, FeedError
from graphengine.graph import Tensor, apply
from graphengine.op import Arrays, Core, Op, lead
from graphengine.ops.axes import Axis, apply_for, axis_from_end, axis_names
from graphengine.spec import Array, Dim, Spec


class Picking(Op):
    """An op on values and integer positions in them."""

    reads = ("x1", "")
    contracts = True

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """As the values."""
        refuse_unindexed(dtypes[1])
        return dtypes[0]

    def where(self, x: Array, indices: Array) -> Arrays:
        """Return an index for every leading axis of `x`, as NumPy takes them."""
        raise NotImplementedError(f"{type(self).__name__}.where")

    def forward(self, out: Array, x: Array, indices: Array) -> None:
        """Copy what is chosen."""
        np.copyto(out, x[self.where(x, indices)])

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        """Add every gradient to the place that its value came from."""
        before = lead(dy, y)
        dx = np.zeros(dy.shape[:before] + xs[0].shape, dy.dtype)
        places: Any = (*(slice(None),) * before, *self.where(*xs))
        np.add.at(dx, places, dy)
        return dx


@dataclass(frozen=True)
class Gather(Picking):
    """The entries of a table at given positions; an embedding is its rows."""

    equation = "y = x[i]"
    gradient = ("dx[i] = Σ dy over all places that chose i", "")
    axis: int

    @classmethod
    def of(cls, x: Spec, axis: Axis) -> Gather:
        """Make the op for an axis as the user names it."""
        return cls(axis_from_end(axis, x.shape))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """The chosen axis and what lies under it."""
        under = axis_names("n", -self.axis - 1)
        return (("v", *under), ()), (under,)

    def where(self, x: Array, indices: Array) -> Arrays:
        """Batch axes are matched with those of the indices."""
        refuse_outside(indices, x.shape[self.axis])
        return (*np.indices(x.shape[: self.axis], sparse=True), indices)


@dataclass(frozen=True)
class TakeAlongAxis(Picking):
    """Entries along an axis, chosen anew in every row."""

    equation = "y[j] = x[i[j]]"
    gradient = ("dx[k] = Σ_j dy[j] where i[j] = k", "")
    axis: int

    @classmethod
    def of(cls, x: Spec, axis: Axis) -> TakeAlongAxis:
        """Make the op for an axis as the user names it."""
        return cls(axis_from_end(axis, x.shape))

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """Every axis from the chosen one on; all but that one are the same in both."""
        under = axis_names("n", -self.axis - 1)
        return (("v", *under), ("m", *under)), (("m", *under),)

    def where(self, x: Array, indices: Array) -> Arrays:
        """Every axis but the chosen one stays where it is."""
        refuse_outside(indices, x.shape[self.axis])
        places: list[Array] = list(np.indices(x.shape, sparse=True))
        places[self.axis] = indices
        return tuple(places)


@dataclass(frozen=True)
class OneHot(Op):
    """A row with 1 at the given position and 0 elsewhere."""

    signature = "()->(d)"
    equation = "y[k] = 1 where k = i, else 0"
    reads = ("",)
    differentiable = False
    depth: Dim
    dtype: np.dtype[Any]

    def infer(self, indices: Spec) -> Spec:
        """One more axis."""
        refuse_unindexed(indices.dtype)
        return Spec.of((*indices.shape, self.depth), self.dtype)

    def forward(self, out: Array, indices: Array) -> None:
        """Compare every position with the given one."""
        depth = out.shape[-1]
        refuse_outside(indices, depth)
        np.equal(indices[..., None], np.arange(depth), out=out, casting="unsafe")


def refuse_unindexed(dtype: np.dtype[Any]) -> None:
    """Refuse positions that are no integers."""
    if dtype.kind not in "iu":
        raise DtypeError(f"positions are integers, not {dtype}; use cast()")


def refuse_outside(indices: Array, size: int) -> None:
    """Refuse the first position that does not lie on an axis of this size."""
    if not indices.size or (indices.min() >= 0 and indices.max() < size):
        return
    place = tuple(int(k) for k in np.argwhere((indices < 0) | (indices >= size))[0])
    found = f"the index {indices[place]}" + (f" at {list(place)}" if place else "")
    allowed = f"it lies between 0 and {size - 1}" if size else "the axis is empty"
    raise FeedError(f"{found} is out of range: {allowed}")


def gather(x: Any, indices: Any, axis: Axis = 0, name: str | None = None) -> Tensor:
    """Choose entries of a table by position: `y = x[i]`. With a matrix of weights this is an embedding.

    Shapes: `[V, D]` and `[batch, time]` give `[batch, time, D]`. Axes before `axis` are batch axes and go together with
    those of the indices: `[batch, S, D]` and `[batch]` along `"S"` give `[batch, D]`, a position per row.

    The gradient of an entry is the sum over all places that chose it.

    Raises:
        DtypeError: the indices are no integers.
        FeedError: (at run) an index lies outside; negative ones are refused.

    >>> from graphengine import Graph, Plan
    >>> g = Graph()
    >>> x, i = g.placeholder("x", (3, 2)), g.placeholder("i", ("n",), "int64")
    >>> y = gather(x, i)
    >>> Plan(y, wrt=[]).run({x: [[0, 1], [10, 11], [20, 21]], i: [2, 0, 2]})[y].tolist()
    [[20.0, 21.0], [0.0, 1.0], [20.0, 21.0]]
    """
    return apply_for(Gather.of, (x, _positions(indices)), axis, name=name).output


def take_along_axis(x: Any, indices: Any, axis: Axis = -1, name: str | None = None) -> Tensor:
    """Choose entries along an axis, anew in every row: `y[b, j] = x[b, i[b, j]]`.

    Shapes: `[batch, n]` and `[batch, m]` give `[batch, m]`; sizes may differ on `axis` only.

    Raises:
        DtypeError: the indices are no integers.
        FeedError: (at run) an index lies outside; negative ones are refused.
    """
    return apply_for(TakeAlongAxis.of, (x, _positions(indices)), axis, name=name).output


def one_hot(indices: Tensor, depth: Dim, dtype: npt.DTypeLike | None = None, name: str | None = None) -> Tensor:
    """Turn positions into rows with a single 1: `[...]` gives `[..., depth]`, in the graph's dtype.

    Raises:
        DtypeError: the indices are no integers.
        FeedError: (at run) an index lies outside; negative ones are refused.

    >>> from graphengine import Graph, Plan
    >>> i = Graph().placeholder("i", ("n",), "int64")
    >>> y = one_hot(i, 3)
    >>> Plan(y, wrt=[]).run({i: [2, 0]})[y].tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    kind = indices.graph.dtype if dtype is None else np.dtype(dtype)
    return apply(OneHot(depth, kind), indices, name=name).output


def _positions(indices: Any) -> Any:
    """Take positions as they are given; a plain number must not become a float because the table holds floats."""
    return indices if isinstance(indices, Tensor) else np.asarray(indices)
