"""Seeds: the gradients that enter a backward pass at its targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from graphengine import errors
from graphengine.feeds import cast_safely
from graphengine.graph import Tensor
from graphengine.run import RunContext
from graphengine.spec import Array


class Seeds:
    """What enters at the targets of a plan: 1 at a scalar, and what the run is given at others."""

    def __init__(self, targets: tuple[Tensor, ...], active: Collection[Tensor]) -> None:
        self.targets = targets
        self.active = active

    def bind(self, given: Mapping[Tensor, Any], context: RunContext) -> dict[Tensor, Array]:
        """Return the gradient that enters at every target that carries one.

        Raises:
            GradientError: something given does not fit, or a target is no scalar and has no seed.
        """
        for tensor in given:
            if tensor not in self.targets:
                name = getattr(tensor, "path", repr(tensor))
                raise errors.GradientError(f"seeds: {name} is not a target of this plan{errors.here()}")
        cast = {tensor: cast_safely(tensor, value) for tensor, value in given.items()}
        leads = set()
        for tensor, array in cast.items():
            shape = context.shape(tensor.spec)
            extra = array.ndim - len(shape)
            if extra < 0 or array.shape[extra:] != shape:
                raise errors.GradientError(
                    f"seeds: {tensor.path} is {list(shape)}, its seed {list(array.shape)}{errors.here()}"
                )
            leads.add(array.shape[:extra])
        if len(leads) > 1:
            raise errors.GradientError(f"seeds: the axes in front differ: {sorted(map(list, leads))}{errors.here()}")
        lead = leads.pop() if leads else ()
        for tensor in self.targets:
            if tensor in cast or tensor not in self.active:
                continue
            if tensor.shape:
                raise errors.GradientError(
                    f"{tensor.path} {tensor.spec} is no scalar, so its gradient needs a seed: run(feeds, "
                    f"seeds={{...: array}}); for values only run(feeds, gradients=False) or Plan(..., wrt=[])"
                    f"{errors.here()}"
                )
            cast[tensor] = np.ones(lead, tensor.dtype)
        return {tensor: array for tensor, array in cast.items() if tensor in self.active}

    def blank(self, context: RunContext) -> dict[Tensor, Array]:
        """Return stand-ins of the right shapes that need no memory."""
        return {
            tensor: np.broadcast_to(np.zeros((), tensor.dtype), context.shape(tensor.spec))
            for tensor in self.targets
            if tensor in self.active
        }
