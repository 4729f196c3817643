"""Fused ops: the block of a cell between its products, as one op.

Cells name them beside the equations that they stand for (`Graph.fuse`). They are the same mathematics in fewer passes
over memory; a test proves each equal to its spelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from graphengine.errors import ShapeError
from graphengine.op import Arrays, Core, Op
from graphengine.spec import Array, Spec, dim, simplest


@dataclass(frozen=True)
class LSTMGates(Op):
    """The gates and states of an LSTM, from its pre-activations side by side and the cell state before."""

    equation = "f, i, o = σ(z_f + forget_bias), σ(z_i), σ(z_o); c = f ⊙ c_prev + i ⊙ tanh(z_c); h = o ⊙ tanh(c)"
    gradient = ("dz, from dc + dh ⊙ o ⊙ (1 - tanh²(c))", "dc_prev = dc ⊙ f, from the same")
    reads = ("x1 y", "x1 y")
    together = True
    forget_bias: float = 0.0

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """All gates, and one state."""
        return (("k",), ("h",)), (("h",), ("h",))

    def infer(self, z: Spec, c_prev: Spec) -> tuple[Spec, Spec]:
        """Two states, c and h."""
        if not z.rank or simplest(dim(c_prev.shape[-1]) * 4) != z.shape[-1] or z.shape[:-1] != c_prev.shape[:-1]:
            raise ShapeError(f"four gates of {c_prev} are not {z}")
        self.result_dtype(z.dtype, c_prev.dtype)
        return c_prev, c_prev

    def saves(self, z: Spec, c_prev: Spec) -> tuple[Spec, ...]:
        """The gates, and tanh(c)."""
        return z, c_prev

    def scratch(self, z: Spec, c_prev: Spec) -> tuple[Spec, ...]:
        """Room for the slopes of the gates, and for one state."""
        return z, c_prev

    def forward(self, out: Any, z: Array, c_prev: Array) -> None:
        function, *args = self.bound(out, z, c_prev)
        function(*args)

    def bound(self, out: Any, z: Array, c_prev: Array) -> tuple[Any, ...]:
        c, h, gates, squashed, _, room = out
        one = scalar(1.0, z.dtype.str)
        shift = scalar(self.forget_bias, z.dtype.str) if self.forget_bias else None
        parts = [part(gates, k) for k in range(4)]
        return (lstm_forward, z, part(z, 2), c_prev, c, h, gates, *parts, squashed, room, one, shift)

    def backward_all(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array] | None = None
    ) -> list[Array]:
        dh = dy[1]
        made = {0: np.empty((*dh.shape[:-1], xs[0].shape[-1]), dh.dtype), 1: np.empty(dh.shape, dh.dtype)}
        call = self.bound_backward((0, 1), dy, xs, y, [made[0], made[1]])
        assert call is not None
        call[0](*call[1:])
        return [made[i] for i in wanted]

    def bound_backward(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array]
    ) -> tuple[Any, ...] | None:
        """The calls on parts that are cut once."""
        dc, dh = dy
        if tuple(wanted) != (0, 1) or any(out.shape[:-1] != dh.shape[:-1] for out in outs):
            return None
        _, _, gates, squashed, slopes, room = y
        dz, dc_prev = outs
        if dh.ndim > room.ndim:
            slopes, room = np.empty(gates.shape, gates.dtype), np.empty(dh.shape, dh.dtype)
        return (
            lstm_backward, dc, dh, xs[1], gates, *(part(gates, k) for k in range(4)), squashed,
            slopes, part(slopes, 2), room, dz, *(part(dz, k) for k in range(4)), dc_prev, scalar(1.0, dh.dtype.str),
        )  # fmt: skip


def lstm_forward(
    z: Array, z_c: Array, c_prev: Array, c: Array, h: Array, gates: Array, f: Array, i: Array, cproj: Array, o: Array,
    squashed: Array, room: Array, one: Array, shift: Array | None,
) -> None:  # fmt: skip
    """One exponential over all gates; the candidate is then replaced by its own tanh, exact near zero."""
    np.negative(z, gates)
    if shift is not None:
        np.subtract(f, shift, f)
    np.exp(gates, gates)
    np.add(gates, one, gates)
    np.reciprocal(gates, gates)
    np.tanh(z_c, cproj)
    np.multiply(f, c_prev, c)
    np.multiply(i, cproj, room)
    np.add(c, room, c)
    np.tanh(c, squashed)
    np.multiply(o, squashed, h)


def lstm_backward(
    dc: Array, dh: Array, c_prev: Array, gates: Array, f: Array, i: Array, cproj: Array, o: Array, squashed: Array,
    slopes: Array, slope_c: Array, room: Array, dz: Array, dz_f: Array, dz_i: Array, dz_c: Array, dz_o: Array,
    dc_prev: Array, one: Array,
) -> None:  # fmt: skip
    """All that reaches c first, then every gate through the slope of its activation."""
    np.multiply(squashed, squashed, room)
    np.subtract(one, room, room)
    np.multiply(room, o, room)
    np.multiply(room, dh, room)
    np.add(room, dc, room)
    np.subtract(one, gates, slopes)
    np.multiply(slopes, gates, slopes)
    np.multiply(cproj, cproj, slope_c)
    np.subtract(one, slope_c, slope_c)
    np.multiply(room, c_prev, dz_f)
    np.multiply(room, cproj, dz_i)
    np.multiply(room, i, dz_c)
    np.multiply(dh, squashed, dz_o)
    np.multiply(dz, slopes, dz)
    np.multiply(room, f, dc_prev)


@dataclass(frozen=True)
class GRUGates(Op):
    """The gates and the state of a gated recurrent unit that resets after the product, from its two products."""

    equation = "r, u = σ(x_r + h_r), σ(x_u + h_u); n = tanh(x_n + r ⊙ (h_n + d)); h = n + u ⊙ (h_prev - n)"
    gradient = (
        "dx = [dr, du, dn]",
        "dh = [dr, du, dn ⊙ r]",
        "dd = dn ⊙ r, over the batch",
        "dh_prev = dh ⊙ u",
    )
    reads = ("x1 x2 x3 y",) * 4
    together = True

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """All gates twice, and one state."""
        return (("k",), ("k",), ("h",), ("h",)), (("h",),)

    def infer(self, x: Spec, h: Spec, d: Spec, h_prev: Spec) -> Spec:
        """The new state."""
        fits = bool(x.rank) and simplest(dim(h_prev.shape[-1]) * 3) == x.shape[-1] and d.shape == h_prev.shape[-1:]
        if not fits or h.shape != x.shape or x.shape[:-1] != h_prev.shape[:-1]:
            raise ShapeError(f"three gates of {h_prev} are not {x} and {h} with a bias {d}")
        self.result_dtype(x.dtype, h.dtype, d.dtype, h_prev.dtype)
        return h_prev

    def saves(self, x: Spec, h: Spec, d: Spec, h_prev: Spec) -> tuple[Spec, ...]:
        """The gates r, u, n; and h_n + d."""
        return x, h_prev

    def scratch(self, x: Spec, h: Spec, d: Spec, h_prev: Spec) -> tuple[Spec, ...]:
        """Room for one state."""
        return (h_prev,)

    def forward(self, out: Any, x: Array, h: Array, d: Array, h_prev: Array) -> None:
        function, *args = self.bound(out, x, h, d, h_prev)
        function(*args)

    def bound(self, out: Any, x: Array, h: Array, d: Array, h_prev: Array) -> tuple[Any, ...]:
        y, gates, q, room = out
        size = h_prev.shape[-1]
        both = slice(2 * size)
        _, u, n = thirds(gates)
        return (
            gru_forward, x[..., both], h[..., both], gates[..., both], thirds(x)[2], thirds(h)[2], d, h_prev,
            thirds(gates)[0], u, n, q, room, y, scalar(1.0, x.dtype.str),
        )  # fmt: skip

    def backward_all(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array] | None = None
    ) -> list[Array]:
        wide = (*dy.shape[:-1], 3 * dy.shape[-1])
        made = [np.empty(shape, dy.dtype) for shape in (wide, wide, dy.shape, dy.shape)]
        gru_backward(dy, xs[3], *thirds(y[1]), y[2], made[0], made[1], made[3], scalar(1.0, dy.dtype.str))
        made[2] = thirds(made[1])[2]
        return [made[i] for i in wanted]

    def bound_backward(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array]
    ) -> tuple[Any, ...] | None:
        """The calls on parts that are cut once, for two axes and one seed."""
        rows = {each.shape[:-1] for each in (dy, xs[3], outs[0], outs[1], outs[-1])}
        if tuple(wanted) != (0, 1, 2, 3) or dy.ndim != 2 or len(rows) > 1 or outs[2].ndim != 1:
            return None
        dx, dh, dd, dh_prev = outs
        _, gates, q, _ = y
        one = scalar(1.0, dy.dtype.str)
        return gru_backward_step, dy, xs[3], *thirds(gates), q, dx, dh, dh_prev, one, dd


def gru_forward(
    x_ru: Array, h_ru: Array, ru: Array, x_n: Array, h_n: Array, d: Array, h_prev: Array, r: Array, u: Array, n: Array,
    q: Array, room: Array, y: Array, one: Array,
) -> None:  # fmt: skip
    """Both gates in one go, then the candidate."""
    np.add(x_ru, h_ru, ru)
    np.negative(ru, ru)
    np.exp(ru, ru)
    np.add(ru, one, ru)
    np.reciprocal(ru, ru)
    np.add(h_n, d, q)
    np.multiply(r, q, n)
    np.add(n, x_n, n)
    np.tanh(n, n)
    np.subtract(h_prev, n, room)
    np.multiply(u, room, room)
    np.add(n, room, y)


def gru_backward(
    dy: Array, h_prev: Array, r: Array, u: Array, n: Array, q: Array, dx: Array, dh: Array, dh_prev: Array, one: Array
) -> None:
    """The candidate first, since the reset gate lies behind it."""
    dr, du, dn = thirds(dx)
    np.subtract(one, u, du)
    np.multiply(n, n, dn)
    np.subtract(one, dn, dn)
    np.multiply(dn, du, dn)
    np.multiply(dn, dy, dn)
    np.multiply(du, u, du)
    np.subtract(h_prev, n, dh_prev)
    np.multiply(dh_prev, dy, dh_prev)
    np.multiply(du, dh_prev, du)
    np.subtract(one, r, dr)
    np.multiply(dr, r, dr)
    np.multiply(dr, q, dr)
    np.multiply(dr, dn, dr)
    np.copyto(dh, dx)
    dh_n = thirds(dh)[2]
    np.multiply(dn, r, dh_n)
    np.multiply(dy, u, dh_prev)


def gru_backward_step(*args: Array) -> None:
    """One step, and the gradient of the bias over its batch."""
    *rest, dd = args
    gru_backward(*rest)
    np.add.reduce(thirds(rest[7])[2], axis=0, out=dd)


def thirds(gates: Array) -> tuple[Array, Array, Array]:
    """View the three thirds of the last axis."""
    size = gates.shape[-1] // 3
    return gates[..., :size], gates[..., size : 2 * size], gates[..., 2 * size :]


def part(gates: Array, k: int) -> Array:
    """View the k-th quarter of the last axis."""
    size = gates.shape[-1] // 4
    view: Array = gates[..., k * size : (k + 1) * size]
    return view


@cache
def scalar(value: float, dtype: str) -> Array:
    """Return a number as an array of no axes: a Python number would be converted in every call."""
    made = np.array(value, dtype)
    made.flags.writeable = False
    return made
