"""The gates and states of LSTM cells, fused: one family, whose members say which gates they have and what these see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from graphengine.errors import ShapeError
from graphengine.op import Arrays, Core
from graphengine.ops.fused import Do, Fused, logistic, logistic_slope, over_batch, parts, scalar, span, tanh_slope
from graphengine.spec import Array, Spec, dim, simplest

Blocks: TypeAlias = Sequence[Array]


class Gates(Fused):
    """What the members share: pre-activations side by side and the cell state before give both states.

    The blocks stand in the order f, i, cproj, o; a member without a forget gate has the last three. Peepholes let all
    gates look at c, each through weights that are one more input; o sees the new c.

    Attributes:
        count: how many blocks there are.
    """

    count: ClassVar[int]
    forget_bias = 0.0

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """All gates, one state, and weights of one entry per unit."""
        return (("k",), *[("h",)] * (inputs - 1)), (("h",), ("h",))

    def infer(self, z: Spec, c_prev: Spec, *peepholes: Spec) -> tuple[Spec, Spec]:
        """Two states, c and h."""
        size = simplest(dim(c_prev.shape[-1]) * self.count)
        if not z.rank or size != z.shape[-1] or z.shape[:-1] != c_prev.shape[:-1]:
            raise ShapeError(f"{self.count} gates of {c_prev} are not {z}")
        if any(p.shape != c_prev.shape[-1:] for p in peepholes) or len(peepholes) != len(self.weights):
            raise ShapeError(f"{len(self.weights)} peepholes of {c_prev} are not {', '.join(map(str, peepholes))}")
        self.result_dtype(z.dtype, c_prev.dtype, *(p.dtype for p in peepholes))
        return c_prev, c_prev

    def saves(self, z: Spec, c_prev: Spec, *peepholes: Spec) -> tuple[Spec, ...]:
        """The gates, and tanh(c)."""
        return z, c_prev

    def scratch(self, z: Spec, c_prev: Spec, *peepholes: Spec) -> tuple[Spec, ...]:
        """Room for the slopes of the gates, and for one state."""
        return z, c_prev

    def compute(self, do: Do, out: Any, z: Array, c_prev: Array, *peepholes: Array) -> None:
        """One exponential over all gates that see the same c; the candidate is its own tanh, exact near zero."""
        c, h, gates, squashed, _, room = out
        *first, cproj, o = parts(gates, self.count)
        do(np.negative, z, gates)
        if self.forget_bias:
            do(np.subtract, first[0], scalar(self.forget_bias, z.dtype), first[0])
        for gate, p in zip(first, peepholes, strict=False):
            look(do, gate, p, c_prev, room)
        logistic(do, span(gates, 0, len(first), self.count) if peepholes else gates)
        do(np.tanh, span(z, len(first), len(first) + 1, self.count), cproj)
        self.write(do, first, cproj, c_prev, c, room)
        if peepholes:
            look(do, o, peepholes[-1], c, room)
            logistic(do, o)
        do(np.tanh, c, squashed)
        do(np.multiply, o, squashed, h)

    def differentiate(self, do: Do, dy: Any, xs: Arrays, y: Any, outs: Sequence[Array]) -> None:
        """All that reaches c first, then every gate through the slope of its activation."""
        (dc, dh), (_, c_prev, *peepholes), (c, _, gates, squashed, slopes, room) = dy, xs, y
        dz, dc_prev, *dpeepholes = outs
        if dh.ndim > room.ndim:
            room = np.empty(dh.shape, dh.dtype)
        (*first, cproj, o), (*dfirst, dcproj, do_pre) = parts(gates, self.count), parts(dz, self.count)
        logistic_slope(do, gates, slopes)
        tanh_slope(do, cproj, span(slopes, len(first), len(first) + 1, self.count))
        tanh_slope(do, squashed, room)
        do(np.multiply, room, o, room)
        do(np.multiply, room, dh, room)
        do(np.add, room, dc, room)
        do(np.multiply, dh, squashed, do_pre)
        if peepholes:
            do(np.multiply, do_pre, span(slopes, self.count - 1, self.count, self.count), do_pre)
            do(np.multiply, do_pre, peepholes[-1], dc_prev)
            do(np.add, room, dc_prev, room)
            dz, slopes = (span(each, 0, self.count - 1, self.count) for each in (dz, slopes))
        self.write_back(do, room, first, cproj, c_prev, dfirst, dcproj, dc_prev)
        do(np.multiply, dz, slopes, dz)
        for dgate, p in zip(dfirst, peepholes, strict=False):
            do(np.multiply, dgate, p, room)
            do(np.add, dc_prev, room, dc_prev)
        for dgate, dp in zip((*dfirst, do_pre), dpeepholes, strict=False):
            do(np.multiply, dgate, c if dgate is do_pre else c_prev, room)
            over_batch(do, room, dp)

    def write(self, do: Do, first: Blocks, cproj: Array, c_prev: Array, c: Array, room: Array) -> None:
        """The new cell state."""
        f, i = first
        do(np.multiply, f, c_prev, c)
        do(np.multiply, i, cproj, room)
        do(np.add, c, room, c)

    def write_back(
        self, do: Do, dc: Array, first: Blocks, cproj: Array, c_prev: Array,
        dfirst: Blocks, dcproj: Array, dc_prev: Array,
    ) -> None:  # fmt: skip
        """From the gradient of the new cell state those of what it is made of."""
        (f, i), (df, di) = first, dfirst
        do(np.multiply, dc, c_prev, df)
        do(np.multiply, dc, cproj, di)
        do(np.multiply, dc, i, dcproj)
        do(np.multiply, dc, f, dc_prev)


def look(do: Do, gate: Array, p: Array, c: Array, room: Array) -> None:
    """Let a negated pre-activation look at c."""
    do(np.multiply, p, c, room)
    do(np.subtract, gate, room, gate)


@dataclass(frozen=True)
class LSTMGates(Gates):
    """The gates and states of an LSTM, from its pre-activations side by side and the cell state before."""

    equation = "f, i, o = σ(z_f + forget_bias), σ(z_i), σ(z_o); c = f ⊙ c_prev + i ⊙ tanh(z_c); h = o ⊙ tanh(c)"
    gradient = ("dz, from dc + dh ⊙ o ⊙ (1 - tanh²(c))", "dc_prev = dc ⊙ f, from the same")
    reads = ("x1 y",) * 2
    count = 4
    forget_bias: float = 0.0


@dataclass(frozen=True)
class PeepholeLSTMGates(Gates):
    """The gates and states of an LSTM whose gates also look at the cell state."""

    equation = (
        "f, i = σ(z_f + forget_bias + p_f ⊙ c_prev), σ(z_i + p_i ⊙ c_prev); c = f ⊙ c_prev + i ⊙ tanh(z_c); "
        "o = σ(z_o + p_o ⊙ c); h = o ⊙ tanh(c)"
    )
    gradient = (
        "dz, from dc + dh ⊙ o ⊙ (1 - tanh²(c)) + dz_o ⊙ p_o",
        "dc_prev = dc ⊙ f + dz_f ⊙ p_f + dz_i ⊙ p_i, from the same",
        "dp_f = dz_f ⊙ c_prev, over the batch",
        "dp_i = dz_i ⊙ c_prev, over the batch",
        "dp_o = dz_o ⊙ c, over the batch",
    )
    reads = ("x1 x2 x3 x4 y",) * 5
    count = 4
    weights = (2, 3, 4)
    forget_bias: float = 0.0


class Coupled(Gates):
    """What the members without a forget gate share: f = 1 - i."""

    count = 3

    def write(self, do: Do, first: Blocks, cproj: Array, c_prev: Array, c: Array, room: Array) -> None:
        """A step from the old state towards the candidate."""
        (i,) = first
        do(np.subtract, cproj, c_prev, room)
        do(np.multiply, i, room, room)
        do(np.add, c_prev, room, c)

    def write_back(
        self, do: Do, dc: Array, first: Blocks, cproj: Array, c_prev: Array,
        dfirst: Blocks, dcproj: Array, dc_prev: Array,
    ) -> None:  # fmt: skip
        """What the candidate does not take stays with the old state."""
        (i,), (di,) = first, dfirst
        do(np.subtract, cproj, c_prev, di)
        do(np.multiply, di, dc, di)
        do(np.multiply, dc, i, dcproj)
        do(np.subtract, dc, dcproj, dc_prev)


@dataclass(frozen=True)
class CoupledLSTMGates(Coupled):
    """The gates and states of an LSTM that forgets exactly as much as it writes."""

    equation = "i, o = σ(z_i), σ(z_o); c = c_prev + i ⊙ (tanh(z_c) - c_prev); h = o ⊙ tanh(c)"
    gradient = ("dz, from dc + dh ⊙ o ⊙ (1 - tanh²(c))", "dc_prev = dc ⊙ (1 - i), from the same")
    reads = ("x1 y",) * 2


@dataclass(frozen=True)
class CoupledPeepholeLSTMGates(Coupled):
    """The same with gates that also look at the cell state."""

    equation = (
        "i = σ(z_i + p_i ⊙ c_prev); c = c_prev + i ⊙ (tanh(z_c) - c_prev); o = σ(z_o + p_o ⊙ c); h = o ⊙ tanh(c)"
    )
    gradient = (
        "dz, from dc + dh ⊙ o ⊙ (1 - tanh²(c)) + dz_o ⊙ p_o",
        "dc_prev = dc ⊙ (1 - i) + dz_i ⊙ p_i, from the same",
        "dp_i = dz_i ⊙ c_prev, over the batch",
        "dp_o = dz_o ⊙ c, over the batch",
    )
    reads = ("x1 x2 x3 y",) * 4
    weights = (2, 3)

