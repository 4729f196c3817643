"""Parameters: named arrays that belong to a layer, that optimizers change, and that several graphs may share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphengine.errors import DtypeError, ShapeError, here
from graphengine.spec import Array


class Parameter:
    """An array that is learnt.

    The initial array is copied. `value` is a read-only view; `assign` is the one way to change it.

    >>> w = Parameter("w", np.zeros((2, 3)))
    >>> w.assign(np.ones((2, 3))); float(w.value.sum())
    6.0
    """

    __slots__ = ("__weakref__", "_array", "_view", "name", "path", "trainable")

    def __init__(self, name: str, initial: npt.ArrayLike, *, path: str | None = None, trainable: bool = True) -> None:
        self.name = name
        self.path = path or name
        self.trainable = trainable
        self._array: Array = np.array(initial)
        if self._array.dtype.kind != "f":
            raise DtypeError(f"{self.path}: a parameter holds floats, not {self._array.dtype}{here()}")
        self._view = self._array.view()
        self._view.flags.writeable = False

    @property
    def value(self) -> Array:
        """Its array, read-only; it shows later changes, so copy it to keep a snapshot."""
        return self._view

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its array."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The number type of its array."""
        return self._array.dtype

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self._array.size

    def assign(self, value: npt.ArrayLike) -> None:
        """Copy new values in; shape and dtype stay.

        Raises:
            ShapeError: the shape differs; nothing is broadcast.
            DtypeError: the dtype does not cast safely.
        """
        given = np.asarray(value)
        if given.shape != self.shape:
            raise ShapeError(f"{self.path}: has shape {list(self.shape)}, got {list(given.shape)}{here()}")
        if isinstance(value, np.ndarray) and not np.can_cast(given.dtype, self.dtype, "safe"):
            raise DtypeError(f"{self.path}: is {self.dtype}, got {given.dtype}; convert it first{here()}")
        np.copyto(self._array, given.astype(self.dtype, copy=False))

    def __repr__(self) -> str:
        return f"<parameter {self.path} {self.dtype}{list(self.shape)}>"
