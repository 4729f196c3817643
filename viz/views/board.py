"""The board: an unrolled network with everything at its place, drawn line by line into a sketch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from graphengine.graph import Tensor
from graphengine.spec import Array
from viz import text
from viz.layout.circuits import Circuit, Slot, Wire, closed
from viz.layout.grid import PAD, TITLE, Spacing
from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Link
from viz.model.subject import Subject, norm
from viz.scene import Box, Emphasis, Frame, Line, Point, Text
from viz.views import content
from viz.views.insides import part_lines
from viz.views.sketch import Sketch
from viz.views.stage import Key, Shared, Stage, build, key_of, stages_of, wide_blocks

SLIM = Spacing(exit=22.0, entry=26.0, between=32.0)
ROOMY = Spacing(exit=26.0, entry=50.0, between=38.0)
LANE = 46.0  # room for a state and its gradient


@dataclass(frozen=True)
class Options:
    """What a reader asked for.

    Attributes:
        gradient: draw the gradients too.
        bright: what is highlighted: tensors, at a position or (None) at all of them.
        names: of positions in time, where there are no numbers.
        faded: let the forward flow recede behind the gradient.
    """

    gradient: bool = False
    bright: Mapping[tuple[Tensor, int | None], None] | None = None
    names: Mapping[int, str] | None = None
    faded: bool = False


class Board:
    """Draws a lattice: cells, states and sequences of every stage."""

    def __init__(
        self, lattice: Lattice, options: Options, circuits: Mapping[Block, Circuit] | None = None,
        spacing: Spacing | None = None,
    ) -> None:
        self.lattice = lattice
        self.subject: Subject = lattice.subject
        self.options = options
        self.sketch = Sketch()
        self.boxes: dict[Item, Box] = {}
        self.frames: dict[Key, Frame] = {}
        self._anchors: dict[tuple[Key, bool], tuple[Box, Point]] = {}
        self.spacing = spacing or (ROOMY if options.gradient else SLIM)
        if any(map(self.late, lattice.links)):
            self.spacing = replace(self.spacing, entry=self.spacing.entry + 22, between=self.spacing.between + 10)
        self.deep = len({block.layer for block in lattice.parts}) > 1
        self.words: dict[Item, tuple[Line, ...]] = {}
        self._write()
        self.circuits = dict(circuits) if circuits is not None else self._closed_cells()
        self.stages = [
            build(lattice, over, self.circuits, wide_blocks(lattice, over), self.entry, self.pill, self.spacing)
            for over in stages_of(lattice)
        ]
        self.stage_of = {key: stage for stage in self.stages for key in stage.rows}
        self.readers = Counter(link.source for link in lattice.links)

    def late(self, link: Link) -> bool:
        """Whether a state is read later than by the next step."""
        return bool(link.lane) and link.source.role in ("state", "start") and self.lattice.lane(link.source) != link.lane

    def _write(self) -> None:
        """Write what stands in the states and entries, which says how large they must be."""
        for item in self.lattice.items:
            if item.role in ("state", "start", "entry"):
                self.words[item] = self._value_lines(item)
        self.pill = max([44.0, *(content.size_of(w, 7)[0] for i, w in self.words.items() if i.role != "entry")])
        self.entry = (
            max([44.0, *(content.size_of(w, 7)[0] for i, w in self.words.items() if i.role == "entry")]),
            max([24.0, *(content.size_of(w)[1] - 3 for i, w in self.words.items() if i.role == "entry")]),
        )
        self.pill_height = max([22.0, *(content.size_of(w)[1] - 3 for i, w in self.words.items() if i.role != "entry")])

    def _value_lines(self, item: Item) -> tuple[Line, ...]:
        assert item.tensor is not None
        if item.role == "entry" and item.over is not None:
            return self._lines_of_shared(item)
        if item.role == "entry":
            assert item.t is not None
            value = self.lattice.sequences.at(self.subject, item.tensor, item.t)
            symbol, rank = text.indexed(item.tensor.name, self.time(item.t)), len(item.tensor.shape) - 1
        else:
            value, rank = self._value(item), len(item.tensor.shape)
            symbol = self.symbol(item)
        return content.lines(symbol, content.spelt(value, rank))

    def _lines_of_shared(self, item: Item) -> tuple[Line, ...]:
        """A value from outside, the same in every step; or one that another cell hands over at this step."""
        tensor = item.tensor
        assert tensor is not None
        if tensor.loop is None:
            return content.lines(tensor.name, [])
        scope = tensor.node.scope.nearest("layer")
        above = f"({scope.index})" if scope is not None else ""
        symbol = text.indexed(self.lattice.names.get(tensor, tensor.name), self.time(item.t), above)
        return content.lines(symbol, content.spelt(self._value(item), len(tensor.shape)))

    def time(self, t: int | None) -> object:
        """How a position in time is written."""
        return t if self.options.names is None or t is None else self.options.names.get(t, t)

    def _value(self, item: Item) -> Array | None:
        assert item.tensor is not None
        return self.subject.value(item.tensor, item.t if item.tensor.loop is not None else None)

    def symbol(self, item: Item) -> str:
        """The symbol of a state: h₂⁽¹⁾ of layer 1 after step 2."""
        assert item.tensor is not None
        name = self.lattice.names[item.tensor]
        layer = item.block.layer if item.block is not None and self.deep else None
        above = f"({layer})" if layer is not None else ""
        if item.role == "start":
            return f"{text.indexed(name, '', above)} start"
        return text.indexed(name, self.time(item.t), above)

    def _closed_cells(self) -> dict[Block, Circuit]:
        """Cells that show nothing of their inside, all of one width."""
        words = {block: self.cell_lines(block, None) for block in self.lattice.parts}
        if self.options.gradient:
            for item in self.lattice.items:
                if item.role == "part" and item.block is not None:
                    words[item.block] = max(
                        (words[item.block], self.cell_lines(item.block, item.t)), key=lambda w: content.size_of(w)
                    )
        width = max(content.size_of(lines, 8)[0] for lines in words.values())
        width = max(width, 100.0 if any(map(self.lattice.lanes, words)) else 64.0)
        found = {}
        for block, lines in words.items():
            lanes = self.lattice.lanes(block)
            found[block] = closed(width, max(content.size_of(lines)[1] + 6, LANE * len(lanes), 40.0), lanes)
        return found

    def cell_lines(self, block: Block, t: int | None) -> tuple[Line, ...]:
        """What stands in a closed cell."""
        lines = [Line(content.named(block.kind), 12, bold=True)]
        lines += [Line(each, 8.5, "muted") for each in content.weights(block, self.subject)]
        if t is not None and self.options.gradient:
            parts = [
                f"∂{name} {text.number(size, 2)}"
                for name, size in content.weight_gradients(block, self.subject, t)
            ]
            lines += [Line("  ".join(parts[k : k + 2]), 8.5, "gradient") for k in range(0, len(parts), 2)]
        if t is not None:
            for tensor in self._passed_up(block):
                lines += [Line(each, 8.5) for each in content.spelt(self.subject.value(tensor, t), len(tensor.shape))]
        return tuple(lines)

    def _passed_up(self, block: Block) -> list[Tensor]:
        """Values that leave a cell upwards and stand nowhere else."""
        found = {
            link.tensor: None
            for link in self.lattice.links
            if link.source.block is block and link.source.role == link.target.role == "part"
        }
        return [tensor for tensor in found if tensor not in self.lattice.states[block]]

    def emphasis(self, tensor: Tensor | None, t: int | None) -> Emphasis:
        """Whether a value is highlighted."""
        bright = self.options.bright
        if bright is None or tensor is None:
            return "normal"
        return "highlight" if (tensor, t) in bright or (tensor, None) in bright else "normal"

    def _made(self, item: Item) -> Emphasis:
        """Whether a part makes something highlighted that stands nowhere else."""
        assert item.part is not None and item.block is not None
        made = [tensor for node in item.part.nodes for tensor in node.outputs]
        inner = [tensor for tensor in made if tensor not in self.lattice.states[item.block]]
        return "highlight" if any(self.emphasis(tensor, item.t) == "highlight" for tensor in inner) else "normal"

    def draw(self, stage: Stage) -> None:
        """Draw the boxes of a stage; it must have its x and y."""
        self._draw_frames(stage)
        self._draw_cells(stage)
        for item in self.lattice.items:
            if item.role not in ("block", "whole") and self._home(item) is stage:
                self.boxes[item] = self.sketch.box(self._box(stage, item))
        lowest = stage.y + stage.grid.height
        gaps = {s.first: s.steps for loop in stage.loops for s in self.lattice.stations[loop] if s.gap}
        for k, t in enumerate(stage.times):
            name = f"⋯ {gaps[t]} steps" if t in gaps else "" if self.options.names is not None else f"t = {t}"
            if not name:
                continue
            self.sketch.texts.append(
                Text(stage.x + stage.grid.columns[k] + stage.middle, lowest + 13, name, size=9, role="muted")
            )

    def _home(self, item: Item) -> Stage | None:
        return self.stage_of.get(key_of(item))

    def _draw_frames(self, stage: Stage) -> None:
        left, right = stage.span()
        for key, row in stage.rows.items():
            top, bottom = stage.y + row.y - row.height / 2, stage.y + row.y + row.height / 2
            if row.framed:
                title = self._row_title(key)
                frame = Frame(left - 12, top - TITLE, right - left + 24, bottom - top + TITLE + PAD, title, "layer", 9.5)
                self.frames[key] = frame
                self.sketch.frames.append(frame)

    def _draw_cells(self, stage: Stage) -> None:
        """The frames of cells that show their inside."""
        drawn: dict[tuple[Block, int | None], None] = {}
        for item in self.lattice.items:
            if item.role == "part" and item.block in stage.rows and self.circuits[item.block].framed:
                if (item.block, item.t) in drawn:
                    continue
                drawn[item.block, item.t] = None
                x, y = self.corner(item)
                circuit = self.circuits[item.block]
                title = "   ".join([content.named(item.block.kind), *content.weights(item.block, self.subject)])
                tip = content.weight_tooltip(item.block, self.subject)
                turned = stage.rows[item.block].backwards
                self.sketch.frames.append(
                    Frame(
                        x, y, circuit.width, circuit.height, "" if turned else title, "cell", 9.5, tip, item.block.path
                    )
                )
                if turned:  # mirrored too: on the left its output leaves
                    self.sketch.texts.append(Text(x + circuit.width - 8, y + 11, title, "end", 9.5, bold=True))

    def corner(self, item: Item) -> Point:
        """The upper left corner of a cell."""
        assert item.block is not None
        x, y = self.stage_of[item.block].crossing(item)
        circuit = self.circuits[item.block]
        return x - circuit.width / 2, y - circuit.height / 2

    def wire(self, item: Item, names: tuple[str, str]) -> Wire | None:
        """A wire of the cell in which an item stands, on the paper; None where it has no drawn course."""
        assert item.block is not None
        circuit = self.circuits[item.block]
        wire = circuit.wires.get(names)
        if wire is None:
            return None
        x, y = self.corner(item)
        turned = self.stage_of[item.block].rows[item.block].backwards

        def paper(point: Point) -> Point:
            return x + (circuit.width - point[0] if turned else point[0]), y + point[1]

        label = None if wire.label is None else paper(wire.label)
        return Wire(tuple(map(paper, wire.curve)), label, -wire.side if turned else wire.side)

    def anchor(self, item: Item, *, leaving: bool) -> tuple[Box, Point]:
        """Where a line leaves or meets a sequence as a whole: the right or the left border of its frame."""
        key = key_of(item)
        if (key, leaving) not in self._anchors:
            frame = self.frames[key]
            point = (frame.right if leaving else frame.left, (frame.top + frame.bottom) / 2)
            self._anchors[key, leaving] = (self.sketch.box(Box("", *point, 0, 24, "none", "anchor")), point)
        return self._anchors[key, leaving]

    def _row_title(self, key: Key) -> str:
        if isinstance(key, Shared):
            return f"{key.tensor.name}  {text.shape(self.subject.shape(key.tensor))}"
        if isinstance(key, Tensor):
            return f"{key.name}  {text.shape(self.subject.shape(key))}"
        layer = f"layer {key.layer}" if self.deep and key.layer is not None else ""
        ways = len({block.direction for block in self.lattice.parts}) > 1
        if ways and layer:
            return f"{layer} {'→←'[key.direction]}"
        return layer or (("forward →", "← backward")[key.direction] if ways else content.named(key.kind))

    def _box(self, stage: Stage, item: Item) -> Box:
        if item.role == "entry":
            assert item.tensor is not None
            x, y = stage.crossing(item)
            row = stage.rows[key_of(item)]
            if item.over is not None:
                t = item.t if item.tensor.loop is not None else None
                tip = content.statistics(item.tensor, self._value(item), self.subject.gradient(item.tensor, t), t)
                kind = "h" if self.lattice.names.get(item.tensor) == "h" else "state"
                return Box("", x, y, row.width, row.height, "round", kind, self.words[item], tip, item.tensor.path)
            tip = content.statistics(
                item.tensor, self.lattice.sequences.at(self.subject, item.tensor, item.t or 0),
                self.lattice.sequences.gradient_at(self.subject, item.tensor, item.t or 0), item.t,
            )
            kind = "output" if self.lattice.sequences.stacks[item.tensor] else "input"
            return Box(
                "", x, y, row.width, row.height, "round", kind, self.words[item], tip, f"{item.tensor.path}@{item.t}",
                self.emphasis(item.tensor, item.t),
            )
        assert item.block is not None
        row = stage.rows[item.block]
        if item.role in ("state", "start"):
            return self._pill(stage, item)
        x, y = stage.crossing(item)
        if item.role == "gap":
            return Box("", x, y, 62.0, row.height, "rect", "ellipsis", (Line("⋯", 16),), "", item.block.path)
        assert item.part is not None
        slot = self.slot(item)
        if self.circuits[item.block].framed:
            lines = part_lines(self.subject, item.part, item.t, self.options.gradient, slot.shape == "circle" or None)
            nodes = item.part.nodes
            tip = "" if not nodes else content.statistics(
                nodes[-1].output, self.subject.value(nodes[-1].output, item.t),
                self.subject.gradient(nodes[-1].output, item.t), item.t,
            )
            return Box(
                "", slot.x, slot.y, slot.width, slot.height, slot.shape, slot.kind, lines, tip,
                f"{nodes[-1].path if nodes else item.block.path}@{item.t}", self._made(item),
            )
        return Box(
            "", slot.x, slot.y, slot.width, slot.height, slot.shape, slot.kind, self.cell_lines(item.block, item.t),
            content.weight_tooltip(item.block, self.subject), f"{item.block.path}@{item.t}", self._made(item),
        )

    def slot(self, item: Item) -> Slot:
        """Where a part of a cell stands on the paper."""
        assert item.block is not None and item.part is not None
        stage = self.stage_of[item.block]
        circuit, row = self.circuits[item.block], stage.rows[item.block]
        slot = circuit.slots[item.part.name]
        x, y = stage.crossing(item)
        across = circuit.width / 2 - slot.x if row.backwards else slot.x - circuit.width / 2
        return Slot(x + across, y + slot.y - circuit.height / 2, slot.width, slot.height, slot.shape, slot.kind)

    def _pill(self, stage: Stage, item: Item) -> Box:
        assert item.block is not None and item.tensor is not None and item.t is not None
        row = stage.rows[item.block]
        early = item.role == "start" or item.t not in stage.column
        x = stage.grid.start(row) if early else stage.grid.after(row, stage.column[item.t])
        y = stage.y + row.y - row.height / 2 + self.circuits[item.block].lanes[self.lattice.lane(item)]
        kind, shape = content.looks(self.lattice.names[item.tensor])
        tip = content.statistics(item.tensor, self._value(item), self.subject.gradient(item.tensor, item.t), item.t)
        return Box(
            "", stage.x + x, y, self.pill, self.pill_height, shape, kind, self.words[item], tip,
            f"{item.tensor.path}@{item.t}", self.emphasis(item.tensor, item.t),
        )
