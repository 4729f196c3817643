"""Witnesses: the cycle or path that attains a measure of depth stands out, exactly that, folded and unrolled."""

from collections import Counter
from itertools import pairwise

import pytest

import viz
from demos.figures import depth as three_hidden_states
from graphengine import Graph, Loop, depth, errors, ops
from layers import BiRNN, Dense, GRUCell, LSTMCell, MultiRNNCell, RNNCell, dynamic_rnn
from tests.viz.models import MODELS
from tests.viz.reading import drawn
from viz import stylesheet
from viz.check import problems
from viz.text import number
from viz.theme import THEMES

MEASURES = (depth.recurrent, depth.feedforward, depth.skip)


def recurrent(cell, **given):
    x = Graph("net").placeholder("x", ("batch", "time", 2))
    return Dense(3)(dynamic_rnn(cell, x, over="time", **given)[0]).graph


def both_ways(layers=1, between="independent", cell=LSTMCell):
    x = Graph("net").placeholder("x", ("batch", "time", 2))
    cells = [MultiRNNCell([cell(3) for _ in range(layers)]) if layers > 1 else cell(3) for _ in range(2)]
    return Dense(3)(BiRNN(*cells, between=between)(x, over="time")[0]).graph


def skipping(lag=3, reverse=False):
    """A cell of the user's own that also reads what it was some steps ago."""
    g = Graph("net")
    x = g.placeholder("x", ("batch", "time", 4))
    with Loop("time", reverse=reverse) as loop:
        line = [loop.delay(g.fill(("batch", 4)), name=f"h_{k + 1}") for k in range(lag)]
        with g.scope("cell", "cell"):
            h = ops.tanh(loop.slice(x) + line[0] + line[-1], name="h")
        for before, after in zip(line, [h, *line], strict=False):
            loop.feed(before, after)
    return Dense(3)(loop.last(h)).graph


def started():
    """A loop whose first state is an input, and of which only the last state is used."""
    g = Graph("net")
    start, x = g.placeholder("start", ("batch", 3)), g.placeholder("x", ("batch", "time", 3))
    with Loop("time") as loop:
        h = loop.delay(ops.tanh(ops.tanh(start, name="a"), name="b"), name="h_prev")
        with g.scope("step", "cell"):
            new = ops.tanh(h + loop.slice(x), name="h")
        loop.feed(h, new)
    return Dense(2)(loop.last(new)).graph


def lines(view):
    """The highlighted lines, by what stands at their ends."""
    scene = view.to_scene()
    found = [edge for edge in drawn(scene) if edge.emphasis == "highlight"]
    return Counter((scene.box(edge.source).path, scene.box(edge.target).path) for edge in found)


def boxes(view):
    return Counter(box.path for box in view.to_scene().boxes if box.emphasis == "highlight")


def chain(*paths):
    return Counter(pairwise(paths))


def closed(*paths):
    return chain(*paths, paths[0])


def over_time(pattern, steps):
    """A cell and its state at every step but for the last state: `rnn@{t}`, `rnn/h@{t}`, …"""
    return chain(*[each.format(t=t) for t in steps for each in pattern][: -1])


