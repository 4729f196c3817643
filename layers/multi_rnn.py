"""Stacks of cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphengine import Spec, Tensor, errors
from layers.cell import Cell, refuse_shared
from layers.layer import Layer


class MultiRNNCell(Cell):
    """Cells on top of each other, which together are a cell: the output of one layer is the input of the next.

    The state is the tuple of the layers' states, lowest layer first. Layers may differ in size and in kind.

    Raises:
        SharedCellError: one cell object stands in two layers.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell, MultiRNNCell, dynamic_rnn
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> outputs, states = dynamic_rnn(MultiRNNCell([LSTMCell(5), LSTMCell(3)]), x, over="time")
    >>> outputs.spec, states[0].h.path
    (float32[batch, time, 3], 'rnn/layer0/h_last')
    """

    def __init__(
        self, cells: Iterable[Cell], *, name: str | None = None, debug: bool = False, backpassdebug: bool = False
    ) -> None:
        super().__init__(name=name, debug=debug, backpassdebug=backpassdebug)
        self.cells: tuple[Cell, ...] = tuple(cells)
        if not self.cells:
            raise errors.StructureError(f"MultiRNNCell needs at least one cell{errors.here()}")
        refuse_shared(self.cells, "in two layers of one stack")

    @property
    def sublayers(self) -> tuple[Layer, ...]:
        """The cells."""
        return self.cells

    def state(self, x: Spec) -> tuple[Any, ...]:
        """The layers' states, lowest first."""
        found = []
        for cell in self.cells:
            found.append(cell.state(x))
            x = cell.output(x)
        return tuple(found)

    def step(self, x: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Each layer on the output of the one below."""
        after = []
        for index, (cell, part) in enumerate(zip(self.cells, state, strict=True)):
            with x.graph.scope(f"layer{index}", "layer", index):
                x, new = cell(x, part)
            after.append(new)
        return x, tuple(after)

    def output(self, x: Spec) -> Spec:
        """The top layer's output."""
        for cell in self.cells:
            x = cell.output(x)
        return x

    def __repr__(self) -> str:
        return f"MultiRNNCell([{', '.join(map(repr, self.cells))}])"
