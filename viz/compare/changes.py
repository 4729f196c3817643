"""Changes: what is added, removed and changed between two graphs, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay
from graphengine.parameter import Parameter
from graphengine.sources import ParameterValue
from graphengine.spec import Spec
from graphengine.trace import Trace
from viz import text
from viz.compare.match import Pairs, match, twin
from viz.compare.places import Place, places
from viz.model.subject import Subject, Subjectlike

Status: TypeAlias = Literal["added", "removed", "changed", "same"]
What: TypeAlias = Literal["op", "shape", "setting", "reads"]

SIGNS: Mapping[Status, str] = {"added": "+", "removed": "−", "changed": "~", "same": ""}
_FAR = 200  # so many values are looked through for what is behind them
_COMMUTE = ("add", "multiply", "maximum", "minimum")


@dataclass(frozen=True)
class Aspect:
    """One respect in which a node differs.

    Attributes:
        what: the "op" with its inputs, a "shape", a "setting" of the op, or what it "reads".
        name: of the setting.
        before: in the first graph; `after`: in the second. Of what a node reads, only what the other does not.
    """

    what: What
    before: str
    after: str
    name: str = ""


@dataclass(frozen=True)
class Change:
    """A node of either graph, and what became of it.

    Attributes:
        status: "added" stands in the second graph only, "removed" in the first only, "changed" in both and not alike.
        a: the node of the first graph; `b`: of the second.
        aspects: in what respects a changed node differs.
    """

    status: Status
    place: Place
    a: Node | None
    b: Node | None
    aspects: tuple[Aspect, ...] = ()

    @property
    def node(self) -> Node:
        """The node, of the second graph where it is in both."""
        node = self.b if self.b is not None else self.a
        assert node is not None
        return node

    @property
    def name(self) -> str:
        """What its first output is called."""
        return self.node.output.name


class Comparison:
    """Two graphs, node by node.

    Nodes are matched by place (driver, direction, layer, names of scopes), by name, and those that nobody named by what
    they read. Numbers are not compared: neither the values of parameters nor those of a trace.

    Args:
        a, b: graphs, plans (what they need of their graphs) or traces.

    Attributes:
        pairs: by node of b, its counterpart in a.
        places: of all nodes, in the words of a.
        changes: every node of either graph, the same ones included.

    >>> from graphengine import Graph, ops
    >>> def line(activation):
    ...     g = Graph()
    ...     activation(g.placeholder("x", ("batch", 3)), name="y")
    ...     return g
    >>> [(change.status, change.name) for change in Comparison(line(ops.tanh), line(ops.sigmoid)).changes]
    [('same', 'x'), ('changed', 'y')]
    """

    def __init__(self, a: Subjectlike, b: Subjectlike) -> None:
        self.a, self.b = (Subject(each.plan if isinstance(each, Trace) else each) for each in (a, b))
        self.places = places(self.a, self.b)
        self.pairs: Pairs = match(self.a, self.b, self.places)
        self._kept = {first: first for first in self.pairs.values()}
        self.changes: tuple[Change, ...] = tuple(self._changes())
        self._of = {node: change for change in self.changes for node in (change.a, change.b) if node is not None}

    def change(self, node: Node) -> Change:
        """Return what became of a node of either graph."""
        return self._of[node]

    def of(self, status: Status) -> tuple[Change, ...]:
        """Return the changes of one kind."""
        return tuple(change for change in self.changes if change.status == status)

    @property
    def name(self) -> str:
        """What the graphs are called."""
        return " and ".join(dict.fromkeys(each.graph.name for each in (self.a, self.b)))

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return self.dtypes is None and all(change.status == "same" for change in self.changes)

    @property
    def dtypes(self) -> tuple[str, str] | None:
        """The float types that the graphs compute in, where they differ; nodes that follow them count as the same."""
        a, b = (str(each.graph.dtype) for each in (self.a, self.b))
        return None if a == b else (a, b)

    @cached_property
    def parameters(self) -> tuple[int, int]:
        """How many numbers the parameters of a and of b have in all."""
        first, second = (sum(each.size for each in parameters(subject.nodes)) for subject in (self.a, self.b))
        return first, second

    def _changes(self) -> Iterator[Change]:
        """Every node, place by place; at a place what was removed stands before what there is."""
        order = dict.fromkeys(self.places[node] for node in (*self.a.nodes, *self.b.nodes))
        at: dict[Place, list[Change]] = {place: [] for place in order}
        for node in self.a.nodes:
            if node not in self._kept:
                at[self.places[node]].append(Change("removed", self.places[node], node, None))
        for node in self.b.nodes:
            place, first = self.places[node], self.pairs.get(node)
            if first is None:
                at[place].append(Change("added", place, None, node))
            else:
                aspects = tuple(self._aspects(first, node))
                at[place].append(Change("changed" if aspects else "same", place, first, node, aspects))
        for found in at.values():
            yield from found

    def _aspects(self, first: Node, second: Node) -> Iterator[Aspect]:
        if type(first.op) is not type(second.op):
            yield Aspect("op", expression(first), expression(second))
        for spec, other in self._outputs(first, second):
            if spec != other:
                yield Aspect("shape", spec, other)
        if type(first.op) is type(second.op):
            yield from _settings(first, second)
            yield from self._reads(first, second)

    def _outputs(self, first: Node, second: Node) -> Iterator[tuple[str, str]]:
        """The specs of the outputs that both have; the float type of the graph is no difference."""
        seen: set[tuple[str, str]] = set()
        for tensor in second.outputs:
            other = twin(tensor, {second: first})
            if other is not None:
                both = _spelt(self.a, other), _spelt(self.b, tensor)
                if both not in seen:
                    seen.add(both)
                    yield both

    def _reads(self, first: Node, second: Node) -> Iterator[Aspect]:
        """What one of two nodes reads and the other does not, and inputs that have changed their places."""
        before, after = self._sources(first, self._kept), self._sources(second, self.pairs)
        lost = [name for key, name in before.items() if key not in after]
        new = [name for key, name in after.items() if key not in before]
        other = any(tensor.node not in self._kept for tensor in first.sources)
        if lost and other and any(tensor.node not in self.pairs for tensor in second.sources):
            yield Aspect("op", expression(first), expression(second))
        elif lost or new:
            yield Aspect("reads", ", ".join(lost), ", ".join(new))
        elif first.op.kind not in _COMMUTE:
            told = [twin(tensor, self.pairs) for tensor in second.sources]
            if None not in told and list(first.sources) != told:
                yield Aspect("op", expression(first), expression(second))

    def _sources(self, node: Node, pairs: Mapping[Node, Node]) -> dict[Tensor, str]:
        """What a node reads, by the tensor of the first graph where both have it, with its name.

        What stands at the node's own place in one graph only is part of how it reads: behind it counts what that reads.
        """
        place = self.places[node]
        found: dict[Tensor, str] = {}
        pending = list(node.sources)
        seen = set(pending)
        for tensor in pending:
            own = tensor.node not in pairs and self.places[tensor.node] == place and len(seen) < _FAR
            if own and not isinstance(tensor.node.op, Delay):
                inner = [each for each in tensor.node.sources if each not in seen]
                seen.update(inner)
                pending.extend(inner)
            else:
                other = twin(tensor, pairs)
                near = self.places[tensor.node] == place
                found[tensor if other is None else other] = tensor.name if near else tensor.path
        return found


def parameters(nodes: list[Node]) -> list[Parameter]:
    """Return the parameters among some nodes, each once."""
    return list(dict.fromkeys(node.op.parameter for node in nodes if isinstance(node.op, ParameterValue)))


def expression(node: Node) -> str:
    """Spell what a node computes: its op and the names of its inputs.

    >>> from graphengine import Graph, ops
    >>> x = Graph().placeholder("x", (3,))
    >>> expression((1.0 - ops.tanh(x, name="y")).node)
    'subtract(1, y)'
    """
    if node.feeds is not None:
        return f"{node.feeds.name} of the step before"
    return f"{node.op.kind}({', '.join(operands(node))})" if node.sources else node.op.kind


def operands(node: Node) -> list[str]:
    """Name what a node reads: numbers as such, what stands elsewhere with its path."""
    found = []
    for tensor in node.sources:
        array = getattr(tensor.node.op, "array", None)
        if isinstance(array, np.ndarray) and array.ndim == 0:
            found.append(text.number(array))
        elif tensor.node.scope.path == node.scope.path:
            found.append(tensor.name)
        else:
            found.append(tensor.path.removeprefix(f"{node.scope.path}/"))
    return found


def _spelt(subject: Subject, tensor: Tensor) -> str:
    """A value's shape, and its type where that is not the graph's."""
    shape = f"[{', '.join(map(str, tensor.shape))}]"
    return shape if tensor.dtype == subject.graph.dtype else f"{tensor.dtype}{shape}"


def _settings(first: Node, second: Node) -> Iterator[Aspect]:
    """The fields in which two ops of one kind differ; specs are shapes, and parameters are no settings."""
    for each in fields(first.op):  # type: ignore[arg-type]
        one, other = getattr(first.op, each.name), getattr(second.op, each.name)
        if not isinstance(one, Spec | Parameter) and not _equal(one, other):
            yield Aspect("setting", _short(one), _short(other), each.name)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f"))
    return bool(one == other)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return text.vector(value)
    return text.number(value) if isinstance(value, float) else str(value)
