"""The view of any graph: its ops in ranks from below, scopes folded where asked or where there are too many."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from graphengine import errors
from graphengine.depth import Measure
from graphengine.graph import Node, Tensor
from graphengine.loop import Delay
from graphengine.profile import Profile
from graphengine.scope import Scope
from graphengine.sources import Constant, ParameterValue, Placeholder
from graphengine.spec import Array
from viz import text
from viz.layout.layered import arrange, bent
from viz.model.bright import Highlight, bright
from viz.model.groups import Group, Grouped, Key, KeyOf, by_depth, by_kind, by_paths, grouped
from viz.model.subject import Subject, Subjectlike
from viz.model.witness import lit_grouped
from viz.scene import Box, BoxKind, EdgeKind, Emphasis, Line, Point, Text
from viz.theme import Theme
from viz.view import View
from viz.views import content, delays
from viz.views.heat import Heating
from viz.views.sketch import Sketch

BUDGET = 400
_WHOLE = 120  # a graph of so many nodes is drawn op by op
_LABELLED = 60  # so many edges get the shapes of what flows


def graph(
    what: Subjectlike,
    *,
    fold: int | Iterable[str] | None = None,
    highlight: Highlight = None,
    profile: Profile | None = None,
    budget: int = BUDGET,
    theme: str | Theme = "light",
    title: str | None = None,
) -> View:
    """Draw any graph op by op, its inputs at the bottom.

    A large graph is folded by itself: scopes become boxes, as many as fit; where there are too many of these too,
    nodes that do the same become one box with their number.

    Args:
        what: a graph, a plan (what it needs of its graph), or a trace (with short values).
        fold: how many scopes deep to look, or the paths of the scopes to close (`["rnn", "dense"]`); 0 closes nothing.
        highlight: as for `folded`. Op by op, a measure of `graphengine.depth` shows every op of its cycle or path.
        profile: as for `folded`. Op by op, a fused op counts at one of those that it stands for.
        budget: how many boxes a picture may have.
        theme, title: as for `unrolled`.

    Raises:
        BudgetError: `fold` leaves more boxes than the budget.
        UnknownPathError: `fold` names a scope that is not there, or there is nothing to highlight at a path.
        StructureError: nothing can be highlighted by such a thing, or `profile` is none.
        GraphMismatchError: the measure to highlight, or the profile, is of another graph.

    >>> from graphengine import Graph
    >>> g = Graph("line")
    >>> x = g.placeholder("x", ("batch", 3))
    >>> sorted(line.content for box in graph((2 * x + 1).graph).to_scene().boxes for line in box.lines if line.bold)
    ['+', '1', '2', 'x', '⊙']
    """
    subject = Subject(what)
    found = _grouped(subject, fold, budget)
    heating = None if profile is None else Heating(profile, subject.graph, *_claims(found))
    sketch = _drawn(subject, found, *_lit(subject, found, highlight), heating)
    if isinstance(highlight, Measure):
        sketch.name(highlight.title, any(box.emphasis == "highlight" for box in sketch.boxes.values()))
    count = len(subject.nodes)
    about = f"{count:,} nodes" + ("" if count == len(found.groups) else f" in {len(found.groups):,} boxes")
    if heating is not None:
        heating.legend(sketch)
        about = f"{about} · {heating.subtitle()}"
    return View(sketch.scene(subject.graph.name if title is None else title, about), theme, subject)


def inside(subject: Subject, nodes: Iterable[Node], title: str, theme: str | Theme = "light") -> View:
    """Draw some nodes of a graph op by op, with what they read."""
    chosen = list(nodes)
    sources = {tensor.node for node in chosen for tensor in node.inputs}
    found = grouped(sorted({*chosen, *sources}, key=lambda node: node.index), by_depth(0), _name)
    return View(_drawn(subject, found).scene(title, f"{len(chosen):,} nodes"), theme, subject)


def _grouped(subject: Subject, fold: int | Iterable[str] | None, budget: int) -> Grouped:
    nodes = subject.nodes
    if fold is None:
        return _fitted(subject, budget)
    if isinstance(fold, int):
        found = grouped(nodes, by_depth(fold), _name)
    else:
        paths = list(fold)
        known = {scope.path for scope in subject.graph.scopes}
        for path in paths:
            if path.rstrip("/") not in known:
                raise errors.UnknownPathError(
                    f"{subject.graph.name}: no scope at {path!r} to fold{errors.at(errors.user_location())}"
                )
        found = grouped(nodes, by_paths(paths), _name)
    if len(found.groups) > budget:
        raise errors.BudgetError(
            f"{subject.graph.name}: {len(found.groups):,} boxes, beyond the budget of {budget:,}; fold more (fold=1, "
            f"or fold=[paths of scopes]), let it be folded by itself (fold=None), draw what loops do (viz.unrolled, "
            f"viz.folded), or raise budget={errors.at(errors.user_location())}"
        )
    return found


def _fitted(subject: Subject, budget: int) -> Grouped:
    """Fold as little as fits."""
    nodes = subject.nodes
    limit = min(_WHOLE, budget)
    if len(nodes) <= limit:
        return grouped(nodes, by_depth(0), _name)
    keys: list[KeyOf] = [by_depth(depth) for depth in (3, 2, 1)] if len(nodes) <= 50 * budget else []
    for key_of in (*keys, by_kind(scopes=True)):
        if len({key_of(node) for node in nodes}) <= limit:
            return grouped(nodes, key_of, _name)
    return grouped(nodes, by_kind(scopes=False), _name)


def _name(node: Node, key: Key) -> tuple[str, str]:
    """Path and kind of a group, from its first node."""
    if isinstance(key, str):
        kind = next((scope.kind for scope in _around(node.scope, key) if scope.kind), key.rpartition("/")[2])
        return key, kind
    return (key[0] if isinstance(key, tuple) else ""), node.op.kind


def _around(scope: Scope, path: str) -> list[Scope]:
    return [each for each in scope.ancestry() if each.path == path]


def _lit(
    subject: Subject, found: Grouped, highlight: Highlight
) -> tuple[Collection[Key], Collection[tuple[Key, Key]]]:
    """The groups to highlight, and the edges between them."""
    if isinstance(highlight, Measure):
        return lit_grouped(subject, found, highlight)
    makers = {tensor.node for tensor, _ in bright(subject, highlight)}
    return {key for key, group in found.groups.items() if not makers.isdisjoint(group.nodes)} if makers else (), ()


def _claims(found: Grouped) -> tuple[dict[str, object], dict[str, object]]:
    """Which group shows which nodes and scopes."""
    claims: dict[str, object] = {node.path: key for key, group in found.groups.items() for node in group.nodes}
    return claims, {f"{key}/": key for key in found.groups if isinstance(key, str)}


def _drawn(
    subject: Subject, found: Grouped, lit: Collection[Key] = (), along: Collection[tuple[Key, Key]] = (),
    heating: Heating | None = None,
) -> Sketch:  # fmt: skip
    """Place groups in ranks that flow upwards, and draw them; `lit` and the edges `along` it are highlighted."""
    sketch = Sketch()
    keys = list(found.groups)
    index = {key: k for k, key in enumerate(keys)}
    words = [_lines(subject, found.groups[key], key) for key in keys]
    if heating is not None:
        words = [heating.lines(key, lines, passes=isinstance(key, str)) for key, lines in zip(keys, words, strict=True)]
    sizes = [(max(width, 30.0), max(height, 24.0)) for width, height in (content.size_of(lines, 8) for lines in words)]
    edges = [(index[a], index[b]) for a, b in found.edges]
    flows = list(found.edges.values())
    labels = {}
    if len(edges) <= _LABELLED:
        labels = {k: (2 * text.width(_label(subject, flow[0]), 8) + 14, 12.0) for k, flow in enumerate(flows)}
    back = {k for k, (_, delayed) in enumerate(flows) if delayed}
    placed = arrange(sizes, edges, gap=16, between=34, lane=10, labels=labels, back=back)
    total = placed.size[1]

    def paper(place: Point) -> Point:
        return place[0], total - place[1]

    boxes = []
    for k, key in enumerate(keys):
        group = found.groups[key]
        x, y = paper(placed.centres[k])
        tip = content.statistics(group.first.output, _value(subject, group), None) if group.count == 1 else group.path
        path = group.first.path if group.count == 1 else group.path
        look = _kind(subject, group, key)
        lines = content.unmuted(words[k]) if look == "loss" else words[k]
        if look == "delay" and group.count == 1:
            later = _later(group.first)
            sketch.keys["delay", f"{delays.mark(1, later)}, {delays.spelt(1, later)}"] = None
        if heating is not None:
            look, tip = heating.kind(key, look), heating.tooltip(key, tip)
        box = Box("", x, y, *sizes[k], "round", look, lines, tip, path, _emphasis(key in lit), group)
        boxes.append(sketch.box(box))
    for k, (source, target) in enumerate(edges):
        tensors, delayed = flows[k]
        kind: EdgeKind = "delay" if delayed else "weights" if _are_weights(tensors) else "forward"
        tip = "\n".join(f"{tensor.path} {tensor.spec}" for tensor in tensors)
        curve = bent([paper(corner) for corner in placed.routes[k]], upright_bends=True)
        emphasis = _emphasis((keys[source], keys[target]) in along)
        sketch.edge(boxes[source], boxes[target], curve, kind, tooltip=tip, emphasis=emphasis)
        if k in labels:
            x, y = paper(placed.labels[k])
            sketch.texts.append(Text(x + 7, y, _label(subject, tensors), "start", 8, "muted"))
    return sketch


def _emphasis(stands_out: bool) -> Emphasis:
    return "highlight" if stands_out else "normal"


def _are_weights(tensors: list[Tensor]) -> bool:
    return all(isinstance(tensor.node.op, ParameterValue) for tensor in tensors)


def _label(subject: Subject, tensors: list[Tensor]) -> str:
    return (
        text.shape(subject.shape(tensors[0]))
        if len(tensors) == 1
        else f"{len(tensors)}{'+' * (len(tensors) > 3)} values"
    )


def _value(subject: Subject, group: Group) -> Array | None:
    node = group.first
    return subject.value(node.output) if node.loop is None else None


def _lines(subject: Subject, group: Group, key: Key) -> tuple[Line, ...]:
    node = group.first
    if isinstance(key, str):
        return (
            Line(content.named(group.kind), 11, bold=True),
            Line(content.short(group.path, 40), 8.5, "muted"),
            Line(f"{group.count:,} nodes", 8.5, "muted"),
        )
    if group.count > 1:
        lines = [Line(f"{content.named(group.kind)} ×{group.count:,}", 11, bold=True)]
        lines += [Line(group.path, 8.5, "muted")] if group.path else []
        return (*lines, *([Line(f"{group.inner:,} edges among them", 8.5, "muted")] if group.inner else []))
    name = content.short(node.output.name)
    if isinstance(node.op, Placeholder | ParameterValue):
        return (Line(name, 10, bold=True), Line(text.shape(subject.shape(node.output)), 8, "muted"))
    if isinstance(node.op, Constant) and not node.output.shape:
        return (Line(text.number(node.op.array[()]), 10, bold=True),)
    sign = delays.mark(1, _later(node)) if isinstance(node.op, Delay) else content.glyph(node)
    value = content.brief(_value(subject, group), len(node.output.shape))
    lines = [Line(sign, 10, bold=True)]
    lines += [] if name.startswith(node.op.kind) else [Line(name, 8, "muted")]
    return (*lines, *([Line(value, 8)] if value else []))


def _later(node: Node) -> bool:
    """Whether the step before is the next position in time."""
    return node.loop is not None and node.loop.reverse


def _kind(subject: Subject, group: Group, key: Key) -> BoxKind:
    op = group.first.op
    if isinstance(key, str):
        return "scope"
    kinds: dict[type, BoxKind] = {Placeholder: "input", ParameterValue: "weights", Delay: "delay"}
    if group.first.output in subject.targets and not group.first.output.shape:
        return "loss"
    return kinds.get(type(op), "source" if not group.first.inputs else "op")
