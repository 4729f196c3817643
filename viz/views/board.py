"""The board: an unrolled network with everything at its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from graphengine.loop import Delay
from viz.layout.circuits import Circuit, Slot, Wire, closed
from viz.layout.grid import Spacing
from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Link, Part
from viz.model.subject import Subject
from viz.scene import Box, Frame, Line, Point
from viz.views import content
from viz.views.blocks import block_box
from viz.views.sketch import Sketch
from viz.views.stage import Key, Stage, build, key_of, stages_of, wide_blocks
from viz.views.words import Options, Words

SLIM = Spacing(exit=22.0, entry=26.0, between=32.0)
ROOMY = Spacing(exit=26.0, entry=50.0, between=38.0)
LANE = 46.0  # room for a state and its gradient


class Board:
    """A lattice with places.

    Attributes:
        words: writes what stands in the boxes; `lines` holds it for those whose size it decides.
        circuits: by cell, its inside.
        stages: one for every axis of time, from left to right.
        boxes: by item, what was drawn of it; `frames` by row.
        kinds: a line of every kind.
        readers: how many lines lead away from an item.
        track: from level to level of lines that skip steps.
        pill: the size of a state; `entry` of a sequence's value at a position.
    """

    def __init__(
        self,
        lattice: Lattice,
        options: Options,
        circuits: Mapping[Block, Circuit] | None = None,
        spacing: Spacing | None = None,
    ) -> None:
        self.lattice = lattice
        self.subject: Subject = lattice.subject
        self.options = options
        self.words = Words(lattice, options)
        self.sketch = Sketch()
        self.boxes: dict[Item, Box] = {}
        self.frames: dict[Key, Frame] = {}
        self._corners: dict[tuple[Block, int | None], Point] = {}
        self._anchors: dict[tuple[Key, str], tuple[Box, Point]] = {}
        self.kinds = lattice.kinds()
        self.readers = Counter(link.source for link in lattice.links)
        self.lines: dict[Item, tuple[Line, ...]] = {}
        for item in lattice.items:
            if item.role in ("state", "start", "entry"):
                self.lines[item] = self.words.value_lines(item)
        self.pill = self._size({"state", "start"}, 22.0)
        self.entry = self._size({"entry"}, 24.0)
        self.spacing = spacing or (ROOMY if options.gradient else SLIM)
        self.track = 28.0 if options.gradient else 10.0
        late = max((self.lag(link) for link in self.kinds if self.late(link)), default=0)
        if late:
            beside, under = 12 + 5 * late, 10 + self.track * ((late - 1) // 2)
            spacing = self.spacing
            self.spacing = replace(spacing, entry=spacing.entry + beside, between=spacing.between + under)
        self.circuits = dict(circuits) if circuits is not None else self._closed_cells()
        self.stages = [
            build(lattice, over, self.kinds, self.circuits, self._wide(over), self.entry, self.pill[0], self.spacing)
            for over in stages_of(lattice, self.kinds)
        ]
        self.stage_of = {key: stage for stage in self.stages for key in stage.rows}

    def _size(self, roles: set[str], least: float) -> tuple[float, float]:
        """The size that holds the words of all items of some roles."""
        sizes = {content.size_of(lines, 7) for item, lines in self.lines.items() if item.role in roles}
        return max([44.0, *(width for width, _ in sizes)]), max([least, *(height - 3 for _, height in sizes)])

    def _closed_cells(self) -> dict[Block, Circuit]:
        """Cells that show nothing of their inside, all of one width."""
        sizes: dict[Block, list[tuple[float, float]]] = {
            block: [content.size_of(self.words.cell_lines(block, None), 8)] for block in self.lattice.parts
        }
        for item in self.lattice.items if self.subject.trace is not None else ():
            if item.role == "part" and item.block is not None:
                sizes[item.block].append(content.size_of(self.words.cell_lines(item.block, item.t), 8))
        least = 100.0 if any(map(self.lattice.lanes, sizes)) else 64.0
        width = max([least, *(wide for each in sizes.values() for wide, _ in each)])
        found = {}
        for block, each in sizes.items():
            lanes = self.lattice.lanes(block)
            found[block] = closed(width, max(max(high for _, high in each) + 6, LANE * len(lanes), 40.0), lanes)
        return found

    def _wide(self, over: object) -> dict[Block, float]:
        """The heights of blocks that stand across the columns of an axis."""
        return {
            block: block_box(self.words, Item("block", block, tensor=block.nodes[-1].output)).height
            for block in wide_blocks(self.lattice, over, self.kinds)
        }

    def late(self, link: Link) -> bool:
        """Whether a state is read later than by the next step."""
        return (
            bool(link.lane) and link.source.role in ("state", "start") and self.lattice.lane(link.source) != link.lane
        )

    def lag(self, link: Link) -> int:
        """How many steps ago a line brings a value from."""
        node, i = link.flow[0][0][0]
        tensor, steps = node.inputs[i], 0
        while isinstance(tensor.node.op, Delay) and tensor.node.feeds is not None:
            tensor, steps = tensor.node.feeds, steps + 1
        return steps

    def turn(self, link: Link) -> int:
        """The level on which a line passes the cells that it skips; 0 for one that skips none."""
        if not self.late(link) or link.target.block is None or link.target.t is None:
            return 0
        return self.stage_of[link.target.block].column[link.target.t] % self.lag(link)

    def home(self, item: Item) -> Stage | None:
        """The stage that an item stands in."""
        return self.stage_of.get(key_of(item))

    def corner(self, item: Item) -> Point:
        """The upper left corner of a cell."""
        assert item.block is not None
        cell = item.block, item.t
        if cell not in self._corners:
            x, y = self.stage_of[item.block].crossing(item)
            circuit = self.circuits[item.block]
            self._corners[cell] = x - circuit.width / 2, y - circuit.height / 2
        return self._corners[cell]

    def slot(self, part: Part) -> Slot:
        """Where a part stands in its cell."""
        circuit = self.circuits[part.block]
        slot = circuit.slots[part.name]
        return slot.mirrored(circuit.width) if self._turned(part.block) else slot

    def wire(self, item: Item, names: tuple[str, str]) -> Wire | None:
        """A wire of the cell in which an item stands, on the paper; None where it has no drawn course."""
        assert item.block is not None
        circuit = self.circuits[item.block]
        wire = circuit.wires.get(names)
        if wire is None:
            return None
        return (wire.mirrored(circuit.width) if self._turned(item.block) else wire).moved(*self.corner(item))

    def _turned(self, block: Block) -> bool:
        return self.stage_of[block].rows[block].backwards

    def anchor(self, item: Item, side: str) -> tuple[Box, Point]:
        """Where a line leaves or meets a sequence as a whole: the "right", "left", "top" or "bottom" of its frame.

        Above and below that is beside the columns, where nothing stands.
        """
        key = key_of(item)
        if (key, side) not in self._anchors:
            frame = self.frames[key]
            x = {"left": frame.left, "right": frame.right}.get(side, self.stage_of[key].rail)
            y = {"top": frame.top, "bottom": frame.bottom}.get(side, (frame.top + frame.bottom) / 2)
            size = (0.0, 24.0) if side in ("left", "right") else (24.0, 0.0)
            self._anchors[key, side] = (self.sketch.box(Box("", x, y, *size, "none", "anchor")), (x, y))
        return self._anchors[key, side]
