"""The LSTM by hand, and its sister with coupled gates; cproj is the last block, so that all of σ stands together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.handwritten.layer import Layer
from benchmarks.handwritten.layout import Block
from graphengine.spec import Array


class LSTM(Layer):
    """Nine calls forward, sixteen back, and the products; blocks in the order f, i, o, cproj."""

    blocks = (Block(0, "x1h"), Block(1, "x1h"), Block(3, "x1h"), Block(2, "x1h"))

    def scale(self, rows: slice) -> Array:
        """For one exponential over all gates, -z and -2z; for one tanh, z/2 and z."""
        scale = super().scale(rows)
        scale[:] = -1 if self.route == "exp" else 0.5
        scale[-self.hidden :] = -2 if self.route == "exp" else 1
        return scale

    def remember(self) -> None:
        """The cell states, their tanh, and room for slopes."""
        self.c = self.slab(more=1)
        self.squashed = self.slab()
        self.two = self.scalar(2.0)
        self.slopes = self.rows(len(self.blocks) * self.hidden)
        self.dc = self.rows(self.hidden)

    def forward_step(self, t: int) -> None:
        do = self.forward.do
        gates, c, squashed = self.gates[t], self.c[t + 1], self.squashed[t]
        *first, o, cproj = self.parts(gates)
        if t == 0:
            do(np.copyto, self.c[0], 0)
        if self.route == "exp":
            self.sigmoid(gates)
            do(np.multiply, cproj, self.two, cproj)
            do(np.subtract, cproj, self.one, cproj)
        else:
            do(np.tanh, gates, gates)
            self.half_up(gates[: -self.hidden])
        self.write(first, cproj, self.c[t], c)
        do(np.tanh, c, squashed)
        do(np.multiply, o, squashed, self.h[t + 1])

    def backward_step(self, t: int, dh: Array, dz: Array, first: bool) -> None:
        do = self.backward.do
        gates, squashed, dc, room, slopes = self.gates[t], self.squashed[t], self.dc, self.room, self.slopes
        *_, o, _ = self.parts(gates)
        *_, do_pre, _ = self.parts(dz)
        sigmoids, slope_c = slopes[: -self.hidden], slopes[-self.hidden :]
        do(np.multiply, dh, squashed, do_pre)
        do(np.multiply, squashed, squashed, room)
        do(np.subtract, self.one, room, room)
        do(np.multiply, room, o, room)
        if first:
            do(np.multiply, room, dh, dc)
        else:
            do(np.multiply, room, dh, room)
            do(np.add, dc, room, dc)
        self.write_back(t, dz)
        do(np.multiply, gates, gates, slopes)
        do(np.subtract, gates[: -self.hidden], sigmoids, sigmoids)
        do(np.subtract, self.one, slope_c, slope_c)
        do(np.multiply, dz, slopes, dz)

    def write(self, first: Sequence[Array], cproj: Array, c_prev: Array, c: Array) -> None:
        """Add the calls from the gates in front of o to the new cell state."""
        do = self.forward.do
        f, i = first
        do(np.multiply, f, c_prev, c)
        do(np.multiply, i, cproj, self.room)
        do(np.add, c, self.room, c)

    def write_back(self, t: int, dz: Array) -> None:
        """Add the calls from the gradient of the new cell state to those of its parts, the old one in its place."""
        do, dc = self.backward.do, self.dc
        (f, i, _, cproj), (df, di, _, dcproj) = self.parts(self.gates[t]), self.parts(dz)
        do(np.multiply, dc, self.c[t], df)
        do(np.multiply, dc, cproj, di)
        do(np.multiply, dc, i, dcproj)
        if t:
            do(np.multiply, dc, f, dc)

    def parts(self, array: Array) -> list[Array]:
        """View every block."""
        return [self.block(array, k) for k in range(len(self.blocks))]


class CoupledLSTM(LSTM):
    """What is written takes the place of what is forgotten; blocks in the order i, o, cproj."""

    blocks = (Block(0, "x1h"), Block(2, "x1h"), Block(1, "x1h"))

    def write(self, first: Sequence[Array], cproj: Array, c_prev: Array, c: Array) -> None:
        """Add the calls of a step towards the candidate."""
        do = self.forward.do
        do(np.subtract, cproj, c_prev, self.room)
        do(np.multiply, first[0], self.room, self.room)
        do(np.add, c_prev, self.room, c)

    def write_back(self, t: int, dz: Array) -> None:
        """Add the calls for i and the candidate; what the candidate does not take stays with the old state."""
        do, dc = self.backward.do, self.dc
        (i, _, cproj), (di, _, dcproj) = self.parts(self.gates[t]), self.parts(dz)
        do(np.subtract, cproj, self.c[t], di)
        do(np.multiply, di, dc, di)
        do(np.multiply, dc, i, dcproj)
        if t:
            do(np.subtract, dc, dcproj, dc)
