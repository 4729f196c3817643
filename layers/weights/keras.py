"""Keras: gates as columns, in the order i, f, c, o and z, r, h; the forget bias is written into the bias."""

from __future__ import annotations

import numpy as np

from layers.weights.layout import (
    GATES,
    PLAIN,
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

ORDER: Gates = {"rnn": ("h",), "lstm": ("i", "f", "cproj", "o"), "gru": ("u", "r", "n")}


def from_keras(arrays: Given, kind: Kind, *, forget_bias: float | None = None, reset: Reset = "after") -> Weights:
    """Return the weights of a Keras layer as `cell.assign` takes them.

    Args:
        arrays: `kernel`, `recurrent_kernel`, `bias` (for an embedding `embeddings`), whatever leads to these names; one
            direction of a `Bidirectional` is chosen with `part(arrays, "forward_lstm")`.
        kind: "rnn", "lstm", "gru", "dense", "embedding".
        forget_bias: for an LSTM, what our cell adds at run time; it is taken out of the bias, as Keras adds nothing
            (`unit_forget_bias` writes 1 into the bias at the start).
        reset: for a GRU, "after" the product (`reset_after=True`) or "before" it.

    Raises:
        WeightsError: a name or a shape is not what the layer has; among them the two biases of a layer made for cuDNN,
            and a GRU whose biases are those of the other `reset`.
    """
    if kind in PLAIN:
        return _plain(arrays, kind)
    order = entry(ORDER, kind, "Keras")
    added = forget_bias_of(kind, forget_bias, "Keras")
    found = pick(arrays, ("kernel", "recurrent_kernel"), ("bias",))
    gates = len(order)
    hidden, _ = matrix("recurrent_kernel", found["recurrent_kernel"])
    shape_is("recurrent_kernel", found["recurrent_kernel"], (hidden, gates * hidden))
    shape_is("kernel", found["kernel"], (matrix("kernel", found["kernel"])[0], gates * hidden))
    ours = {name: reorder(found[name], order, GATES[kind]) for name in ("kernel", "recurrent_kernel")}
    if "bias" in found:
        bias = found["bias"]
        _refuse_other_biases(kind, reset, bias.shape, gates * hidden)
        ordered = reorder(bias, order, GATES[kind])
        ours |= {"bias": ordered} if bias.ndim == 1 else merge_biases(kind, *ordered)
    return shift_forget(checked(ours, kind, reset), -added)


def to_keras(values: Given, kind: Kind, *, forget_bias: float | None = None, reset: Reset = "after") -> Weights:
    """Return weights of ours by Keras' names, in the order of `layer.get_weights()`.

    The bias of a GRU that resets after the product has two rows: ours, and zeros but for the candidate, where it is our
    `recurrent_bias`.

    Args:
        values: kernel, recurrent_kernel, bias …, as `from_keras` returns them.
        forget_bias: for an LSTM, what our cell adds at run time; it is put into the bias.
        reset: where our GRU resets; build the Keras layer with `reset_after` alike.

    Raises:
        WeightsError: a name or a shape is wrong, or a GRU's biases are those of the other `reset`.
    """
    ours = checked(values, kind, reset)
    if kind in PLAIN:
        return {"embeddings" if name == "table" else name: np.array(array) for name, array in ours.items()}
    ours = shift_forget(ours, forget_bias_of(kind, forget_bias, "Keras"))
    theirs = {name: ours[name] for name in ("kernel", "recurrent_kernel", "bias") if name in ours}
    if "recurrent_bias" in ours:
        theirs["bias"] = np.stack(part_biases(ours))
    return {name: reorder(array, GATES[kind], ORDER[kind]) for name, array in theirs.items()}


def _refuse_other_biases(kind: Kind, reset: Reset, shape: tuple[int, ...], wide: int) -> None:
    if kind == "gru" and shape == (2, wide) and reset == "before":
        refuse(
            'bias [2, 3H] is that of reset_after=True: its second row is multiplied by the reset gate and cannot be '
            'merged; load it with reset="after" into GRUCell(reset="after")'
        )
    if kind == "gru" and shape == (wide,) and reset == "after":
        refuse('bias [3H] is that of reset_after=False; load it with reset="before" into GRUCell(reset="before")')
    if shape == (2 * wide,):
        refuse("bias: a layer made for cuDNN keeps two biases in one, and its kernels are laid out differently too")
    wanted = (2, wide) if kind == "gru" and reset == "after" else (wide,)
    if shape != wanted:
        refuse(f"bias should be {list(wanted)}, got {list(shape)}")


def _plain(arrays: Given, kind: Kind) -> Weights:
    if kind == "dense":
        return {name: np.array(array) for name, array in checked(arrays, kind).items()}
    return checked({"table": np.array(pick(arrays, ("embeddings",))["embeddings"])}, kind)
