"""The gated recurrent unit, in both published forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from graphengine import Op, Parameter, Spec, Tensor, errors, ops
from graphengine.ops.fused_gru import GRUGates, ResetGates, UpdateState
from layers.activations import activation
from layers.gated import GatedCell

Gates: TypeAlias = tuple[Tensor, Tensor, tuple[Op, tuple[Tensor, ...]]]


class GRUState(NamedTuple):
    """The state of a gated recurrent unit, `[batch, hidden]`."""

    h: Any


class GRUCell(GatedCell):
    """The gated recurrent unit.

        r = σ(x W_r + h_prev U_r + b_r)
        u = σ(x W_u + h_prev U_u + b_u)
        n = tanh(x W_n + b_n + r ⊙ (h_prev U_n + d_n))      reset after the product (the default)
        n = tanh(x W_n + b_n + (r ⊙ h_prev) U_n)            reset before it
        h = (1 - u) ⊙ n + u ⊙ h_prev

    The gates stand side by side in the order r, u, n: `kernel [I, 3H]`, `recurrent_kernel [H, 3H]`, `bias [3H]`; with
    the reset after the product, d_n is `recurrent_bias [H]`. The pre-activations are `r_pre`, `u_pre`, `n_pre`.

    Args:
        hidden: H, the size of h.
        reset: "after" the product, as cuDNN and PyTorch; or "before" it, as TensorFlow 1.
        activation: of n.
        recurrent_activation: of the gates.

    Source: Cho et al. (2014), Learning phrase representations using RNN encoder-decoder (version 1 resets after the
    product, version 3 before it).

    >>> from graphengine import Graph
    >>> from layers import GRUCell, dynamic_rnn
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> dynamic_rnn(GRUCell(5, reset="before"), x, over="time")[0].spec
    float32[batch, time, 5]
    """

    gates = 3
    recurrent_bias: Parameter

    def __init__(
        self,
        hidden: int,
        *,
        reset: Literal["after", "before"] = "after",
        activation: str | Callable[..., Tensor] = "tanh",
        recurrent_activation: str | Callable[..., Tensor] = "sigmoid",
        **options: Any,
    ) -> None:
        super().__init__(hidden, **options)
        if reset not in ("after", "before"):
            raise errors.StructureError(
                f'GRUCell: reset is "after" or "before" the product, not {reset!r}{errors.here()}'
            )
        self.reset = reset
        self.activation = activation
        self.recurrent_activation = recurrent_activation

    def state(self, x: Spec) -> GRUState:
        """`GRUState(h)`, `[..., H]`."""
        return GRUState(self.hidden_spec(x))

    def step(self, x: Tensor, state: GRUState) -> tuple[Tensor, GRUState]:
        """The equations."""
        kernel, recurrent_kernel = self.kernels(x)
        Wx_b = self.add_bias(ops.matmul(x, kernel, name="Wx"), name="Wx_b")
        gates = {"after": self._reset_after, "before": self._reset_before}[self.reset]
        u, n_pre, fused = gates(Wx_b, state.h, recurrent_kernel)
        n = activation(self.activation)(n_pre, name="n")
        h = ops.add(ops.multiply(1 - u, n, name="written"), ops.multiply(u, state.h, name="kept"), name="h")
        if self._usual:
            x.graph.fuse(*fused, (h,))
        return h, GRUState(h)

    def _reset_after(self, Wx_b: Tensor, h: Tensor, recurrent_kernel: Tensor) -> Gates:
        squash = activation(self.recurrent_activation)
        r_x, u_x, n_x = ops.split(Wx_b, 3, names=("r_x", "u_x", "n_x"))
        Uh = ops.matmul(h, recurrent_kernel, name="Uh")
        r_h, u_h, n_h = ops.split(Uh, 3, names=("r_h", "u_h", "n_h"))
        if self.use_bias:
            bias = self.parameter(h.graph, "recurrent_bias", (self.hidden,), self.bias_initializer)
            n_h = ops.add(n_h, bias, name="q")
        r = squash(ops.add(r_x, r_h, name="r_pre"), name="r")
        u = squash(ops.add(u_x, u_h, name="u_pre"), name="u")
        n_pre = ops.add(n_x, ops.multiply(r, n_h, name="q_reset"), name="n_pre")
        if self.use_bias:
            return u, n_pre, (GRUGates(), (Wx_b, Uh, bias, h))
        return u, n_pre, (UpdateState(), (u, n_pre, h))

    def _reset_before(self, Wx_b: Tensor, h: Tensor, recurrent_kernel: Tensor) -> Gates:
        squash = activation(self.recurrent_activation)
        r_x, u_x, n_x = ops.split(Wx_b, 3, names=("r_x", "u_x", "n_x"))
        U_ru, U_n = ops.split(recurrent_kernel, [2 * self.hidden, self.hidden], names=("U_ru", "U_n"))
        Uh = ops.matmul(h, U_ru, name="Uh")
        r_h, u_h = ops.split(Uh, 2, names=("r_h", "u_h"))
        r = squash(ops.add(r_x, r_h, name="r_pre"), name="r")
        u = squash(ops.add(u_x, u_h, name="u_pre"), name="u")
        h_reset = ops.multiply(r, h, name="h_reset")
        n_pre = ops.add(n_x, ops.matmul(h_reset, U_n, name="n_h"), name="n_pre")
        if self._usual:
            h.graph.fuse(ResetGates(), (r_x, u_x, Uh, h), (u, h_reset))
        return u, n_pre, (UpdateState(), (u, n_pre, h))

    @property
    def _usual(self) -> bool:
        """Whether the activations are those that fused ops know."""
        return (self.activation, self.recurrent_activation) == ("tanh", "sigmoid")
