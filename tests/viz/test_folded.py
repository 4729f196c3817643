"""The folded view: the graph as it was written, whatever runs through it."""

from functools import cache

import pytest

import viz
from demos.figures import depth
from graphengine import errors
from graphengine.loop import Delay
from tests.viz.models import MODELS
from tests.viz.reading import at, between, drawn, words
from viz.check import problems

every_model = pytest.mark.parametrize("name", MODELS)


@cache
def trace(name):
    return MODELS[name]()


def boxes(scene, kind):
    top = min((frame.top for frame in scene.frames if frame.kind == "legend"), default=scene.height)
    return [box for box in scene.boxes if box.kind == kind and box.y < top]


@every_model
def test_nothing_overlaps(name):
    for what in (trace(name), trace(name).plan, trace(name).graph):
        assert problems(viz.folded(what).to_scene()) == []


@every_model
def test_every_delay_is_a_loop(name):
    plan = trace(name).plan
    scene = viz.folded(plan).to_scene()
    delays = [node for node in plan.nodes if isinstance(node.op, Delay)]
    read = [node for node in delays if any(node.output in other.inputs for other in plan.nodes)]
    assert len(boxes(scene, "delay")) == len(read)
    for box in boxes(scene, "delay"):
        assert len([edge for edge in drawn(scene) if edge.target == box.id]) == 1
        assert len([edge for edge in drawn(scene) if edge.source == box.id]) == 1


def test_one_cell_per_layer_and_direction_however_long():
    short, long = (viz.folded(trace(name).plan).to_scene() for name in ("multi", "long"))
    for scene in (short, long):
        assert sorted(box.path for box in boxes(scene, "cell")) == ["dense", "rnn/layer0", "rnn/layer1"]
    both = viz.folded(trace("bi_concat").plan).to_scene()
    cells = {box.path for box in boxes(both, "cell")} - {"dense"}
    assert cells == {f"birnn/layer{k}/{way}" for k in (0, 1) for way in ("fw", "bw")}


def test_cells_count_their_weights():
    scene = viz.folded(trace("multi")).to_scene()
    assert words(at(scene, "rnn/layer0")) == ["LSTM", "layer 0", "W 10×20  U 5×20", "320 weights"]
    assert words(at(scene, "rnn/layer1"))[-1] == "220 weights"
    assert "600 weights" in [text.content for text in scene.texts]


def test_lines_carry_shapes_names_where_nothing_was_fed():
    named = [text.content for text in viz.folded(trace("multi").graph).to_scene().texts]
    numbers = [text.content for text in viz.folded(trace("multi")).to_scene().texts]
    assert {"batch×time×10", "batch×5", "c  batch×5", "h  batch×5"} <= set(named)
    assert {"1×3×10", "1×5", "c  1×5", "h  1×5"} <= set(numbers)


def test_delays_say_how_far_and_which_way():
    def marks(name):
        return [words(box)[0] for box in boxes(viz.folded(trace(name)).to_scene(), "delay")]

    assert marks("lstm") == ["z⁻¹", "z⁻¹"]
    assert sorted(marks("bi")) == ["z⁺¹", "z⁺¹", "z⁻¹", "z⁻¹"]
    assert set(marks("late")) == {"z⁻¹", "z⁻²"}


@every_model
def test_the_legend_explains_the_marks_that_are_drawn(name):
    """z⁺¹ of a backward direction too, and nothing that is not there."""
    for view in (viz.folded, viz.graph):
        scene = view(trace(name)).to_scene()
        drawn_marks = {words(box)[0] for box in boxes(scene, "delay")}
        explained = {text.content.partition(",")[0] for text in scene.texts if text.content.startswith("z")}
        assert explained == {mark for mark in drawn_marks if mark.startswith("z")}


def test_what_the_marks_mean():
    texts = {text.content for name in ("bi", "late") for text in viz.folded(trace(name)).to_scene().texts}
    assert {"z⁻¹, one step ago", "z⁺¹, one step later, read backwards", "z⁻², 2 steps ago"} <= texts


def test_c_is_above_h():
    scene = viz.folded(trace("mixed")).to_scene()
    c, h = (next(box for box in boxes(scene, "delay") if box.path == f"rnn/layer2/{name}") for name in "ch")
    assert c.y < h.y


def test_a_delay_between_cells_points_back():
    scene = viz.folded(depth("deep", 2)).to_scene()
    assert problems(scene) == []
    (delay,) = boxes(scene, "delay")
    assert len(between(scene, "h2", delay.path)) == 1
    assert len(between(scene, delay.path, "h0")) == 1
    assert at(scene, "h0").y > at(scene, "h2").y


def test_a_graph_only():
    with pytest.raises(errors.StructureError, match="a picture is of a graph"):
        viz.folded("graph")
