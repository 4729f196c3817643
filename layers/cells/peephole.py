"""The LSTM cell whose gates look at what it remembers."""

from __future__ import annotations

from typing import Any

from graphengine import Parameter, Tensor, initializers, ops
from graphengine.ops.fused_lstm import PeepholeLSTMGates
from layers.activations import activation
from layers.cells.lstm import LSTMCell, LSTMState
from layers.gated import GatedCell


class PeepholeLSTMCell(LSTMCell):
    """Long short-term memory with peepholes: its gates also read c, each unit its own entry.

        f     = σ(x W_f + h_prev U_f + b_f + forget_bias + p_f ⊙ c_prev)
        i     = σ(x W_i + h_prev U_i + b_i + p_i ⊙ c_prev)
        cproj = tanh(x W_c + h_prev U_c + b_c)
        c     = f ⊙ c_prev + i ⊙ cproj
        o     = σ(x W_o + h_prev U_o + b_o + p_o ⊙ c)
        h     = o ⊙ tanh(c)

    f and i read the old c, o reads the new one. The peepholes are `p_f [H]`, `p_i [H]`, `p_o [H]`; all else is as in
    `LSTMCell`. `f_pre`, `i_pre`, `o_pre` name what the products make; a gradient is the same there as behind the
    peephole, because the two are added up.

    Args:
        hidden, forget_bias, activation, recurrent_activation: as for `LSTMCell`.
        peephole_initializer: of p_f, p_i and p_o.

    Source: Gers and Schmidhuber (2000), Recurrent nets that time and count; Gers, Schraudolph and Schmidhuber (2002),
    Learning precise timing with LSTM recurrent networks. The initializer is that of Greff et al. (2017).

    >>> from graphengine import Graph
    >>> from layers import PeepholeLSTMCell, dynamic_rnn
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> cell = PeepholeLSTMCell(5)
    >>> outputs, state = dynamic_rnn(cell, x, over="time")
    >>> cell.p_o.shape, sum(each.size for each in cell.parameters)
    ((5,), 335)
    """

    p_f: Parameter
    p_i: Parameter
    p_o: Parameter

    def __init__(
        self, hidden: int, *, peephole_initializer: Any = initializers.Normal(std=0.1), **options: Any
    ) -> None:
        super().__init__(hidden, **options)
        self.peephole_initializer = peephole_initializer

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """The equations."""
        act, squash = activation(self.activation), activation(self.recurrent_activation)
        kernel, recurrent_kernel = self.kernels(x)
        Wx_b = self.add_bias(ops.matmul(x, kernel, name="Wx"), name="Wx_b")
        pre = ops.add(Wx_b, ops.matmul(state.h, recurrent_kernel, name="Uh"), name="pre")
        f_pre, i_pre, cproj_pre, o_pre = ops.split(pre, 4, names=("f_pre", "i_pre", "cproj_pre", "o_pre"))
        f_shifted = ops.add(f_pre, self.forget_bias, name="f_shifted")
        f = squash(peep(self, "f", f_shifted, state.c, self.peephole_initializer), name="f")
        i = squash(peep(self, "i", i_pre, state.c, self.peephole_initializer), name="i")
        cproj = act(cproj_pre, name="cproj")
        c = ops.add(ops.multiply(f, state.c, name="kept"), ops.multiply(i, cproj, name="written"), name="c")
        o = squash(peep(self, "o", o_pre, c, self.peephole_initializer), name="o")
        h = ops.multiply(o, act(c, name="c_act"), name="h")
        if (self.activation, self.recurrent_activation) == ("tanh", "sigmoid"):
            weights = (x.graph.tensor(p) for p in (self.p_f, self.p_i, self.p_o))
            x.graph.fuse(PeepholeLSTMGates(self.forget_bias), (pre, state.c, *weights), (c, h))
        return h, LSTMState(c, h)


def peep(cell: GatedCell, gate: str, pre: Tensor, c: Tensor, initializer: Any) -> Tensor:
    """Let a gate look at c: `pre + p ⊙ c`, p being the cell's parameter `p_<gate> [H]`."""
    p = cell.parameter(c.graph, f"p_{gate}", (cell.hidden,), initializer)
    return ops.add(pre, ops.multiply(p, c, name=f"{gate}_c"), name=f"{gate}_peep")
