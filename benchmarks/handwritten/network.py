"""Layers upon each other, in one direction or in both, from shared arrays."""

from __future__ import annotations

import numpy as np

from benchmarks.case import Case
from benchmarks.handwritten.gru import GRU
from benchmarks.handwritten.layer import Layer, Ports
from benchmarks.handwritten.lstm import LSTM, CoupledLSTM
from benchmarks.handwritten.rnn import RNN
from benchmarks.problem import Problem
from graphengine.spec import Array

CELLS: dict[str, type[Layer]] = {"LSTMCell": LSTM, "GRUCell": GRU, "RNNCell": RNN, "CoupledLSTMCell": CoupledLSTM}
"""The cells that are written by hand."""


class Network:
    """A whole case, bound to its arrays, which every run overwrites.

    Args:
        route: "exp" or "tanh", what the gates' σ is made of; which is quicker depends on the machine and the dtype.
    """

    def __init__(self, problem: Problem, route: str) -> None:
        case = self.case = problem.case
        self.x, self.dy = problem.x, problem.dy
        values = [self.x] + [
            np.empty((case.steps, case.batch, case.hidden * case.directions), case.dtype) for _ in range(case.layers)
        ]
        gradients = [np.empty_like(each) for each in values[:-1]] + [self.dy]
        self.y, self.dx = values[-1], gradients[0]
        self.layers: dict[str, Layer] = {}
        for place in case.places:
            layer = place.layer
            ports = self._ports(case, place.reverse, *values[layer : layer + 2], *gradients[layer : layer + 2])
            self.layers[place.prefix] = CELLS[case.cell](ports, case.hidden, case.training, route)
            self.layers[place.prefix].assign(problem.of(place.prefix))
        self.problem = problem

    def _ports(self, case: Case, reverse: bool, x: Array, y: Array, dx: Array, dy: Array) -> Ports:
        """The arrays of one direction in its own order of processing; the second adds to the input's gradient."""
        order = slice(None, None, -1 if reverse else 1)
        side = slice(case.hidden, None) if reverse else slice(0, case.hidden)
        return Ports(x[order], y[order, :, side], dy[order, :, side], dx[order], adds_dx=reverse)

    def run(self) -> None:
        """Compute the output, and for training every gradient."""
        with np.errstate(over="ignore"):
            for layer in self.layers.values():
                layer.forward.run()
            for layer in self._down() if self.case.training else ():
                layer.backward.run()

    def _down(self) -> list[Layer]:
        """The layers from the top down, the forward direction of each before the backward one, which adds to it."""
        cells = list(self.layers.values())
        sides = self.case.directions
        return [cell for top in range(len(cells) - sides, -1, -sides) for cell in cells[top : top + sides]]

    def results(self) -> dict[str, Array]:
        """What the last run computed, by the names of a problem."""
        found = {"y": self.y}
        if self.case.training:
            found["dx"] = self.dx
            for prefix, layer in self.layers.items():
                own = layer.gradients(self.problem.of(prefix))
                found |= {prefix + name: value for name, value in own.items()}
        return found
