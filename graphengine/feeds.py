"""Feeds: what a run is given, checked against the placeholders, and the sizes that it binds names to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from graphengine import errors
from graphengine.graph import Graph, Node, Tensor
from graphengine.spec import Array, evaluate, names_in
from graphengine.structure import form

_FAMILIAR = 256


class Sizes(dict[str, int]):
    """The numbers that names of dimensions stand for in a run."""

    @cached_property
    def key(self) -> tuple[tuple[str, int], ...]:
        """The same as something to look up by."""
        return tuple(sorted(self.items()))


class Feeds:
    """What every run of a plan is fed.

    Shapes that have fitted once are not checked again.

    Attributes:
        placeholders: what needs a feed.
        names: the names of dimensions that need a number.
    """

    def __init__(self, placeholders: Mapping[Tensor, Node], names: set[str], graph: Graph) -> None:
        self.placeholders = placeholders
        self.names = names
        self.graph = graph
        self._expected = [(tensor, node, tensor.dtype) for tensor, node in placeholders.items()]
        self._familiar: dict[tuple[tuple[int, ...], ...], Sizes] = {}

    def bind(self, feeds: Mapping[Any, Any], sizes: Mapping[str, int] | None) -> tuple[dict[Node, Array], Sizes]:
        """Return the feeds of a run as arrays by node, and the sizes that they bind.

        Raises:
            FeedError: a feed is missing, surplus or of the wrong shape, or a name stays unbound or is contradicted.
            DtypeError: an array does not cast safely.
        """
        arrays = None if sizes or len(feeds) != len(self._expected) else self._ready(feeds)
        if arrays is None:
            return self._checked(feeds, sizes)
        shapes = tuple([array.shape for array in arrays.values()])
        bound = self._familiar.get(shapes)
        if bound is None:
            arrays, bound = self._checked(feeds, sizes)
            if len(self._familiar) >= _FAMILIAR:
                self._familiar.clear()
            self._familiar[shapes] = bound
        return arrays, bound

    def _ready(self, feeds: Mapping[Any, Any]) -> dict[Node, Array] | None:
        """Return feeds that are arrays of the right dtypes, in the order of the placeholders; None if others are."""
        found = {}
        for tensor, node, dtype in self._expected:
            value = feeds.get(tensor)
            if type(value) is not np.ndarray or value.dtype != dtype:
                return None
            found[node] = value
        return found

    def _checked(self, feeds: Mapping[Any, Any], sizes: Mapping[str, int] | None) -> tuple[dict[Node, Array], Sizes]:
        given = _flatten(feeds)
        for tensor in given:
            if tensor not in self.placeholders:
                raise errors.FeedError(f"{self._why_surplus(tensor)}{errors.here()}")
        missing = [tensor for tensor in self.placeholders if tensor not in given]
        if missing:
            raise errors.FeedError(f"missing feed: {', '.join(f'{t.path} {t.spec}' for t in missing)}{errors.here()}")
        arrays = {self.placeholders[tensor]: cast_safely(tensor, value) for tensor, value in given.items()}
        bound, origin = self.named(sizes or {})
        for node, array in arrays.items():
            _bind_names(node.output, array, bound, origin)
        for node, array in arrays.items():
            _check_shape(node.output, array, bound)
        self.complete(bound)
        return arrays, bound

    def named(self, sizes: Mapping[str, int]) -> tuple[Sizes, dict[str, str]]:
        """Check sizes that are given by name; return them, and where each comes from."""
        for name, size in sizes.items():
            if name not in self.names:
                known = sorted(self.names)
                raise errors.FeedError(f"sizes: no dimension {name!r} in this plan; it has {known}{errors.here()}")
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 0:
                raise errors.FeedError(f"sizes: {name} is a whole number from 0 up, not {size!r}{errors.here()}")
        return Sizes({name: int(size) for name, size in sizes.items()}), dict.fromkeys(sizes, "sizes=")

    def complete(self, bound: Sizes, way: str = "sizes={{{!r}: ...}}") -> None:
        """Refuse sizes that leave a name without a number; `way` is how to give one."""
        unbound = sorted(self.names - set(bound))
        if unbound:
            raise errors.FeedError(
                f"nothing binds the dimension {', '.join(map(repr, unbound))}; pass {way.format(unbound[0])}"
                f"{errors.here()}"
            )

    def _why_surplus(self, tensor: Any) -> str:
        if not isinstance(tensor, Tensor):
            return f"feeds are keyed by placeholders, not by {tensor!r}"
        if tensor.graph is not self.graph:
            return f"{tensor.path} belongs to graph {tensor.graph.name!r}, this plan to {self.graph.name!r}"
        takes = ", ".join(each.path for each in self.placeholders) or "nothing"
        return f"surplus feed: {tensor.path} is not a placeholder that this plan needs; it takes {takes}"


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
