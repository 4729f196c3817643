"""Programs: the calls of a pass in order, each on arrays that are ready.

The first run of a size works out every call while it makes it; later runs of that size only repeat the calls. Views are
made and arrays are found once, so that a step costs one call per op and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from operator import length_hint
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from graphengine import errors
from graphengine.graph import Node

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


@runtime_checkable
class Nesting(Protocol):
    """What makes calls that repeat other programs."""

    def inside(self) -> list[Program]:
        """Those programs."""
        ...


class Program:
    """Calls and the nodes that they are made for.

    Args:
        dry: keep the calls without making them, to see what they would need.

    Attributes:
        node: the node whose call was made last, which is the one at fault when it fails.
        marks: where the calls of each unit begin, and its nodes.
        together: makes every call again in several threads, where a plan has them.
    """

    def __init__(self, dry: bool = False) -> None:
        self.dry = dry
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
        if not self.dry:
            function(*args)
        self.keep(node, function, *args)

    def keep(self, node: Node, function: Callable[..., Any], *args: Any) -> None:
        """Keep a call that was made already."""
        self.calls.append((function, args))
        self.nodes.append(node)

    def clear(self) -> None:
        """Let go of all calls and of what they are made on."""
        self.calls.clear()
        self.nodes.clear()
        self.marks.clear()
        self.together = None

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


def overhead(programs: Iterable[Program]) -> int:
    """Return the bytes of programs' calls and of the views that they are made on, without what those show."""
    found: dict[int, int] = {}
    pending: list[Any] = [call for program in programs for call in program.calls]
    while pending:
        each = pending.pop()
        if id(each) not in found and isinstance(each, tuple | list | np.ndarray):
            found[id(each)] = sys.getsizeof(each)
            if isinstance(each, np.ndarray):
                found[id(each)] -= each.nbytes * each.flags.owndata
            else:
                pending.extend(each)
    return sum(found.values())


def named(program: Program, doing: str, act: Callable[..., None], *args: Any) -> None:
    """Act; errors name the node at fault, which they do only once where programs run programs."""
    try:
        act(*args)
    except errors.GraphError as problem:
        if program.node is None or problem.explained:
            raise
        raise explained(problem, program.node) from None
    except Exception as problem:
        if program.node is not None and not getattr(problem, "__notes__", ()):
            problem.add_note(f"{doing} {program.node.path}: {program.node.op}{errors.at(program.node.location)}")
        raise


def explained(problem: errors.GraphError, node: Node) -> errors.GraphError:
    """Return a run-time problem with the node's path, op, inputs and the line that made it."""
    shown = ", ".join(f"{tensor.name} {tensor.spec}" for tensor in node.inputs)
    made = type(problem)(f"{node.path}: {node.op}({shown}): {problem}{errors.at(node.location)}")
    made.explained = True
    return made
