"""Parts: a cell cut into the boxes that show its inside, along values that carry the papers' names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from graphengine.graph import Node
from graphengine.op import Elementwise
from viz.model.blocks import Block
from viz.model.lattice import Part
from viz.model.subject import Subject

Anchors = Mapping[str, tuple[str, ...]]  # by part, the names that its value may have


def cut(subject: Subject, block: Block, anchors: Anchors) -> list[Part] | None:
    """Cut a cell into named parts, or return None if it is not made that way.

    A part is the nodes of its names and what serves these alone; a cell fits if every part is found, nothing is left,
    and no activation disappears in the part of another.
    """
    found: dict[Node, str] = {}
    for name, values in anchors.items():
        named = [node for node in block.nodes if _bare(node) & set(values)]
        if not named:
            return None
        found.update(dict.fromkeys(named, name))
    readers = _readers(block.nodes)
    for node in reversed(block.nodes):
        if node not in found:
            if len(node.inputs) == 1 and isinstance(node.op, Elementwise):
                return None
            served = {found.get(reader, "") for reader in readers.get(node, ())}
            if len(served) != 1 or "" in served:
                return None
            found[node] = served.pop()
    return [Part(block, name, [node for node in block.nodes if found[node] == name]) for name in anchors]


def single(subject: Subject, block: Block) -> list[Part]:
    """Every node a part of its own, but for additions of constants and biases, which belong to what they shift."""
    return [Part(block, f"p{k}", [node]) for k, node in enumerate(block.nodes)]


def _readers(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    found: dict[Node, list[Node]] = {}
    for node in nodes:
        for tensor in node.inputs:
            found.setdefault(tensor.node, []).append(node)
    return found


def _bare(node: Node) -> set[str]:
    """The names of a node's values, without the number that made them unique."""
    return {re.sub(r"_\d+\Z", "", tensor.name) for tensor in node.outputs}
