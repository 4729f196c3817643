"""What stands in the boxes: names, short numbers, and tooltips that tell the rest."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np

from graphengine.graph import Node, Tensor
from graphengine.parameter import Parameter
from graphengine.sources import ParameterValue
from graphengine.spec import Array
from graphengine.spelling import norm
from viz import text
from viz.model.blocks import Block
from viz.model.subject import Subject
from viz.scene import BoxKind, Line, Shape

SYMBOLS = {"kernel": "W", "recurrent_kernel": "U", "bias": "b", "recurrent_bias": "d", "table": "E"}
GLYPHS = {
    "sigmoid": "σ",
    "tanh": "tanh",
    "add": "+",
    "subtract": "−",
    "multiply": "⊙",
    "divide": "÷",
    "matmul": "matmul",
    "concat": "[ ; ]",
    "negate": "−x",
    "exp": "exp",
    "relu": "relu",
    "identity": "=",
    "softmax": "softmax",
    "hold": "hold",
    "square": "x²",
    "mean": "mean",
    "sum": "Σ",
}


def spelt(array: Array | None, rank: int = 1) -> list[str]:
    """Spell a value in one or two short lines: the one entry that repeats, or the first few and the norm.

    Args:
        rank: of the value that it should be; a single number in place of an array is its norm.

    >>> spelt(np.full((1, 5), 0.25)), spelt(np.array([[0.1, 0.2, 0.3]])), spelt(np.eye(3)[1:2])
    (['0.25 ×5'], ['[0.1 0.2 …]', '‖·‖ 0.374'], ['one-hot [1]'])
    """
    if array is None:
        return []
    flat = np.asarray(array).reshape(-1)
    if array.ndim == 0 and rank > 0:
        return [f"‖·‖ {text.number(flat[0])}"]
    if flat.size > 1 and sum(size > 1 for size in array.shape) <= 1:
        (hot,) = np.nonzero(flat)
        if hot.size == 1 and flat[hot[0]] == 1:
            return [f"one-hot [{hot[0]}]"]
        if np.any(flat != flat[0]) and array.dtype.kind == "f":
            return [text.vector(flat, limit=2, digits=2), f"‖·‖ {text.number(norm(flat))}"]
    short = text.vector(array)
    first, comma, rest = short.partition(", ")
    return [first, rest] if comma else [short]


def brief(array: Array | None, rank: int = 1) -> str:
    """Spell a value in one short line: the one entry that repeats, or the norm.

    >>> brief(np.full((1, 5), 0.25)), brief(np.array([[0.1, 0.2, 0.3]])), brief(None)
    ('0.25 ×5', '‖·‖ 0.374', '')
    """
    spelled = spelt(array, rank)
    return spelled[-1] if spelled else ""


def facts(tensor: Tensor) -> str:
    """What is so of a value at every position: its shape, and how it is computed."""
    return "\n".join(filter(None, (str(tensor.spec), tensor.node.op.equation)))


def statistics(
    tensor: Tensor, value: Array | None, gradient: Array | None, t: int | None = None, known: str = ""
) -> str:
    """A tooltip: where the value stands, its shape, and what its numbers and its gradient are like.

    Args:
        known: its facts, where these have been asked for before.
    """
    lines = [tensor.path if t is None else f"{tensor.path} at t = {t}", known or facts(tensor)]
    for name, array in (("value", value), ("gradient", gradient)):
        if array is not None and array.size:
            numbers = np.asarray(array, np.float64)
            shown = ", ".join(
                f"{what} {text.number(each, 5)}"
                for what, each in (
                    ("min", numbers.min()),
                    ("max", numbers.max()),
                    ("mean", numbers.mean()),
                    ("‖·‖", norm(numbers)),
                )
            )
            lines.append(f"{name} {text.shape(array)}: {shown}")
            if array.size <= 12:
                lines.append("  " + " ".join(text.number(each, 6) for each in array.reshape(-1)))
    return "\n".join(lines)


def named(kind: str) -> str:
    """The field's word for a cell or an op: `LSTMCell` is an LSTM, `softmax_cross_entropy` has spaces."""
    return short(kind.removesuffix("Cell").replace("_", " ") or kind)


