"""The picture of two graphs op by op: every node of either, the ones that both have once."""

from __future__ import annotations

from collections.abc import Iterator

from graphengine import errors
from graphengine.graph import Node, Tensor
from graphengine.sources import ParameterValue, Placeholder
from viz import text
from viz.compare import pen
from viz.compare.changes import Change, Comparison, operands
from viz.compare.match import nameless, twin
from viz.compare.pen import joint
from viz.compare.sheet import Thing, Tie, draw
from viz.scene import Line
from viz.views import content
from viz.views.sketch import Sketch


def by_ops(comparison: Comparison, budget: int) -> Sketch:
    """Draw two graphs node by node.

    Raises:
        BudgetError: there are more nodes than the budget.
    """
    if len(comparison.changes) > budget:
        raise errors.BudgetError(
            f"{comparison.name}: {len(comparison.changes):,} nodes to draw, beyond the budget of {budget:,}; draw "
            f'cells and layers (detail="cell"), the inside of one cell (layer=0), or raise budget='
            f"{errors.at(errors.user_location())}"
        )
    things = [Thing(each, each.status, _lines(each), _tip(each), each.node.path) for each in comparison.changes]
    return draw(things, list(_ties(comparison)))


def _lines(change: Change) -> tuple[Line, ...]:
    """What stands in a node: its name, what it does, and what else differs."""
    node = change.node
    array = getattr(node.op, "array", None)
    if array is not None and not array.shape:
        title, rest = text.number(array), []
    elif isinstance(node.op, ParameterValue | Placeholder):
        title, rest = change.name, [text.shape(node.output.shape)]
    elif nameless(node):
        title, rest = content.named(node.op.kind), []
    else:
        title, rest = change.name, [content.named(node.op.kind)]
    for aspect in change.aspects:
        if aspect.what == "op" and change.a is not None and change.a.op.kind != node.op.kind:
            rest = [f"{content.named(change.a.op.kind)} → {content.named(node.op.kind)}"]
        elif aspect.what == "setting":
            rest.append(f"{aspect.name} {aspect.before} → {aspect.after}")
    shape = next((aspect for aspect in change.aspects if aspect.what == "shape"), None)
    if shape is not None:
        spelt = [each.strip("[]").replace(", ", "×") for each in (shape.before, shape.after)]
        weights = isinstance(node.op, ParameterValue | Placeholder)
        rest = [*([] if weights else rest), " → ".join(spelt)]
    return pen.signed(change.status, (Line(title, 10, bold=True), *(Line(each, 8) for each in rest)))


def _tip(change: Change) -> str:
    node = change.node
    lines = [node.path, str(node.output.spec), f"{node.op.kind}({', '.join(operands(node))})"]
    return "\n".join([*lines, *(f"{each.name or each.what}: {each.before} → {each.after}" for each in change.aspects)])


def _ties(comparison: Comparison) -> Iterator[Tie]:
    """The edges of either graph, each once."""
    found: dict[tuple[Change, Change, Tensor, bool], list[bool]] = {}
    for which, subject in enumerate((comparison.a, comparison.b)):
        for node in subject.nodes:
            for tensor, back in _read(node):
                other = twin(tensor, comparison.pairs) if which else tensor
                value = tensor if other is None else other
                key = (comparison.change(tensor.node), comparison.change(node), value, back)
                found.setdefault(key, [False, False])[which] = True
    for (source, target, _, back), (in_a, in_b) in found.items():
        yield Tie(source, target, joint(in_a, in_b), back=back)


def _read(node: Node) -> Iterator[tuple[Tensor, bool]]:
    """What a node reads, and whether that is of the step before."""
    for tensor in dict.fromkeys(node.inputs):
        yield tensor, False
    if node.feeds is not None:
        yield node.feeds, True
