"""The style of the article's code: one row and one step at a time, gate by gate, everything made anew.

No line of that code is here; the style is: Python loops over time and over the rows of a batch, a column `[1; x; h]`
built in every step, gates cut from one matrix, and an outer product added to the gradient for every row and step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peer import Peer, Results, Step
from benchmarks.problem import Problem
from graphengine.spec import Array
from layers import weights


class DeepBreatheStyle(Peer):
    """What it costs to write the equations as they stand on paper."""

    name = "Deep-Breathe style"
    kinds = ("lstm",)
    stacks = False

    def build(self, problem: Problem) -> Step:
        case = problem.case
        W = weights.to_deep_breathe(problem.of(""))

        def run() -> Any:
            rows = [forward(W, problem.x[:, b], case.hidden) for b in range(case.batch)]
            y = np.stack([outputs for outputs, _ in rows], axis=1)
            if not case.training:
                return y, None, None
            dW = np.zeros_like(W)
            dx = np.stack([backward(W, dW, tape, problem.dy[:, b]) for b, (_, tape) in enumerate(rows)], axis=1)
            return y, dx, dW

        def read(results: Any) -> Results:
            y, dx, dW = results
            return {"y": y} if dx is None else {"y": y, "dx": dx} | weights.from_deep_breathe(dW)

        return Step(run, read)


def sigmoid(z: Array) -> Array:
    """σ(z), as on paper."""
    return 1 / (1 + np.exp(-z))


def forward(W: Array, x: Array, hidden: int) -> tuple[Array, list[Any]]:
    """Run one row of a batch; returns h at every step, and what the way back reads."""
    c = h = np.zeros(hidden, W.dtype)
    tape, outputs = [], []
    for x_t in x:
        hx = np.concatenate([[1], x_t, h], dtype=W.dtype)
        f_pre, i_pre, cproj_pre, o_pre = (W[k * hidden : (k + 1) * hidden] @ hx for k in range(4))
        f, i, cproj, o = sigmoid(f_pre), sigmoid(i_pre), np.tanh(cproj_pre), sigmoid(o_pre)
        c_prev, c = c, f * c + i * cproj
        h = o * np.tanh(c)
        tape.append((hx, c_prev, c, f, i, cproj, o))
        outputs.append(h)
    return np.stack(outputs), tape


def backward(W: Array, dW: Array, tape: list[Any], dy: Array) -> Array:
    """Go back over one row; adds to the gradient of the weights, returns that of the input."""
    hidden = dy.shape[1]
    dc_next = dh_next = np.zeros(hidden, W.dtype)
    found = []
    for (hx, c_prev, c, f, i, cproj, o), dy_t in zip(reversed(tape), dy[::-1], strict=True):
        dh = dy_t + dh_next
        dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)
        df, di = dc * c_prev * f * (1 - f), dc * cproj * i * (1 - i)
        dcproj, do = dc * i * (1 - cproj**2), dh * np.tanh(c) * o * (1 - o)
        dhx = np.zeros_like(hx)
        for k, gate in enumerate((df, di, dcproj, do)):
            block = slice(k * hidden, (k + 1) * hidden)
            dW[block] += np.outer(gate, hx)
            dhx += W[block].T @ gate
        dc_next, dh_next = dc * f, dhx[-hidden:]
        found.append(dhx[1:-hidden])
    return np.stack(found[::-1])
