"""The LSTM cell that forgets exactly as much as it writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphengine import Parameter, Spec, Tensor, initializers, ops
from graphengine.ops.fused_lstm import CoupledLSTMGates, CoupledPeepholeLSTMGates
from layers.activations import activation
from layers.cells.lstm import LSTMState
from layers.cells.peephole import peep
from layers.gated import GatedCell


class CoupledLSTMCell(GatedCell):
    """Long short-term memory with coupled gates (CIFG): what is written takes the place of what is forgotten.

        i     = σ(x W_i + h_prev U_i + b_i [+ p_i ⊙ c_prev])
        f     = 1 - i
        cproj = tanh(x W_c + h_prev U_c + b_c)
        c     = f ⊙ c_prev + i ⊙ cproj
        o     = σ(x W_o + h_prev U_o + b_o [+ p_o ⊙ c])
        h     = o ⊙ tanh(c)

    The gates stand side by side in the order i, cproj, o: `kernel [I, 3H]`, `recurrent_kernel [H, 3H]`, `bias [3H]`.
    The pre-activations are `i_pre`, `cproj_pre`, `o_pre`. In brackets what peepholes add, `p_i [H]` and `p_o [H]`.

    Args:
        hidden: H, the size of c and h.
        peepholes: let i read the old c and o the new one, as the cell of the source does.
        activation: of cproj and of c on its way out.
        recurrent_activation: of i and o; one whose values lie between 0 and 1.
        peephole_initializer: of p_i and p_o.

    Source: Greff, Srivastava, Koutník, Steunebrink and Schmidhuber (2017), LSTM: A search space odyssey; as ONNX'
    `input_forget`. TensorFlow's CoupledInputForgetGateLSTMCell keeps f instead, and has i = 1 - f.

    >>> from graphengine import Graph
    >>> from layers import CoupledLSTMCell, dynamic_rnn
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> cell = CoupledLSTMCell(5)
    >>> outputs, state = dynamic_rnn(cell, x, over="time")
    >>> cell.kernel.shape, sum(each.size for each in cell.parameters)
    ((10, 15), 240)
    """

    gates = 3
    p_i: Parameter
    p_o: Parameter

    def __init__(
        self,
        hidden: int,
        *,
        peepholes: bool = False,
        activation: str | Callable[..., Tensor] = "tanh",
        recurrent_activation: str | Callable[..., Tensor] = "sigmoid",
        peephole_initializer: Any = initializers.Normal(std=0.1),
        **options: Any,
    ) -> None:
        super().__init__(hidden, **options)
        self.peepholes = peepholes
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.peephole_initializer = peephole_initializer

    def state(self, x: Spec) -> LSTMState:
        """`LSTMState(c, h)`, both `[..., H]`."""
        return LSTMState(self.hidden_spec(x), self.hidden_spec(x))

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """The equations."""
        act, squash = activation(self.activation), activation(self.recurrent_activation)
        kernel, recurrent_kernel = self.kernels(x)
        Wx_b = self.add_bias(ops.matmul(x, kernel, name="Wx"), name="Wx_b")
        pre = ops.add(Wx_b, ops.matmul(state.h, recurrent_kernel, name="Uh"), name="pre")
        i_pre, cproj_pre, o_pre = ops.split(pre, 3, names=("i_pre", "cproj_pre", "o_pre"))
        i = squash(self._peep("i", i_pre, state.c), name="i")
        f = ops.subtract(1.0, i, name="f")
        cproj = act(cproj_pre, name="cproj")
        c = ops.add(ops.multiply(f, state.c, name="kept"), ops.multiply(i, cproj, name="written"), name="c")
        o = squash(self._peep("o", o_pre, c), name="o")
        h = ops.multiply(o, act(c, name="c_act"), name="h")
        if (self.activation, self.recurrent_activation) == ("tanh", "sigmoid"):
            weights = [x.graph.tensor(p) for p in (self.p_i, self.p_o)] if self.peepholes else []
            op = CoupledPeepholeLSTMGates() if self.peepholes else CoupledLSTMGates()
            x.graph.fuse(op, (pre, state.c, *weights), (c, h))
        return h, LSTMState(c, h)

    def _peep(self, gate: str, pre: Tensor, c: Tensor) -> Tensor:
        return peep(self, gate, pre, c, self.peephole_initializer) if self.peepholes else pre
