"""Cells: one step of a recurrence, as a subgraph.

A cell is its equations: it maps an input and the state before to an output and the state after. It keeps no values, so
the same cell serves a loop, a graph unrolled by hand, and several graphs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphengine import Spec, Tensor, errors
from graphengine.graph import graph_of, tensors_in
from graphengine.spec import show
from graphengine.structure import leaves, same_form, walk
from layers.layer import Layer, features


class Cell(Layer):
    """One step of a recurrence: `output, state = cell(x, state)`.

    A subclass says what its state is (`state`) and writes its equations (`step`).
    """

    def state(self, x: Spec) -> Any:
        """Return the structure of specs of the state, given the spec of one step's input."""
        raise NotImplementedError(f"{type(self).__name__}.state")

    def output(self, x: Spec) -> Spec:
        """Return the spec of one step's output; by default that of the last part of the state, most cells' h."""
        last: Spec = leaves(self.state(x))[-1]
        return last

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Build the equations of one step; returns the output and the state after it."""
        raise NotImplementedError(f"{type(self).__name__}.step")

    def __call__(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Build one step.

        Args:
            x: the input, `[..., features]`.
            state: the state before, of the form that `state` describes.

        Raises:
            StructureError, ShapeError: the state does not fit; nothing is transposed or broadcast to make it.
        """
        graph = graph_of((x, state), type(self).__name__)
        check_state(self, x.spec, state)
        with self.open(graph, "", "cell") as scope:
            output, after = self.step(x, state)
        scope.ports.update(x=x, state=state, output=output, after=after)
        return output, after


def check_state(cell: Cell, x: Spec, given: Any) -> None:
    """Check that a state has the form and the specs that a cell needs for an input."""
    where = errors.here()
    features(x, cell)
    wanted = cell.state(x)
    what = f"the state of {cell}"
    same_form(wanted, given, what)
    tensors_in(given)
    for (path, spec), (_, leaf) in zip(walk(wanted), walk(given), strict=True):
        if leaf.spec.shape != spec.shape:
            raise errors.ShapeError(
                f"{what}: {'/'.join(path) or 'it'} must be {spec}, got {leaf.path} {show(leaf.spec.shape)}; the batch "
                f"axes are those of the input {x}{where}"
            )
        if leaf.dtype != spec.dtype:
            raise errors.DtypeError(f"{what}: {'/'.join(path) or 'it'} must be {spec.dtype}, got {leaf.dtype}{where}")


def refuse_shared(cells: Iterable[Cell], where: str) -> None:
    """Refuse cells that are one object, or have one inside, which would silently share its weights."""
    seen: set[Layer] = set()
    for cell in cells:
        for layer in _family(cell):
            if layer in seen:
                raise errors.SharedCellError(
                    f"{layer} stands {where}, which would share its weights; make one cell for each place"
                    f"{errors.here()}"
                )
        seen.update(_family(cell))


def _family(layer: Layer) -> list[Layer]:
    found = [layer]
    for each in found:
        found.extend(each.sublayers)
    return found
