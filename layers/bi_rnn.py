"""Recurrence in both directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from graphengine import Tensor, errors, ops
from graphengine.spec import Dim
from layers.cell import Cell, refuse_shared
from layers.dynamic_rnn import run_over, step_mask
from layers.layer import Layer
from layers.multi_rnn import MultiRNNCell

DIRECTIONS = ("fw", "bw")
MERGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda fw, bw: ops.concat([fw, bw], axis=-1, name="outputs"),
    "sum": partial(ops.add, name="outputs"),
    "mul": partial(ops.multiply, name="outputs"),
    "average": lambda fw, bw: ops.multiply(fw + bw, 0.5, name="outputs"),
}


class BiRNN(Layer):
    """Two cells over the same input, one from the first position to the last and one back.

    Stacks in both directions can be wired in two ways. `between="independent"` (TensorFlow's
    `bidirectional_dynamic_rnn`, the article's) runs two stacks that meet only at the top. `between="concat"` (PyTorch,
    Keras) merges the directions after every layer, so that the next layer reads both; built without `merge` it
    concatenates there.

    Args:
        fw_cell, bw_cell: a cell for each direction; their sizes may differ.
        merge: how the outputs of both directions become one: "concat", "sum", "mul", "average", or None for a pair.
        between: the wiring of stacks.

    Raises:
        SharedCellError: one cell object stands in both directions.
        StructureError: `merge` or `between` is none of these, or stacks to be merged layer by layer differ in height.

    Source: Schuster and Paliwal (1997), Bidirectional recurrent neural networks.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> outputs, (fw, bw) = BiRNN(LSTMCell(5), LSTMCell(4))(x, over="time")
    >>> outputs.spec, fw.h.path, bw.h.path
    (float32[batch, time, 9], 'birnn/fw/h_last', 'birnn/bw/h_last')
    """

    def __init__(
        self,
        fw_cell: Cell,
        bw_cell: Cell,
        *,
        merge: Literal["concat", "sum", "mul", "average"] | None = "concat",
        between: Literal["independent", "concat"] = "independent",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        where = errors.here()
        refuse_shared((fw_cell, bw_cell), "in both directions")
        if merge is not None and merge not in MERGES:
            raise errors.StructureError(f"BiRNN: merge is one of {', '.join(MERGES)} or None, not {merge!r}{where}")
        if between not in ("independent", "concat"):
            raise errors.StructureError(f'BiRNN: between is "independent" or "concat", not {between!r}{where}')
        self.fw_cell = fw_cell
        self.bw_cell = bw_cell
        self.merge = merge
        self.between = between
        if between == "concat" and len(_layers(fw_cell)) != len(_layers(bw_cell)):
            raise errors.StructureError(
                f"BiRNN: to be merged after every layer both stacks need the same height, got {fw_cell} and {bw_cell}"
                f"{where}"
            )

    @property
    def sublayers(self) -> tuple[Layer, ...]:
        """Both cells."""
        return (self.fw_cell, self.bw_cell)

    def __call__(
        self,
        x: Tensor,
        *,
        over: Dim,
        initial_state: tuple[Any, Any] | None = None,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Any, tuple[Any, Any]]:
        """Run both directions over a named axis.

        Args:
            initial_state: the pair of first states (fw, bw), each as in `dynamic_rnn`; None for zeros.

        The other arguments are those of `dynamic_rnn`.

        Returns:
            The merged outputs (a pair without `merge`), in the order of the input, and the pair of final states. The
            final state of the backward direction is the one at position 0: `outputs[:, -1]` is no summary of both
            directions, because it holds the backward direction's first step; the pair of final states is.
        """
        starts = initial_state if initial_state is not None else (None, None)
        if not isinstance(starts, tuple) or len(starts) != 2:
            raise errors.StructureError(
                f"BiRNN: the initial state is a pair (fw, bw){errors.here()}"
            )
        with self.open(x.graph, "birnn", "driver"):
            live = step_mask(x, over, lengths, mask)
            if self.between == "independent":
                outputs, states = self._both((self.fw_cell, self.bw_cell), x, over, starts, live)
                return self._merged(outputs, self.merge), states
            return self._layer_by_layer(x, over, starts, live)

    def _both(
        self, cells: tuple[Cell, Cell], x: Tensor, over: Dim, starts: tuple[Any, Any], live: Tensor | None
    ) -> tuple[tuple[Tensor, Tensor], tuple[Any, Any]]:
        """Run a pair of cells; returns the pairs of outputs and of final states."""
        found = []
        for index, (direction, cell, start) in enumerate(zip(DIRECTIONS, cells, starts, strict=True)):
            with x.graph.scope(direction, "direction", index):
                found.append(run_over(cell, x, over, initial_state=start, live=live, reverse=index == 1))
        (fw_outputs, fw_state), (bw_outputs, bw_state) = found
        return (fw_outputs, bw_outputs), (fw_state, bw_state)

    def _layer_by_layer(
        self, x: Tensor, over: Dim, starts: tuple[Any, Any], live: Tensor | None
    ) -> tuple[Any, tuple[Any, Any]]:
        stacks = [_layers(cell) for cell in (self.fw_cell, self.bw_cell)]
        stacked = isinstance(self.fw_cell, MultiRNNCell)
        pairs = list(zip(*stacks, strict=True))
        parts = [start if start is not None and stacked else (start,) * len(pairs) for start in starts]
        outputs: Any = x
        after = []
        for index, (cells, *start) in enumerate(zip(pairs, *parts, strict=True)):
            source = outputs if index == 0 else self._merged(outputs, self.merge or "concat")
            with x.graph.scope(f"layer{index}", "layer", index):
                outputs, states = self._both(cells, source, over, (start[0], start[1]), live)
            after.append(states)
        fw_states, bw_states = zip(*after, strict=True)
        states = (fw_states, bw_states) if stacked else after[0]
        return self._merged(outputs, self.merge), states

    def _merged(self, outputs: tuple[Tensor, Tensor], merge: str | None) -> Any:
        return outputs if merge is None else MERGES[merge](*outputs)

    def __repr__(self) -> str:
        return f"BiRNN({self.fw_cell}, {self.bw_cell})"


def _layers(cell: Cell) -> tuple[Cell, ...]:
    """Return the cells of a stack, or the one cell."""
    return cell.cells if isinstance(cell, MultiRNNCell) else (cell,)
