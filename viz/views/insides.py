"""Insides: which boxes a cell is drawn as, where they stand in it, and what is written in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, StepSlice
from graphengine.ops.logic import Hold
from graphengine.sources import Constant
from viz import text
from viz.layout.circuits import Circuit
from viz.layout.guards import INPUT, MASK, OUTPUT, guarded, held
from viz.layout.lstm_variants import VARIANTS
from viz.layout.open_cell import open_cell
from viz.layout.standing_cell import standing_cell
from viz.layout.templates import Size, Template
from viz.model.blocks import Block
from viz.model.lattice import Lattice, Link, Part
from viz.model.parts import cut, single
from viz.model.subject import Subject
from viz.scene import BoxKind, Line, Shape
from viz.views import content

_SIGNS = ("add", "subtract", "multiply", "divide")  # drawn as their sign alone
_PLAIN = (*_SIGNS, "matmul", "where", "reshape")
_ENTERED = ("product", INPUT, MASK)  # what a line from below meets in a circuit drawn by hand
_UNNAMED, _NAMED = 46.0, 112.0  # from lane to lane, without and with gradients under them as boxes of their own
_MASKED = {("where", "x_live"): INPUT, ("where", "output"): OUTPUT, ("reshape", "live_row"): MASK}


class Insides:
    """Cuts cells into parts: along a template where one fits, node by node where none does."""

    def __init__(self, size: Size = "small") -> None:
        self.size = size
        self.templates: dict[Block, Template] = {}

    def split(self, subject: Subject, block: Block) -> list[Part]:
        """Cut a cell."""
        guards = _guards(block)
        around = {node for part in guards for node in part.nodes}
        inner = replace(block, nodes=[node for node in block.nodes if node not in around])
        for template in VARIANTS:
            parts = cut(subject, inner, template.anchors)
            if parts is not None:
                self.templates[block] = template
                return [*(Part(block, part.name, part.nodes) for part in parts), *guards]
        return single(subject, block)

    def circuits(self, lattice: Lattice, gradient: bool) -> dict[Block, Circuit]:
        """Return where the parts of every cell stand; the lattice must have its taps."""
        found = {}
        kinds = lattice.kinds()
        for block in lattice.parts:
            template = self.templates.get(block)
            drawn = template.sizes[self.size] if template is not None else None
            names = {part.name for part in lattice.parts[block]}
            if drawn is not None and any(held(lane) in names for lane in drawn.lanes):
                drawn = guarded(drawn, names, self.size == "large")
            fits = drawn is not None and _holds(drawn, lattice, block, kinds)
            found[block] = drawn if drawn is not None and fits else _laid_out(lattice, block, gradient, self.size)
        return found


def _guards(block: Block) -> list[Part]:
    """What a driver puts around a cell where rows end early: holds, and what masks its input and its output."""
    found = []
    for node in block.nodes:
        name = content.bare(node.output.name)
        if isinstance(node.op, Hold):
            found.append(Part(block, held(content.bare(node.inputs[1].name)), [node]))
        elif (node.op.kind, name) in _MASKED:
            found.append(Part(block, _MASKED[node.op.kind, name], [node]))
    return found


def _holds(circuit: Circuit, lattice: Lattice, block: Block, kinds: Sequence[Link]) -> bool:
    """Whether a drawn circuit has a place for all that a cell has, and a way for every line."""
    parts = {part.name for part in lattice.parts[block]}
    wires = {ends(lattice, link, block) for link in kinds}
    entered = {("v", part) for part in _ENTERED}
    known = {None, *circuit.wires, *entered}
    return parts <= set(circuit.slots) and set(lattice.lanes(block)) <= set(circuit.lanes) and wires <= known


def ends(lattice: Lattice, link: Link, block: Block) -> tuple[str, str] | None:
    """What the ends of a line are called inside a cell; None for a line that has nothing to do with it."""
    inside = [
        item.part.name if item.part is not None and item.block is block else "" for item in (link.source, link.target)
    ]
    if not any(inside):
        return None
    source = inside[0] or (f"<{link.lane}" if link.lane else "v")
    target = inside[1] or (f"{lattice.names[link.tensor]}>" if link.target.role in ("state", "gap") else "^")
    return source, target


def _laid_out(lattice: Lattice, block: Block, gradient: bool, size: Size) -> Circuit:
    """A cell that nobody drew by hand: its parts in ranks from left to right, or (in a lattice) from below."""
    subject, standing = lattice.subject, size == "small"
    times = {item.t: None for item in lattice.items if item.role == "part" and item.block is block}
    carried: dict[tuple[str, str], bool] = {}
    for link in lattice.links:
        wire = ends(lattice, link, block)
        if wire is not None:
            carried[wire] = carried.get(wire, False) or (gradient and subject.carries(link.flow))
    busy = [Counter(wire[end] for wire in carried) for end in (0, 1)]
    sizes, looks = {}, {}
    for part in lattice.parts[block]:
        looks[part.name] = look(part)
        room = [content.size_of(part_lines(subject, part, t, gradient), 8) for t in times]
        wires = max(count[part.name] for count in busy)
        width, height = max(width for width, _ in room), max(height for _, height in room)
        side = 22.0 * wires + (8 if gradient else 0)  # the one that lines meet
        sizes[part.name] = (max(24.0, width, side), height) if standing else (max(24.0, width), max(24.0, height, side))
    inner = {part.name for part in lattice.parts[block]}
    numbered = {wire for wire, carries in carried.items() if carries and inner.issuperset(wire)}
    if standing:
        heading = Line(content.cell_title(block, subject), 9.5, bold=True)
        title, _ = content.size_of((heading,))
        return standing_cell(sizes, looks, list(carried), numbered, lattice.lanes(block), title)
    if size == "large":
        numbered |= {wire for wire, carries in carried.items() if carries and wire[1].endswith(">")}
    apart = _NAMED if size == "large" and "state" in block.scope.ports else _UNNAMED
    return open_cell(sizes, looks, list(carried), numbered, lattice.lanes(block), apart)


def look(part: Part) -> tuple[Shape, BoxKind]:
    """How a part that nobody drew by hand looks."""
    if not part.nodes:
        return "round", "c" if part.name.startswith("c_") else "h" if part.name.startswith("h_") else "state"
    return "round", "op" if part.nodes[-1].op.kind in _PLAIN else "gate"


def part_lines(
    subject: Subject, part: Part, t: int | None, gradient: bool, ball: bool | None = None
) -> tuple[Line, ...]:
    """What is written in a part of a cell: products with their shapes, activations with their values."""
    if not part.nodes:
        name = content.short(part.name.removesuffix("_prev").removesuffix("_out"), 12)
        head = Line("" if ball and len(name) > 1 else name, 9.5, bold=True)
        branching = part.branching
        value = "" if ball or branching is None else content.brief(subject.value(branching, t), len(branching.shape))
        return (head, *([Line(value, 8.5)] if value else []))
    node = part.nodes[-1]
    products = [each for each in part.nodes if each.op.kind == "matmul"]
    if ball if ball is not None else node.op.kind in _SIGNS and not products:
        spelt = "" if ball else _spelt_operands(subject, part, node)
        return (Line(spelt or content.glyph(node), 9.5 if spelt else 12, bold=True),)
    name, sign = content.short(content.bare(node.output.name)), content.glyph(node)
    value = content.brief(subject.value(node.output, t), len(node.output.shape)) if t is not None else ""
    numbers = [Line(value, 8.5)] if value else []
    spelt = _spelt_products(subject, part, products)
    if part.name in ("product", "reset") or node in products:
        if node.op.kind == "multiply":
            gates = [tensor.name for tensor in node.inputs if tensor.node not in part.nodes]
            spelt = (
                f"{' ⊙ '.join(map(content.bare, gates))} ⊙ ({spelt})"
                if products
                else " ⊙ ".join(map(content.bare, gates))
            )
        shapes = " + ".join("".join(f"({text.shape(subject.shape(each))})" for each in one.inputs) for one in products)
        own = Block(part.block.scope, "", part.nodes, part.block.loop)
        weights = content.weight_gradients(own, subject, t) if gradient else []
        parts = "  ".join(f"∂{letter} {text.number(size, 2)}" for letter, size in weights)
        lines = [Line(spelt, 9.5, bold=True), Line(shapes, 8.5, "muted"), Line(parts, 8.5, "gradient")]
        return tuple(line for line in lines if line.content)
    title = sign if part.name == "c_act" or name.startswith(node.op.kind) else f"{name} = {sign}"
    return (Line(title, 9.5, bold=True), *([Line(f"+ {spelt}", 8.5, "muted")] if products else []), *numbers)


def _spelt_operands(subject: Subject, part: Part, node: Node) -> str:
    """Spell an op of a number or a weight, which no line brings: p_f ⊙ c, f = 1 − i."""
    if not any(tensor.node in subject.static for tensor in node.inputs):
        return ""
    name = content.bare(node.output.name)
    spelt = f" {content.glyph(node)} ".join(_symbol(subject, part, tensor) for tensor in node.inputs)
    return f"{name} = {spelt}" if len(name) == 1 else spelt


def _spelt_products(subject: Subject, part: Part, products: list[Node]) -> str:
    """Spell the products of a part and what is added to them: x·W + h·U + b."""
    terms = ["·".join(_symbol(subject, part, tensor) for tensor in each.inputs) for each in products]
    for node in part.nodes:
        if node.op.kind == "add":
            terms += [
                _symbol(subject, part, t) for t in node.inputs if t.node in subject.static and subject.parameters(t)
            ]
    return " + ".join(terms)


def _symbol(subject: Subject, part: Part, tensor: Tensor) -> str:
    """The letter of a value: of a weight, of a state of the step before, of an input or another layer's output."""
    if isinstance(tensor.node.op, Delay):
        return content.short(content.bare(tensor.name).removesuffix("_prev"), 12)
    if isinstance(tensor.node.op, StepSlice):
        return content.short(tensor.node.inputs[0].name, 12)
    if isinstance(tensor.node.op, Constant) and not tensor.shape:
        return text.number(tensor.node.op.array)
    layer = tensor.node.scope.nearest("layer")
    if layer is not None and layer is not part.block.scope.nearest("layer") and tensor.node not in subject.static:
        return text.indexed(content.short(content.bare(tensor.name), 12), above=f"({layer.index})")
    found = subject.parameters(tensor) if tensor.node in subject.static else []
    if found and not tensor.node.inputs:
        return content.symbol_of(found[0])
    return content.short(content.bare(tensor.name), 12)
