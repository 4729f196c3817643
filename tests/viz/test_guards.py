"""Cells over rows of unlike length: drawn by hand as ever, with holds and masks at the border."""

from functools import cache

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, ops
from layers import CoupledLSTMCell, GRUCell, LSTMCell, MultiRNNCell, PeepholeLSTMCell, RNNCell, dynamic_rnn
from layers.readings import readings
from tests.viz.models import draw
from tests.viz.reading import forward, gradients, words
from viz.check import problems
from viz.text import number, shape
from viz.views.content import brief

CELLS = {
    "lstm": lambda: LSTMCell(3), "peephole": lambda: PeepholeLSTMCell(3), "coupled": lambda: CoupledLSTMCell(3),
    "gru": lambda: GRUCell(3), "gru before": lambda: GRUCell(3, reset="before"), "rnn": lambda: RNNCell(3),
    "stack": lambda: MultiRNNCell([LSTMCell(3), GRUCell(3), RNNCell(2)]),
}  # fmt: skip
LAYERS = {name: 3 if name == "stack" else 1 for name in CELLS}
every_cell = pytest.mark.parametrize("name", CELLS)
both_ways = pytest.mark.parametrize("reverse", [False, True])


@cache
def masked(name, reverse=False, outputs=True, mask=False, rows=2):
    """Two rows, the second one shorter, or one; its outputs or its last state make the loss."""
    g = Graph("rows", dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 4))
    live = g.placeholder("mask", ("batch", "time"), dtype="bool") if mask else None
    lengths = None if mask else g.placeholder("lengths", ("batch",), dtype="int64")
    found, state = dynamic_rnn(CELLS[name](), x, over="time", lengths=lengths, mask=live, reverse=reverse)
    last = state[-1].h if name == "stack" else state.h
    loss = ops.sum(found * found) if outputs else ops.sum(last)
    feed = {live: [[True, False, True], [True, True, False]]} if mask else {lengths: [3, 1][:rows]}
    return Plan(loss).trace({x: draw(rows, 3, 4), **feed})


def kinds(scene):
    """How often everything is there that only a drawing by hand has, or only one in ranks."""
    heads = [words(box)[0] for box in scene.boxes if box.lines and box.kind != "gradient"]
    return {sign: sum(sign in head for head in heads) for sign in ("·W", "hold", "x_live = where", "split")}


@every_cell
@both_ways
@pytest.mark.parametrize("gradient", [False, True])
def test_a_lattice_of_guarded_cells(name, reverse, gradient):
    scene = viz.unrolled(masked(name, reverse), detail="op", gradient=gradient).to_scene()
    assert problems(scene) == []
    states = {"lstm": 2, "peephole": 2, "coupled": 2, "stack": 4}.get(name, 1)
    assert kinds(scene) == {"·W": 3 * LAYERS[name], "hold": 3 * states, "x_live = where": 3, "split": 0}


@every_cell
@both_ways
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("show", ["forward", "gradient", "both"])
def test_one_guarded_cell(name, reverse, rows, show):
    for layer in range(LAYERS[name]):
        way = "bw" if reverse else "fw"
        scene = viz.cell(masked(name, reverse, rows=rows), t=1, layer=layer, direction=way, show=show).to_scene()
        assert problems(scene) == []
        assert kinds(scene)["·W"] == 1
        assert kinds(scene)["split"] == 0


@pytest.mark.parametrize("options", [{"outputs": False}, {"mask": True}], ids=str)
@every_cell
def test_without_outputs_or_with_a_mask_of_any_form(name, options):
    trace = masked(name, **options)
    for scene in (
        viz.unrolled(trace, detail="op", gradient=True).to_scene(), viz.cell(trace, t=1, show="both").to_scene(),
        viz.unrolled(trace.graph, detail="op").to_scene(), viz.cell(trace.graph).to_scene(),
    ):  # fmt: skip
        assert problems(scene) == []
        assert kinds(scene)["split"] == 0


def box_of(scene, head):
    """The one box whose first line says this."""
    (found,) = [box for box in scene.boxes if words(box)[:1] == [head]]
    return found


@pytest.mark.parametrize("state", ["c", "h"])
def test_a_hold_takes_the_new_state_and_the_old_one(state):
    tr = masked("lstm")
    scene = viz.cell(tr, t=1, show="both").to_scene()
    hold = box_of(scene, f"{state}_held = hold")
    assert words(hold)[1] == brief(tr.value(f"rnn/{state}_held", 1))
    read = [scene.box(edge.source) for edge in forward(scene) if edge.target == hold.id]
    said = [words(box) for box in read]
    assert len(read) == 3  # new, old, and the mask
    assert [state, brief(tr.value(f"rnn/{state}_held", 0))] in said
    assert [state] in said
    assert ["live_row = reshape", "one-hot [0]"] in said


def test_the_input_that_counts_is_the_masked_one():
    tr = masked("gru")
    scene = viz.cell(tr, t=2, show="both").to_scene()
    assert words(box_of(scene, "dxt"))[1] == shape(readings(tr, "rnn", 2)["dxt"])
    tips = [words(scene.box(edge.target))[:1] for edge in gradients(scene)]
    assert tips.count(["x_live = where"]) == 1
    assert ["live₂"] not in tips


def test_where_a_row_has_ended_its_gradient_goes_to_the_old_state():
    tr = masked("lstm", outputs=False)
    hold = tr.graph["rnn/h_held"].node
    scene = viz.cell(tr, t=1, show="both").to_scene()
    drawn = box_of(scene, "h_held = hold")
    (label,) = [
        edge.label for edge in gradients(scene) if edge.source == drawn.id and len(words(scene.box(edge.target))) == 2
    ]  # the new state comes from an op, which bears no number
    norm = np.linalg.norm(tr.contribution(hold, 2, 1))
    assert norm > 0
    assert label.content == number(norm, 3 if norm >= 0.1 else 2)
