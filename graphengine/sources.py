"""Sources: the ops without inputs, whose values come from the run.

Inside a loop a source gives the values of all steps at once, in the order of processing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from graphengine.op import Source
from graphengine.parameter import Parameter
from graphengine.spec import Array, Dim, Spec

if TYPE_CHECKING:
    from graphengine.graph import Node
    from graphengine.run import RunContext


@dataclass(frozen=True)
class Placeholder(Source):
    """An input, fed to every run."""

    equation = "fed by the run"
    spec: Spec

    def infer(self) -> Spec:
        """As declared."""
        return self.spec

    def value(self, node: Node, run: RunContext) -> Array:
        """The fed array."""
        return run.feeds[node]


@dataclass(frozen=True, eq=False)
class Constant(Source):
    """An array that is part of the graph."""

    steady = True
    equation = "a constant"
    array: Array

    def infer(self) -> Spec:
        """As it is."""
        return Spec.of(self.array.shape, self.array.dtype)

    def value(self, node: Node, run: RunContext) -> Array:
        """The array."""
        return self.array


@dataclass(frozen=True, eq=False)
class ParameterValue(Source):
    """The value of a parameter at the start of the run."""

    steady = True
    equation = "a parameter"
    parameter: Parameter

    def infer(self) -> Spec:
        """As the parameter's array."""
        return Spec.of(self.parameter.shape, self.parameter.dtype)

    def value(self, node: Node, run: RunContext) -> Array:
        """The parameter's array."""
        return self.parameter.value


@dataclass(frozen=True)
class Fill(Source):
    """One value everywhere; dimensions may have names (the zero state of a batch of any size)."""

    steady = True
    equation = "y = value everywhere"
    spec: Spec
    number: float

    def infer(self) -> Spec:
        """As declared."""
        return self.spec

    def value(self, node: Node, run: RunContext) -> Array:
        """A view of one number, repeated without memory."""
        return np.broadcast_to(np.asarray(self.number, self.spec.dtype), self.spec.sized(run.sizes))


@dataclass(frozen=True)
class Range(Source):
    """The numbers 0, 1, … up to the size of a dimension: `arange(time)`."""

    steady = True
    equation = "y[k] = k"
    size: Dim

    def infer(self) -> Spec:
        """One integer axis."""
        return Spec.of((self.size,), np.int64)

    def value(self, node: Node, run: RunContext) -> Array:
        """The numbers in order."""
        return np.arange(self.infer().sized(run.sizes)[0])


@dataclass(frozen=True)
class StepIndex(Source):
    """The position of a loop's step on its axis, counted as the input is."""

    steady = True
    equation = "y = t"

    def infer(self) -> Spec:
        """A single integer per step."""
        return Spec.of((), np.int64)

    def value(self, node: Node, run: RunContext) -> Array:
        """All positions, in the order of processing."""
        assert node.loop is not None
        steps = np.arange(run.steps(node.loop))
        return steps[::-1] if node.loop.reverse else steps


@dataclass(frozen=True)
class Training(Source):
    """Whether this run trains: true where gradients are asked for, unless `training=` says otherwise."""

    equation = "true while training"

    def infer(self) -> Spec:
        """A single boolean."""
        return Spec.of((), np.bool_)

    def value(self, node: Node, run: RunContext) -> Array:
        """The run's mode."""
        return np.asarray(run.training)


@dataclass(frozen=True)
class Noise(Source):
    """Random numbers from a stream of their own, keyed by the run's seed and the node's path.

    `uniform` lies in [0, 1), `normal` has mean 0 and variance 1. The same seed and path give the same numbers in a
    plan, in a trace, in any thread.
    """

    spec: Spec
    distribution: Literal["uniform", "normal"] = "uniform"
    equation = "drawn anew in every run"

    def infer(self) -> Spec:
        """As declared."""
        return self.spec

    def value(self, node: Node, run: RunContext) -> Array:
        """The numbers of all steps at once."""
        shape = self.spec.sized(run.sizes)
        if node.loop is not None:
            shape = (run.steps(node.loop), *shape)
        draw = stream(run.seed, node.path)
        dtype = np.float32 if self.spec.dtype == np.float32 else np.float64
        numbers: Array = (
            draw.random(shape, dtype) if self.distribution == "uniform" else draw.standard_normal(shape, dtype)
        )
        return numbers.astype(self.spec.dtype, copy=False)


def stream(seed: int, path: str) -> np.random.Generator:
    """Return the random stream of a (seed, path); streams of different paths are independent."""
    key = hashlib.sha256(f"{seed}\0{path}".encode("utf-8", "surrogatepass")).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
