"""Problems: a case with its numbers, the same for every peer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.case import Case
from graphengine.spec import Array

BLOCKS = {"lstm": 4, "gru": 3, "rnn": 1}


@dataclass(frozen=True)
class Problem:
    """The numbers of a case.

    Attributes:
        x: the input, `[steps, batch, inputs]`.
        dy: the gradient of the output.
        weights: by our names behind the place of the cell (`layer0/fw/kernel`), gates in our order: LSTM f, i, cproj,
            o, GRU r, u, n. No forget bias is added.
    """

    case: Case
    x: Array
    dy: Array
    weights: Mapping[str, Array]

    def in_float64(self) -> Problem:
        """The very same numbers in float64."""
        wide = {name: np.array(value, np.float64) for name, value in self.weights.items()}
        return Problem(
            replace(self.case, dtype="float64"), self.x.astype(np.float64), self.dy.astype(np.float64), wide
        )

    def of(self, prefix: str) -> dict[str, Array]:
        """The weights of one cell."""
        return {
            name.removeprefix(prefix): value
            for name, value in self.weights.items()
            if name.startswith(prefix) and "/" not in name.removeprefix(prefix)
        }


def problem(case: Case, seed: int = 1) -> Problem:
    """Draw the numbers of a case; cells that only we have keep the weights that they start with."""
    random = np.random.default_rng(seed)
    weights = _drawn(case, random) if case.kind else _initial(case)
    y_shape = (case.steps, case.batch, _outputs(case))
    x, dy = (random.standard_normal(shape).astype(case.dtype) for shape in ((*y_shape[:2], case.inputs), y_shape))
    return Problem(case, x, dy, weights)


def _drawn(case: Case, random: np.random.Generator) -> dict[str, Array]:
    assert case.kind is not None
    wide = BLOCKS[case.kind] * case.hidden
    reach = case.hidden**-0.5
    found = {}
    for place in case.places:
        shapes = {"kernel": (place.inputs, wide), "recurrent_kernel": (case.hidden, wide), "bias": (wide,)}
        if case.kind == "gru":
            shapes["recurrent_bias"] = (case.hidden,)
        for name, shape in shapes.items():
            found[place.prefix + name] = random.uniform(-reach, reach, shape).astype(case.dtype)
    return found


def _initial(case: Case) -> dict[str, Array]:
    from benchmarks.model import Model

    return {name: parameter.value.astype(case.dtype) for name, parameter in Model(case).parameters.items()}


def _outputs(case: Case) -> int:
    if case.kind:
        return case.hidden * case.directions
    from benchmarks.model import Model

    size = Model(case).outputs.shape[-1]
    assert isinstance(size, int)
    return size
