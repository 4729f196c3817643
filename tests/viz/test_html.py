"""An interactive page is one file that asks nobody for anything, says what the trace says, and lets no name do harm."""

import base64
import hashlib
import html
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import viz
from graphengine import Graph, Plan, ops
from layers import BiRNN, LSTMCell, MultiRNNCell
from tests.viz import pages
from tests.viz.demonstration import demonstration
from tests.viz.models import MODELS, recurrent
from tests.viz.names import EVIL, wearing
from tests.viz.pages import Reader, unpack
from viz import View, unfold
from viz.html import SCRIPTS, escaped
from viz.packing import packed
from viz.text import clean, number
from viz.theme import DARK, LIGHT

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "viz" / "interactive"
VIEWS = {**pages.VIEWS, "scopes": lambda trace: viz.graph(trace, fold=1)}


FORBIDDEN = (
    "http", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "Function(", "fetch", "XMLHttp",
    "WebSocket", "EventSource", "Beacon", "import(", "localStorage", "cookie", ".src", ".href", "location", "open(",
    "createContextualFragment", "DOMParser", "setTimeout(",
)  # fmt: skip


@pytest.fixture(scope="module")
def trace():
    return MODELS["lstm"]()


@pytest.fixture(scope="module")
def page(trace):
    return Reader(viz.unrolled(trace, gradient=True).to_html())


