"""Active: find which tensors carry a gradient from a target back to something differentiated."""

from __future__ import annotations

from collections.abc import Iterable

from graphengine.border import Delay, Maker, written_by
from graphengine.graph import Node, Tensor


def carries(node: Node, i: int) -> bool:
    """Tell whether a gradient can pass from a node to its source `i` (a delay's feed comes after its input)."""
    return node.op.carries(i) and node.sources[i].spec.floating


def active(
    nodes: list[Node], targets: Iterable[Tensor], wrt: Iterable[Tensor], maker: Maker = written_by
) -> set[Tensor]:
    """Return the float tensors that lie on a path from `wrt` to a target."""
    consumers: dict[Tensor, list[tuple[Node, int]]] = {}
    for node in nodes:
        for i, tensor in enumerate(node.sources):
            consumers.setdefault(tensor, []).append((node, i))
    moved = set(wrt)
    pending = list(moved)
    while pending:
        for node, i in consumers.get(pending.pop(), ()):
            if carries(node, i):
                for tensor in node.outputs:
                    if tensor.spec.floating and tensor not in moved:
                        moved.add(tensor)
                        pending.append(tensor)
    reached = {tensor for tensor in targets if tensor in moved}
    pending = list(reached)
    while pending:
        node = maker(pending.pop())
        for i, tensor in enumerate(node.sources):
            if tensor in moved and tensor not in reached and carries(node, i):
                reached.add(tensor)
                pending.append(tensor)
    return reached


def wanted_inputs(node: Node, tensors: set[Tensor]) -> tuple[int, ...]:
    """Return the inputs of a node that its backward serves; delays hand on their gradient without an op."""
    if isinstance(node.op, Delay) or not any(tensor in tensors for tensor in node.outputs):
        return ()
    return tuple(i for i, tensor in enumerate(node.inputs) if tensor in tensors and carries(node, i))
