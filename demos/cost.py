"""What one step of a cell costs, counted on its graph."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphengine import Graph, Node, Tensor
from graphengine.loop import Delay, StepSlice


@dataclass(frozen=True)
class Cost:
    """Work per step and per row of the batch.

    Attributes:
        products: multiply-adds in products of matrices.
        elementwise: numbers computed by all other ops.
        ops: how many ops a step is made of.
    """

    products: int
    elementwise: int
    ops: int


def cost_per_step(graph: Graph) -> Cost:
    """Count the work of one step of a graph's loops; views and what only carries values cost nothing."""
    nodes = [
        node for node in graph.nodes
        if node.loop is not None and not node.op.is_view and not isinstance(node.op, Delay | StepSlice)
    ]  # fmt: skip
    products = sum(_size(node.output) * _inner(node) for node in nodes if node.op.kind == "matmul")
    elementwise = sum(_size(tensor) for node in nodes if node.op.kind != "matmul" for tensor in node.outputs)
    return Cost(products, elementwise, len(nodes))


def _size(tensor: Tensor) -> int:
    """The numbers in a tensor, the axes whose sizes are open (the batch) left out."""
    return math.prod(size for size in tensor.shape if isinstance(size, int))


def _inner(node: Node) -> int:
    """The length of the sums in a product of matrices."""
    size = node.inputs[0].shape[-1]
    assert isinstance(size, int)
    return size
