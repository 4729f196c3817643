"""The folded view: the graph as it was written, one cell per layer and direction, delays as loops marked z⁻¹."""

from __future__ import annotations

from dataclasses import dataclass

from graphengine.depth import Measure
from graphengine.profile import Profile
from viz import text
from viz.curves import rounded
from viz.layout.layered import arrange, bent
from viz.model.bright import Highlight, bright
from viz.model.fold import Folded, Return, fold
from viz.model.lattice import Item, Link
from viz.model.subject import Subject, Subjectlike
from viz.model.witness import lit_folded
from viz.scene import Box, BoxKind, EdgeKind, Line, Point, Text
from viz.theme import Theme
from viz.view import View
from viz.views import content, delays
from viz.views.heat import Heating
from viz.views.sketch import Sketch

_LANE = 52.0  # from loop to loop beside a cell
_OUT = 50.0  # from a cell to the delays beside it
_DELAY = (34.0, 20.0)


def folded(
    what: Subjectlike, *, highlight: Highlight = None, profile: Profile | None = None, theme: str | Theme = "light",
    title: str | None = None,
) -> View:  # fmt: skip
    """Draw a graph as it was written.

    Every cell stands once, however long the sequences; what it hands to the next step is a loop through z⁻¹, one step
    ago (z⁺¹ in the backward direction, whose step before is the next position). Lines carry shapes, cells the number
    of their weights.

    Args:
        what: a graph, a plan (what it needs of its graph), or a trace (with sizes in numbers).
        highlight: as for `unrolled`; positions in time make no difference here. A measure of `graphengine.depth` shows
            the cycle or path that attains it.
        profile: of a plan of this graph (`plan.profile(feeds)`): colours every box by its share of the time of a run.
            A box counts all calls made for it and in its scope; what belongs to no box stands in the legend, so that
            all together are the whole run.
        theme, title: as for `unrolled`.

    Raises:
        UnknownPathError: there is nothing to highlight at a path.
        StructureError: nothing can be highlighted by such a thing, or `profile` is none.
        GraphMismatchError: the measure to highlight, or the profile, is of another graph.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell, dynamic_rnn
    >>> outputs, state = dynamic_rnn(LSTMCell(5), Graph().placeholder("x", ("batch", "time", 10)), over="time")
    >>> picture = folded(outputs.graph).to_svg()
    >>> "z⁻¹" in picture, "320 weights" in picture
    (True, True)
    >>> from graphengine import depth
    >>> marked = folded(outputs.graph, highlight=depth.recurrent(outputs.graph))
    >>> [box.path for box in marked.to_scene().boxes if box.emphasis == "highlight"]
    ['rnn', 'rnn/h']

    A profile is measured by `plan.profile(feeds)`; this one is made up, so that it says the same every day.

    >>> from graphengine.profile import Cost, Profile
    >>> step, rest = Cost(forward=0.002, backward=0.004, calls=20), Cost(forward=0.001, calls=1)
    >>> nodes = {"rnn/c": step, "x": rest}
    >>> made_up = Profile(nodes=nodes, scopes={"": step + rest, "rnn": step}, passes={}, kinds={}, outside=0.003)
    >>> hot = folded(outputs.graph, profile=made_up).to_scene()
    >>> [line.content for box in hot.boxes if box.path == "rnn" for line in box.lines][:3]
    ['LSTM', '60 % · 6.0 ms', 'forward 2.0 · backward 4.0 ms']
    >>> [text.content for text in hot.texts if "outside" in text.content]
    ['30 % · 3.0 ms outside the calls: checking feeds, copying results']
    """
    subject = Subject(what)
    found = fold(subject)
    heating = None if profile is None else Heating(profile, subject.graph, *_claims(found))
    drawing = _Drawing(subject, found, heating)
    drawing.draw()
    if isinstance(highlight, Measure):
        along = lit_folded(found, highlight)
        drawing.sketch.light(along)
        drawing.sketch.name(highlight.title, bool(along))
    else:
        drawing.sketch.light(found.showing({tensor for tensor, _ in bright(subject, highlight)}))
    shown = subject.graph.name if title is None else title
    weights = sum(parameter.size for parameter in subject.graph.parameters)
    about = [f"{weights:,} weights"] if weights else []
    if heating is not None:
        heating.legend(drawing.sketch)
        about.append(heating.subtitle())
    return View(drawing.sketch.scene(shown, " · ".join(about)), theme, subject)