def digest(content):
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def test_the_policy_allows_the_page_its_own_style_and_script_and_nothing_else(page):
    assert page.policy.split("; ") == [
        "default-src 'none'", f"style-src '{digest(page.style)}'", f"script-src '{digest(page.script)}'",
        "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip


def test_the_page_names_no_address_and_no_handler(page):
    for _, attributes in page.elements:
        assert not {"src", "href", "xlink:href", "action", "srcset", "data", "background", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert not any(word in page.style for word in ("url(", "@import", "@font-face", "image-set"))
    script = page.script.replace('"http://www.w3.org/2000/svg"', "")
    assert not [word for word in FORBIDDEN if word in script]


def test_the_sources_are_small_enough_to_be_read():
    sizes = [len((SOURCES / name).read_bytes()) for name in SCRIPTS]
    assert sum(sizes) < 28_000
    written = [line for name in SCRIPTS for line in (SOURCES / name).read_text(encoding="utf-8").splitlines()]
    assert max(map(len, written)) <= 130
    assert all((SOURCES / name).read_text(encoding="utf-8").startswith("// ") for name in SCRIPTS)


def test_the_sources_are_packed_with_the_package():
    settings_ = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert "viz = interactive/*" in settings_
    assert {path.name for path in SOURCES.iterdir()} == {*SCRIPTS, "page.html", "style.css"}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["lstm", "embedded", "free"])
def test_every_view_becomes_a_page(view, name):
    drawn = VIEWS[view](MODELS[name]())
    scene, data = drawn.to_scene(), Reader(drawn.to_html()).data
    main = data["pictures"]["main"]
    assert [box["id"] for box in main["boxes"]] == [box.id for box in scene.boxes]
    assert len(main["edges"]) == len(scene.edges)
    told = {box["id"] for box in main["boxes"] if "card" in box}
    assert {box.id for box in scene.boxes if box.about is not None} == told
    assert main["story"]
    for drawn_ in data["pictures"].values():
        for item in (*drawn_["boxes"], *drawn_["edges"]):
            assert "card" not in item or item["card"]["title"] is not None
            assert item.get("inside") is None or item["inside"] in data["pictures"]


def test_a_scene_of_ones_own_and_a_graph_without_numbers_become_pages_too():
    alone = Reader(View(demonstration()).to_html()).data["pictures"]
    assert list(alone) == ["main"]
    assert alone["main"]["story"] == []
    assert any("card" in box for box in alone["main"]["boxes"])
    drawn = Reader(viz.unrolled(MODELS["lstm"]().graph).to_html()).data["pictures"]
    assert {step["phase"] for step in drawn["main"]["story"]} == {"forward"}
    assert [box["inside"] for box in drawn["main"]["boxes"] if box["kind"] == "cell"][:3] == ["inside0"] * 3


@pytest.mark.parametrize("kept", [{"norms_only": True}, {"keep": ["rnn/h"]}, {"steps": [0]}])
def test_a_trace_that_kept_little_becomes_a_page(kept, trace):
    partial = trace.plan.trace({node.output: fed for node, fed in trace.context.feeds.items()}, **kept)
    data = Reader(viz.unrolled(partial).to_html()).data
    assert len(data["pictures"]["main"]["boxes"]) == len(viz.unrolled(partial).to_scene().boxes)


def card_of(data, picture, title, kind="boxes"):
    return next(
        item["card"] for item in data["pictures"][picture][kind]
        if "card" in item and item["card"]["title"] == title
    )  # fmt: skip


def test_cards_say_what_the_trace_says(page, trace):
    card = card_of(page.data, "main", "c₁")
    assert card["where"] == "rnn/c at t = 1"
    assert card["explained"] == trace.explain("rnn/c", 1).text.split("\n")
    assert "rows" not in card
    value, gradient = trace.value("rnn/c", 1), trace.grad("rnn/c", 1)
    table = {row[0]: row[1:] for row in card["table"]}
    assert table[""] == ["value", "gradient"]
    assert table["shape"] == ["1×5", "1×5"]
    for name, of in (("min", np.min), ("max", np.max), ("mean", np.mean), ("‖·‖", np.linalg.norm)):
        assert table[name] == [number(of(value), 5), number(of(gradient), 5)]
    assert table["entries"][1].split("\n") == [number(each, 6) for each in gradient.reshape(-1)]


def test_the_card_of_a_cell_tells_its_parameters_and_its_gates(page, trace):
    card = next(each for each in page.cards if each["where"] == "rnn at t = 1" and each["title"] == "LSTM")
    rows = dict(card["rows"])
    assert rows["W"].startswith("rnn/kernel 10×20, ‖∂W‖ ")
    table = {row[0]: row[1:] for row in card["table"]}
    for name in ("f", "i", "cproj", "o", "c", "h"):
        sizes = [trace.value(f"rnn/{name}", 1), trace.grad(f"rnn/{name}", 1)]
        assert table[name] == [number(np.linalg.norm(each), 5) for each in sizes]


def test_the_card_of_an_edge_tells_its_own_contribution(page, trace):
    drawn = page.data["pictures"]["main"]
    scene = viz.unrolled(trace, gradient=True).to_scene()
    seen = 0
    for edge, item in zip(scene.edges, drawn["edges"], strict=True):
        if edge.kind == "gradient" and edge.about is not None:
            table = {row[0]: row[1:] for row in item["card"]["table"]}
            assert table[""][-1] == "contribution"
            assert float(table["‖·‖"][-1].replace("−", "-")) > 0
            if edge.label is not None:
                assert float(table["‖·‖"][-1]) == pytest.approx(float(edge.label.content), rel=0.06)
                seen += 1
    assert seen >= 6


def test_insides_are_those_of_their_own_step(page):
    pictures = page.data["pictures"]
    cells = [box for box in pictures["main"]["boxes"] if box["kind"] == "cell" and "inside" in box]
    assert [pictures[box["inside"]]["title"] for box in cells] == [
        "LSTM · rnn · t = 0", "LSTM · rnn · t = 1", "LSTM · rnn · t = 2", "dense",
    ]  # fmt: skip
    assert len(pictures["other"]["boxes"]) > len(pictures["main"]["boxes"])
    assert not page.data["open"]


def test_a_picture_of_open_cells_has_one_of_closed_cells_beside_it(trace):
    data = Reader(viz.unrolled(trace, detail="op").to_html()).data
    assert data["open"]
    assert sum(box.get("kind") == "cell" for box in data["pictures"]["other"]["boxes"]) >= 3


def test_long_sequences_stay_small():
    g = Graph("long", dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 4))
    cells = [MultiRNNCell([LSTMCell(3), LSTMCell(3)]) for _ in range(2)]
    outputs, _ = BiRNN(*cells)(x, over="time")
    trace = Plan(ops.sum(outputs * outputs)).trace({x: np.ones((2, 200, 4))})
    assert len(viz.unrolled(trace, gradient=True).to_html().encode()) < 2_000_000


