"""Memory: where a workspace gets its arrays from, counted, and how much a plan needs before it has any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.spec import Array


class Memory:
    """Hands out arrays.

    Attributes:
        bytes: how much it has handed out.
    """

    def __init__(self) -> None:
        self.bytes = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Make an array."""
        made = np.empty(shape, dtype)
        self.bytes += made.nbytes
        return made

    def by_feature(self, before: tuple[int, ...], shape: tuple[int, ...], dtype: Any) -> Array:
        """Make an array whose steps `[batch, features]` stand feature by feature in memory."""
        if len(shape) != 2:
            return self.empty(before + shape, dtype)
        return self.empty(before + shape[::-1], dtype).swapaxes(-1, -2)

    def adopt(self, args: Any, given: Any) -> None:
        """Count what stands among the arguments of a call and was not given to who made it: room to work in."""
        roots = {id(root(array)) for array in arrays_in(given)}
        for array in arrays_in(args):
            own = root(array)
            if id(own) not in roots:
                roots.add(id(own))
                self.bytes += own.nbytes


def root(array: Array) -> Array:
    """Return the array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def arrays_in(what: Any) -> Iterator[Array]:
    """Yield the arrays of a nesting of lists and tuples."""
    if isinstance(what, np.ndarray):
        yield what
    elif isinstance(what, list | tuple):
        for each in what:
            yield from arrays_in(each)


@dataclass(frozen=True)
class Need:
    """What a run of some sizes needs, in bytes.

    Attributes:
        forward: values, and what the backward pass reads of them.
        backward: gradients on their way.
        calls: the calls that later runs repeat, and the views that they are made on.
        results: the arrays that the run owns: outputs, and the gradients that were asked for.
    """

    forward: int
    backward: int
    calls: int
    results: int

    @property
    def workspace(self) -> int:
        """What stays with the plan for the next run of these sizes."""
        return self.forward + self.backward + self.calls

    @property
    def peak(self) -> int:
        """All of it."""
        return self.workspace + self.results

    def __str__(self) -> str:
        parts = (f"{name} {shown(count)}" for name, count in vars(self).items())
        return f"{shown(self.peak)}: {', '.join(parts)}"


def shown(count: int) -> str:
    """Write a number of bytes with its unit.

    >>> shown(1536), shown(700)
    ('1.5 KiB', '700 B')
    """
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.3g} {units[0]}"
