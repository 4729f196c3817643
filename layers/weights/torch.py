"""PyTorch: gates as rows, in the order i, f, g, o and r, z, n; two biases; no forget bias."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from layers.weights.layout import (
    GATES,
    Gates,
    Given,
    Kind,
    Reset,
    Weights,
    checked,
    entry,
    forget_bias_of,
    matrix,
    merge_biases,
    part_biases,
    pick,
    refuse,
    reorder,
    shape_is,
    shift_forget,
)

ORDER: Gates = {"rnn": ("h",), "lstm": ("i", "f", "cproj", "o"), "gru": ("r", "u", "n")}
PLAIN: Mapping[str, dict[str, str]] = {"dense": {"kernel": "weight", "bias": "bias"}, "embedding": {"table": "weight"}}
PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
RECURRENT = re.compile(r"(?:^|\.)(?:weight|bias)_(?:ih|hh|hr)(_l\d+(?:_reverse)?)?$")


def from_torch(
    arrays: Given, kind: Kind, *, layer: int | None = 0, reverse: bool = False, forget_bias: float | None = None
) -> Weights:
    """Return the weights of a PyTorch layer as `cell.assign` takes them.

    Args:
        arrays: by PyTorch's names, as in a `state_dict` (`weight_ih_l0`, … whatever leads to them).
        kind: "rnn", "lstm", "gru" (to be loaded into a cell that resets after the product), "dense", "embedding".
        layer: which layer of a stack; None for the names of `torch.nn.LSTMCell`, which carry no layer.
        reverse: take the backward direction's.
        forget_bias: for an LSTM, what our cell adds at run time; it is taken out of the bias, as PyTorch adds nothing.

    The two biases are added up, but for a GRU's b_hn, which becomes `recurrent_bias`.

    Raises:
        WeightsError: a name or a shape is not what the layer has, or the layer has a projection.

    >>> arrays = {"weight_ih_l0": np.ones((8, 3)), "weight_hh_l0": np.ones((8, 2))}
    >>> {name: array.shape for name, array in from_torch(arrays, "lstm", forget_bias=0.0).items()}
    {'kernel': (3, 8), 'recurrent_kernel': (2, 8)}
    """
    if kind in PLAIN:
        return _plain(arrays, kind)
    order = entry(ORDER, kind, "PyTorch")
    added = forget_bias_of(kind, forget_bias, "PyTorch")
    end = suffix(layer, reverse)
    weight_ih, weight_hh, bias_ih, bias_hh = (part + end for part in PARTS)
    mine = {name: array for name, array in arrays.items() if not _of_another_layer(name, end)}
    if arrays and not mine:
        refuse(f"there are no arrays of {end or 'a single cell'}; there are {', '.join(arrays)}")
    projected = "a projection (proj_size) has no place in our cells"
    found = pick(mine, (weight_ih, weight_hh), (bias_ih, bias_hh), {f"weight_hr{end}": projected})
    gates = len(order)
    _, hidden = matrix(weight_hh, found[weight_hh])
    shape_is(weight_hh, found[weight_hh], (gates * hidden, hidden))
    shape_is(weight_ih, found[weight_ih], (gates * hidden, matrix(weight_ih, found[weight_ih])[1]))
    ours: Weights = {
        "kernel": reorder(found[weight_ih].T, order, GATES[kind]),
        "recurrent_kernel": reorder(found[weight_hh].T, order, GATES[kind]),
    }
    if (bias_ih in found) != (bias_hh in found):
        refuse(f"{bias_ih} and {bias_hh} come together, or neither does")
    if bias_ih in found:
        for name in (bias_ih, bias_hh):
            shape_is(name, found[name], (gates * hidden,))
        ours |= merge_biases(kind, *(reorder(found[name], order, GATES[kind]) for name in (bias_ih, bias_hh)))
    return shift_forget(ours, -added)


def to_torch(
    values: Given,
    kind: Kind,
    *,
    layer: int | None = 0,
    reverse: bool = False,
    forget_bias: float | None = None,
    reset: Reset = "after",
) -> Weights:
    """Return weights of ours by PyTorch's names.

    PyTorch wants two biases: ours goes into `bias_ih`, and `bias_hh` is zero, but for a GRU's candidate, where it is
    our `recurrent_bias`. They do what ours does; after training on, only their sums compare.

    Args:
        values: kernel, recurrent_kernel, bias …, as `from_torch` returns them.
        forget_bias: for an LSTM, what our cell adds at run time; it is put into the bias.
        reset: where our GRU resets.

    Raises:
        WeightsError: a name or a shape is wrong, or a GRU resets before the product, which PyTorch's cannot.
    """
    ours = checked(values, kind, reset)
    if kind in PLAIN:
        names = PLAIN[kind]
        return {names[name]: np.array(array.T if name == "kernel" else array) for name, array in ours.items()}
    if kind == "gru" and reset == "before":
        refuse("PyTorch's GRU resets after the product; one that resets before it has another equation")
    ours = shift_forget(ours, forget_bias_of(kind, forget_bias, "PyTorch"))
    end = suffix(layer, reverse)
    found = [ours["kernel"].T, ours["recurrent_kernel"].T, *(part_biases(ours) if "bias" in ours else ())]
    by_rows = [reorder(array.T, GATES[kind], ORDER[kind]).T for array in found]
    return {name + end: np.ascontiguousarray(array) for name, array in zip(PARTS, by_rows, strict=False)}


def _plain(arrays: Given, kind: Kind) -> Weights:
    names = PLAIN[kind]
    first, *rest = names.values()
    found = pick(arrays, (first,), rest)
    ours = {name: np.array(found[theirs]) for name, theirs in names.items() if theirs in found}
    if "kernel" in ours:
        matrix(first, ours["kernel"])
        ours["kernel"] = np.ascontiguousarray(ours["kernel"].T)
    return checked(ours, kind)


def suffix(layer: int | None, reverse: bool) -> str:
    """Return how the names of a layer's arrays end."""
    return "" if layer is None else f"_l{layer}{'_reverse' if reverse else ''}"


def _of_another_layer(name: str, end: str) -> bool:
    match = RECURRENT.search(name)
    return match is not None and (match[1] or "") != end
