"""Whole PyTorch modules: the weights of every layer and of both directions at once."""

from __future__ import annotations

from typing import Any, NamedTuple

from layers.bi_rnn import BiRNN
from layers.cells.gru import GRUCell
from layers.cells.lstm import LSTMCell
from layers.cells.rnn import RNNCell
from layers.dense import Dense
from layers.embedding import Embedding
from layers.layer import Layer
from layers.multi_rnn import MultiRNNCell
from layers.weights.layout import Given, Kind, Weights, refuse
from layers.weights.torch import RECURRENT, from_torch, suffix, to_torch

KINDS: dict[type[Layer], Kind] = {
    RNNCell: "rnn",
    LSTMCell: "lstm",
    GRUCell: "gru",
    Dense: "dense",
    Embedding: "embedding",
}


class Place(NamedTuple):
    """Where a cell stands in a PyTorch module."""

    cell: Layer
    kind: Kind
    layer: int | None
    reverse: bool

    @property
    def forget_bias(self) -> float | None:
        """What the cell adds at run time, if it is one that does."""
        return self.cell.forget_bias if isinstance(self.cell, LSTMCell) else None


def load_torch(layer: Layer, arrays: Given) -> None:
    """Give the weights of a PyTorch module to a cell, a stack, both directions of either, a Dense or an Embedding.

    An LSTM's `forget_bias` is taken out of the bias, so that the layer computes what the module does.

    Args:
        layer: one that was called before, so that it has parameters.
        arrays: the module's `state_dict()`, or a module's part of one: `part(model.state_dict(), "encoder")`.

    Raises:
        WeightsError: names are not those of such a module, some are left over, or PyTorch has no such module.
        ShapeError: the module has other sizes.
        NotBuiltError: the layer was not called yet.

    >>> import numpy as np
    >>> from graphengine import Graph
    >>> from layers import dynamic_rnn
    >>> cell, x = LSTMCell(2), Graph().placeholder("x", ("batch", "time", 3))
    >>> outputs, state = dynamic_rnn(cell, x, over="time")
    >>> shapes = {"weight_ih_l0": (8, 3), "weight_hh_l0": (8, 2), "bias_ih_l0": 8, "bias_hh_l0": 8}
    >>> load_torch(cell, {name: np.ones(shape, "float32") for name, shape in shapes.items()})
    >>> cell.bias.value[[0, 2]].tolist()
    [1.0, 2.0]
    """
    ends = {match[1] or "" for name in arrays if (match := RECURRENT.search(name))}
    places = _places(layer, bare=ends == {""})
    if extra := ends - {suffix(place.layer, place.reverse) for place in places}:
        refuse(f"arrays of {', '.join(sorted(extra))} have no place in {layer}")
    converted = [
        from_torch(arrays, place.kind, layer=place.layer, reverse=place.reverse, forget_bias=place.forget_bias)
        for place in places
    ]
    for place, values in zip(places, converted, strict=True):
        place.cell.assign(values)


def save_torch(layer: Layer) -> Weights:
    """Return the weights of a layer as the `state_dict` of a PyTorch module, which is what `load_torch` takes.

    Raises:
        WeightsError: PyTorch has no such module.
    """
    found: Weights = {}
    for place in _places(layer):
        values = {each.name: each.value for each in place.cell.parameters}
        found |= to_torch(
            values, place.kind, layer=place.layer, reverse=place.reverse, forget_bias=place.forget_bias
        )
    return found


def _places(layer: Layer, bare: bool = False) -> list[Place]:
    """Return where every cell of a layer stands; `bare` for the names of a module that is one cell."""
    stacks = (layer.fw_cell, layer.bw_cell) if isinstance(layer, BiRNN) else (layer,)
    found = []
    for stack, reverse in zip(stacks, (False, True), strict=False):
        for index, cell in enumerate(stack.cells if isinstance(stack, MultiRNNCell) else (stack,)):
            if type(cell) not in KINDS:
                refuse(f"PyTorch has no module for {cell}")
            found.append(Place(cell, KINDS[type(cell)], index, reverse))
    _refuse_unlike_torch(layer, [place.cell for place in found])
    return [place._replace(layer=None) for place in found] if bare and len(found) == 1 else found


def _refuse_unlike_torch(layer: Layer, cells: list[Layer]) -> None:
    """Refuse what one PyTorch module cannot be."""
    if len(cells) > 1 and len({_form(cell) for cell in cells}) > 1:
        refuse(f"one PyTorch module has layers of one kind, size and use of biases, unlike {layer}")
    if any(isinstance(cell, GRUCell) and cell.reset == "before" for cell in cells):
        refuse(f"PyTorch's GRU resets after the product; {layer} resets before it, which is another equation")
    stacked = len(cells) > (2 if isinstance(layer, BiRNN) else 1)
    if isinstance(layer, BiRNN) and stacked and (layer.between, layer.merge or "concat") != ("concat", "concat"):
        refuse(
            "PyTorch concatenates both directions after every layer, which is BiRNN(…, between='concat'); two "
            "independent stacks are two modules, so convert fw_cell and bw_cell by themselves"
        )


def _form(cell: Any) -> tuple[type, int, bool]:
    return type(cell), cell.hidden, cell.use_bias
