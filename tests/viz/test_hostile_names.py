"""Ten thousand drawn names, each a small attack: pictures stay well-formed and harmless, and show the names as text.

First in every place of a scene, then as what users can name: graphs, inputs, axes, scopes, layers, values. Every
view of all these graphs: `pytest tests/viz/test_hostile_names.py -m slow`.
"""

import json
import re
import sys
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, errors, ops
from layers import Dense, LSTMCell, dynamic_rnn
from tests.viz.names import EVIL, hostile, wearing
from tests.viz.pages import Reader
from tests.viz.test_dot import statements
from viz import View, render
from viz.dot import to_dot
from viz.frame import PageFrame
from viz.scene import Box, Line, Scene, Text
from viz.text import TOOLTIP, clean
from viz.theme import LIGHT

SEED, COUNT, TOGETHER = 20_251, 10_000, 100
TAGS = {"svg", "title", "desc", "g", "rect", "path", "ellipse", "text"}
ATTRIBUTES = {
    "width", "height", "viewBox", "role", "aria-labelledby", "font-family", "id", "x", "y", "rx", "ry", "cx", "cy", "d",
    "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-size",
    "font-weight", "font-style", "text-anchor", "pointer-events",
}  # fmt: skip
BAD = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
TIPS, SPACE = {"{http://www.w3.org/1999/xlink}title"}, "{http://www.w3.org/XML/1998/namespace}space"


@pytest.fixture(scope="module")
def names():
    return hostile(COUNT, SEED)


@pytest.fixture(scope="module")
def worn(names):
    """The names, some at a time, and views of scenes that wear them."""
    return [(batch, View(wearing(batch))) for batch in batches(names)]


def batches(names, size=TOGETHER):
    return [names[k : k + size] for k in range(0, len(names), size)]


def local(tag):
    space, _, name = tag.rpartition("}")
    assert space == "{http://www.w3.org/2000/svg"
    return name


def shape_of(svg):
    """How many elements of each kind an SVG has, once it is known to be harmless; tooltips and groups aside."""
    assert not BAD.search(svg)
    assert "<!" not in svg
    assert "<?" not in svg
    root = ElementTree.fromstring(svg.encode())
    for each in root.iter():
        assert local(each.tag) in TAGS
        assert set(each.attrib) <= ATTRIBUTES
        for key, value in each.attrib.items():
            assert not re.search(r"url|script|http|data:|&|<", value, re.IGNORECASE), (key, value)
            assert key in ("d", "viewBox", "font-family", "aria-labelledby") or len(value) < 40
    kinds = Counter(local(each.tag) for each in root.iter())
    del kinds["title"], kinds["desc"], kinds["g"]
    return root, kinds


def texts(root):
    found = (each for each in root.iter() if local(each.tag) == "text")
    return Counter((each.text or "") + "".join(child.tail or "" for child in each) for each in found)


