"""Equations with names in them: what an op says of its symbols, said of the tensors around one node."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence

from graphengine.node import Node, Tensor
from graphengine.op import Elementwise
from graphengine.sources import Constant
from graphengine.spelling import number

ANY_NUMBER = "…"  # an op of any number of inputs or outputs lists them: "a, b, …"


def names(node: Node) -> dict[Tensor, str]:
    """Return names for the tensors around a node, short, and no two alike. A constant number is its own name."""
    tensors = list(dict.fromkeys((*node.outputs, *node.sources)))
    return _short(tensors) | constants(node)


def constants(node: Node) -> dict[Tensor, str]:
    """Return the sources of a node that are constant numbers, as they stand in equations."""
    found = {}
    for tensor in node.sources:
        op = tensor.node.op
        if isinstance(op, Constant) and op.array.size == 1:
            spelt = number(op.array.item())
            found[tensor] = f"({spelt})" if spelt.startswith("−") else spelt
    return found


def equation(node: Node) -> str:
    """Return what a node computes.

    >>> from graphengine import Graph, ops
    >>> x = Graph().placeholder("x", (3,))
    >>> equation(ops.multiply(x, 2.0, name="twice").node)
    'twice = x ⊙ 2'
    """
    return _said(node, node.op.equation)


def gradient(node: Node, i: int) -> str:
    """Return what the backward of a node hands to its source `i`; nothing where its op says nothing.

    >>> from graphengine import Graph, ops
    >>> x = Graph().placeholder("x", (3,))
    >>> gradient(ops.tanh(x, name="h").node, 0)
    'dx = dh ⊙ (1 - h²)'
    """
    said = node.op.gradient
    text = said[i] if i < len(said) else said[0] if said and ANY_NUMBER in said[0] else ""
    stretched = isinstance(node.op, Elementwise) and node.sources[i].shape != node.output.shape
    return _said(node, text) + (", summed over the axes along which it is repeated" if text and stretched else "")


def _said(node: Node, text: str) -> str:
    """Put the names of the tensors around a node in the place of its op's symbols."""
    called = names(node)
    symbols = {symbol: called[tensor] for symbol, tensor in _symbols(node).items()}
    several = node.outputs if ANY_NUMBER in _left(node) else node.sources
    one_of = "|".join(sorted(map(re.escape, symbols), key=len, reverse=True)) or "(?!)"
    pattern = (
        rf"(?P<each>d?)a(?P<comma>[,;]) (?P=each)b(?P=comma) {ANY_NUMBER}"
        rf"|(?<![A-Za-z_])(?P<d>d ?)?(?P<symbol>{one_of})(?![A-Za-z\u0302])"
    )

    def name(found: re.Match[str]) -> str:
        if found["comma"]:
            return f"{found['comma']} ".join(_differential(called[each], bool(found["each"])) for each in several)
        apart = " " if found.start() and text[found.start() - 1].isdigit() else ""
        return apart + _differential(symbols[found["symbol"]], bool(found["d"]))

    return re.sub(pattern, name, text)


def _differential(name: str, wanted: bool) -> str:
    if not wanted:
        return name
    return f"d{name}" if re.fullmatch(r"\w+", name) else f"d({name})"


def _left(node: Node) -> str:
    """The left side of a node's equation, if that says what its outputs are."""
    left, equals, _ = node.op.equation.partition(" = ")
    return left if equals else "y"


def _symbols(node: Node) -> Mapping[str, Tensor]:
    """Return what the symbols in an op's equations stand for.

    An input is called what its gradient is the gradient of, or as `forward` calls it; an output what stands on the left
    of the equation.
    """
    taken = list(inspect.signature(node.op.forward).parameters.values())[1:]
    found: dict[str, Tensor] = {}
    for i, tensor in enumerate(node.sources):
        said = re.match(r"d ?([A-Za-z]+)\S* = ", node.op.gradient[i]) if i < len(node.op.gradient) else None
        if said:
            found[said[1]] = tensor
        elif i < len(taken) and taken[i].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            found[taken[i].name] = tensor
    left = _left(node).split(", ")
    if len(left) == len(node.outputs) and ANY_NUMBER not in left:
        for symbol, tensor in zip(left, node.outputs, strict=True):
            bare = re.match(r"[A-Za-z]+", symbol)
            found[symbol if bare is None or bare[0] in found else bare[0]] = tensor
    return found


def _short(tensors: Sequence[Tensor]) -> dict[Tensor, str]:
    """Return the ends of paths that are just long enough to tell tensors apart."""
    found = {}
    for tensor in tensors:
        others = {"/" + other.path for other in tensors if other is not tensor}
        parts = tensor.path.split("/")
        ends = ("/".join(parts[-count:]) for count in range(1, len(parts)))
        alone = (end for end in ends if not any(other.endswith("/" + end) for other in others))
        found[tensor] = next(alone, tensor.path)
    return found
