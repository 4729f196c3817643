"""Runs: what one run is given (`RunContext`) and what it hands back (`Run`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphengine import errors
from graphengine.graph import Graph, Node, Tensor
from graphengine.parameter import Parameter
from graphengine.spec import Array, Dim, Spec, evaluate, names_in
from graphengine.structure import form, leaves, rebuild

if TYPE_CHECKING:
    from graphengine.loop import Loop


@dataclass(frozen=True)
class RunContext:
    """What the sources of a graph read during one run."""

    feeds: Mapping[Node, Array]
    sizes: Mapping[str, int]
    seed: int
    training: bool

    def shape(self, spec: Spec) -> tuple[int, ...]:
        """The shape of a spec in numbers."""
        return spec.sized(self.sizes)

    def size(self, dim: Dim) -> int:
        """The number that a dimension stands for."""
        return evaluate(dim, self.sizes)

    def steps(self, loop: Loop) -> int:
        """How many steps a loop has at most."""
        return evaluate(loop.over, self.sizes)


class Run:
    """The results of one run: declared values by tensor, gradients by parameter or tensor.

    The arrays belong to the run; later runs and optimizer steps leave them alone.
    """

    def __init__(
        self,
        values: dict[Tensor, Array],
        gradients: dict[Tensor, Array],
        parameters: dict[Parameter, Tensor],
        seed: int,
    ) -> None:
        self._values = values
        self._gradients = gradients
        self._parameters = parameters
        self.seed = seed

    def __getitem__(self, what: Any) -> Any:
        """Return the value of a tensor, or of every tensor of a structure.

        Raises:
            UnknownPathError: the plan was not told to keep it.
        """
        found = []
        for tensor in leaves(what) if isinstance(what, tuple | list) else [what]:
            if tensor not in self._values:
                name = getattr(tensor, "path", tensor)
                raise errors.UnknownPathError(
                    f"{name} is not an output of this plan; compile it with also=[...] to have it returned, or use "
                    f"plan.trace(...) to see everything{errors.here()}"
                )
            found.append(self._values[tensor])
        return rebuild(what, found)

    def grad(self, what: Parameter | Tensor) -> Array:
        """Return the gradient of the targets with respect to a parameter or tensor.

        Raises:
            GradientError: the plan does not differentiate it, or this run was asked for values only.
        """
        tensor = self._parameters.get(what) if isinstance(what, Parameter) else what
        if tensor is None or tensor not in self._gradients:
            why = "this run computed no gradients" if not self._gradients else "the plan does not differentiate it"
            raise errors.GradientError(
                f"no gradient of {getattr(what, 'path', what)}: {why}; name it in wrt=[...]"
                f"{errors.here()}"
            )
        return self._gradients[tensor]

    @property
    def gradients(self) -> dict[Parameter, Array]:
        """The gradients of the parameters, which is what an optimizer takes."""
        return {p: self._gradients[tensor] for p, tensor in self._parameters.items() if tensor in self._gradients}


def bind(
    placeholders: Mapping[Tensor, Node],
    feeds: Mapping[Any, Any],
    sizes: Mapping[str, int] | None,
    names: set[str],
    graph: Graph,
) -> tuple[dict[Node, Array], dict[str, int]]:
    """Check the feeds of a run and bind the names of dimensions to sizes.

    Raises:
        FeedError: a feed is missing, surplus or of the wrong shape, or a name stays unbound or is contradicted.
        DtypeError: an array does not cast safely.
    """
    given = _flatten(feeds)
    for tensor in given:
        if tensor not in placeholders:
            raise errors.FeedError(f"{_why_surplus(tensor, placeholders, graph)}{errors.here()}")
    missing = [tensor for tensor in placeholders if tensor not in given]
    if missing:
        raise errors.FeedError(f"missing feed: {', '.join(f'{t.path} {t.spec}' for t in missing)}{errors.here()}")
    arrays = {placeholders[tensor]: cast_safely(tensor, value) for tensor, value in given.items()}
    bound: dict[str, int] = {}
    origin: dict[str, str] = {}
    for name, size in (sizes or {}).items():
        if name not in names:
            raise errors.FeedError(f"sizes: no dimension {name!r} in this plan; it has {sorted(names)}{errors.here()}")
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 0:
            raise errors.FeedError(f"sizes: {name} is a whole number from 0 up, not {size!r}{errors.here()}")
        bound[name], origin[name] = int(size), "sizes="
    for node, array in arrays.items():
        _bind_names(node.output, array, bound, origin)
    for node, array in arrays.items():
        _check_shape(node.output, array, bound)
    unbound = sorted(names - set(bound))
    if unbound:
        raise errors.FeedError(
            f"nothing binds the dimension {', '.join(map(repr, unbound))}; pass sizes={{{unbound[0]!r}: ...}}"
            f"{errors.here()}"
        )
    return arrays, bound


def _flatten(feeds: Mapping[Any, Any]) -> dict[Tensor, Any]:
    given: dict[Tensor, Any] = {}
    for key, value in feeds.items():
        if isinstance(key, Tensor):
            given[key] = value
            continue
        if not isinstance(key, tuple):
            raise errors.FeedError(f"feeds are keyed by placeholders, not by {key!r}{errors.here()}")
        _flatten_structure(key, value, given)
    return given


def _flatten_structure(key: Any, value: Any, given: dict[Tensor, Any]) -> None:
    """Pair a structure of placeholders with values; a value's own nesting stops where the key has a leaf."""
    pending = [(key, value)]
    while pending:
        place, part = pending.pop()
        if isinstance(place, Tensor):
            given[place] = part
        elif isinstance(part, tuple | list) and len(part) == len(place):
            pending.extend(zip(place, part, strict=True))
        else:
            raise errors.FeedError(f"the feed must have the form {form(key)}, got {form(value)}{errors.here()}")