class TestDrawnNames:
    """The names in every place of a scene where a text can stand."""

    def test_they_are_many_different_and_bad(self, names):
        assert names == hostile(COUNT, SEED)
        assert len(set(names)) == COUNT
        assert sum(len(name) >= 20_000 for name in names) >= 20
        parts = (
            "</script>", "]]>", "-->", "javascript:", "&#", "${", '"', "'", "\\", "\n", "\0", "\ud800", "\u202e",
            "\u2066", "\u0301", "\U0001f600", "onload=", "<!--", "\ufffe", "\x1b[", "\u2028",
        )  # fmt: skip
        for part in parts:
            assert sum(part in name for name in names) >= 50, repr(part)

    def test_svg(self, worn):
        _, plain = shape_of(View(wearing(["name"])).to_svg())
        for batch, view in worn:
            root, kinds = shape_of(view.to_svg())
            empty = sum(not name for name in batch)  # a frame without a title has no text
            plain_, kinds["rect"], lines = dict(plain), kinds["rect"] - 1, kinds.pop("text")
            assert lines == plain_.pop("text") * len(batch) - empty
            plain_["rect"] -= 1  # the background
            assert {**kinds, "svg": 1} == {**{kind: n * len(batch) for kind, n in plain_.items()}, "svg": 1}
            written = texts(root)
            for name in batch:
                assert written[clean(name)] >= 4

    def test_html(self, worn):
        model = Reader(View(wearing(["plain"])).to_html())
        for batch, view in worn:
            written = view.to_html()
            page = Reader(written)
            assert page.elements == model.elements  # no tag, no attribute, no value but ours
            assert (page.script, page.style, page.policy) == (model.script, model.style, model.policy)
            assert not BAD.search(written)
            assert not re.search(r"\\u(00[01]|d[89a-f])", page.contents["script"][0])
            assert not set(page.contents["script"][0]) & set("<>&\u2028\u2029")
            main = page.data["pictures"]["main"]
            assert (len(main["boxes"]), len(main["edges"])) == (2 * len(batch), len(batch))
            assert [box["lines"][0]["content"] for box in main["boxes"][::2]] == [clean(name) for name in batch]
            assert main["title"] == clean(batch[0])

    def test_a_frame_for_a_notebook(self, names):
        for name in names[::20]:
            frame = PageFrame("<p>page</p>", name)._repr_html_()
            ((tag, attributes),) = Reader(frame).elements
            assert (tag, set(attributes)) == ("iframe", {"sandbox", "title", "style", "srcdoc"})
            assert attributes["title"] == clean(name)

    def test_json(self, worn):
        for batch, view in worn:
            written = view.to_json()
            assert not BAD.search(written)
            document = json.loads(written.encode())
            assert (len(document["boxes"]), len(document["edges"])) == (2 * len(batch), len(batch))
            for box, name in zip(document["boxes"][::2], batch, strict=True):
                said = [line.get("content", "") for line in box["lines"]]
                assert said == [clean(name, TOOLTIP, lines=True)] * 2

    def test_dot_says_them_in_strings_and_nowhere_else(self, worn):
        plain = list(statements(to_dot(wearing(["n"] * TOGETHER), LIGHT)))
        for batch, view in worn:
            written = view.to_dot()
            assert not BAD.search(written)
            made = list(statements(written))
            assert len(made) == len(plain) - 6 * sum(not clean(name) for name in batch)
            assert {name for name, _, _ in made} <= {name for name, _, _ in plain}
            assert Counter(end for _, end, _ in made if end) == Counter(end for _, end, _ in plain if end)

    @pytest.mark.renderer
    def test_graphviz_reads_them_as_they_are(self, names):
        """Every name as a label and as a tooltip; a few hundred of them on all other things too."""
        for batch in batches(names, 2000):
            root = engine(signs(batch))
            drawn = [each for each in root.iter() if each.get("class") == "node"]
            assert all(re.fullmatch(r"(n|t|corner)\d+", title(each)) for each in drawn)
            assert sum(title(each).startswith("n") for each in drawn) == len(batch)
            said = words(root)
            for name in batch:
                assert not squeezed(clean(name)) or said[squeezed(clean(name))] >= 1
        batch = [*names[:200], *EVIL]
        root = engine(wearing(batch))
        kinds = Counter(each.get("class") for each in root.iter())
        assert kinds["edge"] == kinds["cluster"] == len(batch)
        for each in root.iter():
            if each.get("class") == "edge":
                assert re.fullmatch(r"n\d+->n\d+", title(each))

    def test_saving_writes_one_file_where_it_was_asked_for(self, names, tmp_path):
        before = sorted(tmp_path.parent.iterdir())
        folder = tmp_path / "pictures"
        folder.mkdir()
        for k, batch in enumerate(batches(names, 1000)):
            view = View(signs(batch))
            for suffix in ("svg", "html", "dot", "json"):
                path = view.save(folder / f"{k}.{suffix}")
                assert sorted(folder.iterdir()) == [path]
                path.unlink()
        assert list(tmp_path.iterdir()) == [folder]
        assert sorted(tmp_path.parent.iterdir()) == before


