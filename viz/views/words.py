"""Words: what is written in the states, sequences and closed cells of a lattice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphengine.graph import Tensor
from graphengine.spec import Array
from viz import text
from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Part
from viz.model.subject import Subject
from viz.scene import Emphasis, Line
from viz.views import content
from viz.views.insides import part_lines


@dataclass(frozen=True)
class Options:
    """What a reader asked for.

    Attributes:
        gradient: draw the gradients too.
        bright: what is highlighted: tensors, at a position or (None) at all of them.
        names: of positions in time, where there are no numbers.
        faded: let the forward flow recede behind the gradient.
        captions: by axis of time, a word for every position.
    """

    gradient: bool = False
    bright: Mapping[tuple[Tensor, int | None], None] | None = None
    names: Mapping[int, str] | None = None
    faded: bool = False
    captions: Mapping[object, Sequence[str]] = field(default_factory=dict)


class Words:
    """Writes for a lattice.

    Attributes:
        deep: whether there are several layers, which symbols then tell apart.
    """

    def __init__(self, lattice: Lattice, options: Options) -> None:
        self.lattice = lattice
        self.subject: Subject = lattice.subject
        self.options = options
        self.deep = len({block.layer for block in lattice.parts}) > 1
        self._passed_up = self._find_passed_up()
        self._cells: dict[tuple[Block, int | None], tuple[Line, ...]] = {}
        self._parts: dict[Part, tuple[Line, ...]] = {}
        self._facts: dict[Tensor, str] = {}
        self._weights: dict[Block, str] = {}

    def value_lines(self, item: Item) -> tuple[Line, ...]:
        """Symbol and value of a state or of a sequence's entry."""
        assert item.tensor is not None
        rank = len(item.tensor.shape)
        if item.role != "entry":
            return content.lines(self.symbol(item), content.spelt(self.value(item), rank))
        if item.over is None:
            symbol = text.indexed(content.short(item.tensor.name), self.time(item.t))
            return content.lines(symbol, content.spelt(self.value(item), rank - 1))
        if item.tensor.loop is None:
            return content.lines(content.short(item.tensor.name), [])
        scope = item.tensor.node.scope.nearest("layer")
        name = content.short(self.lattice.names.get(item.tensor, item.tensor.name))
        symbol = text.indexed(name, self.time(item.t), f"({scope.index})" if scope is not None else "")
        return content.lines(symbol, content.spelt(self.value(item), rank))

    def time(self, t: int | None) -> object:
        """How a position in time is written."""
        return t if self.options.names is None or t is None else self.options.names.get(t, t)

    def value(self, item: Item) -> Array | None:
        """The value that an item shows."""
        assert item.tensor is not None
        if item.role == "entry" and item.over is None:
            assert item.t is not None
            return self.lattice.sequences.at(self.subject, item.tensor, item.t)
        return self.subject.value(item.tensor, item.t if item.tensor.loop is not None else None)

    def gradient(self, item: Item) -> Array | None:
        """The gradient of what an item shows."""
        assert item.tensor is not None
        if item.role == "entry" and item.over is None:
            assert item.t is not None
            return self.lattice.sequences.gradient_at(self.subject, item.tensor, item.t)
        return self.subject.gradient(item.tensor, item.t if item.tensor.loop is not None else None)

    def tip(self, item: Item) -> str:
        """The tooltip of a value."""
        assert item.tensor is not None
        return self._statistics(item.tensor, self.value(item), self.gradient(item), item.t)

    def tip_of(self, tensor: Tensor, t: int | None) -> str:
        """The tooltip of a value inside a cell."""
        return self._statistics(tensor, self.subject.value(tensor, t), self.subject.gradient(tensor, t), t)

    def _statistics(self, tensor: Tensor, value: Array | None, gradient: Array | None, t: int | None) -> str:
        if tensor not in self._facts:
            self._facts[tensor] = content.facts(tensor)
        return content.statistics(tensor, value, gradient, t, self._facts[tensor])

    def weight_tip(self, block: Block) -> str:
        """The tooltip of a cell: its weights."""
        if block not in self._weights:
            self._weights[block] = content.weight_tooltip(block, self.subject)
        return self._weights[block]

    def symbol(self, item: Item) -> str:
        """The symbol of a state: h₂⁽¹⁾ of layer 1 after step 2."""
        assert item.tensor is not None
        name = content.short(self.lattice.names[item.tensor])
        layer = item.block.layer if item.block is not None and self.deep else None
        above = f"({layer})" if layer is not None else ""
        if item.role == "start":
            return f"{text.indexed(name, '', above)} start"
        return text.indexed(name, self.time(item.t), above)

    def row_title(self, block: Block) -> str:
        """What a row of cells is called: layer and direction, as far as there are several."""
        layer = f"layer {block.layer}" if self.deep and block.layer is not None else ""
        ways = len({each.direction for each in self.lattice.parts}) > 1
        if ways and layer:
            return f"{layer} {'→←'[block.direction]}"
        return layer or (("forward →", "← backward")[block.direction] if ways else content.named(block.kind))

    def cell_lines(self, block: Block, t: int | None) -> tuple[Line, ...]:
        """What stands in a closed cell: its name, its weights, what they get, what it hands up."""
        cell = block, t if self.subject.trace is not None else None
        if cell not in self._cells:
            self._cells[cell] = self._written(*cell)
        return self._cells[cell]

    def _written(self, block: Block, t: int | None) -> tuple[Line, ...]:
        weights = content.weights(block, self.subject)
        lines = [Line(content.named(block.kind), 12, bold=True), *(Line(each, 8.5, "muted") for each in weights)]
        if t is None:
            return tuple(lines)
        if self.options.gradient:
            lines += gradient_lines(content.weight_gradients(block, self.subject, t))
        for tensor in self._passed_up.get(block, ()):
            lines += [Line(each, 8.5) for each in content.spelt(self.subject.value(tensor, t), len(tensor.shape))]
        return tuple(lines)

    def part_lines(self, part: Part, t: int | None, ball: bool) -> tuple[Line, ...]:
        """What stands in a part of an open cell; without numbers that is the same at all positions."""
        if self.subject.trace is not None:
            return part_lines(self.subject, part, t, self.options.gradient, ball or None)
        if part not in self._parts:
            self._parts[part] = part_lines(self.subject, part, None, False, ball or None)
        return self._parts[part]

    def _find_passed_up(self) -> dict[Block, dict[Tensor, None]]:
        """By cell, the values that leave it upwards and stand nowhere else."""
        found: dict[Block, dict[Tensor, None]] = {}
        for link in self.lattice.links:
            source = link.source
            passed = source.role == link.target.role == "part"
            if passed and source.block is not None and link.tensor not in self.lattice.states[source.block]:
                found.setdefault(source.block, {})[link.tensor] = None
        return found

    def emphasis(self, tensor: Tensor | None, t: int | None) -> Emphasis:
        """Whether a value is highlighted."""
        bright = self.options.bright
        if bright is None or tensor is None:
            return "normal"
        return "highlight" if (tensor, t) in bright or (tensor, None) in bright else "normal"

    def made(self, item: Item) -> Emphasis:
        """Whether a part makes something highlighted that stands nowhere else."""
        assert item.part is not None
        assert item.block is not None
        if not self.options.bright:
            return "normal"
        made = [tensor for node in item.part.nodes for tensor in node.outputs]
        inner = [tensor for tensor in made if tensor not in self.lattice.states[item.block]]
        return "highlight" if any(self.emphasis(tensor, item.t) == "highlight" for tensor in inner) else "normal"


def gradient_lines(weights: list[tuple[str, float]]) -> list[Line]:
    """The norms of the gradients of weights, two in a line."""
    parts = [f"∂{name} {text.number(size, 2)}" for name, size in weights]
    return [Line("  ".join(parts[k : k + 2]), 8.5, "gradient") for k in range(0, len(parts), 2)]
