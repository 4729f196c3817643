"""Cards and tooltips say what `trace.explain` says: its very lines, of what is shown, within a budget."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, ops
from graphengine.errors import UnknownPathError
from layers import LSTMCell
from tests.viz.models import MODELS, recurrent
from tests.viz.pages import VIEWS, Reader
from viz import explained, svg
from viz.text import clean


@pytest.fixture(scope="module")
def trace():
    return MODELS["lstm"]()


def boxes(view):
    return Reader(view.to_html()).data["pictures"]["main"]["boxes"]


def card_of(drawn, title):
    return next(box["card"] for box in drawn if box.get("card", {}).get("title") == title)


def asked(trace, heading):
    """What the trace says of the value that the first line of an explanation names."""
    path, t = re.fullmatch(r"(.*?)(?: at t = (\d+))?, \w+(?:\[.*\])?", heading).groups()
    return trace.explain(path, None if t is None else int(t))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["lstm", "bimulti", "embedded", "free", "encoder_decoder", "seeded"])
def test_cards_say_what_the_trace_explains(view, name):
    trace = MODELS[name]()
    found = [box["card"]["explained"] for box in boxes(VIEWS[view](trace)) if "explained" in box.get("card", {})]
    assert len(found) >= 2
    for lines in found:
        assert lines == [clean(line, 4000) for line in asked(trace, lines[0]).text.split("\n")]


def test_every_value_of_an_unrolled_picture_is_explained_at_its_own_step(trace):
    drawn = boxes(viz.unrolled(trace, gradient=True))
    for symbol in "ch":
        for t, low in enumerate("₀₁₂"):
            assert card_of(drawn, f"{symbol}{low}")["explained"] == trace.explain(f"rnn/{symbol}", t).text.split("\n")
    assert card_of(drawn, "h start")["explained"] == trace.explain("rnn/h_prev", 0).text.split("\n")
    assert card_of(drawn, "x₁")["explained"][0].startswith("x, ")
    assert "explained" not in card_of(drawn, "LSTM")  # a closed cell is many values
    assert "rows" not in card_of(drawn, "c₁")  # the explanation has the equation


def test_a_named_gradient_tells_where_it_came_from(trace):
    lines = card_of(boxes(viz.cell(trace, 1, show="gradient")), "DFt")["explained"]
    assert lines == trace.explain("rnn/f_pre", 1).text.split("\n")
    assert any(line.startswith("  from rnn/") for line in lines)


def test_beyond_the_budget_a_card_says_how_to_ask(monkeypatch):
    trace = recurrent(LSTMCell(2), steps=12)
    monkeypatch.setattr(explained, "MOST", 10)
    drawn = boxes(viz.unrolled(trace, steps="all"))
    states = [box["card"] for box in sorted(drawn, key=lambda box: box["x"]) if box["kind"] == "c" and "card" in box]
    told = ["explained" in card for card in states]
    assert told == [True] * told.index(False) + [False] * told.count(False) + [True] * told[::-1].index(False)
    assert told[0]
    assert told[-1]
    (question,) = (row[1] for row in states[6]["rows"] if row[0] == "explained by")
    t = int(states[6]["where"].rpartition(" ")[2])
    assert question == f'trace.explain("rnn/c", {t})'
    assert eval(question, {"trace": trace}).text == trace.explain("rnn/c", t).text
    assert len({tuple(box["card"].get("explained", ())) for box in drawn if "card" in box}) <= 10 + 1


def test_what_has_all_steps_says_how_to_ask_for_one(trace):
    cards = [box["card"] for box in boxes(viz.graph(trace)) if "card" in box]
    (rows,) = (card["rows"] for card in cards if card["where"] == "rnn/c")
    assert ["explained by", 'trace.explain("rnn/c", t)'] in rows


def test_without_numbers_nothing_is_explained(trace):
    for view in (viz.unrolled(trace.graph), viz.folded(trace.plan)):
        cards = [box["card"] for box in boxes(view) if "card" in box]
        assert cards
        assert not [card for card in cards if "explained" in card or "explained by" in dict(card.get("rows", ()))]


@pytest.mark.parametrize("kept", [{"norms_only": True}, {"keep": ["rnn/h"]}])
def test_a_trace_that_kept_little_explains_little(kept, trace):
    partial = trace.plan.trace({node.output: fed for node, fed in trace.context.feeds.items()}, **kept)
    drawn = boxes(viz.unrolled(partial))
    assert "explained" not in card_of(drawn, "h₁")
    assert "explained by" not in dict(card_of(drawn, "h₁").get("rows", ()))
    with pytest.raises(UnknownPathError):
        partial.explain("rnn/h", 1)


class TestTooltips:
    def titles(self, view):
        root = ElementTree.fromstring(view.to_svg())
        shapes = (each for each in root.iter() if "-" in each.get("id", "") and len(each))
        return {each.get("id").split("-")[1]: each[0].text for each in shapes}

    @pytest.mark.parametrize("view", VIEWS)
    def test_they_are_the_first_lines_of_the_explanation(self, view, trace):
        drawn = VIEWS[view](trace)
        titles, seen = self.titles(drawn), 0
        for box in drawn.to_scene().boxes:
            value = explained.carried(box)
            if value is None or (value[1] is None and value[0].loop is not None):
                continue
            lines = trace.explain(*value).text.split("\n")
            said = titles[box.id].removeprefix(f"{box.tooltip}\n").split("\n")
            short = said[:-1] if said[-1] == "…" else said
            assert short == lines[: len(short)]
            assert len(short) <= 12
            seen += 1
        assert seen >= 2

    def test_a_state_shows_its_equation_its_numbers_and_its_gradient(self, trace):
        (said,) = (each for each in self.titles(viz.unrolled(trace)).values() if each.startswith("rnn/c at t = 1"))
        lines = trace.explain("rnn/c", 1).text.split("\n")
        end = next(i for i, line in enumerate(lines) if line.startswith("    dc "))
        assert said.split("\n") == [*lines[: end + 1], "…"]

    def test_a_gradient_says_first_which_it_is(self, trace):
        (said,) = (each for each in self.titles(viz.cell(trace, 1, show="both")).values() if each.startswith("DFt: "))
        assert "\nrnn/f_pre at t = 1, float64[batch, 5]\n" in said

    def test_large_pictures_keep_their_own(self, trace, monkeypatch):
        view = viz.unrolled(trace)
        assert view.to_svg() != svg.to_svg(view.to_scene(), view.theme)
        monkeypatch.setattr(explained, "MOST_TOOLTIPS", 3)
        assert view.to_svg() == svg.to_svg(view.to_scene(), view.theme)

    def test_graphs_without_numbers_keep_their_own(self, trace):
        view = viz.unrolled(trace.graph)
        assert view.to_svg() == svg.to_svg(view.to_scene(), view.theme)


def test_each_value_is_explained_once(trace, monkeypatch):
    asked_for = []
    explain = type(trace).explain
    monkeypatch.setattr(type(trace), "explain", lambda self, *what: asked_for.append(what) or explain(self, *what))
    viz.unrolled(trace, gradient=True).to_html()
    assert len(asked_for) == len(set(asked_for)) > 20


def test_long_names_do_not_widen_every_row():
    g = Graph("wide", dtype="float64")
    x = g.placeholder("x" * 20_000, (2,))
    text = Plan(ops.sum(ops.tanh(x, name="h")), wrt=[x]).trace({x: np.ones(2)}).explain("h").text
    assert max(len(line) for line in text.split("\n") if "x" * 20 not in line) < 120
