"""Fuse: let one op stand for the nodes that compute the same thing.

A cell may name such an op for a block of its equations (`Graph.fuse`). The block stays what is drawn and traced; a plan
runs the op, unless something inside the block is asked for from outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphengine.node import Node, Region, Tensor


def fuse(nodes: list[Node], regions: Iterable[Region], asked: set[Tensor]) -> tuple[list[Node], dict[Tensor, Node]]:
    """Return the nodes with regions replaced, and the replacements by the tensors that they make.

    `asked` are tensors that must stay because someone wants them: targets, outputs, differentiated ones.
    """
    present = set(nodes)
    readers: dict[Tensor, set[Node]] = {}
    for node in nodes:
        for tensor in node.sources:
            readers.setdefault(tensor, set()).add(node)
    gone: set[Node] = set()
    made_by: dict[Tensor, Node] = {}
    for region in regions:
        block = _block(region)
        inner = {tensor for node in block for tensor in node.outputs} - set(region.outputs)
        closed = all(readers.get(tensor, set()) <= block and tensor not in asked for tensor in inner)
        if closed and block <= present and not block & gone:
            stand_in = _stand_in(region, block)
            gone |= block
            made_by.update((tensor, stand_in) for tensor in region.outputs)
    if not made_by:
        return nodes, {}
    left = [node for node in nodes if node not in gone]
    left = _still_read([*left, *dict.fromkeys(made_by.values())], asked)
    return sorted(left, key=lambda node: node.index), made_by


def _block(region: Region) -> set[Node]:
    """Return the nodes between a region's inputs and its outputs."""
    given = set(region.inputs)
    block = {tensor.node for tensor in region.outputs}
    pending = list(block)
    while pending:
        for tensor in pending.pop().inputs:
            if tensor not in given and tensor.node not in block and tensor.node.inputs:
                block.add(tensor.node)
                pending.append(tensor.node)
    return block


def _stand_in(region: Region, block: set[Node]) -> Node:
    """Make the node that stands for a block, with the block's own outputs; the graph does not know it."""
    last = max(block, key=lambda node: node.index)
    node = Node.__new__(Node)
    node.graph, node.index, node.op = last.graph, last.index, region.op
    node.inputs, node.outputs = region.inputs, region.outputs
    node.scope, node.loop, node.location = last.scope, last.loop, last.location
    node.feeds = None
    return node


def _still_read(nodes: list[Node], asked: set[Tensor]) -> list[Node]:
    """Drop sources that only a block read."""
    read = {tensor for node in nodes for tensor in node.sources} | asked
    return [node for node in nodes if node.inputs or any(tensor in read for tensor in node.outputs)]
