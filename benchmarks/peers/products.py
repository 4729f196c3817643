"""The matrix products of a case and nothing else: below this no step built on NumPy's BLAS can go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.handwritten import Network
from benchmarks.peer import Peer, Step
from benchmarks.problem import Problem


class Products(Peer):
    """The products of the hand-written step, on its arrays."""

    name = "products alone"
    not_compared = "it computes no network"

    def build(self, problem: Problem) -> Step:
        network = Network(problem, "tanh")
        network.run()
        passes = [layer.forward for layer in network.layers.values()]
        if problem.case.training:
            passes += [layer.backward for layer in network.layers.values()]
        products = [args for each in passes for function, args in each.calls if function is np.dot]
        return Step(lambda: _run(products), None)


def _run(products: list[tuple[Any, ...]], product: Callable[..., Any] = np.dot) -> None:
    for args in products:
        product(*args)
