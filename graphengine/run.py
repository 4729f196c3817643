"""Runs: what one run is given (`RunContext`) and what it hands back (`Run`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphengine import errors
from graphengine.feeds import Sizes
from graphengine.graph import Node, Tensor
from graphengine.parameter import Parameter
from graphengine.spec import Array, Dim, Spec, evaluate
from graphengine.structure import leaves, rebuild

if TYPE_CHECKING:
    from graphengine.loop import Loop


@dataclass(frozen=True)
class RunContext:
    """What the sources of a graph read during one run."""

    feeds: Mapping[Node, Array]
    sizes: Sizes
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
