"""The equations of the three common cells for any framework of arrays: what peers without layers of their own run.

Weights are in our layout: gates side by side, LSTM f, i, cproj, o, GRU r, u, n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.case import Case

State: TypeAlias = tuple[Any, ...]
StepFunction: TypeAlias = Callable[[Any, State], State]


@dataclass(frozen=True)
class Framework:
    """What a framework gives.

    Attributes:
        scan: runs a step over the first axis from a number of states of zeros, forwards or in reverse; returns the
            first state of every step in the order of the input.
        join: puts both directions side by side along the last axis.
    """

    tanh: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    scan: Callable[[StepFunction, Any, int, bool], Any]
    join: Callable[[list[Any]], Any]


def network(of: Framework, case: Case, x: Any, weights: Mapping[str, Any]) -> Any:
    """Return the outputs of a case; the input projection of a layer is one product for all steps."""
    for layer in range(case.layers):
        sides = []
        for place in case.places:
            if place.layer != layer:
                continue
            own = {name.removeprefix(place.prefix): w for name, w in weights.items() if name.startswith(place.prefix)}
            wx = x @ own["kernel"] + own["bias"]
            sides.append(of.scan(cell(of, case, own), wx, 2 if case.kind == "lstm" else 1, place.reverse))
        x = of.join(sides) if len(sides) > 1 else sides[0]
    return x


def cell(of: Framework, case: Case, weights: Mapping[str, Any]) -> StepFunction:
    """Return a step: from what the input adds to the gates and the state before to the state after, h first."""
    U, H = weights["recurrent_kernel"], case.hidden

    def gate(z: Any, k: int) -> Any:
        return z[:, k * H : (k + 1) * H]

    def lstm(wx: Any, state: State) -> State:
        h, c = state
        z = wx + h @ U
        c = of.sigmoid(gate(z, 0)) * c + of.sigmoid(gate(z, 1)) * of.tanh(gate(z, 2))
        return of.sigmoid(gate(z, 3)) * of.tanh(c), c

    def gru(wx: Any, state: State) -> State:
        (h,) = state
        wh = h @ U
        r, u = of.sigmoid(gate(wx, 0) + gate(wh, 0)), of.sigmoid(gate(wx, 1) + gate(wh, 1))
        n = of.tanh(gate(wx, 2) + r * (gate(wh, 2) + weights["recurrent_bias"]))
        return ((1 - u) * n + u * h,)

    def rnn(wx: Any, state: State) -> State:
        return (of.tanh(wx + state[0] @ U),)

    return {"lstm": lstm, "gru": gru, "rnn": rnn}[str(case.kind)]
