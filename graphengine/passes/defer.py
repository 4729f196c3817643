"""Defer: form the gradient of a loop invariant once, after the sweep over the steps.

It pays where the op sums its batch axes itself (weights in a product) or where the gradient is the incoming one (a
bias): then one product or sum over [time, batch] replaces one per step. Elsewhere the per-step gradients are added up,
because forming them for all steps at once would need memory for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphengine.border import Maker
from graphengine.graph import Node
from graphengine.passes.split import Unit


def defer(unit: Unit, wanted: Mapping[Node, tuple[int, ...]], maker: Maker) -> dict[Node, tuple[int, ...]]:
    """Return, for the nodes of a stepwise unit, the inputs whose gradient waits until after the sweep."""
    members = set(unit.nodes)

    def waits(node: Node, i: int) -> bool:
        tensor = node.inputs[i]
        if node.op.together or maker(tensor) in members:
            return False
        return not node.op.reads_of(i) or (node.op.contracts and tensor.loop is None)

    return {node: tuple(i for i in wanted[node] if waits(node, i)) for node in unit.nodes}
