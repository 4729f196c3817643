"""numpy-ml's LSTM cell over time.

It computes in float64 whatever it is given, and its layer class does not start in the version on PyPI, so its cell is
driven as that class would.
"""

from __future__ import annotations

import collections
import collections.abc
import warnings
from typing import Any

import numpy as np

from benchmarks.peer import Peer, Results, Step
from benchmarks.problem import Problem
from graphengine.spec import Array

GATES = ("Wf", "Wu", "Wc", "Wo")
BIASES = ("bf", "bu", "bc", "bo")


class NumpyML(Peer):
    """A gate has its own matrix, acting on `[h, x]`; pre-activations are computed again on the way back."""

    name = "numpy-ml"
    needs = ("numpy_ml",)
    kinds = ("lstm",)
    stacks = False

    def build(self, problem: Problem) -> Step:
        case = problem.case
        cell = _imported()(case.hidden)
        cell.n_in = case.inputs
        cell._init_params()
        _assign(cell, problem)
        forward_only = range(case.steps)

        def run() -> Any:
            cell.flush_gradients()
            cell.derived_variables.update(dLdA_accumulator=None, dLdC_accumulator=None, current_step=0)
            y = np.stack([cell.forward(problem.x[t])[0] for t in forward_only])
            if not case.training:
                return y, None
            return y, np.stack([cell.backward(problem.dy[t]) for t in reversed(forward_only)][::-1])

        def read(results: Any) -> Results:
            y, dx = results
            return {"y": y} if dx is None else {"y": y, "dx": dx} | _gradients(cell, case.hidden)

        return Step(run, read)


def _imported() -> Any:
    """Import the cell; the package looks for a name where Python kept it before 3.10."""
    collections.Hashable = collections.abc.Hashable  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings(action="ignore"):
            from numpy_ml.neural_nets.layers import LSTMCell
    finally:
        del collections.Hashable  # type: ignore[attr-defined]
    return LSTMCell


def _assign(cell: Any, problem: Problem) -> None:
    ours = problem.of("")
    whole = np.concatenate([ours["recurrent_kernel"], ours["kernel"]])
    cell.parameters.update(zip(GATES, np.split(whole, 4, axis=1), strict=True))
    cell.parameters.update(zip(BIASES, np.split(ours["bias"][None], 4, axis=1), strict=True))


def _gradients(cell: Any, hidden: int) -> dict[str, Array]:
    whole = np.concatenate([cell.gradients[name] for name in GATES], axis=1)
    bias = np.concatenate([cell.gradients[name] for name in BIASES], axis=1)
    return {"kernel": whole[hidden:], "recurrent_kernel": whole[:hidden], "bias": bias[0]}
