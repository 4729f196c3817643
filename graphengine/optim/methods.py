"""The optimizers: each says in `update` how one parameter changes.

Constants and where epsilon stands are those of PyTorch, so that numbers can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Unpack

import numpy as np

from graphengine.errors import SettingError, here
from graphengine.optim.base import Common, Optimizer, Rate, Slots, at_least_zero, fraction
from graphengine.parameter import Parameter
from graphengine.spec import Array


class SGD(Optimizer):
    """Gradient descent, plain or with momentum.

        v = momentum · v + g
        p = p - learning_rate · v                       (momentum)
        p = p - learning_rate · (g + momentum · v)      (Nesterov)

    Further settings: see `Optimizer`. Source: Polyak 1964; Nesterov 1983 in the form of Sutskever, Martens, Dahl,
    Hinton, "On the importance of initialization and momentum in deep learning", 2013.

    >>> w = Parameter("w", [1.0, 2.0])
    >>> SGD([w], learning_rate=0.5).step({w: np.array([1.0, 1.0])})
    >>> w.value.tolist()
    [0.5, 1.5]
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: Rate,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Common],
    ) -> None:
        self.momentum = fraction("momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise SettingError(f"nesterov=True needs a momentum{here()}")
        super().__init__(parameters, learning_rate, ("velocity",) if momentum else (), **common)

    def update(self, value: Array, gradient: Array, slots: Slots, rate: float) -> tuple[Array, Slots]:
        """As above."""
        if not self.momentum:
            return value - rate * gradient, {}
        velocity = self.momentum * slots["velocity"] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return value - rate * direction, {"velocity": velocity}


class RMSProp(Optimizer):
    """Gradient descent in units of each entry's recent size.

        s = rho · s + (1 - rho) · g²
        d = g / (sqrt(s) + epsilon)                     centered: sqrt(s - a²), a the running mean of g
        p = p - learning_rate · d                       momentum: b = momentum · b + d in place of d

    Further settings: see `Optimizer`. Source: Tieleman, Hinton, "Neural networks for machine learning", lecture 6.5,
    2012; centered: Graves, "Generating sequences with recurrent neural networks", 2013.

    >>> w = Parameter("w", [1.0])
    >>> RMSProp([w], learning_rate=0.1, rho=0.75).step({w: np.array([4.0])})
    >>> w.value.round(6).tolist()
    [0.8]
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: Rate = 0.01,
        *,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        **common: Unpack[Common],
    ) -> None:
        self.rho = fraction("rho", rho)
        self.epsilon = at_least_zero("epsilon", epsilon)
        self.momentum = fraction("momentum", momentum)
        self.centered = centered
        used = {"square": True, "mean": centered, "momentum": momentum}
        super().__init__(parameters, learning_rate, [name for name, wanted in used.items() if wanted], **common)

    def update(self, value: Array, gradient: Array, slots: Slots, rate: float) -> tuple[Array, Slots]:
        """As above."""
        new = {"square": self.rho * slots["square"] + (1 - self.rho) * gradient * gradient}
        spread = new["square"]
        if self.centered:
            new["mean"] = self.rho * slots["mean"] + (1 - self.rho) * gradient
            spread = np.maximum(spread - new["mean"] * new["mean"], 0)  # rounding can leave a variance below zero
        direction = gradient / (np.sqrt(spread) + self.epsilon)
        if self.momentum:
            direction = new["momentum"] = self.momentum * slots["momentum"] + direction
        return value - rate * direction, new


class Adam(Optimizer):
    """Momentum in units of each entry's recent size, both corrected for starting at zero.

        m = beta1 · m + (1 - beta1) · g,   v = beta2 · v + (1 - beta2) · g²
        p = p - learning_rate · m̂ / (sqrt(v̂) + epsilon),   m̂ = m / (1 - beta1^t),   v̂ = v / (1 - beta2^t)

    Further settings: see `Optimizer`. Source: Kingma, Ba, "Adam: a method for stochastic optimization", 2015.

    >>> w = Parameter("w", [1.0])
    >>> Adam([w], learning_rate=0.1).step({w: np.array([4.0])})
    >>> w.value.round(6).tolist()
    [0.9]
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: Rate = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **common: Unpack[Common],
    ) -> None:
        self.beta1 = fraction("beta1", beta1)
        self.beta2 = fraction("beta2", beta2)
        self.epsilon = at_least_zero("epsilon", epsilon)
        super().__init__(parameters, learning_rate, ("m", "v"), **common)

    def update(self, value: Array, gradient: Array, slots: Slots, rate: float) -> tuple[Array, Slots]:
        """As above."""
        t = self.count + 1
        m = self.beta1 * slots["m"] + (1 - self.beta1) * gradient
        v = self.beta2 * slots["v"] + (1 - self.beta2) * gradient * gradient
        size = np.sqrt(v) / math.sqrt(1 - self.beta2**t) + self.epsilon
        return value - rate / (1 - self.beta1**t) * m / size, {"m": m, "v": v}


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters directly, not through the gradient.

        p = p · (1 - learning_rate · weight_decay), then Adam's step

    Settings: those of `Adam`; `weight_decay` is 0.01 unless said otherwise. Source: Loshchilov, Hutter, "Decoupled
    weight decay regularization", 2019.

    >>> w = Parameter("w", [2.0])
    >>> AdamW([w], learning_rate=0.1, weight_decay=0.5).step({w: np.array([4.0])})
    >>> w.value.round(6).tolist()
    [1.8]
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: Rate = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **common: Unpack[Common],
    ) -> None:
        common.setdefault("weight_decay", 0.01)
        super().__init__(parameters, learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, **common)
