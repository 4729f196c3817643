"""Cases: what is measured, a network of one kind at one size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

SIZES: dict[str, tuple[int, int, int, int]] = {
    "tiny": (3, 1, 10, 5),
    "small": (50, 16, 32, 64),
    "medium": (100, 32, 128, 256),
    "long": (1000, 8, 64, 128),
    "large": (100, 64, 512, 512),
}
"""T, B, I, H: steps, batch, input features, hidden size."""

FORMS: dict[str, tuple[int, bool]] = {"one": (1, False), "two": (2, False), "both": (1, True), "two-both": (2, True)}
"""Layers, and whether both directions are run."""

KINDS = {"LSTMCell": "lstm", "GRUCell": "gru", "RNNCell": "rnn"}
"""The cells that every framework has."""


class Place(NamedTuple):
    """Where a cell stands: what leads to its weights' names, its layer, its direction, and its number of inputs."""

    prefix: str
    layer: int
    reverse: bool
    inputs: int


@dataclass(frozen=True)
class Case:
    """A network and what one step of it computes.

    The input is `[steps, batch, inputs]`, the output `[steps, batch, hidden]` (twice that for both directions, which
    meet after every layer). A training step goes forward, and back from the gradient of the output to all weights and
    the input.
    """

    cell: str
    steps: int
    batch: int
    inputs: int
    hidden: int
    dtype: str = "float32"
    layers: int = 1
    bidirectional: bool = False
    training: bool = True
    size: str = ""

    @classmethod
    def of(cls, cell: str, size: str, form: str = "one", **settings: Any) -> Case:
        """Return a case by the names of its size and of its form."""
        layers, bidirectional = FORMS[form]
        return cls(cell, *SIZES[size], layers=layers, bidirectional=bidirectional, size=size, **settings)

    @property
    def kind(self) -> str | None:
        """Which of the cells that every framework has this is; None for the others."""
        return KINDS.get(self.cell)

    @property
    def directions(self) -> int:
        """One or two."""
        return 2 if self.bidirectional else 1

    @property
    def form(self) -> str:
        """The form's name, if it has one."""
        known = {form: name for name, form in FORMS.items()}
        return known.get((self.layers, self.bidirectional), self.name)

    @property
    def direction(self) -> str:
        """How far a step goes."""
        return "training" if self.training else "forward"

    @property
    def places(self) -> list[Place]:
        """Every cell of the network, the lowest layer first."""
        found = []
        for layer in range(self.layers):
            for direction in range(self.directions):
                above = f"layer{layer}/" if self.layers > 1 else ""
                side = f"{('fw', 'bw')[direction]}/" if self.bidirectional else ""
                inputs = self.hidden * self.directions if layer else self.inputs
                found.append(Place(above + side, layer, direction == 1, inputs))
        return found

    @property
    def name(self) -> str:
        """What stands in a table."""
        size = self.size or f"T{self.steps} B{self.batch} I{self.inputs} H{self.hidden}"
        layers = f", {self.layers} layers" if self.layers > 1 else ""
        return f"{self.cell.removesuffix('Cell')} {size}{layers}{', bidirectional' if self.bidirectional else ''}"

    def as_dict(self) -> dict[str, Any]:
        """Every field, for a file."""
        return asdict(self)
