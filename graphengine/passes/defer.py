"""Defer: form the gradient of a loop invariant once, after the sweep over the steps.

It pays where the op sums its batch axes itself (weights in a product) or where the gradient is the incoming one (a
bias): then one product or sum over [time, batch] replaces one per step. Elsewhere the per-step gradients are added up,
because forming them for all steps at once would need memory for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphengine.graph import Node
from graphengine.passes.split import Unit


def defer(unit: Unit, wanted: Mapping[Node, tuple[int, ...]]) -> dict[Node, tuple[int, ...]]:
    """Return, for the nodes of a stepwise unit, the inputs whose gradient waits until after the sweep."""
    waiting = {}
    for node in unit.nodes:
        waiting[node] = tuple(
            i
            for i in wanted[node]
            if node.inputs[i].loop is None and not node.op.together and (node.op.contracts or not node.op.reads_of(i))
        )
    return waiting