def test_many_cells_have_insides_at_both_ends(monkeypatch):
    monkeypatch.setattr(unfold, "MOST_INSIDES", 6)
    monkeypatch.setattr(unfold, "MOST_OPEN", 8)
    drawn = Reader(viz.unrolled(recurrent(LSTMCell(2), steps=10), steps="all").to_html()).data["pictures"]
    assert "other" not in drawn
    opens = ["inside" in box for box in drawn["main"]["boxes"] if box["kind"] == "cell"]
    assert opens == [True] * 3 + [False] * 5 + [True] * 2 + [True]  # the last is the Dense layer


def test_pages_are_the_same_in_every_process(page):
    program = (
        "import hashlib, viz\nfrom tests.viz.models import MODELS\n"
        "for draw in (lambda t: viz.unrolled(t, gradient=True), viz.folded, viz.graph):\n"
        "    print(hashlib.sha256(draw(MODELS['bimulti']()).to_html().encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": seed, "PATH": ""}, check=True, text=True,
            capture_output=True,
        ).stdout for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert len(set(runs[0].split())) == 3


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_a_page_starts_in_the_theme_of_its_view(theme):
    data = Reader(View(demonstration(), theme).to_html()).data
    assert data["theme"] == ("" if theme == "light" else theme)
    assert data["themes"][:2] == [LIGHT.name, DARK.name]
    assert (theme in data["themes"]) is True


def test_data_is_packed_and_escaped():
    said = [*EVIL, {"name": EVIL[0], "x": [0.5, 1, True, None, -2.0]}, {"name": EVIL[0], "x": [1, 1.0, True]}, EVIL[:6]]
    assert unpack(json.loads(escaped(packed(said)))) == [list(x) if isinstance(x, tuple) else x for x in said]
    assert not set("<>&\u2028\u2029") & set(escaped(packed(["<!--", "&amp;", "</script>", "\u2028\u2029"])))
    with pytest.raises(ValueError, match="JSON"):
        packed([1.0, float("nan")])


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner, max_size=3),
))  # fmt: skip
def test_what_is_packed_comes_back(data):
    found = unpack(json.loads(packed([data, data])))
    assert repr(found) == repr([data, data]) or found == [data, data]
    assert [type(x) is bool for x in leaves(found)] == [type(x) is bool for x in leaves([data, data])]


def leaves(data):
    if isinstance(data, dict | list):
        return [leaf for each in (data.values() if isinstance(data, dict) else data) for leaf in leaves(each)]
    return [data]


def test_what_is_said_twice_stands_there_once():
    line = "  from rnn/layer0/c_prev at t = 3, the next step"
    one, thousand = (packed([{"title": str(k), "lines": [line, "short"]} for k in range(count)]) for count in (1, 1000))
    assert thousand.count(line) == one.count(line) == 1
    assert len(thousand) < 30 * 1000


def test_numbers_that_are_not_finite_are_told_in_words():
    g = Graph("bad", dtype="float64")
    x = g.placeholder("x", ("n",))
    trace = Plan(ops.sum(ops.exp(x)), wrt=[x]).trace({x: [1000.0, 0.0]})
    page = Reader(viz.graph(trace).to_html())
    card = next(each for each in page.cards if each["where"] == "exp")
    assert ["max", "∞", "1"] in card["table"]


class TestNotebook:
    def test_the_frame_may_run_its_script_and_nothing_else(self, trace):
        view = viz.unrolled(trace, gradient=True)
        frame = view.interactive(height=300)
        ((tag, attributes),) = Reader(frame._repr_html_()).elements
        assert tag == "iframe"
        assert attributes["sandbox"] == "allow-scripts"
        assert set(attributes) == {"sandbox", "title", "style", "srcdoc"}
        assert attributes["srcdoc"] == view.to_html()
        assert "height: 300px" in attributes["style"]
        assert frame._repr_mimebundle_()["text/html"] == frame._repr_html_()

    def test_a_hostile_title_stays_in_its_attribute(self):
        for name in EVIL:
            frame = View(wearing([name])).interactive()._repr_html_()
            ((tag, attributes),) = Reader(frame).elements
            assert tag == "iframe"
            assert set(attributes) == {"sandbox", "title", "style", "srcdoc"}
            assert html.escape(clean(name)) in frame

    def test_a_view_itself_is_shown_without_any_script(self, trace):
        bundle = viz.folded(trace)._repr_mimebundle_()
        assert set(bundle) == {"image/svg+xml", "text/plain"}
