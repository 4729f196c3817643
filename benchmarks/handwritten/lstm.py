"""The LSTM by hand, blocks in the order f, i, o, cproj."""

from __future__ import annotations

import numpy as np

from benchmarks.handwritten.layer import Layer
from benchmarks.handwritten.layout import Block
from graphengine.spec import Array


class LSTM(Layer):
    """Nine calls forward, sixteen back, and the products."""

    blocks = (Block(0, "x1h"), Block(1, "x1h"), Block(3, "x1h"), Block(2, "x1h"))

    def scale(self, rows: slice) -> Array:
        """For one exponential over all gates, -z and -2z; for one tanh, z/2 and z."""
        scale = super().scale(rows)
        scale[:] = -1 if self.route == "exp" else 0.5
        scale[3 * self.hidden :] = -2 if self.route == "exp" else 1
        return scale

    def remember(self) -> None:
        """The cell states, their tanh, and room for slopes."""
        self.c = self.slab(more=1)
        self.squashed = self.slab()
        self.two = self.scalar(2.0)
        self.slopes = self.rows(4 * self.hidden)
        self.dc = self.rows(self.hidden)

    def forward_step(self, t: int) -> None:
        do = self.forward.do
        gates, c, squashed = self.gates[t], self.c[t + 1], self.squashed[t]
        f, i, o, cproj = (self.block(gates, k) for k in range(4))
        if t == 0:
            do(np.copyto, self.c[0], 0)
        if self.route == "exp":
            self.sigmoid(gates)
            do(np.multiply, cproj, self.two, cproj)
            do(np.subtract, cproj, self.one, cproj)
        else:
            do(np.tanh, gates, gates)
            self.half_up(self.block(gates, 0, 3))
        do(np.multiply, f, self.c[t], c)
        do(np.multiply, i, cproj, self.room)
        do(np.add, c, self.room, c)
        do(np.tanh, c, squashed)
        do(np.multiply, o, squashed, self.h[t + 1])

    def backward_step(self, t: int, dh: Array, dz: Array, first: bool) -> None:
        do = self.backward.do
        gates, squashed, dc, room, slopes = self.gates[t], self.squashed[t], self.dc, self.room, self.slopes
        f, i, o, cproj = (self.block(gates, k) for k in range(4))
        df, di, do_pre, dcproj = (self.block(dz, k) for k in range(4))
        sigmoids, slope_c = self.block(slopes, 0, 3), self.block(slopes, 3)
        do(np.multiply, dh, squashed, do_pre)
        do(np.multiply, squashed, squashed, room)
        do(np.subtract, self.one, room, room)
        do(np.multiply, room, o, room)
        if first:
            do(np.multiply, room, dh, dc)
        else:
            do(np.multiply, room, dh, room)
            do(np.add, dc, room, dc)
        do(np.multiply, dc, self.c[t], df)
        do(np.multiply, dc, cproj, di)
        do(np.multiply, dc, i, dcproj)
        do(np.multiply, gates, gates, slopes)
        do(np.subtract, self.block(gates, 0, 3), sigmoids, sigmoids)
        do(np.subtract, self.one, slope_c, slope_c)
        do(np.multiply, dz, slopes, dz)
        if t:
            do(np.multiply, dc, f, dc)
