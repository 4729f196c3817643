"""Cards: what an interactive picture tells of a box or an edge: its place, its equations, its numbers, its gradient."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

import numpy as np

from graphengine.errors import UnknownPathError
from graphengine.graph import Node, Tensor
from graphengine.spec import Array
from graphengine.spelling import norm
from viz import text
from viz.explained import Explanations, Value, call, carried
from viz.model.blocks import Block
from viz.model.fold import Return
from viz.model.groups import Group
from viz.model.lattice import Item, Link
from viz.model.sequences import Sequences
from viz.model.subject import Flow, Subject
from viz.scene import HEATS, Box, Edge
from viz.views import content

Card = dict[str, Any]
_MOST = 8  # so many equations or parameters stand on one card
_ENTRIES = 12  # so many numbers of an array are told one by one


class Cards:
    """Writes the cards of one subject."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.uses = subject.uses()
        self.sequences = Sequences(subject, self.uses)
        self._links: dict[tuple[Tensor, int | None, Flow], Card | None] = {}  # a line's and its gradient's are the same
        self._explanations = Explanations(subject.trace)

    def box(self, box: Box, told: Container[Value] = ()) -> Card | None:
        """Return the card of a box; None for what is only decoration.

        Args:
            told: the values that are explained; cards of others say how to ask for that.
        """
        card, value = self._box(box), carried(box)
        if card is not None and value is not None and self.subject.trace is not None:
            card = self._explained(card, value, value in told)
        if card is not None and box.kind in HEATS:
            card = {**card, "rows": [["time", box.tooltip.rpartition("\n")[2]], *card.get("rows", [])]}
        return _clean(card)

    def _explained(self, card: Card, value: Value, told: bool) -> Card:
        """A card with an explanation, which says all that the equations of one op do; or with how to get it."""
        tensor, t = value
        rows = card.get("rows", [])
        found = self._explanations.of(value) if told else None
        if found is not None:
            own = [[*row] for row in _about([tensor.node])]
            return {**card, "rows": [] if rows == own else rows, "explained": found.text.split("\n")}
        if told and (t is not None or tensor.loop is None):  # the trace did not keep what it takes
            return card
        return {**card, "rows": [*rows, ["explained by", call(value)]]}

    def _box(self, box: Box) -> Card | None:
        about = box.about
        title = box.lines[0].content if box.lines else ""
        if box.kind == "anchor":
            return None
        if isinstance(about, Item) and box.kind != "gradient":
            return self._item(about, title)
        if isinstance(about, Return):
            return _card(about.name, about.tensor.path, [("delay", f"{about.lag} step{'s' if about.lag > 1 else ''}")])
        if isinstance(about, Group):
            return self._group(about, title)
        return plain_card(title, box.tooltip)

    def edge(self, edge: Edge) -> Card | None:
        """Return the card of an edge: what flows along it, and the gradient that it carries back."""
        link = edge.about
        if not isinstance(link, Link):
            return plain_card("", edge.tooltip)
        t = _position(link.tensor, link.source.t if link.source.role != "gap" else None)
        key = link.tensor, t, link.flow
        if key not in self._links:
            self._links[key] = self._link(*key)
        return self._links[key]

    def _link(self, tensor: Tensor, t: int | None, flow: Flow) -> Card | None:
        value = self.subject.value(tensor, t) if tensor.loop is None or t is not None else None
        rows = [("value", f"{tensor.spec}")]
        rows += [("gradient", each) for each in dict.fromkeys(self._handed_back(flow))][:_MOST]
        back = self._contribution(flow)
        found = _card(tensor.name, _where(tensor.path, t), rows, value, back, entries=0)
        if back is not None:
            found["table"][0][-1] = "contribution"
        return _clean(found)

    def _contribution(self, flow: Flow) -> Array | None:
        try:
            return self.subject.contribution(flow)
        except UnknownPathError:  # the trace keeps only some values
            return None

    def _handed_back(self, flow: Flow) -> Iterable[str]:
        """The equations by which the readers of an edge hand a gradient back along it."""
        for uses, _ in flow:
            for node, i in uses:
                if i < len(node.op.gradient):
                    yield f"{content.bare(node.output.name)}: {node.op.gradient[i]}"

    def _item(self, item: Item, title: str) -> Card:
        tensor, block = item.tensor, item.block
        if item.role == "gap":
            assert block is not None
            return _card(title, block.path, [("left out", "steps that are not drawn")])
        if item.role == "part":
            return self._part(item, title)
        if item.role == "block" and block is not None and not block.single:
            return self._layer(item, title)
        assert tensor is not None
        if tensor in self.sequences and item.t is not None:
            value = self.sequences.at(self.subject, tensor, item.t)
            gradient = self.sequences.gradient_at(self.subject, tensor, item.t)
            return _card(title, _where(tensor.path, item.t), _about([tensor.node]), value, gradient)
        t = _position(tensor, item.t)
        if tensor.loop is not None and t is None:
            return _card(title, tensor.path, _about([tensor.node]))
        return self._value(tensor, t, title, _about([tensor.node]))

    def _value(self, tensor: Tensor, t: int | None, title: str, rows: list[tuple[str, str]]) -> Card:
        value, gradient = self.subject.value(tensor, t), self.subject.gradient(tensor, t)
        return _card(title, _where(tensor.path, t), rows, value, gradient)

    def _part(self, item: Item, title: str) -> Card:
        part, block = item.part, item.block
        assert part is not None
        assert block is not None
        if not part.nodes:
            return _card(title, _where(block.path, item.t), [("branch", "the value goes on to several readers")])
        output = part.nodes[-1].output
        if part.nodes != block.nodes:
            if item.t is None and output.loop is not None:
                return _card(title, output.path, _about(part.nodes))
            return self._value(output, item.t, title, _about(part.nodes))
        found = _card(title, _where(block.path, item.t), [("kind", block.kind), *self._parameters(item)])
        inner = self._inner(part.nodes, item.t) if item.t is not None else []
        return {**found, "table": [["", "‖value‖", "‖gradient‖"], *inner]} if inner else found

    def _inner(self, nodes: Iterable[Node], t: int) -> list[list[str]]:
        """The norms of the values that a cell gives names to, and of their gradients."""
        rows = []
        for node in nodes:
            for tensor in node.outputs:
                value, gradient = self.subject.value(tensor, t), self.subject.gradient(tensor, t)
                if value is not None and not tensor.name.startswith(node.op.kind):
                    sizes = [text.number(norm(each), 5) if each is not None else "" for each in (value, gradient)]
                    rows.append([content.bare(tensor.name), *sizes])
        return rows[-_ENTRIES:]

    def _layer(self, item: Item, title: str) -> Card:
        block, tensor = item.block, item.tensor
        assert block is not None
        assert tensor is not None
        found = self._value(tensor, None, title, [*self._parameters(item), *_about(block.nodes)])
        return {**found, "where": block.path}

    def _parameters(self, item: Item) -> list[tuple[str, str]]:
        """The parameters of a cell or layer, each with what is added to its gradient here."""
        block = item.block
        assert block is not None
        sizes = self._weight_gradients(block, item.t) if item.t is not None or block.loop is None else {}
        rows = []
        for parameter in list(block.parameters(self.subject))[:_MOST]:
            symbol = content.symbol_of(parameter)
            back = f", ‖∂{symbol}‖ {text.number(sizes[symbol], 5)}" if symbol in sizes else ""
            rows.append((symbol, f"{parameter.path} {text.shape(parameter.shape)}{back}"))
        return rows

    def _weight_gradients(self, block: Block, t: int | None) -> dict[str, float]:
        try:
            return dict(content.weight_gradients(block, self.subject, t))
        except UnknownPathError:  # the trace keeps only some values
            return {}

    def _group(self, group: Group, title: str) -> Card:
        node = group.first
        if group.count > 1:
            kinds = {each.op.kind: None for each in group.nodes}
            rows = [("nodes", f"{group.count:,}"), ("ops", ", ".join(list(kinds)[:_MOST]))]
            return _card(title, group.path, rows)
        if node.loop is not None:
            return _card(title, node.path, _about([node]))
        return self._value(node.output, None, title, _about([node]))


