"""Embeddings: a learnt vector for every entry of a vocabulary."""

from __future__ import annotations

from typing import Any

from graphengine import Parameter, Tensor, initializers, ops
from layers.layer import Layer


class Embedding(Layer):
    """Look up a learnt vector for every integer.

        y = E[ids]        dE[id] += dy for every occurrence of the id

    `table [V, D]`.

    Args:
        vocabulary: V, how many entries there are; an id beyond them is an error of the run.
        size: D, the length of a vector.
        initializer: an initializer, a number, or an array (copied).
        padding_id: an entry that never learns.

    >>> from graphengine import Graph
    >>> ids = Graph().placeholder("ids", ("batch", "time"), dtype="int64")
    >>> Embedding(10, 4)(ids).spec
    float32[batch, time, 4]
    """

    table: Parameter

    def __init__(
        self,
        vocabulary: int,
        size: int,
        *,
        initializer: Any = initializers.Normal(),
        padding_id: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.vocabulary = vocabulary
        self.size = size
        self.initializer = initializer
        self.padding_id = padding_id

    def __call__(self, ids: Tensor) -> Tensor:
        """Look up."""
        graph = ids.graph
        with self.open(graph, "embedding"):
            table = self.parameter(graph, "table", (self.vocabulary, self.size), self.initializer)
            if self.padding_id is None:
                return ops.gather(table, ids, name="y")
            vectors = ops.gather(table, ids, name="vectors")
            padding = ops.expand_dims(ops.equal(ids, self.padding_id, name="is_padding"), -1)
            return ops.where(padding, ops.stop_gradient(vectors), vectors, name="y")

    def __repr__(self) -> str:
        return f"Embedding({self.vocabulary}, {self.size})"
