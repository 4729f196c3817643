"""The plain recurrent cell by hand."""

from __future__ import annotations

import numpy as np

from benchmarks.handwritten.layer import Layer
from benchmarks.handwritten.layout import Block
from graphengine.spec import Array


class RNN(Layer):
    """One tanh, whose output is all that the backward pass reads."""

    blocks = (Block(0, "x1h"),)

    def forward_step(self, t: int) -> None:
        self.forward.do(np.tanh, self.gates[t], self.h[t + 1])

    def backward_step(self, t: int, dh: Array, dz: Array, first: bool) -> None:
        do = self.backward.do
        h, room = self.h[t + 1], self.room
        do(np.multiply, h, h, room)
        do(np.subtract, self.one, room, room)
        do(np.multiply, dh, room, dz)
