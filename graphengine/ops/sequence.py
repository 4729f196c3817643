"""Ops on sequences of unequal length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.errors import DtypeError, FeedError, here
from graphengine.graph import Tensor, apply
from graphengine.op import Op
from graphengine.sources import Range
from graphengine.spec import Array, Dim


@dataclass(frozen=True)
class SequenceMask(Op):
    """Which positions lie within a row's length; a length that no position can have is an error."""

    signature = "(),(t)->(t)"
    equation = "y[t] = t < length"
    gradient = ("", "")
    reads = ("", "")
    differentiable = False

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """Booleans, of integers."""
        if any(dtype.kind not in "iu" for dtype in dtypes):
            raise DtypeError(f"lengths are integers, not {dtypes[0]}")
        return np.dtype(np.bool_)

    def forward(self, out: Array, lengths: Array, positions: Array) -> None:
        """Compare, after checking."""
        steps = positions.shape[-1]
        wrong = (lengths < 0) | (lengths > steps)
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise FeedError(f"the length of row {list(place)} is {lengths[place]}; lengths lie between 0 and {steps}")
        np.less(positions, lengths[..., None], out)


def sequence_mask(lengths: Tensor, over: Dim, *, name: str | None = None) -> Tensor:
    """Return which positions of an axis lie within each row's length.

        y[..., t] = t < length

    Args:
        lengths: integers `[batch]`, or any shape.
        over: the dimension that they count along.

    Raises:
        FeedError: (at run) a length is negative or beyond the axis.

    >>> from graphengine import Graph, Plan
    >>> lengths = Graph().placeholder("lengths", ("batch",), dtype="int64")
    >>> live = sequence_mask(lengths, "time")
    >>> Plan(live, wrt=[]).run({lengths: [0, 2]}, sizes={"time": 3})[live].tolist()
    [[False, False, False], [True, True, False]]
    """
    if not isinstance(lengths, Tensor):
        raise DtypeError(f"lengths are a tensor of integers, not {lengths!r}{here()}")
    positions = lengths.graph.add(Range(over), (), name="positions").output
    return apply(SequenceMask(), lengths, positions, name=name).output
