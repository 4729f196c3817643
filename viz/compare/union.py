"""The insides of two cells as one: parts that are in either, and the lines between them, each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from graphengine.graph import Node
from viz import text
from viz.compare.changes import Comparison, Status
from viz.compare.pen import joint
from viz.layout.lstm_variants import VARIANTS
from viz.layout.templates import Template
from viz.model.blocks import Block
from viz.model.lattice import Item, Lattice, Link, Part
from viz.model.one_cell import narrowed
from viz.model.parts import cut
from viz.model.subject import Subject
from viz.model.unroll import unroll
from viz.views import content
from viz.views.insides import ends

Wire: TypeAlias = tuple[str, str]  # the names of its ends, as a circuit has them

_REACH = 3


@dataclass
class Piece:
    """A part of either cell; both where they have it both.

    Attributes:
        tap: of the point where a state branches, that state's symbol; it has no parts.
    """

    name: str
    a: Part | None = None
    b: Part | None = None
    status: Status = "same"
    tap: str = ""

    @property
    def part(self) -> Part | None:
        """The part, of the second cell where it is in both."""
        return self.b if self.b is not None else self.a


@dataclass(frozen=True)
class Run:
    """A wire of one cell.

    Attributes:
        outer: what stands at its outer end, if it has one: a state, an input, an output, as it is written.
        state: the symbol of the state that it carries away from the part that makes it; else empty.
    """

    outer: tuple[str, ...]
    state: str


@dataclass
class Union:
    """The insides of two cells as one.

    Attributes:
        pieces: by name.
        wires: by the names of their ends, whether they are in a, in b, or in both.
        outer: by wire that leaves the cell or enters it, what stands at its end in a and in b.
        lanes: the states that pass, from above.
        templates: what the two were cut along, where both were.
    """

    pieces: dict[str, Piece] = field(default_factory=dict)
    wires: dict[Wire, Status] = field(default_factory=dict)
    outer: dict[Wire, tuple[str, str]] = field(default_factory=dict)
    lanes: list[str] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)


def united(comparison: Comparison, blocks: tuple[Block | None, Block | None]) -> Union:
    """Lay the inside of a cell of the first graph upon that of a cell of the second; one of them may be missing."""
    sides = [
        (subject, block)
        for subject, block in zip((comparison.a, comparison.b), blocks, strict=True)
        if block is not None
    ]
    templates = [template_of(subject, block) for subject, block in sides]
    known = [each for each in templates if each is not None]
    union = Union(templates=known if len(known) == len(sides) else [])
    runs: list[dict[Wire, Run]] = []
    for which, (subject, block) in enumerate(zip((comparison.a, comparison.b), blocks, strict=True)):
        runs.append({})
        if block is not None:
            template = template_of(subject, block) if union.templates else None
            lattice, own = _lattice(comparison, subject, block, template)
            for part in lattice.parts[own]:
                piece = union.pieces.setdefault(part.name, Piece(part.name))
                piece.a, piece.b = (part, piece.b) if which == 0 else (piece.a, part)
            union.lanes += [lane for lane in lattice.lanes(own) if lane not in union.lanes]
            runs[-1] = _runs(lattice, own)
    first, second = runs
    for wire, run in (first | second).items():
        union.wires[wire] = joint(wire in first, wire in second)
        if run.outer:
            before, after = (", ".join(side[wire].outer) if wire in side else "" for side in runs)
            union.outer[wire] = (before, after)
    for piece in union.pieces.values():
        piece.status = _status(comparison, piece)
    _branch_in(union)
    _branch_out(union, first | second)
    return union


def template_of(subject: Subject, block: Block) -> Template | None:
    """Return the template that a cell is made like, if there is one."""
    return next((each for each in VARIANTS if cut(subject, block, each.anchors) is not None), None)


def _lattice(
    comparison: Comparison, subject: Subject, block: Block, template: Template | None
) -> tuple[Lattice, Block]:
    """One cell with its neighbours, cut into parts whose names it shares with the other cell."""

    def split(subject: Subject, block: Block) -> list[Part]:
        parts = cut(subject, block, template.anchors) if template is not None else None
        return parts or [Part(block, _key(comparison, node), [node]) for node in block.nodes]

    assert block.loop is not None
    positions = subject.positions(block.loop)
    t = positions[len(positions) // 2]
    near = set(range(t - _REACH, t + _REACH + 1))
    lattice = unroll(subject, split, lambda positions: near & set(positions))
    own = next(each for each in lattice.parts if each.nodes == block.nodes)
    return narrowed(lattice, own, t), own


def _key(comparison: Comparison, node: Node) -> str:
    """A name for a node that its counterpart has too."""
    first = comparison.change(node).a
    return f"b{node.index}" if first is None else f"a{first.index}"


def _runs(lattice: Lattice, block: Block) -> dict[Wire, Run]:
    """Every line of a cell."""
    found: dict[Wire, Run] = {}
    (t,) = {item.t for item in lattice.items if item.role == "part"}
    assert t is not None
    for link in lattice.links:
        wire = ends(lattice, link, block)
        if wire is None:
            continue
        outer = found[wire].outer if wire in found else ()
        far = next((item for item in (link.source, link.target) if item.role != "part"), None)
        if far is not None:
            outer = tuple(dict.fromkeys([*outer, _written(lattice, far, link, t)]))
        leaves = link.source.role == "part" and link.tensor in lattice.states[block]
        found[wire] = Run(outer, lattice.names[link.tensor] if leaves else "")
    return found


def _written(lattice: Lattice, item: Item, link: Link, t: int) -> str:
    """How a state, an input or an output is written: its symbol and its position, t being that of the cell."""
    tensor = item.tensor if item.tensor is not None else link.tensor
    symbol = lattice.names.get(tensor, content.bare(tensor.name))
    if item.role == "entry" and item.over is not None and tensor.loop is None:
        return symbol  # the same at every step
    lag = (item.t or 0) - t
    return text.indexed(symbol, f"t{lag:+d}" if lag else "t")


def _status(comparison: Comparison, piece: Piece) -> Status:
    """What became of a part: changed as soon as anything that serves it did."""
    if piece.a is None or piece.b is None:
        return joint(piece.a is not None, piece.b is not None)
    nodes = [*serving(comparison.a, piece.a.nodes), *serving(comparison.b, piece.b.nodes)]
    return "same" if all(comparison.change(node).status == "same" for node in nodes) else "changed"


def serving(subject: Subject, nodes: Iterable[Node]) -> list[Node]:
    """Return some nodes and the weights and constants that they read."""
    found = list(nodes)
    seen = set(found)
    for node in found:
        fresh = [each.node for each in node.inputs if each.node in subject.static and each.node not in seen]
        seen.update(fresh)
        found.extend(fresh)
    return found


def _branch_in(union: Union) -> None:
    """Give every state that several parts read a point of its own, where it branches."""
    for lane in union.lanes:
        wires = [wire for wire in union.wires if wire[0] == f"<{lane}"]
        if len(wires) > 1:
            tap = f"{lane}_prev"
            written = [union.outer[wire] for wire in wires]
            status = _insert(union, tap, lane, [(wire, (tap, wire[1])) for wire in wires])
            union.wires[f"<{lane}", tap] = status
            before, after = (next(filter(None, side), "") for side in zip(*written, strict=True))
            union.outer[f"<{lane}", tap] = (before, after)


def _branch_out(union: Union, runs: Mapping[Wire, Run]) -> None:
    """Give every state that goes several ways a point of its own."""
    groups: dict[tuple[str, str], list[Wire]] = {}
    for wire, run in runs.items():
        if run.state:
            groups.setdefault((wire[0], run.state), []).append(wire)
    for (maker, state), wires in groups.items():
        if len(wires) > 1:
            tap = f"{state}_out"
            status = _insert(union, tap, state, [(wire, (tap, wire[1])) for wire in wires])
            union.wires[maker, tap] = status


def _insert(union: Union, name: str, symbol: str, wires: Iterable[tuple[Wire, Wire]]) -> Status:
    """Put a point before the ends of some wires; returns its status, that of the wire that leads there too."""
    found: set[Status] = set()
    for old, new in wires:
        union.wires[new] = union.wires.pop(old)
        found.add(union.wires[new])
        if old in union.outer and not new[0].startswith("<") and old[0].startswith("<"):
            del union.outer[old]
        elif old in union.outer:
            union.outer[new] = union.outer.pop(old)
    status = found.pop() if len(found) == 1 else "same"
    union.pieces[name] = Piece(name, status=status, tap=symbol)
    return status
