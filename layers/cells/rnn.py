"""The plain recurrent cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from graphengine import Spec, Tensor, ops
from layers.activations import activation
from layers.gated import GatedCell


class RNNState(NamedTuple):
    """The state of a plain recurrent cell, `[batch, hidden]`."""

    h: Any


class RNNCell(GatedCell):
    """The plain recurrent cell.

        h = tanh(x W + h_prev U + b)

    `kernel [I, H]`, `recurrent_kernel [H, H]`, `bias [H]`; the pre-activation is `h_pre`.

    Args:
        hidden: H, the size of h.
        activation: instead of tanh.

    Source: Elman (1990), Finding structure in time.

    >>> from graphengine import Graph
    >>> from layers import RNNCell, dynamic_rnn
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> dynamic_rnn(RNNCell(5), x, over="time")[1].h.spec
    float32[batch, 5]
    """

    gates = 1

    def __init__(self, hidden: int, *, activation: str | Callable[..., Tensor] = "tanh", **options: Any) -> None:
        super().__init__(hidden, **options)
        self.activation = activation

    def state(self, x: Spec) -> RNNState:
        """`RNNState(h)`, `[..., H]`."""
        return RNNState(self.hidden_spec(x))

    def step(self, x: Tensor, state: RNNState) -> tuple[Tensor, RNNState]:
        """The equation."""
        kernel, recurrent_kernel = self.kernels(x)
        wx = self.add_bias(ops.matmul(x, kernel, name="Wx"), name="Wx_b")
        h_pre = ops.add(wx, ops.matmul(state.h, recurrent_kernel, name="Uh"), name="h_pre")
        h = activation(self.activation)(h_pre, name="h")
        return h, RNNState(h)
