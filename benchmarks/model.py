"""A case as a graph of ours."""

from __future__ import annotations

from benchmarks.case import Case
from graphengine import Graph, Parameter
from layers import BiRNN, Cell, GRUCell, LSTMCell, MultiRNNCell, RNNCell, discover, dynamic_rnn

COMMON = {cell.__name__: cell for cell in (LSTMCell, GRUCell, RNNCell)}


class Model:
    """The graph of a case.

    Attributes:
        x, outputs: its input, `[time, batch, features]`, and its output.
        parameters: by the names of a problem.
    """

    def __init__(self, case: Case) -> None:
        graph = Graph(case.name, dtype=case.dtype, seed=1)
        self.x = graph.placeholder("x", ("time", "batch", case.inputs))
        directions = [self._stack(case) for _ in range(case.directions)]
        if case.bidirectional:
            layer = BiRNN(*directions, between="concat" if case.layers > 1 else "independent")
            self.outputs, _ = layer(self.x, over="time")
            found = layer.parameters
        else:
            self.outputs, _ = dynamic_rnn(directions[0], self.x, over="time")
            found = directions[0].parameters
        self.parameters: dict[str, Parameter] = {each.path.partition("/")[2]: each for each in found}

    def _stack(self, case: Case) -> Cell:
        cells = [_cell(case) for _ in range(case.layers)]
        return MultiRNNCell(cells) if case.layers > 1 else cells[0]


def _cell(case: Case) -> Cell:
    """Make a cell with the settings it has if none are given, but for what other frameworks do not have."""
    settings = {"forget_bias": 0.0} if case.kind == "lstm" else {}
    kind = COMMON.get(case.cell) or discover()[case.cell]
    return kind(case.hidden, **settings)
