"""Gradients while a backward pass adds them up.

An array is added to in place where it is ours, and never where somebody else holds it: contributions are often views of
the gradient that they came from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphengine.graph import Node, Tensor
from graphengine.program import Program
from graphengine.spec import Array


class Gradients:
    """Gradients by tensor; `room` makes the array for a sum, and those held at first belong to others."""

    def __init__(
        self, program: Program, room: Callable[[Tensor], Array], held: dict[Tensor, Array] | None = None
    ) -> None:
        self.program = program
        self.room = room
        self.arrays: dict[Tensor, Array] = held if held is not None else {}
        self._ours: set[Tensor] = set()

    def add(self, node: Node, tensor: Tensor, gradient: Array, fresh: bool) -> None:
        """Add a contribution from a node; `fresh` tells that nobody else holds the array."""
        before = self.arrays.get(tensor)
        if before is None:
            self.arrays[tensor] = gradient
            if fresh:
                self._ours.add(tensor)
            return
        target = before if tensor in self._ours else self.room(tensor)
        self.program.do(node, np.add, before, gradient, target)
        self.arrays[tensor] = target
        self._ours.add(tensor)

    def whole(self, node: Node, tensor: Tensor) -> Array:
        """Return the gradient as an array of ours to add parts to, zeros at first."""
        before = self.arrays.get(tensor)
        if before is None or tensor not in self._ours:
            target = self.room(tensor)
            self.program.do(node, np.copyto, target, 0 if before is None else before)
            self.arrays[tensor] = target
            self._ours.add(tensor)
        return self.arrays[tensor]

    def get(self, tensor: Tensor) -> Array | None:
        """Return the sum so far."""
        return self.arrays.get(tensor)

    def pop(self, tensor: Tensor) -> None:
        """Forget a gradient that nobody will ask for."""
        self.arrays.pop(tensor, None)
        self._ours.discard(tensor)


def step_of(array: Array, lead: int, t: Any) -> Array:
    """View the part of step `t`, or of a slice of steps, behind the axes of the seeds."""
    part: Array = array[(*(slice(None),) * lead, t, ...)]
    return part
