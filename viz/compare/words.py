"""What is written in the parts of two cells: what each is, and where the two differ what it was and what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from graphengine.graph import Node
from graphengine.sources import ParameterValue
from viz import text
from viz.compare import pen
from viz.compare.changes import Comparison, operands
from viz.compare.match import nameless
from viz.compare.union import Piece, serving
from viz.model.lattice import Part
from viz.model.subject import Subject
from viz.scene import Line
from viz.views import content
from viz.views.insides import part_lines

Words: TypeAlias = Mapping[str, tuple[Line, ...]]

_LONG = 150.0  # so wide may a line be that tells what was and what is


def piece_lines(comparison: Comparison, piece: Piece, *, wide: bool) -> tuple[Line, ...]:
    """Return what stands in a part; `wide` where signs may stand alone and weights side by side."""
    if piece.tap:
        return (Line(piece.tap if len(piece.tap) == 1 else "", 9.5, bold=True),)
    sides = [
        _side(subject, part, wide)
        for subject, part in ((comparison.a, piece.a), (comparison.b, piece.b))
        if part is not None
    ]
    lines = sides[-1]
    if piece.status == "changed":
        before, after = (side[0].content for side in sides)
        formulas = [_formula(part, line) for part, line in ((piece.a, before), (piece.b, after))]
        if formulas[0] != formulas[1]:
            before, after = formulas
        shapes = _shapes(comparison, piece)
        rest = [" · ".join(shapes)] if wide and shapes else shapes
        small = [line for line in lines[1:] if line not in sides[0] and not shapes]
        size = 9.5 if len(after) > 1 else lines[0].size
        titles = (Line(each, size, bold=True) for each in _told(before, after))
        lines = (*titles, *(Line(each, 8.5) for each in rest), *small)
    return pen.signed(piece.status, lines)


def _side(subject: Subject, part: Part, wide: bool) -> tuple[Line, ...]:
    """What stands in a part of one cell. A sign among boxes needs its name, and a sum must not look like a mark."""
    lines = part_lines(subject, part, None, False)
    node = part.nodes[-1]
    if not wide and len(lines[0].content) == 1 and not nameless(node):
        return (Line(f"{content.bare(node.output.name)} = {lines[0].content}", 9.5, bold=True),)
    return tuple(replace(line, content=re.sub(r"^\+ ", "… + ", line.content)) for line in lines)


def _formula(part: Part | None, line: str) -> str:
    """A sign with what stands on its sides: `kept = u ⊙ h` for `kept = ⊙`."""
    assert part is not None
    node = part.nodes[-1]
    name, equals, sign = line.rpartition(" = ")
    return f"{name}{equals}{_spelt(node, part)}" if sign == content.glyph(node) and len(node.inputs) == 2 else line


def _spelt(node: Node, part: Part) -> str:
    """Two operands and the sign between them; what nobody named, in brackets."""
    words = []
    for word, tensor in zip(operands(node), node.inputs, strict=True):
        inner = tensor.node in part.nodes and nameless(tensor.node) and len(tensor.node.inputs) == 2
        words.append(f"({_spelt(tensor.node, part)})" if inner else word.removesuffix("_prev"))
    return f" {content.glyph(node)} ".join(words)


def _told(before: str, after: str) -> list[str]:
    """Say what something was and is: in a line where there is room, and a name only once."""
    if before == after:
        return [after]
    name, equals, rest = after.partition(" = ")
    if equals and before.startswith(name + equals):
        after = rest
    line = f"{before} → {after}"
    return [line] if text.width(line, 9.5, bold=True) <= _LONG else [before, f"→ {after}"]


def _shapes(comparison: Comparison, piece: Piece) -> list[str]:
    """The weights of a part that have another shape in the other cell."""
    assert piece.b is not None
    found: dict[str, int] = {}
    for node in serving(comparison.b, piece.b.nodes):
        shapes = [aspect for aspect in comparison.change(node).aspects if aspect.what == "shape"]
        if shapes and isinstance(node.op, ParameterValue):
            before, after = (each.strip("[]").replace(", ", "×") for each in (shapes[0].before, shapes[0].after))
            found[f"{content.symbol_of(node.op.parameter)} {before} → {after}"] = -len(node.output.shape)
    return sorted(found, key=found.__getitem__)
