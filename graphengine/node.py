"""Tensors and nodes: what a graph is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphengine.errors import Location
from graphengine.op import Op
from graphengine.operators import Operators
from graphengine.scope import Scope
from graphengine.spec import Dim, Spec

if TYPE_CHECKING:
    from graphengine.graph import Graph
    from graphengine.loop import Loop


class Tensor(Operators):
    """A value in a graph, known by its spec until a run computes it."""

    __slots__ = ("name", "node", "position", "spec")

    def __init__(self, node: Node, position: int, spec: Spec, name: str) -> None:
        self.node = node
        self.position = position
        self.spec = spec
        self.name = name

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self.node.graph

    @property
    def shape(self) -> tuple[Dim, ...]:
        """Its dimensions: numbers, names, or derived from them."""
        return self.spec.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its number type."""
        return self.spec.dtype

    @property
    def loop(self) -> Loop | None:
        """The loop whose steps it has a value in; None outside loops."""
        return self.node.loop

    @property
    def path(self) -> str:
        """Its name in full, `rnn/layer0/f`."""
        prefix = self.node.scope.path
        return f"{prefix}/{self.name}" if prefix else self.name

    def __repr__(self) -> str:
        return f"<{self.path} {self.spec}>"


@dataclass(frozen=True, eq=False)
class Region:
    """A block of a graph that one op computes too: same inputs, same outputs, same numbers."""

    op: Op
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Node:
    """One application of an op: its inputs, its outputs, and where it stands.

    Attributes:
        feeds: for a delay only, the tensor whose value it hands to the next step: the one edge that points back.
        location: the user's file and line that made it.
    """

    __slots__ = ("__weakref__", "feeds", "graph", "index", "inputs", "location", "loop", "op", "outputs", "scope")

    def __init__(
        self,
        graph: Graph,
        op: Op,
        inputs: tuple[Tensor, ...],
        specs: tuple[Spec, ...],
        names: Iterable[str],
        scope: Scope,
        loop: Loop | None,
        location: Location,
    ) -> None:
        self.graph = graph
        self.index = len(graph.nodes)
        self.op = op
        self.inputs = inputs
        self.scope = scope
        self.loop = loop
        self.location = location
        self.feeds: Tensor | None = None
        self.outputs = tuple(Tensor(self, i, *each) for i, each in enumerate(zip(specs, names, strict=True)))

    @property
    def output(self) -> Tensor:
        """The first output, the only one of most nodes."""
        return self.outputs[0]

    @property
    def path(self) -> str:
        """Where it stands, named after its first output."""
        return self.outputs[0].path

    @property
    def sources(self) -> tuple[Tensor, ...]:
        """Everything it depends on: its inputs and, for a delay, the tensor fed to it."""
        return self.inputs if self.feeds is None else (*self.inputs, self.feeds)

    def __repr__(self) -> str:
        return f"<node {self.index} {self.path}: {self.op}>"
