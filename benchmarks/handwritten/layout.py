"""Where the weights of a cell stand in the one matrix that acts on `[x; 1; h]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from graphengine.spec import Array


class Block(NamedTuple):
    """A block of `hidden` rows: which of our gates it makes, and of what: any of `x1h`."""

    gate: int
    sees: str


class Layout:
    """The blocks of a cell from top to bottom, for some sizes."""

    def __init__(self, blocks: Sequence[Block], inputs: int, hidden: int) -> None:
        self.blocks, self.inputs, self.hidden = blocks, inputs, hidden
        self.height = len(blocks) * hidden
        self.width = inputs + 1 + hidden

    def rows(self, first: int, count: int = 1) -> slice:
        """The rows of some blocks."""
        return slice(first * self.hidden, (first + count) * self.hidden)

    def columns(self, sees: str) -> slice:
        """The columns that act on neighbouring parts of `[x; 1; h]`."""
        starts = {"x": 0, "1": self.inputs, "h": self.inputs + 1}
        stops = {"x": self.inputs, "1": self.inputs + 1, "h": self.width}
        return slice(starts[sees[0]], stops[sees[-1]])

    @property
    def products(self) -> list[tuple[slice, slice]]:
        """The rows and columns of as few products as make all blocks."""
        found = []
        first = 0
        for sees, group in groupby(block.sees for block in self.blocks):
            count = len(list(group))
            found.append((self.rows(first, count), self.columns(sees)))
            first += count
        return found

    def seeing(self, part: str) -> slice:
        """The rows of the blocks that see a part of the operand; these stand together."""
        seeing = [k for k, block in enumerate(self.blocks) if part in block.sees]
        return self.rows(seeing[0], len(seeing))

    def pairs(self, whole: Array, weights: Mapping[str, Array]) -> Iterator[tuple[Array, Array]]:
        """Views of the matrix beside views of the weights by our names that stand there."""
        for k, block in enumerate(self.blocks):
            rows = whole[self.rows(k)]
            gate = self.rows(block.gate)
            names = {"x": "kernel", "1": "bias" if "x" in block.sees else "recurrent_bias", "h": "recurrent_kernel"}
            for part in block.sees:
                ours = weights[names[part]]
                own = ours if names[part] == "recurrent_bias" else ours[..., gate]
                yield rows[:, self.columns(part)], own[:, None] if ours.ndim == 1 else own.T
