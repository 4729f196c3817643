"""Initial states: zeros, learned, or given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphengine import Graph, Spec, Tensor, errors, ops
from graphengine.structure import rebuild, walk
from layers.cell import Cell, check_state
from layers.layer import Layer


def zero_state(cell: Cell, x: Tensor | Spec, graph: Graph | None = None) -> Any:
    """Return a state of zeros for an input of one step, `[..., features]`: the start of a graph unrolled by hand.

    >>> from layers import LSTMCell
    >>> x = Graph().placeholder("x", ("batch", 10))
    >>> zero_state(LSTMCell(5), x).c.spec
    float32[batch, 5]
    """
    home = x.graph if isinstance(x, Tensor) else graph
    if home is None:
        raise errors.StructureError(f"zero_state of a spec needs graph={errors.here()}")
    wanted = cell.state(x.spec if isinstance(x, Tensor) else x)
    return _in_places(home, wanted, lambda path, spec: home.fill(spec.shape, 0.0, spec.dtype, name=path[-1]))


class LearnedState(Layer):
    """A first state that is learnt: one parameter per part of the state, the same for every row of the batch.

    Its parameters are named after their place in the state: `c_0`, `h_0`, in a stack `layer0/c_0`.

    Args:
        initializer: an initializer, a number, or an array (copied).

    >>> from graphengine import Plan
    >>> from layers import LSTMCell, dynamic_rnn
    >>> x = Graph().placeholder("x", ("batch", "time", 10))
    >>> outputs, state = dynamic_rnn(LSTMCell(5), x, over="time", initial_state=LearnedState())
    >>> [p.path for p in Plan(ops.sum(outputs)).parameters][:2]
    ['rnn/c_0', 'rnn/h_0']
    """

    def __init__(self, initializer: Any = 0.0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.initializer = initializer

    def __call__(self, cell: Cell, x: Spec, graph: Graph) -> Any:
        """Build the state for a cell and the spec of one step's input."""

        def learned(path: tuple[str, ...], spec: Spec) -> Tensor:
            size = spec.shape[len(x.shape) - 1 :]
            row = self.parameter(graph, f"{'/'.join(path)}_0", size, self.initializer)
            return ops.broadcast_to(row, spec.shape, name=path[-1])

        return _in_places(graph, cell.state(x), learned)


def first_state(cell: Cell, x: Spec, graph: Graph, given: Any) -> Any:
    """Return the state that a loop starts from: zeros, learned, or given and checked."""
    if given is None:
        with graph.scope("zeros"):
            return zero_state(cell, x, graph)
    if isinstance(given, LearnedState):
        return given(cell, x, graph)
    check_state(cell, x, given)
    return given


def _in_places(graph: Graph, wanted: Any, make: Callable[[tuple[str, ...], Spec], Tensor]) -> Any:
    """Make the leaves of a state, each in the scope that its place in the structure names."""
    made = []
    for path, spec in walk(wanted):
        place = path or ("state",)
        with graph.inside_place(place[:-1]):
            made.append(make(place, spec))
    return rebuild(wanted, made)
