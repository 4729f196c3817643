"""Keep: find which values of a stepwise unit are needed beyond their step; the others share one buffer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphengine.border import Maker
from graphengine.graph import Node, Tensor
from graphengine.passes.split import Unit


def read_in_backward(node: Node, wanted: Iterable[int]) -> tuple[set[int], bool]:
    """Return which inputs of a node its backward reads, and whether it reads the outputs."""
    inputs: set[int] = set()
    outputs = False
    for i in wanted:
        declared = node.op.reads_of(i)
        if declared == "*":
            return set(range(len(node.inputs))), True
        for word in declared.split():
            if word == "y":
                outputs = True
            else:
                inputs.add(int(word.removeprefix("x")))
    return inputs, outputs


def keep(
    unit: Unit, nodes: Iterable[Node], wanted: Mapping[Node, tuple[int, ...]], maker: Maker
) -> tuple[set[Tensor], set[Node]]:
    """Return the tensors of a unit to keep for all steps, and the nodes whose hidden arrays are kept with them."""
    members = set(unit.nodes)
    tensors: set[Tensor] = set()
    hidden: set[Node] = set()
    for node in nodes:
        if node not in members:
            tensors.update(tensor for tensor in node.sources if maker(tensor) in members)
            continue
        inputs, outputs = read_in_backward(node, wanted[node])
        tensors.update(node.inputs[i] for i in inputs if maker(node.inputs[i]) in members)
        if outputs:
            tensors.update(node.outputs)
            hidden.add(node)
    if unit.loop is not None and unit.loop.until_node is not None:
        tensors.update(tensor for node in members for tensor in node.outputs)
    for node in reversed(unit.nodes):
        if node.op.is_view and any(tensor in tensors for tensor in node.outputs):
            tensors.update(tensor for tensor in node.inputs if maker(tensor) in members)
    return tensors, hidden
