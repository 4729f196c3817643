"""Layers: named owners of parameters that build nodes when called.

A layer holds sizes and parameters, never values: whatever a run computes belongs to that run.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt

from graphengine import Graph, Parameter, Scope, Tensor, errors, initializers
from graphengine.scope import Role
from graphengine.sources import stream
from graphengine.spec import Dim, Spec, show
from layers import debugging


class Layer:
    """Something that is called on tensors, adds its nodes to their graph, and owns the parameters they read.

    Parameters are made at the first call, when the sizes are known, and drawn from a stream keyed by the graph's seed
    and their path. Calling the layer again, in the same graph or in another, uses the same parameters.

    Args:
        name: the layer's part of the path; by default what it is, or nothing for a cell in its driver.
        debug: log the values that every run computes here.
        backpassdebug: log the gradients too.
    """

    def __init__(self, *, name: str | None = None, debug: bool = False, backpassdebug: bool = False) -> None:
        self.name = name
        self.watchers = debugging.watchers(debug, backpassdebug)
        self._parameters: dict[str, Parameter] = {}

    @property
    def parameters(self) -> list[Parameter]:
        """Every parameter of the layer and of those inside it, in order of creation; empty before the first call."""
        found = list(self._parameters.values())
        for layer in self.sublayers:
            found += [each for each in layer.parameters if each not in found]
        return found

    @property
    def sublayers(self) -> tuple[Layer, ...]:
        """The layers that this one is made of."""
        return ()

    def assign(self, values: Mapping[str, npt.ArrayLike]) -> None:
        """Give the layer's own parameters new values, by name: what a converter of weights returns.

        Raises:
            NotBuiltError: the layer was not called yet, so it has no parameters.
            WeightsError: a name is missing or surplus.
        """
        where = errors.here()
        if not self._parameters:
            raise errors.NotBuiltError(f"{self} has no parameters before its first call{where}")
        if set(values) != set(self._parameters):
            raise errors.WeightsError(f"{self} has {sorted(self._parameters)}, got {sorted(values)}{where}")
        for name, value in values.items():
            self._parameters[name].assign(value)

    def parameter(self, graph: Graph, name: str, shape: tuple[Dim, ...], initial: Any) -> Tensor:
        """Return a parameter's place in a graph; the first call makes the parameter.

        A name may tell its place in a structure, `layer0/c_0`; the scope of that place is then open already.

        Raises:
            ShapeError: a size is open, or differs from that of the first call.
        """
        known = self._parameters.get(name)
        if known is None:
            known = self._parameters[name] = self._made(graph, name, shape, initial)
        elif known.shape != shape:
            raise errors.ShapeError(
                f"{known.path}: {self} was first called with sizes that make it {show(known.shape)}; this call wants "
                f"{show(shape)}, which is another layer's job{errors.here()}"
            )
        return graph.tensor(known)

    def _made(self, graph: Graph, name: str, shape: tuple[Dim, ...], initial: Any) -> Parameter:
        own = name.rpartition("/")[2]
        path = "/".join(filter(None, (graph.current_scope.path, own)))
        sizes = []
        for size in shape:
            if not isinstance(size, int):
                raise errors.ShapeError(
                    f"{path} {show(shape)}: the size {size} is open, and a parameter needs numbers; give the feature "
                    f"axis of the input a number{errors.here()}"
                )
            sizes.append(size)
        array = initializers.of(initial)(tuple(sizes), stream(graph.seed, path), graph.dtype)
        return Parameter(own, array, path=path)

    @contextmanager
    def open(self, graph: Graph, name: str, role: Role = "group") -> Iterator[Scope]:
        """Open the layer's scope, under its own name if it was given one."""
        with graph.scope(self.name if self.name is not None else name, role, kind=type(self).__name__) as scope:
            for watcher in self.watchers:
                graph.watch(scope, watcher)
            yield scope

    def __getattr__(self, name: str) -> Any:
        parameters = self.__dict__.get("_parameters", {})
        if name in parameters:
            return parameters[name]
        if name in self._expected_parameters():
            raise errors.NotBuiltError(
                f"{type(self).__name__}.{name} exists once the layer was called, because its shape depends on the "
                f"input{errors.here()}"
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @classmethod
    def _expected_parameters(cls) -> set[str]:
        """The parameters that the class declares by annotation: `kernel: Parameter`."""
        return {
            name
            for each in cls.__mro__
            for name, kind in inspect.get_annotations(each).items()
            if kind in ("Parameter", Parameter)
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})" if self.name else type(self).__name__


def features(x: Tensor | Spec, what: object) -> Dim:
    """Return the size of the last axis, which holds the features."""
    spec = x.spec if isinstance(x, Tensor) else x
    if not spec.shape:
        raise errors.ShapeError(f"{what} needs an axis of features, got {spec}{errors.here()}")
    return spec.shape[-1]
