"""The view of one cell: its circuit, its numbers, and its gradients under the article's names."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import viz
from demos.words import FORMS
from graphengine import errors
from layers import CoupledLSTMCell, GRUCell, LSTMCell, PeepholeLSTMCell, RNNCell
from layers.readings import readings
from tests.viz.models import MODELS, recurrent
from tests.viz.reading import at, between, ends, forward, gradients, words
from viz.check import problems
from viz.text import number, shape
from viz.views.content import brief

DATA = Path(__file__).parents[1] / "data" / "article"
CELLS = [
    ("lstm", {}), ("lstm", {"t": 0}), ("multi", {"t": 2}), ("multi", {"t": 1, "layer": 1}),
    ("bi", {"t": 2, "direction": "bw"}), ("bi_concat", {"t": 1, "layer": 1, "direction": "fw"}), ("gru", {"t": 1}),
    ("gru_before", {"t": 1}), ("rnn", {"t": 2}), ("mixed", {"layer": 1}), ("reverse", {"t": 0, "direction": "bw"}),
    ("free", {"t": 1}), ("late", {"t": 1}), ("late", {"t": 3}),
    ("embedded", {"t": 2}), ("encoder_decoder", {"path": "decoder"}), ("memory", {"t": 1}), ("long", {"t": 100}),
]  # fmt: skip
every_cell = pytest.mark.parametrize(("name", "which"), CELLS, ids=lambda value: str(value))


@cache
def trace(name):
    return MODELS[name]()


@every_cell
@pytest.mark.parametrize("show", ["forward", "gradient", "both"])
def test_nothing_overlaps(name, which, show):
    assert problems(viz.cell(trace(name), show=show, **which).to_scene()) == []


@every_cell
def test_the_structure_alone_has_symbols_for_positions(name, which):
    where = {key: value for key, value in which.items() if key != "t"}
    scene = viz.cell(trace(name).graph, **where).to_scene()
    assert problems(scene) == []
    symbols = [words(box)[0] for box in scene.boxes if box.kind in ("c", "h", "state", "input") and words(box)]
    assert any("ₜ" in symbol for symbol in symbols)


@every_cell
def test_every_gradient_runs_against_one_forward_line(name, which):
    scene = viz.cell(trace(name), show="both", **which).to_scene()
    lines, flows = ends(forward(scene)), ends(gradients(scene))
    assert flows
    for (source, target), count in flows.items():
        assert count <= lines[target, source]


def named(scene):
    """The named gradients of a scene, by name: their words."""
    return {words(box)[0].partition(" = ")[0]: words(box) for box in scene.boxes if box.kind == "gradient"}


def test_the_articles_gradients_stand_in_the_cell_with_shapes_and_numbers():
    tr = trace("lstm")
    found = readings(tr, "rnn", 2)
    shown = named(viz.cell(tr, t=2, show="gradient").to_scene())
    wanted = ["DHt", "DOt", "DCt", "DCprojt", "DFt", "DIt", "DHX", "dxt", "Dh_next", "DCt_recur"]
    assert set(wanted) <= set(shown)
    for name in wanted:
        assert shown[name][1] == shape(found[name])
        assert shown[name][-1] in (
            f"‖·‖ {number(np.linalg.norm(found[name]))}",
            f"{number(found[name].flat[0])} ×{found[name].size}",
        )
    assert shown["DHt"][2] == "[−0.43 −0.58 …]"  # the article's own numbers, at the last step
    assert shown["DHX"][:2] == ["DHX = [dxt, Dh_next]", "1×15"]


def test_numbers_of_the_article_are_there():
    assert json.loads((DATA / "article_tf_numbers.json").read_text(encoding="utf-8"))
    scene = viz.cell(trace("lstm"), t=2).to_scene()
    assert words(at(scene, "rnn/c@2")) == ["c₂", "0.305 ×5"]
    assert words(at(scene, "rnn/h@1")) == ["h₁", "0.115 ×5"]


def test_a_number_stands_at_every_gradient_but_where_its_name_stands():
    scene = viz.cell(trace("lstm"), t=2, show="both").to_scene()
    tr = trace("lstm")
    (line,) = between(scene, "rnn/kept@2", "rnn/f@2")
    node = tr.graph["rnn/kept"].node
    assert line.label.content == number(np.linalg.norm(tr.contribution(node, node.inputs.index(tr.graph["rnn/f"]), 2)))
    (line,) = between(scene, "rnn/f@2", "rnn/f_pre@2")
    assert line.label is None


def test_products_show_the_shapes_that_meet():
    words_of = {box.path: words(box) for box in viz.cell(trace("lstm"), t=1).to_scene().boxes}
    assert words_of["rnn/f_pre@1"] == ["x·W + h·U + b", "(1×10)(10×20) + (1×5)(5×20)"]
    upper = {box.path: words(box) for box in viz.cell(trace("multi"), t=1, layer=1).to_scene().boxes}
    assert upper["rnn/layer1/f_pre@1"] == ["h⁽⁰⁾·W + h·U + b", "(1×5)(5×20) + (1×5)(5×20)"]


def test_the_backward_direction_is_the_same_circuit_mirrored():
    fw = viz.cell(trace("bi"), t=1, direction="fw").to_scene()
    bw = viz.cell(trace("bi"), t=1, direction="bw").to_scene()
    gates = ("f", "i", "cproj", "o")
    assert [fw_x := [at(fw, f"birnn/fw/{gate}@1").x for gate in gates]] == [sorted(fw_x)]
    assert [bw_x := [at(bw, f"birnn/bw/{gate}@1").x for gate in gates]] == [sorted(bw_x, reverse=True)]
    assert at(bw, "birnn/bw/c@1").x < at(bw, "birnn/bw/f@1").x < at(bw, "birnn/bw/c@2").x
    for line in forward(bw):
        if line.kind == "c" and "birnn/bw/c@" in bw.box(line.target).path:
            assert line.points[-1][0] < line.points[0][0]


def test_other_cells_have_names_of_the_same_form():
    gru = named(viz.cell(trace("gru"), show="both").to_scene())
    assert {"DRt", "DUt", "DNt", "DHt", "dxt", "Dh_next", "DHX"} <= set(gru)
    assert {"DHt", "dxt", "Dh_next"} <= set(named(viz.cell(trace("rnn"), show="both").to_scene()))


def test_a_cell_that_nobody_drew_by_hand_shows_its_ops():
    signs = [words(box)[0] for box in viz.cell(trace("free"), t=1).to_scene().boxes if box.kind in ("gate", "op")]
    assert len(signs) == 8
    for sign, count in {"x·W": 1, "fast·V": 1, "tanh": 1, "⊙": 2, "+": 2, "−": 1}.items():
        assert sum(sign in each for each in signs) >= count


def test_the_forward_flow_recedes_behind_the_gradient():
    shown = viz.cell(trace("lstm"), t=1, show="gradient").to_scene()
    assert {edge.emphasis for edge in forward(shown)} == {"faded"}
    assert {edge.emphasis for edge in gradients(shown)} == {"normal"}


def test_position_layer_and_direction_must_be_there():
    tr = trace("bi")
    with pytest.raises(errors.UnknownPathError, match=r"layer 1, direction 'fw'; there are birnn/fw \(layer=0"):
        viz.cell(tr, layer=1)
    with pytest.raises(errors.UnknownPathError, match="no cell at path 'rnn'"):
        viz.cell(tr, path="rnn")
    with pytest.raises(errors.UnknownPathError, match="has no position 3; there are 0 to 2"):
        viz.cell(tr, t=3)
    assert viz.cell(tr, t=-1).to_scene().title.endswith("t = 2")


def test_gradients_need_a_trace_that_has_them():
    model = FORMS["lstm"]()
    with pytest.raises(errors.GradientError, match='show="both" needs a trace with gradients'):
        viz.cell(model.graph, show="both")


EVERY_KIND = {
    "lstm": LSTMCell, "gru": GRUCell, "rnn": RNNCell, "peephole": PeepholeLSTMCell, "coupled": CoupledLSTMCell,
    "both": lambda size: CoupledLSTMCell(size, peepholes=True),
}  # fmt: skip


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_gradient_has_a_number_or_a_name(kind):
    scene = viz.cell(recurrent(EVERY_KIND[kind](3)), t=1, show="both").to_scene()
    named = {box.about.tensor.name for box in scene.boxes if box.kind == "gradient"}
    for edge in gradients(scene):
        node, i = edge.about.flow[0][0][0]
        carried = {node.inputs[i].name, edge.about.tensor.name, node.output.name}
        assert edge.label is not None or carried & named


def test_the_gradient_of_a_gru_s_state_stands_at_its_line():
    scene = viz.cell(trace("gru"), t=1, show="both").to_scene()
    (box,) = [box for box in scene.boxes if words(box)[:1] == ["DHt"]]
    total = next(each for each in scene.boxes if words(each) == ["+"])
    assert 0 < box.top - total.y < 40
    assert total.x < box.left


def test_a_state_shows_its_value_where_it_branches():
    tr = trace("gru")
    for scene in (viz.cell(tr, t=1).to_scene(), viz.unrolled(tr, detail="op").to_scene()):
        inside = [words(box) for box in scene.boxes if box.kind == "h" and words(box)[:1] == ["h"]]
        assert ["h", brief(tr.value("rnn/h", 0))] in inside
    free = viz.cell(trace("free"), t=1).to_scene()
    assert ["fast", brief(trace("free").value("tanh", 1))] in [words(box) for box in free.boxes]


def test_a_loop_of_the_users_own_stays_narrow_op_by_op():
    """Its ops stand in ranks from below, so that three steps fit on a screen."""
    lattice = viz.unrolled(trace("free"), detail="op", gradient=True).to_scene()
    alone = viz.cell(trace("free"), t=1, show="both").to_scene()
    assert lattice.width < 1.7 * alone.width
    for t in range(3):
        sums = [box for box in lattice.boxes if box.path == f"add@{t}"]
        later = [box for box in lattice.boxes if box.path == f"tanh@{t}"]
        assert later[0].bottom < sums[0].top