def _why_surplus(tensor: Any, placeholders: Mapping[Tensor, Node], graph: Graph) -> str:
    if not isinstance(tensor, Tensor):
        return f"feeds are keyed by placeholders, not by {tensor!r}"
    if tensor.graph is not graph:
        return f"{tensor.path} belongs to graph {tensor.graph.name!r}, this plan to {graph.name!r}"
    takes = ", ".join(each.path for each in placeholders) or "nothing"
    return f"surplus feed: {tensor.path} is not a placeholder that this plan needs; it takes {takes}"


def cast_safely(tensor: Tensor, value: Any) -> Array:
    """Return a value as an array of a tensor's dtype; arrays must cast without loss."""
    spec = tensor.spec
    try:
        array = np.asarray(value)
    except ValueError as problem:
        raise errors.FeedError(f"{tensor.path} {spec}: {problem}{errors.here()}") from None
    if array.dtype == spec.dtype:
        return array
    typed = isinstance(value, np.ndarray | np.generic)
    kinds = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}[spec.dtype.kind]
    if array.size == 0 and not typed:
        return array.astype(spec.dtype)
    safe = np.can_cast(array.dtype, spec.dtype, "safe")
    if typed and not safe:
        raise errors.DtypeError(
            f"{tensor.path} is {spec.dtype} and was fed {array.dtype}, which does not cast without loss; feed "
            f'array.astype("{spec.dtype}"), or build the graph with dtype="{array.dtype}"{errors.here()}'
        )
    if not typed and not safe and array.dtype.kind not in kinds:
        raise errors.DtypeError(f"{tensor.path} is {spec.dtype} and was fed {array.dtype} numbers{errors.here()}")
    cast = array.astype(spec.dtype)
    if spec.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise errors.DtypeError(f"{tensor.path} is {spec.dtype}, too small for the numbers fed{errors.here()}")
    return cast


def _bind_names(tensor: Tensor, array: Array, bound: dict[str, int], origin: dict[str, str]) -> None:
    spec = tensor.spec
    if array.ndim != spec.rank:
        raise errors.FeedError(f"{tensor.path} {spec} was fed {array.ndim} axes: {list(array.shape)}{errors.here()}")
    for size, dim in zip(array.shape, spec.shape, strict=True):
        if not isinstance(dim, str):
            continue
        if bound.setdefault(dim, size) != size:
            raise errors.FeedError(
                f"{tensor.path} {spec} was fed {list(array.shape)}: {dim} is {bound[dim]} by {origin[dim]}, "
                f"not {size}{errors.here()}"
            )
        origin.setdefault(dim, f"{tensor.path} {list(array.shape)}")


def _check_shape(tensor: Tensor, array: Array, bound: Mapping[str, int]) -> None:
    spec = tensor.spec
    for axis, (size, dim) in enumerate(zip(array.shape, spec.shape, strict=True)):
        if names_in(dim) <= set(bound) and evaluate(dim, bound) != size:
            wanted = dim if isinstance(dim, int) else f"{dim} = {evaluate(dim, bound)}"
            raise errors.FeedError(
                f"{tensor.path} {spec} was fed {list(array.shape)}: axis {axis} is {wanted}, not {size}{errors.here()}"
            )
