"""Blocks outside loops: a layer or an op as one box, with its name, its weights and its value."""

from __future__ import annotations

from viz import text
from viz.model.lattice import Item
from viz.scene import Box, BoxKind, Line
from viz.views import content
from viz.views.words import Words, gradient_lines


def block_lines(words: Words, item: Item) -> tuple[Line, ...]:
    """What stands in a block outside loops: its name, its weights, its value, what its weights get."""
    block = item.block
    assert block is not None
    assert item.tensor is not None
    subject = words.subject
    value = content.spelt(subject.value(item.tensor), len(item.tensor.shape))
    if not value and item.tensor.shape:
        value = [text.shape(subject.shape(item.tensor))]
    if _kind(words, item) == "loss":
        return (Line(content.named(block.nodes[-1].op.kind), 9.5), *(Line(each, 13, bold=True) for each in value))
    title, under = content.block_title(block)
    lines = [Line(title, 11, bold=True)]
    lines += [Line(each, 8.5, "muted") for each in (*under, *content.weights(block, subject))]
    lines += [Line(each, 8.5) for each in value]
    if words.options.gradient:
        lines += gradient_lines(content.weight_gradients(block, subject, None))
    return tuple(lines)


def block_box(words: Words, item: Item) -> Box:
    """A block outside loops, still without its place."""
    block, tensor = item.block, item.tensor
    assert block is not None
    assert tensor is not None
    lines = block_lines(words, item)
    width, height = content.size_of(lines)
    tip = content.weight_tooltip(block, words.subject)
    if block.single:
        tip = content.statistics(tensor, words.subject.value(tensor), words.subject.gradient(tensor))
    return Box(
        "",
        0,
        0,
        max(width, 54.0),
        max(height, 26.0),
        "round",
        _kind(words, item),
        lines,
        tip,
        block.path,
        words.emphasis(tensor, None),
    )


def _kind(words: Words, item: Item) -> BoxKind:
    block = item.block
    assert block is not None
    assert item.tensor is not None
    if block.single and block.nodes[0].op.kind == "placeholder":
        return "input"
    if item.tensor in words.subject.targets and not item.tensor.shape:
        return "loss"
    return "op" if block.single else "cell"
