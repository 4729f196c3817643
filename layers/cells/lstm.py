"""The LSTM cell of the article."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from graphengine import Spec, Tensor, ops
from graphengine.ops.fused_lstm import LSTMGates
from layers.activations import activation
from layers.gated import GatedCell


class LSTMState(NamedTuple):
    """The state of an LSTM: what it remembers (`c`) and what it says (`h`), each `[batch, hidden]`."""

    c: Any
    h: Any


class LSTMCell(GatedCell):
    """Long short-term memory with a forget gate.

        f     = σ(x W_f + h_prev U_f + b_f + forget_bias)
        i     = σ(x W_i + h_prev U_i + b_i)
        cproj = tanh(x W_c + h_prev U_c + b_c)
        o     = σ(x W_o + h_prev U_o + b_o)
        c     = f ⊙ c_prev + i ⊙ cproj
        h     = o ⊙ tanh(c)

    The gates stand side by side in the order f, i, cproj, o: `kernel [I, 4H]`, `recurrent_kernel [H, 4H]`, `bias [4H]`.
    The pre-activations are `f_pre`, `i_pre`, `cproj_pre`, `o_pre`.

    Args:
        hidden: H, the size of c and h.
        forget_bias: added to the forget gate at run time; it is no part of the bias and is not learnt.
        activation: of cproj and of c on its way out.
        recurrent_activation: of the gates.

    Source: Hochreiter and Schmidhuber (1997), Long short-term memory; the forget gate by Gers, Schmidhuber and Cummins
    (2000).

    >>> from graphengine import Graph
    >>> from layers import LSTMCell, dynamic_rnn
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> outputs, state = dynamic_rnn(LSTMCell(5), x, over="time")
    >>> outputs.spec, state.c.spec
    (float32[batch, time, 5], float32[batch, 5])
    """

    gates = 4

    def __init__(
        self,
        hidden: int,
        *,
        forget_bias: float = 1.0,
        activation: str | Callable[..., Tensor] = "tanh",
        recurrent_activation: str | Callable[..., Tensor] = "sigmoid",
        **options: Any,
    ) -> None:
        super().__init__(hidden, **options)
        self.forget_bias = forget_bias
        self.activation = activation
        self.recurrent_activation = recurrent_activation

    def state(self, x: Spec) -> LSTMState:
        """`LSTMState(c, h)`, both `[..., H]`."""
        return LSTMState(self.hidden_spec(x), self.hidden_spec(x))

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """The equations."""
        act, squash = activation(self.activation), activation(self.recurrent_activation)
        kernel, recurrent_kernel = self.kernels(x)
        Wx_b = self.add_bias(ops.matmul(x, kernel, name="Wx"), name="Wx_b")
        pre = ops.add(Wx_b, ops.matmul(state.h, recurrent_kernel, name="Uh"), name="pre")
        f_pre, i_pre, cproj_pre, o_pre = ops.split(pre, 4, names=("f_pre", "i_pre", "cproj_pre", "o_pre"))
        f = squash(ops.add(f_pre, self.forget_bias, name="f_shifted"), name="f")
        i = squash(i_pre, name="i")
        cproj = act(cproj_pre, name="cproj")
        o = squash(o_pre, name="o")
        c = ops.add(ops.multiply(f, state.c, name="kept"), ops.multiply(i, cproj, name="written"), name="c")
        h = ops.multiply(o, act(c, name="c_act"), name="h")
        if (self.activation, self.recurrent_activation) == ("tanh", "sigmoid"):
            x.graph.fuse(LSTMGates(self.forget_bias), (pre, state.c), (c, h))
        return h, LSTMState(c, h)