VIEWS = {
    "graph": viz.graph,
    "unrolled": lambda trace: viz.unrolled(trace, gradient=True),
    "folded": viz.folded,
    "scopes": lambda trace: viz.graph(trace, fold=1),
}


class Network:
    """A graph of which everything that can be named bears one of some names."""

    def __init__(self, names):
        given = iter(names)
        self.graph = g = Graph(next(given), dtype="float64", seed=1)
        batch, time, features = (next(given) for _ in range(3))
        x = g.placeholder(next(given), (batch, time, 2))
        scale = g.placeholder(next(given), (features,))
        outputs, _ = dynamic_rnn(LSTMCell(2, name=next(given)), x, over=time, name=next(given))
        y = Dense(2, name=next(given))(outputs)
        with g.scope(next(given)):
            weight = ops.sum(scale, name=next(given))
        y = ops.multiply(y, weight, name=next(given))
        for name in given:
            with g.scope(name):
                y = ops.tanh(y, name=next(given, "last"))
        plan = Plan(ops.mean(y * y))
        self.trace = plan.trace({x: np.ones((1, 3, 2)), scale: np.ones(2)})
        self._drawn = {}

    def drawn(self, name):
        """The scene of a view, and how many elements of each kind its SVG has but for texts."""
        if name not in self._drawn:
            view = VIEWS[name](self.trace)
            _, kinds = shape_of(view.to_svg())
            del kinds["text"]
            self._drawn[name] = view.to_scene(), kinds
        return self._drawn[name]


@pytest.fixture(scope="module")
def networks(names):
    legal = [name.replace("/", "∕") for name in names]
    return [Network(batch) for batch in batches(legal)]


@pytest.fixture(scope="module")
def plain():
    return Network([f"name{k}" for k in range(TOGETHER)])


class TestNamesOfGraphs:
    def test_every_picture_is_the_one_of_a_graph_with_plain_names(self, networks, plain):
        """All graphs as they were written; a few of them in the other views too, and as pages."""
        for k, network in enumerate(networks):
            for view in VIEWS if k % 25 == 0 else ["graph"]:
                compare(network, plain, view, page=k % 5 == 0)

    @pytest.mark.slow
    def test_every_view_of_all_of_them(self, networks, plain):
        for network in networks:
            for view in VIEWS:
                compare(network, plain, view, page=True)

    @pytest.mark.renderer
    def test_graphviz_reads_them(self, networks, plain):
        for network in networks[::25]:
            said, wanted = (Counter(each.get("class") for each in engine(viz.graph(net.trace).to_scene()).iter())
                            for net in (network, plain))  # fmt: skip
            assert said["edge"] == wanted["edge"] > 30

    def test_explanations_and_cards_stand_in_the_page(self, networks):
        for network in networks[::25]:
            page = Reader(viz.graph(network.trace).to_html())
            told = [card for card in page.cards if "explained" in card]
            assert len(told) > 40
            tensors = [tensor for node in network.trace.plan.nodes for tensor in node.outputs]
            paths = {clean(tensor.path, TOOLTIP, lines=True) for tensor in tensors}
            assert {card["where"] for card in told} <= paths

    def test_names_are_found_again(self, networks, plain):
        for network in networks:
            paths, wanted = ([node.output.path for node in net.graph.nodes] for net in (network, plain))
            assert len(set(paths)) == len(wanted)
            assert all(network.graph[path].path == path for path in paths)
            assert [path.count("/") for path in paths] == [path.count("/") for path in wanted]
            for parameter in network.trace.plan.parameters:
                assert network.trace.grad(parameter).shape == parameter.shape


