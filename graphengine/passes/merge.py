"""Merge: make one product of several that are added up, `x A + h B + b = [x, 1, h] [A; b; B]`.

One product costs less than two and two additions, and so does its gradient. The parts of `[x, 1, h]` live side by side
from the start: a state is written where the next step's product reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from graphengine.node import Node, Tensor
from graphengine.op import Op
from graphengine.ops.elementwise import Add
from graphengine.ops.join import Concat
from graphengine.ops.matmul import MatMul
from graphengine.ops.shape import Reshape
from graphengine.sources import Fill
from graphengine.spec import Spec


def merge(
    nodes: list[Node], made_by: dict[Tensor, Node], asked: set[Tensor]
) -> tuple[list[Node], dict[Tensor, Node]]:
    """Return the nodes with sums of products inside loops replaced, and what makes the tensors of the sums now."""
    readers: dict[Tensor, int] = {}
    for node in nodes:
        for tensor in node.sources:
            readers[tensor] = readers.get(tensor, 0) + 1
    known = {tensor: node for node in nodes for tensor in node.outputs}
    gone: set[Node] = set()
    new: list[Node] = []
    replaced: dict[Tensor, Node] = {}
    for root in reversed(nodes):
        if root.loop is None or not isinstance(root.op, Add) or root in gone:
            continue
        terms = _terms(root, known, readers, asked)
        if terms is not None and terms.products:
            made = _merged(root, terms)
            gone |= terms.nodes
            new += made
            replaced[root.output] = made[-1]
    left = [node for node in nodes if node not in gone]
    return sorted([*left, *new], key=lambda node: node.index), {**made_by, **replaced}


@dataclass
class Terms:
    """What a sum adds up: products with weights, and biases; and the nodes that it takes."""

    products: list[Node] = field(default_factory=list)
    biases: list[Tensor] = field(default_factory=list)
    nodes: set[Node] = field(default_factory=set)


def _terms(root: Node, known: dict[Tensor, Node], readers: dict[Tensor, int], asked: set[Tensor]) -> Terms | None:
    """Take a sum apart; None if it adds anything else, or if somebody else reads a part of it."""
    found = Terms(nodes={root})
    pending = list(root.inputs)
    while pending:
        tensor = pending.pop()
        node = known.get(tensor)
        if tensor.loop is None and tensor.spec.shape == root.output.shape[-1:]:
            found.biases.append(tensor)
        elif node is None or readers[tensor] > 1 or tensor in asked or tensor.spec != root.output.spec:
            return None
        elif isinstance(node.op, Add):
            found.nodes.add(node)
            pending.extend(node.inputs)
        elif isinstance(node.op, MatMul) and _weighs(node):
            found.nodes.add(node)
            found.products.append(node)
        else:
            return None
    found.products.sort(key=lambda node: node.index)
    return found


def _weighs(node: Node) -> bool:
    """Tell whether a product is one of a step's rows with a matrix that all steps share."""
    x, weights = node.inputs
    return x.loop is not None and x.spec.rank == 2 and weights.loop is None and weights.spec.rank == 2


def _merged(root: Node, terms: Terms) -> list[Node]:
    """Build the nodes that stand for a sum: operands side by side, weights under each other, and their product."""
    made: list[Node] = []

    def add(op: Op, inputs: Iterable[Tensor], name: str, inside: bool) -> Tensor:
        node = _node(root, op, tuple(inputs), name, inside)
        made.append(node)
        return node.output

    xs = [node.inputs[0] for node in terms.products]
    weights = [node.inputs[1] for node in terms.products]
    batch, dtype = root.output.shape[:-1], root.output.dtype
    for bias in terms.biases:
        xs.insert(1, add(Fill(Spec((*batch, 1), dtype), 1.0), (), "one", inside=False))
        row = Reshape(bias.shape, (1, *bias.shape))
        weights.insert(1, add(row, [bias], f"{bias.name}_row", inside=False))
    all_weights = add(Concat(-2), weights, "weights", inside=False)
    operand = add(Concat(-1), xs, "operand", inside=True)
    product = _node(root, MatMul(), (operand, all_weights), root.output.name, inside=True)
    product.outputs = root.outputs
    return [*made, product]


def _node(root: Node, op: Op, inputs: tuple[Tensor, ...], name: str, inside: bool) -> Node:
    """Make a node that the graph does not know, in the place of the sum."""
    node = Node.__new__(Node)
    node.graph, node.index, node.op, node.inputs = root.graph, root.index, op, inputs
    node.scope, node.loop, node.location = root.scope, root.loop if inside else None, root.location
    node.feeds = None
    spec = op.infer(*[tensor.spec for tensor in inputs])
    assert isinstance(spec, Spec)
    node.outputs = (Tensor(node, 0, spec, name),)
    return node
