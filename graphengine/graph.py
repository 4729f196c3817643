"""Graphs: an append-only list of nodes, each applying an op to tensors that already exist.

Construction order proves the graph acyclic but for the feeds of delays. There is no ambient graph: an op finds its
graph in its inputs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from graphengine import errors
from graphengine.inputs import apply, as_tensor, common_loop, graph_of, tensors_in
from graphengine.node import Node, Region, Tensor
from graphengine.op import Op
from graphengine.parameter import Parameter
from graphengine.scope import Role, Scope, Watcher
from graphengine.sources import Constant, Fill, ParameterValue, Placeholder
from graphengine.spec import Dim, Spec
from graphengine.structure import rebuild, walk

if TYPE_CHECKING:
    from graphengine.loop import Loop

__all__ = ["Graph", "Node", "Tensor", "apply", "as_tensor", "common_loop", "graph_of", "tensors_in"]


class Graph:
    """A computation, defined once and run many times.

    Args:
        name: shown in pictures and errors.
        dtype: the float type of placeholders, parameters and constants, unless they say otherwise.
        seed: what parameters are drawn from, each from a stream of its own keyed by (seed, path).

    >>> g = Graph("line")
    >>> x = g.placeholder("x", ("batch", 3))
    >>> (2 * x + 1).spec
    float32[batch, 3]
    """

    def __init__(self, name: str = "graph", *, dtype: npt.DTypeLike = "float32", seed: int = 0) -> None:
        self.name = _text(name)
        self.dtype = np.dtype(dtype)
        if self.dtype.kind != "f":
            raise errors.DtypeError(f"a graph computes in floats, not {self.dtype}")
        self.seed = int(seed)
        self.nodes: list[Node] = []
        self.root = Scope("", "root")
        self.scopes: list[Scope] = [self.root]
        self._scope = self.root
        self._taken: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._places: dict[tuple[Scope, str, int | None], Scope] = {}
        self._parameters: dict[Parameter, Tensor] = {}
        self.loops: list[Loop] = []
        self.regions: list[Region] = []

    def placeholder(self, name: str, shape: Iterable[Dim], dtype: npt.DTypeLike | None = None) -> Tensor:
        """Declare an input that every run is fed, with named dimensions where sizes may change.

        Raises:
            ShapeError: the name is taken, or a dimension is not one.
        """
        spec = self._spec(name, shape, dtype)
        if self._full(name) in self._taken:
            raise errors.ShapeError(
                f"{self.name}: there is a {self._full(name)!r} already; names of inputs are unique"
                f"{errors.here()}"
            )
        return self.add(Placeholder(spec), (), name=name).output

    def placeholders_like(self, structure: Any, name: str) -> Any:
        """Declare one placeholder per leaf of a structure of specs or tensors: a state that a run is fed.

        >>> from collections import namedtuple
        >>> State = namedtuple("State", "c h")
        >>> g = Graph()
        >>> g.placeholders_like(State(Spec.of(("batch", 4), "float32"), Spec.of(("batch", 4), "float32")), "start")
        State(c=<start/c float32[batch, 4]>, h=<start/h float32[batch, 4]>)
        """
        made = []
        for path, leaf in walk(structure):
            spec = getattr(leaf, "spec", leaf)
            *around, own = (name, *path)
            with self.inside_place(around):
                made.append(self.placeholder(own, spec.shape, spec.dtype))
        return rebuild(structure, made)

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None, name: str = "constant") -> Tensor:
        """Put an array into the graph; it is copied. Python floats take the graph's dtype."""
        array = np.array(value, dtype=dtype)
        if dtype is None and array.dtype.kind == "f" and not isinstance(value, np.ndarray | np.generic):
            array = array.astype(self.dtype)
        self._spec(name, array.shape, array.dtype)
        array.flags.writeable = False
        return self.add(Constant(array), (), name=name).output

    def fill(
        self, shape: Iterable[Dim], value: float = 0.0, dtype: npt.DTypeLike | None = None, name: str = "fill"
    ) -> Tensor:
        """Make a tensor of one repeated value whose dimensions may have names: the zero state of any batch."""
        return self.add(Fill(self._spec(name, shape, dtype), value), (), name=name).output

    def tensor(self, parameter: Parameter) -> Tensor:
        """Return a parameter's place in this graph, the same each time."""
        if parameter not in self._parameters:
            if parameter.dtype != self.dtype:
                raise errors.DtypeError(
                    f"{self.name}: parameter {parameter.path} is {parameter.dtype}, the graph {self.dtype}; "
                    f"one dtype for the graph is the one switch{errors.here()}"
                )
            self._parameters[parameter] = self.add(ParameterValue(parameter), (), name=parameter.name).output
        return self._parameters[parameter]

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters used in this graph, in order of first use."""
        return list(self._parameters)

    def __getitem__(self, path: str) -> Tensor:
        """Return the tensor at a path."""
        if _text(path) in self._taken:
            return self._taken[path]
        near = difflib.get_close_matches(path, self._taken, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise errors.UnknownPathError(f"{self.name}: no tensor at {path!r}{hint}{errors.here()}")

    def __contains__(self, path: str) -> bool:
        return path in self._taken

    def scope(self, name: str, role: Role = "group", index: int | None = None, kind: str = "") -> Any:
        """Open a scope: the nodes made inside stand there.

        A scope with an index is a coordinate (layer 1, step 3): opened again it is the same place. One without is a
        new place, and its name is made unique (`rnn`, `rnn_1`).
        """
        if index is None:
            return self._inside(self._new_scope(self._unique(name) if name else "", role, None, self._scope, kind))
        return self._inside(self.place(name, role, index, self._scope, kind))

    def place(self, name: str, role: Role, index: int | None, parent: Scope, kind: str = "") -> Scope:
        """Return the scope of this name and index under another, made at first use."""
        key = (parent, _name(name) if name else "", index)
        if key not in self._places:
            self._places[key] = self._new_scope(name, role, index, parent, kind)
        return self._places[key]

    def inside_place(self, path: Iterable[str]) -> Any:
        """Open the scope that a place in a structure names, under the current one; `layer0` is a layer."""
        scope = self._scope
        for part in path:
            number = part.removeprefix("layer")
            layer = number.isdigit() and number != part
            scope = self.place(part, "layer" if layer else "group", int(number) if layer else None, scope)
        return self._inside(scope)

    def inside(self, scope: Scope) -> Any:
        """Open an existing scope again."""
        return self._inside(scope)

    @property
    def current_scope(self) -> Scope:
        """The innermost open scope."""
        return self._scope

    def watch(self, scope: Scope, watcher: Watcher) -> None:
        """Have a watcher called with the trace of every run, for this scope."""
        scope.watchers.append(watcher)

    def fuse(self, op: Op, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
        """Say that an op computes some tensors from others too, in one go; plans may run it for what was written.

        Raises:
            ShapeError: the op makes something else.
        """
        specs = op.infer(*[tensor.spec for tensor in inputs])
        if (specs if isinstance(specs, tuple) else (specs,)) != tuple(tensor.spec for tensor in outputs):
            names = ", ".join(f"{tensor.path} {tensor.spec}" for tensor in outputs)
            raise errors.ShapeError(f"{op} does not make {names}{errors.here()}")
        self.regions.append(Region(op, inputs, outputs))

    def add(
        self,
        op: Op,
        inputs: tuple[Tensor, ...],
        *,
        name: str | None = None,
        names: tuple[str, ...] | None = None,
        loop: Loop | Literal["of inputs"] | None = "of inputs",
    ) -> Node:
        """Append a node. Ops call it through `apply`; loops and sources call it directly.

        A node belongs to the loop of its inputs; only loops themselves say otherwise, for the nodes at their border.

        Raises:
            GraphError: of the kind that fits, naming path, op, inputs and the user's file and line.
        """
        location = errors.user_location()
        try:
            specs = op.infer(*[tensor.spec for tensor in inputs])
            place = common_loop(inputs) if loop == "of inputs" else loop
        except errors.GraphError as problem:
            raise self._explained(problem, op, inputs, name, location) from None
        several = specs if isinstance(specs, tuple) else (specs,)
        wanted = names if names is not None else tuple(
            (name or op.kind) if len(several) == 1 else f"{name or op.kind}_{i}" for i in range(len(several))
        )
        node = Node(self, op, inputs, several, [self._unique(each) for each in wanted], self._scope, place, location)
        self.nodes.append(node)
        for tensor in node.outputs:
            self._taken[tensor.path] = tensor
        return node

    def _explained(
        self,
        problem: errors.GraphError,
        op: Op,
        inputs: tuple[Tensor, ...],
        name: str | None,
        location: errors.Location,
    ) -> errors.GraphError:
        shown = ", ".join(f"{tensor.name} {tensor.spec}" for tensor in inputs)
        text = f"{self._full(name or op.kind)}: {op}({shown}): {problem}{errors.at(location)}"
        return type(problem)(text)

    def _spec(self, name: str, shape: Iterable[Dim], dtype: npt.DTypeLike | None) -> Spec:
        """Make the spec of a source; errors name it."""
        _text(name)
        try:
            return Spec.of(shape, self.dtype if dtype is None else dtype)
        except errors.GraphError as problem:
            raise type(problem)(f"{self._full(name)}: {problem}{errors.here()}") from None

    def _full(self, name: str) -> str:
        return f"{self._scope.path}/{name}" if self._scope.path else name

    def _unique(self, name: str) -> str:
        full = self._full(_name(name))
        count = self._counts.get(full, 0)
        self._counts[full] = count + 1
        if count == 0:
            return name
        return self._unique(f"{name}_{count}")

    def _new_scope(self, name: str, role: Role, index: int | None, parent: Scope, kind: str) -> Scope:
        scope = Scope(name, role, index, parent, kind)
        self.scopes.append(scope)
        return scope

    @contextmanager
    def _inside(self, scope: Scope) -> Iterator[Scope]:
        outer, self._scope = self._scope, scope
        try:
            yield scope
        finally:
            self._scope = outer

    def __repr__(self) -> str:
        return f"<graph {self.name!r}: {len(self.nodes)} nodes, {len(self._parameters)} parameters, {self.dtype}>"


def _text(name: str) -> str:
    if not isinstance(name, str):
        raise errors.StructureError(f"a name is a text, not {name!r}{errors.here()}")
    return name


def _name(name: str) -> str:
    if "/" in _text(name) or not name:
        raise errors.ShapeError(f"a name is not empty and has no '/': {name!r}{errors.here()}")
    return name
