"""Random numbers and dropout.

What is random stands in the graph as a node without inputs. It is drawn anew in every run, from a stream keyed by the
run's seed and the node's path, so that plan, trace and threads see the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from graphengine import errors
from graphengine.graph import Graph, Tensor
from graphengine.op import Source
from graphengine.ops.elementwise import add, multiply
from graphengine.ops.logic import less
from graphengine.sources import Noise, stream
from graphengine.spec import Array, Dim, Spec, show

if TYPE_CHECKING:
    from graphengine.graph import Node
    from graphengine.run import RunContext

Shape: TypeAlias = Iterable[Dim] | None


@dataclass(frozen=True)
class DropoutMask(Source):
    """What dropout multiplies with: while training, 0 with probability `rate` and else 1 / (1 - rate)."""

    equation = "m = 0 with probability rate, else 1 / (1 - rate); 1 outside training"
    spec: Spec
    rate: float

    def infer(self) -> Spec:
        """As declared."""
        return self.spec

    def value(self, node: Node, run: RunContext) -> Array:
        """The mask of all steps at once; ones that need no memory outside training."""
        steps = () if node.loop is None else (run.steps(node.loop),)
        shape = steps + self.spec.sized(run.sizes)
        if not run.training or self.rate == 0:
            return np.broadcast_to(np.ones((), self.spec.dtype), shape)
        kept = stream(run.seed, node.path).random(shape, np.float32) >= self.rate
        return np.multiply(kept, 1 / (1 - self.rate), dtype=self.spec.dtype)


def dropout(x: Tensor, rate: float, *, same_over: Dim | Iterable[Dim] = (), name: str | None = None) -> Tensor:
    """Set entries to 0 at random while training, and scale up the others so that the mean stays.

        y = x ⊙ m,   m = 0 with probability rate, else 1 / (1 - rate)

    Outside training y is x. A run trains if gradients are asked for, unless `training=` says otherwise.

    Args:
        same_over: dimensions over which one mask serves. With the name of the loop's axis all steps share a mask
            (variational dropout), in a loop and on whole sequences alike.

    Raises:
        SettingError: the rate does not lie in [0, 1).
        ShapeError: there is no such dimension to share the mask over.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014; the same mask
    over time: Gal, Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", 2016.

    >>> from graphengine import Plan
    >>> x = Graph().placeholder("x", (4,))
    >>> y = dropout(x, 0.5)
    >>> plan = Plan(y, wrt=[])
    >>> plan.run({x: [1.0, 1.0, 1.0, 1.0]})[y].tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> sorted(set(plan.run({x: [1.0, 1.0, 1.0, 1.0]}, seed=1, training=True)[y].tolist()))
    [0.0, 2.0]
    """
    where = errors.here()
    if not 0 <= rate < 1:
        raise errors.SettingError(f"dropout of {x.path}: the rate lies in [0, 1), not {rate}{where}")
    if not x.spec.floating:
        raise errors.DtypeError(f"dropout of {x.path} {x.spec}: needs floats; use cast(){where}")
    shared = {same_over} if isinstance(same_over, str | int) or not isinstance(same_over, Iterable) else set(same_over)
    steps = set() if x.loop is None else {x.loop.over}
    for dim in shared - set(x.shape) - steps:
        raise errors.ShapeError(f"dropout of {x.path} {show(x.shape)}: no dimension {dim} to share over{where}")
    own = name or "dropout"
    mask = x.graph.add(
        DropoutMask(Spec(tuple(1 if size in shared else size for size in x.shape), x.dtype), float(rate)),
        (),
        name=f"{own}_mask",
        loop=None if steps & shared else x.loop,
    ).output
    return multiply(x, mask, name=own)


def uniform(
    like: Tensor | Graph, low: float = 0.0, high: float = 1.0, *, shape: Shape = None, name: str | None = None
) -> Tensor:
    """Return random numbers spread evenly over [low, high), drawn anew in every run.

    Args:
        like: a tensor of the shape and dtype wanted, anew in every step if it has steps; or a graph, and a shape.
        shape: another shape than that of `like`.

    >>> from graphengine import Plan
    >>> u = uniform(Graph(), shape=("batch", 2))
    >>> run = Plan(u, wrt=[]).run(sizes={"batch": 1000}, seed=0)
    >>> bool(0 <= run[u].min() < 0.01 and 0.99 < run[u].max() < 1)
    True
    """
    noise = _noise(like, "uniform", shape, name or "uniform", plain=(low, high) == (0.0, 1.0))
    return _moved(noise, low, high - low, name or "uniform")


def normal(
    like: Tensor | Graph, mean: float = 0.0, std: float = 1.0, *, shape: Shape = None, name: str | None = None
) -> Tensor:
    """Return normally distributed random numbers, drawn anew in every run; arguments as for `uniform`."""
    noise = _noise(like, "normal", shape, name or "normal", plain=(mean, std) == (0.0, 1.0))
    return _moved(noise, mean, std, name or "normal")


def bernoulli(
    like: Tensor | Graph, probability: Tensor | float, *, shape: Shape = None, name: str | None = None
) -> Tensor:
    """Return booleans that are true with the given probability, drawn anew in every run; arguments as for `uniform`.

    No gradient passes to the probability.
    """
    if not isinstance(probability, Tensor) and not 0 <= probability <= 1:
        raise errors.SettingError(
            f"a probability lies between 0 and 1, not {probability}{errors.here()}"
        )
    return less(_noise(like, "uniform", shape, name or "bernoulli", plain=False), probability, name=name or "bernoulli")


def _noise(
    like: Tensor | Graph, distribution: Literal["uniform", "normal"], shape: Shape, name: str, plain: bool
) -> Tensor:
    """Put a source of noise into the graph, under the name itself if nothing is done to it."""
    graph, loop = (like, None) if isinstance(like, Graph) else (like.graph, like.loop)
    if shape is None and isinstance(like, Graph):
        raise errors.ShapeError(f"{name}: give a shape, or a tensor to be like{errors.here()}")
    own = like.shape if shape is None and isinstance(like, Tensor) else shape
    floating = isinstance(like, Tensor) and like.spec.floating
    spec = Spec.of(own or (), like.dtype if floating else graph.dtype)
    return graph.add(Noise(spec, distribution), (), name=name if plain else f"{name}_noise", loop=loop).output


def _moved(noise: Tensor, offset: float, scale: float, name: str) -> Tensor:
    """Scale and shift, where that changes anything."""
    if scale != 1.0:
        noise = multiply(noise, scale, name=name if offset == 0.0 else f"{name}_scaled")
    return add(noise, offset, name=name) if offset != 0.0 else noise
