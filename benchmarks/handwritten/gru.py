"""The GRU by hand, reset after the product; blocks in the order n (from x), r, u, q (n from h)."""

from __future__ import annotations

import numpy as np

from benchmarks.handwritten.layer import Layer
from benchmarks.handwritten.layout import Block
from graphengine.spec import Array


class GRU(Layer):
    """Three products, because r stands between those of n."""

    blocks = (Block(2, "x1"), Block(0, "x1h"), Block(1, "x1h"), Block(2, "1h"))

    def scale(self, rows: slice) -> Array:
        """The gates as their route to σ wants them."""
        scale = super().scale(rows)
        if rows.start == self.hidden:
            scale[:] = -1 if self.route == "exp" else 0.5
        return scale

    def remember(self) -> None:
        """Room for slopes, and for what reaches the state before past the products."""
        self.slopes = self.rows(2 * self.hidden)
        self.past = self.rows(self.hidden)

    def forward_step(self, t: int) -> None:
        do = self.forward.do
        n, r, u, q = (self.block(self.gates[t], k) for k in range(4))
        h, room = self.h[t], self.room
        self.sigmoid(self.block(self.gates[t], 1, 2))
        do(np.multiply, r, q, room)
        do(np.add, n, room, n)
        do(np.tanh, n, n)
        do(np.subtract, h, n, room)
        do(np.multiply, u, room, room)
        do(np.add, n, room, self.h[t + 1])

    def backward_step(self, t: int, dh: Array, dz: Array, first: bool) -> None:
        do = self.backward.do
        n, r, u, q = (self.block(self.gates[t], k) for k in range(4))
        dn, dr, du, dq = (self.block(dz, k) for k in range(4))
        h, room, gates, dgates = self.h[t], self.room, self.block(self.gates[t], 1, 2), self.block(dz, 1, 2)
        do(np.multiply, dh, u, self.past)
        do(np.subtract, dh, self.past, dn)
        do(np.multiply, n, n, room)
        do(np.subtract, self.one, room, room)
        do(np.multiply, dn, room, dn)
        do(np.subtract, h, n, room)
        do(np.multiply, dh, room, du)
        do(np.multiply, dn, r, dq)
        do(np.multiply, dn, q, dr)
        do(np.multiply, gates, gates, self.slopes)
        do(np.subtract, gates, self.slopes, self.slopes)
        do(np.multiply, dgates, self.slopes, dgates)

    def hand_back(self, t: int, dh: Array) -> None:
        self.backward.do(np.add, dh, self.past, dh)