def plain_card(title: str, tooltip: str) -> Card | None:
    """The card of something of which only a tooltip is known."""
    return _clean({"title": title, "where": tooltip}) if tooltip else None


def _clean(card: Card | None) -> Card | None:
    """What may be shown of a card; the columns of its table are numbers behind a name."""
    if card is None:
        return None
    found = {key: text.clean(card[key], text.TOOLTIP, lines=True) for key in ("title", "where")}
    rows = [[text.clean(cell, text.TOOLTIP, lines=True) for cell in row] for row in card.get("rows", ())]
    table = [[text.clean(name), *cells] for name, *cells in card.get("table", ())]
    explained = [text.clean(line, text.TOOLTIP) for line in card.get("explained", ())]
    more = {"rows": rows, "table": table, "explained": explained}
    return {**found, **{key: value for key, value in more.items() if value}}


def _card(
    title: str, where: str, rows: Sequence[tuple[str, str]], value: Array | None = None,
    gradient: Array | None = None, entries: int = _ENTRIES,
) -> Card:  # fmt: skip
    found: Card = {"title": title, "where": where, "rows": [[name, content] for name, content in rows]}
    columns = [(name, array) for name, array in (("value", value), ("gradient", gradient)) if array is not None]
    if columns:
        found["table"] = _table([name for name, _ in columns], [array for _, array in columns], entries)
    return found


def _table(names: list[str], arrays: list[Array], entries: int) -> list[list[str]]:
    """Shape, statistics and, of small arrays, entries, a column each."""
    columns = [_statistics(array, entries) for array in arrays]
    labels = ("shape", "min", "max", "mean", "‖·‖", "entries")
    rows = [[label, *(column[k] for column in columns)] for k, label in enumerate(labels)]
    return [["", *names], *(row for row in rows if any(row[1:]))]


def _statistics(array: Array, most: int) -> list[str]:
    if not array.size:
        return [text.shape(array), "", "", "", "", ""]
    numbers = np.asarray(array, np.float64)
    figures = (numbers.min(), numbers.max(), numbers.mean(), norm(numbers))
    entries = "\n".join(text.number(each, 6) for each in array.reshape(-1)) if 1 < array.size <= most else ""
    return [text.shape(array), *(text.number(each, 5) for each in figures), entries]


def _about(nodes: Iterable[Node]) -> list[tuple[str, str]]:
    """The equations of some nodes, their gradients, and the type of what they make."""
    rows = []
    shown = [node for node in nodes if node.op.equation][-_MOST:]
    for node in shown:
        name = content.bare(node.output.name) if len(shown) > 1 else node.op.kind
        rows.append((name.replace("_", " "), node.op.equation))
        if node.op.gradient and len(shown) <= 2:
            rows.append(("gradient", "\n".join(node.op.gradient)))
    return rows


def _where(path: str, t: int | None) -> str:
    return path if t is None else f"{path} at t = {t}"


def _position(tensor: Tensor, t: int | None) -> int | None:
    return t if tensor.loop is not None else None
