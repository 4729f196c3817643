"""Inputs: what ops are applied to, and whose graph and loop the result belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphengine import errors
from graphengine.node import Node, Tensor
from graphengine.op import Op
from graphengine.parameter import Parameter
from graphengine.structure import is_branch, leaves

if TYPE_CHECKING:
    from graphengine.graph import Graph
    from graphengine.loop import Loop


def common_loop(inputs: Iterable[Tensor]) -> Loop | None:
    """Return the loop that a node of these inputs belongs to.

    Raises:
        LoopError: two loops meet, or the loop is closed and its value wants `stack` or `last`.
    """
    found: Loop | None = None
    for tensor in inputs:
        loop = tensor.node.loop
        if loop is None or loop is found:
            continue
        if found is not None:
            raise errors.LoopError(
                f"inputs from two loops ({found} and {loop}) cannot meet; take one out with loop.stack or loop.last"
            )
        if loop.closed:
            raise errors.LoopError(
                f"{tensor.path} has a value per step of {loop}, which is closed; take it out with "
                "loop.stack (all steps) or loop.last (the last one)"
            )
        found = loop
    return found


def apply(op: Op, *inputs: Any, name: str | None = None, names: tuple[str, ...] | None = None) -> Node:
    """Apply an op to tensors, parameters, numbers or arrays, at least one of them a tensor, and return the node.

    Numbers take the dtype of the first tensor; arrays keep theirs.

    Raises:
        GraphMismatchError: the inputs belong to two graphs.
        TypeError: none of the inputs is a tensor, so there is no graph to build in.
    """
    graph = graph_of(inputs, op)
    like = next(each.spec.dtype for each in inputs if isinstance(each, Tensor))
    return graph.add(op, tuple(as_tensor(graph, each, like) for each in inputs), name=name, names=names)


def graph_of(inputs: Any, what: object) -> Graph:
    """Return the one graph of some tensors (in any structure)."""
    found: Tensor | None = None
    for each in leaves(tuple(inputs)):
        if not isinstance(each, Tensor):
            continue
        if found is not None and each.node.graph is not found.node.graph:
            raise errors.GraphMismatchError(
                f"{what}: {found.path} belongs to graph {found.graph.name!r} and {each.path} to {each.graph.name!r}; "
                f"values pass between graphs as feeds{errors.here()}"
            )
        found = each
    if found is None:
        raise errors.StructureError(
            f"{what}: none of the inputs is a tensor, so there is no graph to build in; "
            f"use graph.constant or graph.tensor(parameter){errors.here()}"
        )
    return found.node.graph


def as_tensor(graph: Graph, value: Any, like: npt.DTypeLike) -> Tensor:
    """Return a value's place in a graph; Python numbers take the dtype `like` when that loses nothing."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Parameter):
        return graph.tensor(value)
    if isinstance(value, bool | int | float):
        array = np.array(value, dtype=like)
        if array != value and value == value and not (isinstance(value, float) and array.dtype.kind == "f"):
            raise errors.DtypeError(f"{value!r} is not a {np.dtype(like)}{errors.here()}")
        return graph.constant(array)
    if isinstance(value, np.ndarray | np.generic | list):
        return graph.constant(value)
    raise errors.StructureError(
        f"a {type(value).__name__} cannot stand in a graph; tensors, parameters, numbers and arrays can"
        f"{errors.here()}"
    )


def tensors_in(structure: Any) -> list[Tensor]:
    """Return the tensors of a structure, and an error for anything else in it."""
    found = leaves(structure) if is_branch(structure) else [structure]
    for each in found:
        if not isinstance(each, Tensor):
            where = errors.here()
            raise errors.StructureError(f"expected tensors, got a {type(each).__name__}{where}")
    return found

