"""Programs: the calls of a pass in order, each on arrays that are ready.

The first run of a size works out every call while it makes it; later runs of that size only repeat the calls. Views are
made and arrays are found once, so that a step costs one call per op and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import length_hint
from typing import Any, TypeAlias

from graphengine import errors
from graphengine.graph import Node

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


class Program:
    """Calls and the nodes that they are made for.

    Attributes:
        node: the node whose call was made last, which is the one at fault when it fails.
        marks: where the calls of each unit begin, and its nodes.
        together: makes every call again in several threads, where a plan has them.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.nodes: list[Node] = []
        self.node: Node | None = None
        self.marks: list[tuple[int, Collection[Node]]] = []
        self.together: Callable[[], None] | None = None

    def begin(self, nodes: Collection[Node]) -> None:
        """Mark that the calls from here on are those of some nodes."""
        self.marks.append((len(self.calls), nodes))

    def do(self, node: Node, function: Callable[..., Any], *args: Any) -> None:
        """Make a call, and keep it."""
        self.node = node
        function(*args)
        self.keep(node, function, *args)

    def keep(self, node: Node, function: Callable[..., Any], *args: Any) -> None:
        """Keep a call that was made already."""
        self.calls.append((function, args))
        self.nodes.append(node)

    def repeat(self) -> None:
        """Make every call again."""
        if self.together is not None:
            self.together()
            return
        pending = iter(self.calls)
        try:
            for function, args in pending:
                function(*args)
        except Exception:
            self.node = self.nodes[len(self.calls) - length_hint(pending) - 1]
            raise


def explained(problem: errors.GraphError, node: Node) -> errors.GraphError:
    """Return a run-time problem with the node's path, op, inputs and the line that made it."""
    shown = ", ".join(f"{tensor.name} {tensor.spec}" for tensor in node.inputs)
    return type(problem)(f"{node.path}: {node.op}({shown}): {problem}{errors.at(node.location)}")