NAMED = {
    "placeholder": lambda g, x, name: g.placeholder(name, (2,)),
    "constant": lambda g, x, name: g.constant(1.0, name=name),
    "op": lambda g, x, name: ops.tanh(x, name=name),
    "parts": lambda g, x, name: ops.split(x, 3, names=("a", name, "b")),
    "scope": lambda g, x, name: g.scope(name).__enter__(),
    "step": lambda g, x, name: g.scope(name, "time", 3).__enter__(),
    "layer": lambda g, x, name: Dense(2, name=name)(x),
    "cell": lambda g, x, name: dynamic_rnn(LSTMCell(2, name=name), x, over="time"),
    "driver": lambda g, x, name: dynamic_rnn(LSTMCell(2), x, over="time", name=name),
}


@pytest.mark.parametrize("what", NAMED)
def test_names_that_a_graph_refuses_are_errors_of_the_family(what, names):
    slashed = [name for name in names if "/" in name][:100]
    for name in (*slashed, "/", "a/b", 5, b"x", ["x"], 1.5):
        g = Graph("g")
        x = g.placeholder("x", ("batch", "time", 3))
        with pytest.raises(errors.GraphError, match="a name is"):
            NAMED[what](g, x, name)
        assert ops.tanh(x, name="after").path == "after"


@pytest.mark.parametrize("name", [5, None, b"x", ["x"]])
def test_a_graph_and_a_path_are_named_by_texts(name):
    with pytest.raises(errors.StructureError, match="a name is a text"):
        Graph(name)
    with pytest.raises(errors.GraphError, match="a name is a text"):
        Graph()[name]


def compare(network, plain, name, *, page):
    """A picture of a network has what that of the plain one has: as SVG and JSON, with `page` as a page and DOT too."""
    view, (wanted, model) = VIEWS[name](network.trace), plain.drawn(name)
    scene = view.to_scene()
    assert [box.id for box in scene.boxes] == [box.id for box in wanted.boxes]
    assert [(each.source, each.target) for each in scene.edges] == [(each.source, each.target) for each in wanted.edges]
    _, kinds = shape_of(view.to_svg())
    del kinds["text"]  # what is long stands beside its sign or not at all
    assert kinds == model
    document = json.loads(view.to_json().encode())
    assert (len(document["boxes"]), len(document["edges"])) == (len(scene.boxes), len(scene.edges))
    if page:
        assert sum(end is not None for _, end, _ in statements(view.to_dot())) == len(scene.edges)
        read = Reader(view.to_html())
        assert read.elements == Reader(View(Scene(10, 10, "none")).to_html()).elements
        main = read.data["pictures"]["main"]
        assert (len(main["boxes"]), len(main["edges"])) == (len(scene.boxes), len(scene.edges))


def signs(names):
    """A box a name, which is its only line and its tooltip."""
    places = [(60 + k % 40 * 120, 30 + k // 40 * 40) for k in range(len(names))]
    boxes = [Box(f"b{k}", *places[k], 100, 24, lines=(Line(name),), tooltip=name) for k, name in enumerate(names)]
    return Scene(4900, 40 + len(names), "signs", boxes=boxes, texts=[Text(10, 10, names[0], "start")])


def engine(scene):
    """What the Graphviz in the wheel makes of a scene: SVG, which can be read back and must be harmless too."""
    pytest.importorskip("pygraphviz")
    command = [sys.executable, "-P", str(render._WORKER), "pygraphviz", "svg"]
    root = ElementTree.fromstring(render._run(command, to_dot(scene, LIGHT), 120))
    for each in root.iter():
        kind = each.tag.rpartition("}")[2]
        assert kind in {*TAGS, "a", "polygon", "polyline"}
        assert not [key for key in each.attrib if key.startswith("on") or key.endswith("href")]
        assert {key for key in each.attrib if "}" in key} <= (TIPS if kind == "a" else {SPACE})
    return root


def title(group):
    return next(each.text for each in group if each.tag.endswith("}title"))


def words(root):
    return Counter(squeezed(each.text or "") for each in root.iter() if each.tag.endswith("}text"))


def squeezed(content):
    """White space as SVG shows it."""
    return " ".join(content.replace("\xa0", " ").split())
