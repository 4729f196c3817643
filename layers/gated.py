"""What cells with gates share: the products of input and state with kernels that hold all gates side by side."""

from __future__ import annotations

from typing import Any

from graphengine import Parameter, Spec, Tensor, initializers, ops
from layers.cell import Cell
from layers.layer import features


class GatedCell(Cell):
    """A cell whose pre-activations come from `kernel [I, kH]`, `recurrent_kernel [H, kH]` and `bias [kH]`.

    Args:
        hidden: H, the size of the state.
        use_bias: add a bias to the pre-activations.
        kernel_initializer, recurrent_initializer, bias_initializer: an initializer, a number, or an array (copied).
    """

    gates: int = 1
    kernel: Parameter
    recurrent_kernel: Parameter
    bias: Parameter

    def __init__(
        self,
        hidden: int,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = initializers.Glorot(),
        recurrent_initializer: Any = initializers.Orthogonal(),
        bias_initializer: Any = 0.0,
        name: str | None = None,
        debug: bool = False,
        backpassdebug: bool = False,
    ) -> None:
        super().__init__(name=name, debug=debug, backpassdebug=backpassdebug)
        self.hidden = hidden
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.recurrent_initializer = recurrent_initializer
        self.bias_initializer = bias_initializer

    def hidden_spec(self, x: Spec) -> Spec:
        """The spec of a state of size H beside an input."""
        return Spec.of((*x.shape[:-1], self.hidden), x.dtype)

    def kernels(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The places of `kernel` and `recurrent_kernel` in the graph of an input."""
        wide = self.gates * self.hidden
        return (
            self.parameter(x.graph, "kernel", (features(x, self), wide), self.kernel_initializer),
            self.parameter(x.graph, "recurrent_kernel", (self.hidden, wide), self.recurrent_initializer),
        )

    def add_bias(self, product: Tensor, name: str = "pre") -> Tensor:
        """Add the bias, where the cell has one."""
        if not self.use_bias:
            return product
        bias = self.parameter(product.graph, "bias", (self.gates * self.hidden,), self.bias_initializer)
        return ops.add(product, bias, name=name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hidden})"
