"""Words under the positions in time."""

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, errors, ops
from layers import BiRNN, GRUCell, LSTMCell, dynamic_rnn
from viz.check import problems


def network(cell=LSTMCell, steps=3):
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    outputs, _ = BiRNN(cell(2), cell(2))(x, over="time")
    return Plan(ops.sum(outputs)).trace({x: np.ones((1, steps, 2))})


def said(view):
    return {text.content: text for text in view.to_scene().texts}


@pytest.mark.parametrize("detail", ["cell", "op"])
@pytest.mark.parametrize("gradient", [False, True])
def test_every_position_has_its_word_below_it(detail, gradient):
    words = ["the", "mice", "had"]
    view = viz.unrolled(network(), detail=detail, gradient=gradient, captions=words)
    found = said(view)
    entries = {box.path: box for box in view.to_scene().boxes}
    for t, word in enumerate(words):
        assert found[word].x == found[f"t = {t}"].x
        assert found[word].y < found[f"t = {t}"].y
        assert any(box.x == pytest.approx(found[word].x, abs=0.02) for box in entries.values())
    assert not problems(view.to_scene())


def test_words_of_steps_left_out_are_left_out():
    words = [f"w{t}" for t in range(30)]
    found = said(viz.unrolled(network(steps=30), captions=words))
    assert {word for word in words if word in found} == {"w0", "w1", "w2", "w27", "w28", "w29"}
    assert "⋯ 24 steps" in found


def test_a_long_word_is_cut_and_stands_in_the_tooltip():
    view = viz.unrolled(network(), captions=["x" * 300, "<script>", "a\nb"])
    long = next(text for text in view.to_scene().texts if text.tooltip == "x" * 300)
    assert len(long.content) == 18
    assert not problems(view.to_scene())
    assert "<script>" not in view.to_svg()


def two_axes():
    g = Graph(dtype="float64")
    source, target = g.placeholder("source", ("batch", "source", 2)), g.placeholder("target", ("batch", "target", 2))
    _, state = dynamic_rnn(GRUCell(2), source, over="source", name="encoder")
    outputs, _ = dynamic_rnn(GRUCell(2), target, over="target", initial_state=state, name="decoder")
    feeds = {source: np.ones((1, 3, 2)), target: np.ones((1, 2, 2))}
    return Plan(ops.sum(outputs), wrt=[source]).trace(feeds)


def test_every_axis_has_words_of_its_own():
    found = said(viz.unrolled(two_axes(), captions={"source": ["le", "chat", "dort"], "target": ["the", "cat"]}))
    assert {"le", "chat", "dort", "the", "cat"} <= set(found)
    assert "dort" in said(viz.unrolled(two_axes(), captions={"source": ["le", "chat", "dort"]}))


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        (["a", "b"], "captions of time: 2 for 3 positions"),
        ("abc", "are a list of texts, not 'abc'"),
        ([1, 2, 3], "are a list of texts"),
        ({"length": ["a"]}, "has no axis of time length, only time"),
    ],
)
def test_what_does_not_fit_is_an_error(captions, message):
    with pytest.raises(errors.StructureError, match=message):
        viz.unrolled(network(), captions=captions)


def test_with_two_axes_it_must_be_said_which():
    with pytest.raises(errors.StructureError, match="has the axes of time source and target; say which"):
        viz.unrolled(two_axes(), captions=["a", "b", "c"])