def _claims(found: Folded) -> tuple[dict[str, object], dict[str, object]]:
    """Which item shows which nodes and scopes; a sequence only what no cell or layer does."""
    claims: dict[str, object] = {}
    rest: dict[str, object] = {}
    for item in found.lattice.items:
        if item.block is not None:
            claims.update((node.path, item) for node in item.block.nodes)
            if not item.block.single and item.block.path:
                claims.setdefault(f"{item.block.path}/", item)
        elif item.tensor is not None:
            stacks = found.lattice.sequences.stacks.get(item.tensor, [])
            rest.update((node.path, item) for node in (item.tensor.node, *stacks))
    return claims, rest


@dataclass(frozen=True)
class _Body:
    """A box and the room for the loops beside it."""

    lines: tuple[Line, ...]
    width: float
    height: float
    room: float
    left: bool


class _Drawing:
    def __init__(self, subject: Subject, found: Folded, heating: Heating | None) -> None:
        self.subject = subject
        self.lattice = found.lattice
        self.heating = heating
        self.sketch = Sketch()
        self.loops: dict[Item, list[Return]] = {}
        self.far: list[Return] = []
        for each in found.returns:
            if each.source == each.target:
                self.loops.setdefault(each.source, []).append(each)
            else:
                self.far.append(each)
        self.deep = len({block.layer for block in self.lattice.parts}) > 1
        self.both = len({block.direction for block in self.lattice.parts}) > 1
        self.boxes: dict[Item | Return, Box] = {}

    def draw(self) -> None:
        """Place everything in ranks that flow upwards, and draw it."""
        items = list(self.lattice.items)
        things: list[Item | Return] = [*items, *self.far]
        bodies = [self._body(item) for item in items]
        sizes = [(body.width + body.room, body.height) for body in bodies] + [_DELAY] * len(self.far)
        skew = {
            k: (body.room / 2 if body.left else -body.room / 2, body.width)
            for k, body in enumerate(bodies)
            if body.room
        }
        index = {thing: k for k, thing in enumerate(things)}
        links = self._links()
        edges = [(index[link.source], index[link.target]) for link in links]
        for each in self.far:
            edges += [(index[each.source], index[each]), (index[each], index[each.target])]
        labels = {k: (2 * text.width(self._label(link), 8.5) + 16, 14.0) for k, link in enumerate(links)}
        back = range(len(links) + 1, len(edges), 2)
        found = arrange(sizes, edges, gap=26, between=40, lane=14, labels=labels, cores=skew, back=back)
        total = found.size[1]

        def paper(place: Point) -> Point:
            return place[0], total - place[1]

        for k, (item, body) in enumerate(zip(items, bodies, strict=True)):
            x, y = paper(found.centres[k])
            self.boxes[item] = self._box(item, body, x + skew.get(k, (0.0, 0.0))[0], y)
            self._draw_loops(item)
        for k, each in enumerate(self.far, len(items)):
            x, y = paper(found.centres[k])
            self.boxes[each] = self._delay(each, x, y)
        for k, (source, target) in enumerate(edges):
            corners = [paper(corner) for corner in found.routes[k]]
            kind: EdgeKind = self._kind(links[k]) if k < len(links) else "delay"
            curve = bent(corners, upright_bends=True)
            about = links[k] if k < len(links) else self.far[(k - len(links)) // 2]
            self.sketch.edge(self.boxes[things[source]], self.boxes[things[target]], curve, kind, about=about)
            if k in labels:
                x, y = paper(found.labels[k])
                self.sketch.texts.append(Text(x + 8, y, self._label(links[k]), "start", 8.5, "muted"))

    def _links(self) -> list[Link]:
        """The lines of the graph, each once."""
        found: dict[tuple[Item, Item, object], Link] = {}
        for link in self.lattice.links:
            found.setdefault((link.source, link.target, link.tensor), link)
        return list(found.values())

    def _label(self, link: Link) -> str:
        return text.shape(self.subject.shape(link.tensor))

    def _kind(self, link: Link) -> EdgeKind:
        if link.source.role == "part" and link.target.role != "block":
            return "h" if self.lattice.names.get(link.tensor) == "h" else "forward"
        return "forward"

    def _body(self, item: Item) -> _Body:
        lines = self._lines(item)
        if self.heating is not None:
            lines = self.heating.lines(item, lines)
        width, height = content.size_of(lines, 10)
        loops = self.loops.get(item, [])
        height = max(height, 28.0, _LANE * len(loops))
        if not loops:
            return _Body(lines, max(width, 60.0), height, 0.0, False)
        shapes = max(text.width(self._loop_text(each), 9) for each in loops)
        left = self.both and item.block is not None and not item.block.direction
        return _Body(lines, max(width, 100.0), height, _OUT + _DELAY[0] / 2 + shapes + 14, left)

    def _lines(self, item: Item) -> tuple[Line, ...]:
        subject, block = self.subject, item.block
        if block is None:
            assert item.tensor is not None
            return (Line(content.short(item.tensor.name), 11, bold=True),)
        if item.role == "block":
            title, under = content.block_title(block)
            rest = [*under, *content.weights(block, subject)]
        else:
            title = content.named(block.kind)
            layer = f"layer {block.layer}" if self.deep and block.layer is not None else ""
            way = ("forward →", "← backward")[block.direction] if self.both else ""
            rest = [*filter(None, (" ".join(filter(None, (layer, way))),)), *content.weights(block, subject)]
        size = sum(parameter.size for parameter in block.parameters(subject))
        counted = [f"{size:,} weights"] if size and f"{size:,} weights" not in rest else []
        return (Line(title, 12, bold=True), *(Line(each, 8.5, "muted") for each in (*rest, *counted)))

    def _box(self, item: Item, body: _Body, x: float, y: float) -> Box:
        kind: BoxKind = "cell"
        block = item.block
        if block is None:
            assert item.tensor is not None
            kind = "output" if self.lattice.sequences.stacks.get(item.tensor) else "input"
            path, tip = item.tensor.path, content.statistics(item.tensor, None, None)
        else:
            path, tip = block.path, content.weight_tooltip(block, self.subject)
            if block.single:
                kind = "input" if block.nodes[0].op.kind == "placeholder" else "op"
            if item.tensor is not None and not item.tensor.shape and item.role == "block":
                kind = "loss"
        lines = content.unmuted(body.lines) if kind == "loss" else body.lines
        if self.heating is not None:
            kind, tip = self.heating.kind(item, kind), self.heating.tooltip(item, tip)
        return self.sketch.box(Box("", x, y, body.width, body.height, "round", kind, lines, tip, path, about=item))

    def _draw_loops(self, item: Item) -> None:
        """The states of a cell, out at its side and back into it."""
        cell = self.boxes[item]
        order = self.lattice.lanes(item.block) if item.block in self.lattice.parts else []
        loops = sorted(self.loops.get(item, []), key=lambda each: order.index(each.name))
        left = self.both and item.block is not None and not item.block.direction
        way = -1 if left else 1
        side = cell.left if left else cell.right
        for k, each in enumerate(loops):
            y = cell.y + _LANE * (k - (len(loops) - 1) / 2)
            x = side + way * _OUT
            delay = self._delay(each, x, y)
            out = rounded([(side, y - 17), (x, y - 17), (x, delay.top)], 7)
            back = rounded([(x, delay.bottom), (x, y + 17), (side, y + 17)], 7)
            kind = self._state_kind(each)
            self.sketch.edge(cell, delay, out, kind, about=each)
            self.sketch.edge(delay, cell, back, kind, about=each)
            beside = x + way * (_DELAY[0] / 2 + 6)
            role = kind if kind in ("c", "h", "state") else "text"
            self.sketch.texts.append(Text(beside, y, self._loop_text(each), "end" if left else "start", 9, role))

    def _state_kind(self, each: Return) -> EdgeKind:
        return "c" if each.name == "c" else "h" if each.name == "h" else "state"

    def _loop_text(self, each: Return) -> str:
        return f"{content.short(each.name)}  {text.shape(self.subject.shape(each.tensor))}"

    def _delay(self, each: Return, x: float, y: float) -> Box:
        backwards = each.target.block is not None and bool(each.target.block.direction)
        mark = delays.mark(each.lag, backwards)
        self.sketch.keys["delay", f"{mark}, {delays.spelt(each.lag, backwards)}"] = None
        steps = f"{each.lag} step{'s' if each.lag > 1 else ''}"
        tip = f"{each.tensor.path}, {steps} {'later' if backwards else 'earlier'}"
        return self.sketch.box(
            Box("", x, y, *_DELAY, "round", "delay", (Line(mark, 10, bold=True),), tip, each.tensor.path, about=each)
        )
