"""Fully connected layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphengine import Parameter, Tensor, initializers, ops
from layers.activations import activation as by_name
from layers.layer import Layer, features


class Dense(Layer):
    """A fully connected layer on the last axis, whatever axes stand in front.

        y = act(x W + b)

    `kernel [I, O]`, `bias [O]`.

    Args:
        units: O, the size of the output.
        activation: a name ("tanh", "relu", …), a function of a tensor, or None for a linear layer.
        use_bias: add the bias.
        kernel_initializer, bias_initializer: an initializer, a number, or an array (copied).

    >>> from graphengine import Graph
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> Dense(4, activation="tanh")(x).spec
    float32[batch, time, 4]
    """

    kernel: Parameter
    bias: Parameter

    def __init__(
        self,
        units: int,
        *,
        activation: str | Callable[..., Tensor] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = initializers.Glorot(),
        bias_initializer: Any = 0.0,
        name: str | None = None,
        debug: bool = False,
        backpassdebug: bool = False,
    ) -> None:
        super().__init__(name=name, debug=debug, backpassdebug=backpassdebug)
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        with self.open(x.graph, "dense"):
            kernel = self.parameter(x.graph, "kernel", (features(x, self), self.units), self.kernel_initializer)
            named = "y" if self.activation is None else "pre"
            if self.use_bias:
                bias = self.parameter(x.graph, "bias", (self.units,), self.bias_initializer)
                y = ops.add(ops.matmul(x, kernel, name="Wx"), bias, name=named)
            else:
                y = ops.matmul(x, kernel, name=named)
            return y if self.activation is None else by_name(self.activation)(y, name="y")

    def __repr__(self) -> str:
        return f"Dense({self.units})"
