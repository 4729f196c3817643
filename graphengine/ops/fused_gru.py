"""The gates and the state of gated recurrent units, fused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphengine.errors import ShapeError
from graphengine.op import Arrays, Core
from graphengine.ops.fused import Do, Fused, logistic, logistic_slope, over_batch, parts, tanh_slope
from graphengine.spec import Array, Spec, dim, simplest


@dataclass(frozen=True)
class GRUGates(Fused):
    """The gates and the state of a gated recurrent unit that resets after the product, from its two products."""

    equation = "r, u = σ(x_r + h_r), σ(x_u + h_u); n = tanh(x_n + r ⊙ (h_n + d)); h = n + u ⊙ (h_prev - n)"
    gradient = (
        "dx = [dr, du, dn]",
        "dh = [dr, du, dn ⊙ r]",
        "dd = dn ⊙ r, over the batch",
        "dh_prev = dh ⊙ u",
    )
    reads = ("x1 x2 x3 y",) * 4
    weights = (2,)

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
        """Room for one state, and for the slopes of the gates."""
        return h_prev, x

    def compute(self, do: Do, out: Any, x: Array, h: Array, d: Array, h_prev: Array) -> None:
        """Both gates in one go, then the candidate."""
        y, gates, q, room, _ = out
        ru, (r, u, n) = gates_of(gates), parts(gates, 3)
        do(np.add, gates_of(x), gates_of(h), ru)
        do(np.negative, ru, ru)
        logistic(do, ru)
        do(np.add, parts(h, 3)[2], d, q)
        do(np.multiply, r, q, n)
        do(np.add, n, parts(x, 3)[2], n)
        do(np.tanh, n, n)
        blend(do, n, u, h_prev, room, y)

    def differentiate(self, do: Do, dy: Array, xs: Arrays, y: Any, outs: Sequence[Array]) -> None:
        """The candidate first, since the reset gate lies behind it."""
        h_prev, (_, gates, q, room, slopes) = xs[3], y
        dx, dh, dd, dh_prev = outs
        if dy.ndim > room.ndim:
            room = np.empty(dy.shape, dy.dtype)
        (r, u, n), (dr, du, dn), dh_n = parts(gates, 3), parts(dx, 3), parts(dh, 3)[2]
        blend_back(do, dy, n, u, h_prev, room, dn, du, dh_prev)
        do(np.multiply, dn, q, dr)
        logistic_slope(do, gates_of(gates), gates_of(slopes))
        do(np.multiply, gates_of(dx), gates_of(slopes), gates_of(dx))
        do(np.copyto, gates_of(dh), gates_of(dx))
        do(np.multiply, dn, r, dh_n)
        over_batch(do, dh_n, dd)


@dataclass(frozen=True)
class ResetGates(Fused):
    """The gates of a gated recurrent unit that resets before the product, up to that product."""

    equation = "r, u = σ(x_r + h_r), σ(x_u + h_u); h_reset = r ⊙ h_prev"
    gradient = (
        "dx_r = dh_reset ⊙ h_prev ⊙ r ⊙ (1 - r)",
        "dx_u = du ⊙ u ⊙ (1 - u)",
        "dh = [dx_r, dx_u]",
        "dh_prev = dh_reset ⊙ r",
    )
    reads = ("x3 y",) * 4

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """What x adds to each gate, both gates of h, and one state."""
        return (("h",), ("h",), ("k",), ("h",)), (("h",), ("h",))

    def infer(self, x_r: Spec, x_u: Spec, h: Spec, h_prev: Spec) -> tuple[Spec, Spec]:
        """The gate u, and what the reset leaves of the state."""
        fits = bool(h.rank) and simplest(dim(h_prev.shape[-1]) * 2) == h.shape[-1] and h.shape[:-1] == h_prev.shape[:-1]
        if not fits or not x_r.shape == x_u.shape == h_prev.shape:
            raise ShapeError(f"two gates of {h_prev} are not {x_r}, {x_u} and {h}")
        self.result_dtype(x_r.dtype, x_u.dtype, h.dtype, h_prev.dtype)
        return h_prev, h_prev

    def saves(self, x_r: Spec, x_u: Spec, h: Spec, h_prev: Spec) -> tuple[Spec, ...]:
        """The gates."""
        return (h,)

    def scratch(self, x_r: Spec, x_u: Spec, h: Spec, h_prev: Spec) -> tuple[Spec, ...]:
        """Room for the slopes of the gates."""
        return (h,)

    def compute(self, do: Do, out: Any, x_r: Array, x_u: Array, h: Array, h_prev: Array) -> None:
        """Both gates in one go."""
        u, h_reset, gates, _ = out
        for x, part, gate in zip((x_r, x_u), parts(h, 2), parts(gates, 2), strict=True):
            do(np.add, x, part, gate)
        do(np.negative, gates, gates)
        logistic(do, gates)
        do(np.multiply, parts(gates, 2)[0], h_prev, h_reset)
        do(np.copyto, u, parts(gates, 2)[1])

    def differentiate(self, do: Do, dy: Any, xs: Arrays, y: Any, outs: Sequence[Array]) -> None:
        """Both slopes in one go."""
        (du, dh_reset), h_prev, (*_, gates, slopes) = dy, xs[3], y
        *dx, dh, dh_prev = outs
        logistic_slope(do, gates, slopes)
        (slope_r, slope_u), (dr, du_pre) = parts(slopes, 2), parts(dh, 2)
        do(np.multiply, dh_reset, h_prev, dr)
        do(np.multiply, dr, slope_r, dr)
        do(np.multiply, du, slope_u, du_pre)
        for each, part in zip(dx, (dr, du_pre), strict=True):
            do(np.copyto, each, part)
        do(np.multiply, dh_reset, parts(gates, 2)[0], dh_prev)


@dataclass(frozen=True)
class UpdateState(Fused):
    """The state of a gated recurrent unit, from the update gate and the candidate's pre-activation."""

    equation = "n = tanh(z); h = n + u ⊙ (h_prev - n)"
    gradient = ("du = dh ⊙ (h_prev - n)", "dz = dh ⊙ (1 - u) ⊙ (1 - n²)", "dh_prev = dh ⊙ u")
    reads = ("x0 x2 y",) * 3
    signature = "(h),(h),(h)->(h)"

    def infer(self, u: Spec, z: Spec, h_prev: Spec) -> Spec:
        """The new state."""
        if not u.rank or not u.shape == z.shape == h_prev.shape:
            raise ShapeError(f"{u}, {z} and {h_prev} differ; nothing is broadcast here")
        self.result_dtype(u.dtype, z.dtype, h_prev.dtype)
        return h_prev

    def saves(self, u: Spec, z: Spec, h_prev: Spec) -> tuple[Spec, ...]:
        """The candidate."""
        return (z,)

    def scratch(self, u: Spec, z: Spec, h_prev: Spec) -> tuple[Spec, ...]:
        """Room for one state."""
        return (h_prev,)

    def compute(self, do: Do, out: Any, u: Array, z: Array, h_prev: Array) -> None:
        """The candidate, and what the gate makes of it."""
        h, n, room = out
        do(np.tanh, z, n)
        blend(do, n, u, h_prev, room, h)

    def differentiate(self, do: Do, dy: Array, xs: Arrays, y: Any, outs: Sequence[Array]) -> None:
        """Through the slope of the candidate."""
        (u, _, h_prev), (_, n, room) = xs, y
        du, dz, dh_prev = outs
        if dy.ndim > room.ndim:
            room = np.empty(dy.shape, dy.dtype)
        blend_back(do, dy, n, u, h_prev, room, dz, du, dh_prev)


def gates_of(array: Array) -> Array:
    """View what belongs to r and u, which stand before n."""
    view: Array = array[..., : array.shape[-1] // 3 * 2]
    return view


def blend(do: Do, n: Array, u: Array, h_prev: Array, room: Array, h: Array) -> None:
    """A part of the candidate and a part of the old state: h = n + u ⊙ (h_prev - n)."""
    do(np.subtract, h_prev, n, room)
    do(np.multiply, u, room, room)
    do(np.add, n, room, h)


def blend_back(
    do: Do, dh: Array, n: Array, u: Array, h_prev: Array, room: Array, dz: Array, du: Array, dh_prev: Array
) -> None:
    """The gradients behind `blend` with n = tanh(z): of z, of u as it is, and of the old state."""
    do(np.subtract, h_prev, n, du)
    do(np.multiply, du, dh, du)
    do(np.multiply, dh, u, dh_prev)
    do(np.subtract, dh, dh_prev, dz)
    tanh_slope(do, n, room)
    do(np.multiply, dz, room, dz)