RNN, STATE = "rnn@{t}", "rnn/h@{t}"
CELLS = {
    "LSTM": (
        lambda: recurrent(LSTMCell(3)), depth.recurrent,
        closed("rnn", "rnn/h"), over_time((RNN, STATE), range(3)),
    ),
    "reverse": (
        lambda: recurrent(RNNCell(3), reverse=True), depth.skip,
        closed("rnn", "rnn/h"), over_time((RNN, STATE), (2, 1, 0)),
    ),
    "two layers": (
        lambda: recurrent(MultiRNNCell([LSTMCell(3), GRUCell(2)])), depth.recurrent,
        closed("rnn/layer0", "rnn/layer0/h"), over_time(("rnn/layer0@{t}", "rnn/layer0/h@{t}"), range(3)),
    ),
    "two layers, from input to output": (
        lambda: recurrent(MultiRNNCell([LSTMCell(3), GRUCell(2)])), depth.feedforward,
        chain("x", "rnn/layer0", "rnn/layer1", "rnn/outputs", "dense"),
        chain("x@2", "rnn/layer0@2", "rnn/layer1@2", "rnn/outputs@2") + chain("", "dense"),
    ),
    "top to bottom": (
        lambda: three_hidden_states("net", 2).plan.graph, depth.recurrent, closed("h2", "h2/h", "h0", "h1"),
        over_time(("h0@{t}", "h1@{t}", "h2@{t}", "h2/h@{t}"), range(3)),
    ),
    "both ways": (
        both_ways, depth.recurrent, closed("birnn/fw", "birnn/fw/h"),
        over_time(("birnn/fw@{t}", "birnn/fw/h@{t}"), range(3)),
    ),
    "both ways, from input to output": (
        lambda: both_ways(2, "concat"), depth.feedforward,
        chain("x", "birnn/layer0/fw", "birnn/outputs", "birnn/layer1/fw", "birnn/outputs_1", "dense"),
        chain("x@2", "birnn/layer0/fw@2", "birnn/outputs@2", "birnn/layer1/fw@2", "birnn/outputs_1@2")
        + chain("", "dense"),
    ),
    "skip of three steps": (
        skipping, depth.skip, closed("cell", "cell/h"), chain("cell@0", "cell/h@0", "cell@3"),
    ),
    "skip of three steps, backward": (
        lambda: skipping(reverse=True), depth.skip,
        closed("cell", "cell/h"), chain("cell@3", "cell/h@3", "cell@0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_exactly_the_way_stands_out(name):
    build, measure, around, unrolled = CELLS[name]
    graph = build()
    found = measure(graph)
    for view, expected in (
        (viz.folded(graph, highlight=found), around),
        (viz.unrolled(graph, highlight=found, detail="cell"), unrolled),
    ):
        assert lines(view) == expected
        ends = {end for line in expected for end in line if end}
        assert set(boxes(view)) == ends
        assert problems(view.to_scene()) == []


def test_of_two_lines_between_the_same_things_the_right_one_stands_out():
    """The loops of c and of h, of one step and of three, differ only in what they carry."""
    graph = skipping()
    for measure, mark in ((depth.recurrent, "z⁻¹"), (depth.skip, "z⁻³")):
        scene = viz.folded(graph, highlight=measure(graph)).to_scene()
        marked = [box.lines[0].content for box in scene.boxes if box.emphasis == "highlight" and box.kind == "delay"]
        assert marked == [mark]
    graph = recurrent(LSTMCell(3))
    for level, state in (("layer", "h"), ("op", "c")):
        found = depth.skip(graph, level=level)
        assert lines(viz.folded(graph, highlight=found)) == closed("rnn", f"rnn/{state}")
        expected = over_time(("rnn@{t}", f"rnn/{state}@{{t}}"), range(3))
        assert lines(viz.unrolled(graph, highlight=found, detail="cell")) == expected


def test_op_by_op_the_ops_of_the_way_stand_out():
    graph = skipping()
    view = viz.unrolled(graph, highlight=depth.skip(graph, level="op"), detail="op", time=4)
    inside = ("cell/add_1@{t}", "cell/h@{t}")  # the op that makes h, then the point where h branches
    wanted = chain(*[path.format(t=0) for path in (*inside, "cell/h@{t}")], *[path.format(t=3) for path in inside])
    assert lines(view).keys() >= wanted.keys()
    assert {path for line in lines(view) for path in line} - {"cell@0"} == {path for line in wanted for path in line}
    graph = recurrent(LSTMCell(3))
    view = viz.unrolled(graph, highlight=depth.recurrent(graph, level="op"), detail="op")
    last = [line for line in lines(view) if line[1].endswith("@2")]
    names = ("f_pre", "f", "kept", "c", None, "c_act", "h")  # None: where c branches
    wanted = chain("rnn/h@1", *(f"rnn/{name}@2" if name else "rnn@2" for name in names))
    assert Counter(last) == wanted


@pytest.mark.parametrize("name", ["multi", "bi_concat", "mixed", "free", "late", "embedded", "encoder_decoder",
                                  "memory", "driver_on_driver", "masked_both", "states_given", "long"])  # fmt: skip
@pytest.mark.parametrize("level", ["layer", "op"])
def test_the_way_hangs_together(name, level):
    """Highlighted lines lead from one to the next, without a fork, with numbers and gradients too."""
    trace = MODELS[name]()
    for measure in MEASURES:
        found = measure(trace.plan.graph, level=level)
        for view in (
            viz.folded(trace, highlight=found),
            *(viz.unrolled(trace, highlight=found, detail=detail) for detail in ("cell", "op")),
        ):
            scene = view.to_scene()
            marked = [edge for edge in drawn(scene) if edge.emphasis == "highlight"]
            leaving, coming = (Counter(getattr(edge, end) for edge in marked) for end in ("source", "target"))
            anchors = {box.id for box in scene.boxes if box.kind == "anchor"}
            gap = {box.id for box in scene.boxes if box.kind == "ellipsis"}
            for count in (leaving, coming):
                assert all(times == 1 for end, times in count.items() if end not in anchors | gap)
            lit = {box.id for box in scene.boxes if box.emphasis == "highlight"}
            assert (leaving.keys() | coming.keys()) - anchors <= lit
            assert lit
            assert found.title in [text.content for text in scene.texts]


def test_steps_left_out_are_on_the_way():
    graph = recurrent(LSTMCell(3))
    view = viz.unrolled(graph, highlight=depth.recurrent(graph), time=50)
    assert lines(view) == (
        over_time((RNN, STATE), range(3)) + chain("rnn@2", "rnn/h@2", "rnn", "rnn/h@46")
        + chain("rnn/h@46", *[each.format(t=t) for t in (47, 48, 49) for each in (RNN, STATE)][:-1])
    )  # fmt: skip
    assert boxes(view)["rnn"] == 1
    skip = viz.unrolled(skipping(), highlight=None, time=50)
    assert not lines(skip)


def test_of_a_skip_that_lands_among_steps_left_out_the_visible_part_stands_out():
    graph = skipping()
    view = viz.unrolled(graph, highlight=depth.skip(graph), time=50)
    assert lines(view) == chain("cell@0", "cell/h@0", "cell") + chain("cell", "cell@48")  # 0, 3, …, 45, 48


def test_a_path_through_a_first_state_goes_round_until_the_last_step():
    graph = started()
    found = depth.feedforward(graph)
    assert lines(viz.folded(graph, highlight=found)).keys() >= chain("start", "a", "b").keys()
    unrolled = lines(viz.unrolled(graph, highlight=found, detail="cell"))
    states = chain("h_prev@0", "step@0", "step/h@0", "step@1", "step/h@1", "step@2", "step/h@2", "dense")
    assert unrolled == chain("start", "a", "b", "h_prev@0") + states


def test_there_are_enough_steps_for_a_cycle_to_come_round():
    graph = skipping(lag=6)
    assert lines(viz.unrolled(graph, highlight=depth.skip(graph))) == chain("cell@0", "cell/h@0", "cell@6")
    assert not lines(viz.unrolled(graph, highlight=depth.skip(graph), time=4))


def test_lines_that_skip_steps_have_levels_of_their_own():
    """On one level they would look like one line."""
    for lag in (2, 3, 5):
        scene = viz.unrolled(skipping(lag), time=3 * lag, steps="all", detail="cell").to_scene()
        assert problems(scene) == []
        runs = []
        for edge in drawn(scene):
            for (x0, y0), (x1, y1) in zip(edge.points, edge.points[1:], strict=False):
                if y0 == y1 and abs(x1 - x0) > 60:
                    runs.append((y0, min(x0, x1), max(x0, x1)))
        for k, (y, left, right) in enumerate(runs):
            for other, start, end in runs[:k]:
                assert y != other or min(right, end) - max(left, start) < 1


@pytest.mark.parametrize("theme", THEMES)
def test_it_stands_out_in_every_theme(theme):
    graph = recurrent(LSTMCell(3))
    view = viz.unrolled(graph, highlight=depth.recurrent(graph), theme=theme, detail="cell")
    style, scene = view.theme, view.to_scene()
    widths = {kind: [style.line(edge)[1] for edge in scene.edges if edge.emphasis == kind] for kind in
              ("normal", "highlight")}  # fmt: skip
    assert min(widths["highlight"]) >= 1.5 * max(widths["normal"])
    outlines = {kind: [style.box(box).width for box in scene.boxes if box.emphasis == kind and box.kind != "anchor"]
                for kind in ("normal", "highlight")}  # fmt: skip
    assert min(outlines["highlight"]) >= 1.5 * max(outlines["normal"])
    assert all(style.line(edge)[0] == style.highlight for edge in scene.edges if edge.emphasis == "highlight")


@pytest.mark.parametrize("name", ["lstm", "bi_concat", "free", "late", "encoder_decoder"])
@pytest.mark.parametrize("measure", MEASURES)
def test_op_by_op_a_graph_shows_every_hop(name, measure):
    graph = MODELS[name]().plan.graph
    found = measure(graph, level="op")
    view = viz.graph(graph, fold=0, highlight=found)
    hops = Counter((tensor.node.path, node.path) for tensor, node in found.hops)
    assert lines(view) == hops
    assert boxes(view) == Counter(node.path for node in found.nodes)
    assert found.title in [text.content for text in view.to_scene().texts]


def test_a_folded_graph_shows_the_scopes_of_the_way():
    graph = recurrent(MultiRNNCell([LSTMCell(3), GRUCell(2)]))
    found = depth.feedforward(graph)
    view = viz.graph(graph, fold=["rnn/layer0", "rnn/layer1", "dense"], highlight=found)
    assert lines(view) == chain("x", "rnn/x_t", "rnn/layer0", "rnn/layer1", "rnn/outputs", "dense")
    assert boxes(viz.graph(graph, fold=0, highlight="rnn/layer0/c")).keys() == {"rnn/layer0/c"}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_it_stands_out_on_pages_too(theme):
    rules = list(stylesheet.rules(theme))
    line = f".edge.highlight .line {{ stroke: {theme.highlight}; stroke-width: max({theme.heavy}px, "
    assert [rule for rule in rules if rule.startswith(line)] == rules[-2:-1]  # after those of all kinds


def test_the_legend_names_it():
    graph = three_hidden_states("net", 2).plan.graph
    for view in (viz.folded, viz.unrolled, viz.graph):
        scene = view(graph, highlight=depth.recurrent(graph)).to_scene()
        assert "recurrent depth 3 = 3 layers / 1 step of time" in [text.content for text in scene.texts]
        assert scene.edges[-1].emphasis == "highlight"
        assert not [text for text in view(graph).to_scene().texts if "depth" in text.content]
    titles = [measure(graph).title for measure in MEASURES]
    assert titles[1] == "feed-forward depth 4 = 4 edges from input to output"
    assert titles[2] == f"recurrent skip coefficient {depth.skip(graph).value} = 1 step of time / 3 layers"


def test_what_is_not_drawn_is_said():
    graph = recurrent(MultiRNNCell([LSTMCell(3), GRUCell(2)]))
    view = viz.unrolled(graph, highlight=depth.recurrent(graph), layers=[1])
    assert not boxes(view)
    (note,) = [text.content for text in view.to_scene().texts if "depth" in text.content]
    assert note == "recurrent depth 1 = 1 layer / 1 step of time; nothing of it is in this picture"
    g = Graph()
    x = g.placeholder("x", ("batch", 2))
    ops.tanh(x)
    (note,) = [t.content for t in viz.folded(g, highlight=depth.recurrent(g)).to_scene().texts if "depth" in t.content]
    assert note == "recurrent depth 0: nothing recurs; nothing of it is in this picture"


@pytest.mark.parametrize("view", [viz.folded, viz.unrolled, viz.graph])
def test_what_cannot_be_highlighted(view):
    graph, other = recurrent(LSTMCell(3)), recurrent(LSTMCell(3))
    with pytest.raises(errors.GraphMismatchError, match="the measure to highlight is of graph 'net', the picture"):
        view(graph, highlight=depth.recurrent(other))
    for wrong, kind in ((3, "int"), ([depth.recurrent(graph)], "Measure"), (["rnn/h", 2.0], "float")):
        with pytest.raises(errors.StructureError, match=rf"one measure of graphengine\.depth alone, not a {kind}"):
            view(graph, highlight=wrong)
    with pytest.raises(errors.UnknownPathError, match="did you mean rnn/h"):
        view(graph, highlight="rnn/hh")


def test_values_are_highlighted_in_the_folded_view_too():
    trace = MODELS["multi"]()
    assert set(boxes(viz.folded(trace, highlight="rnn/layer0/c"))) == {"rnn/layer0", "rnn/layer0/c"}
    assert set(boxes(viz.folded(trace, highlight=("dense/y", 1)))) == {"dense"}
    states = {f"rnn/layer{k}{state}" for k in (0, 1) for state in ("", "/c", "/h")}
    assert set(boxes(viz.folded(trace, highlight="states"))) == states


def test_a_measure_knows_its_hops():
    graph = recurrent(LSTMCell(3))
    for measure in MEASURES:
        found = measure(graph)
        assert len(found.hops) == len(found.path) - (not found.closed)
        assert all(tensor in node.sources for tensor, node in found.hops)
        assert number(float(found.value)) in found.title