def symbol_of(parameter: Parameter) -> str:
    """The letter of a parameter where it has one, else its name."""
    return SYMBOLS.get(parameter.name, short(parameter.name))


def weights(block: Block, subject: Subject) -> list[str]:
    """The shapes of a block's weights, few of them one by one, many by their number."""
    parameters = list(block.parameters(subject))
    matrices = [each for each in parameters if len(each.shape) > 1]
    if 0 < len(matrices) <= 2:
        return ["  ".join(f"{symbol_of(each)} {text.shape(each.shape)}" for each in matrices)]
    return [f"{sum(each.size for each in parameters):,} weights"] if parameters else []


def weight_tooltip(block: Block, subject: Subject) -> str:
    """Where a block stands, and all its parameters with their shapes."""
    lines = [f"{block.kind} {block.path}"]
    lines += [f"{symbol_of(each)}  {each.path} {text.shape(each.shape)}" for each in block.parameters(subject)]
    return "\n".join(lines)


def weight_gradients(block: Block, subject: Subject, t: int | None) -> list[tuple[str, float]]:
    """The norms of what a block contributes at a step to the gradients of its parameters, whole or cut in parts."""
    found: dict[Parameter, dict[Tensor, Array]] = {}
    for use, tensor in block.weights(subject):
        parameter = _whole_parameter(tensor)
        part = subject.contribution((((use,), t),)) if parameter is not None else None
        if parameter is not None and part is not None:
            parts = found.setdefault(parameter, {})
            parts[tensor] = parts[tensor] + part if tensor in parts else part
    order = list(SYMBOLS)
    known = sorted((each for each in found if each.name in SYMBOLS), key=lambda each: order.index(each.name))
    return [
        (symbol_of(parameter), math.hypot(*map(norm, found[parameter].values())))
        for parameter in dict.fromkeys([*known, *found])
    ]


def _whole_parameter(tensor: Tensor) -> Parameter | None:
    """The parameter that a tensor is, or is a part of."""
    node = tensor.node.inputs[0].node if tensor.node.op.kind == "split" else tensor.node
    return node.op.parameter if isinstance(node.op, ParameterValue) else None


def cell_title(block: Block, subject: Subject) -> str:
    """What stands at the top of a cell that shows its inside: its name and its weights."""
    return "   ".join([named(block.kind), *weights(block, subject)])


def block_title(block: Block) -> tuple[str, list[str]]:
    """What a block outside loops is called, and what to add in small letters."""
    node = block.nodes[-1]
    if not block.single:
        return named(block.kind), []
    kind, name = node.op.kind, short(node.output.name)
    if kind == "placeholder":
        return name, []
    return (named(kind), []) if name.startswith(kind) else (name, [named(kind)])


def looks(name: str) -> tuple[BoxKind, Shape]:
    """How a state is drawn: c square, everything else round."""
    known: dict[str, tuple[BoxKind, Shape]] = {"c": ("c", "rect"), "h": ("h", "pill")}
    return known.get(name, ("state", "pill"))


def short(name: str, limit: int = 24) -> str:
    """A user's name as a label: what is too long ends in an ellipsis, and stands in the tooltip."""
    return text.clean(name, limit)


def bare(name: str) -> str:
    """A value's name without the number that made it unique: `f_1` of a second step is f."""
    return re.sub(r"_\d+\Z", "", name)


def glyph(node: Node) -> str:
    """The sign of an op."""
    return GLYPHS.get(node.op.kind, named(node.op.kind))


def lines(
    title: str, rest: list[str], *, size: float = 10.0, small: float = 8.5, muted: bool = False
) -> tuple[Line, ...]:
    """A bold title above smaller lines."""
    role: Any = "muted" if muted else "auto"
    return (Line(title, size, bold=True), *(Line(each, small, role) for each in rest))


def unmuted(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return lines for a box so dark (or so light) that muted letters could not be read on it, such as a loss."""
    return tuple(replace(line, role="auto") if line.role == "muted" else line for line in lines)


def size_of(content: tuple[Line, ...], pad: float = 9.0) -> tuple[float, float]:
    """The size of a box that holds some lines."""
    wide = max((text.width(text.clean(line.content), line.size, bold=line.bold) for line in content), default=0.0)
    high = sum(line.size for line in content) * text.LINE_HEIGHT
    return wide + 2 * pad, high + 10
