"""The unrolled view: nothing overlaps in any network, numbers are the trace's, gradients run against the flow."""

import math
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import viz
from demos.figures import FIGURES
from demos.words import FORMS
from graphengine import Graph, Loop, Plan, errors, ops
from layers import LSTMCell, MultiRNNCell, dynamic_rnn
from tests.viz.golden import FOLDER
from tests.viz.models import MODELS, article, draw
from tests.viz.reading import at, between, drawn, ends, forward, gradients, words
from viz.check import problems
from viz.model.reader import whole_cell
from viz.model.subject import Subject
from viz.model.unroll import unroll
from viz.text import number
from viz.views.flows import HIGH, LOW

ROOT = Path(__file__).parents[2]
every_model = pytest.mark.parametrize("name", MODELS)


@cache
def trace(name):
    return MODELS[name]()


@cache
def scene(name, detail="cell", gradient=True):
    return viz.unrolled(trace(name), detail=detail, gradient=gradient).to_scene()


@every_model
@pytest.mark.parametrize("detail", ["cell", "op"])
@pytest.mark.parametrize("gradient", [False, True], ids=["forward", "gradient"])
def test_nothing_overlaps_and_every_line_ends_where_it_should(name, detail, gradient):
    assert problems(scene(name, detail, gradient)) == []


@every_model
@pytest.mark.parametrize("detail", ["cell", "op"])
def test_without_numbers_too(name, detail):
    assert problems(viz.unrolled(trace(name).graph, detail=detail, time=4).to_scene()) == []


@every_model
@pytest.mark.parametrize("detail", ["cell", "op"])
def test_every_gradient_runs_against_one_forward_line_of_its_own(name, detail):
    picture = scene(name, detail)
    lines, flows = ends(forward(picture)), ends(gradients(picture))
    assert flows
    for (source, target), count in flows.items():
        assert count <= lines[target, source]


@every_model
def test_every_line_that_carries_a_gradient_has_one(name):
    subject = Subject(trace(name))
    steps = {t for loop in subject.loops for t in subject.positions(loop)}
    if len(steps) > 8:
        steps = {*sorted(steps)[:3], *sorted(steps)[-3:]}
    lattice = unroll(subject, whole_cell, lambda positions: steps)
    carrying = sum(subject.carries(link.flow) for link in lattice.links)
    assert len(gradients(scene(name))) == carrying > 0


@every_model
def test_lines_that_leave_a_value_add_up_to_its_gradient(name):
    """What a cell gives away (to states, upwards, to sequences) carries all of its gradient, but for inner uses."""
    subject = Subject(trace(name))
    lattice = unroll(subject, whole_cell, lambda positions: positions[:4])
    checked = 0
    for item in [each for each in lattice.items if each.role == "part"]:
        leaving = {}
        for link in lattice.links:
            if link.source == item:
                leaving.setdefault(link.tensor, []).append(link.flow)
        for tensor, flows in leaving.items():
            inner = tuple(use for use in subject.uses()[tensor] if use[0] in item.part.nodes)
            wanted = subject.gradient(tensor, item.t)
            if wanted is None:
                continue
            parts = [subject.contribution(flow) for flow in (*flows, ((inner, item.t),))]
            total = sum(part for part in parts if part is not None)
            np.testing.assert_allclose(total, wanted, rtol=0, atol=1e-12)
            checked += 1
    assert checked


@every_model
def test_ids_and_paths(name):
    picture = scene(name)
    assert len({box.id for box in picture.boxes}) == len(picture.boxes)
    shown = [box.path for box in picture.boxes if "@" in box.path and box.kind in ("c", "h", "state", "cell")]
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_the_scenes_that_were_looked_at(name):
    view = FIGURES[name]()
    assert problems(view.to_scene()) == []
    assert view.to_json() == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_there_is_no_scene_without_a_figure():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(FIGURES)


def test_the_articles_numbers_stand_in_the_picture():
    picture = scene("multi", gradient=False)
    below = {t: words(at(picture, f"rnn/layer0/h@{t}"))[1] for t in range(3)}
    assert below == {0: "0.0594 ×5", 1: "0.115 ×5", 2: "0.167 ×5"}
    assert words(at(picture, "rnn/layer0/c@2")) == ["c₂⁽⁰⁾", "0.305 ×5"]
    above = [words(at(picture, f"rnn/layer1/h@{t}"))[1] for t in range(3)]
    assert above == ["0.0365 ×5", "0.0795 ×5", "0.129 ×5"]


@pytest.mark.parametrize(("name", "tensors"), [("mixed", ["rnn/layer1/h", "rnn/layer2/c"]), ("free", ["outputs"])])
def test_states_show_the_traces_values(name, tensors):
    tr = trace(name)
    for path in tensors:
        tensor = tr.find(path)
        for t in range(3):
            value = tr.value(path, t) if tensor.loop is not None else tr.value(path)[:, t]
            first, size = words(at(scene(name), f"{path}@{t}"))[1:]
            assert first.startswith(f"[{number(value[0, 0], 2)} {number(value[0, 1], 2)}")
            assert size == f"‖·‖ {number(np.linalg.norm(value))}"


def test_tooltips_tell_all_entries_and_the_gradient():
    tr = trace("mixed")
    tip = at(scene("mixed"), "rnn/layer1/h@1").tooltip
    assert tip.startswith("rnn/layer1/h at t = 1\nfloat64[batch, 3]")
    for entry in (*tr.value("rnn/layer1/h", 1)[0], *tr.grad("rnn/layer1/h", 1)[0]):
        assert number(entry, 6) in tip


@pytest.mark.parametrize("layer", [0, 1])
def test_a_gradient_s_number_is_the_lines_own_contribution_and_not_the_total(layer):
    """h of the lower layer goes two ways: on in time, and up. Each line shows its part."""
    tr, picture = trace("multi"), scene("multi")
    h = tr.graph["rnn/layer0/h"]
    readers = {True: tr.graph["rnn/layer0/h_prev"], False: h}
    for t in range(2):
        (line,) = between(picture, f"rnn/layer0@{t + 1}", f"rnn/layer0/h@{t}")
        later = [(n, i) for n in tr.plan.nodes for i, x in enumerate(n.inputs) if x is readers[True]]
        wanted = np.linalg.norm(sum(tr.contribution(n, i, t + 1) for n, i in later))
        assert line.label.content == number(wanted, 3 if wanted >= 0.1 else 2)
        (line,) = between(picture, f"rnn/layer1@{t}", f"rnn/layer0@{t}")
        upper = [(n, i) for n in tr.plan.nodes for i, x in enumerate(n.inputs) if x is h]
        wanted = np.linalg.norm(sum(tr.contribution(n, i, t) for n, i in upper))
        assert line.label.content == number(wanted, 3 if wanted >= 0.1 else 2)
        assert line.label.content != number(np.linalg.norm(tr.grad(h, t)), 2)


def test_weights_show_what_a_step_contributes():
    tr, picture = trace("multi"), scene("multi")
    product = tr.graph["rnn/layer0/Wx"].node
    for t in range(3):
        size = np.linalg.norm(tr.contribution(product, 1, t))
        assert f"∂W {number(size, 2)}" in " ".join(words(at(picture, f"rnn/layer0@{t}")))


def test_in_the_backward_direction_arrows_point_left_and_gradients_right():
    picture = scene("bi_concat")
    for way, sign in (("fw", 1), ("bw", -1)):
        for layer in (0, 1):
            place = f"birnn/layer{layer}/{way}"
            for t in range(3):
                for state in "ch":
                    (line,) = between(picture, f"{place}@{t}", f"{place}/{state}@{t}")
                    assert np.sign(line.points[-1][0] - line.points[0][0]) == sign
            last = 2 if way == "fw" else 0
            for t in range(3):
                for back in between(picture, f"{place}/h@{t}", f"{place}@{t}"):
                    assert t != last or back.kind in ("gradient", "zero")
                    assert np.sign(back.points[-1][0] - back.points[0][0]) == -sign
            following = {t: t + sign for t in range(3) if 0 <= t + sign <= 2}
            for t, after in following.items():
                (line,) = between(picture, f"{place}/h@{t}", f"{place}@{after}")
                (back,) = between(picture, f"{place}@{after}", f"{place}/h@{t}")
                assert np.sign(line.points[-1][0] - line.points[0][0]) == sign
                assert np.sign(back.points[-1][0] - back.points[0][0]) == -sign


def test_the_last_output_of_the_backward_direction_brings_no_gradient_back():
    """The article's summary reads one word backwards: at the other steps the gradient is exactly zero, and drawn so."""
    picture = scene("bi")
    kinds = {edge.kind for t in (0, 1) for edge in between(picture, f"birnn/bw@{t}", f"birnn/bw/h@{t + 1}")}
    assert kinds == {"zero"}
    assert between(picture, "birnn/outputs@2", "birnn/bw@2")[0].kind == "gradient"


def test_time_runs_to_the_right_and_layers_upwards():
    for name in ("multi", "bi_concat", "long"):
        picture = scene(name)
        cells = [box for box in picture.boxes if box.kind == "cell" and "@" in box.path]
        rows = {}
        for box in cells:
            place, t = box.path.split("@")
            rows.setdefault(place, {})[int(t)] = box
        for row in rows.values():
            xs = [row[t].x for t in sorted(row)]
            assert xs == sorted(xs)
            assert len({box.y for box in row.values()}) == 1
    picture = scene("multi")
    assert at(picture, "rnn/layer1@0").y < at(picture, "rnn/layer0@0").y < at(picture, "x@0").y


def test_c_is_square_and_above_h():
    picture = scene("lstm")
    for t in range(3):
        c, h = at(picture, f"rnn/c@{t}"), at(picture, f"rnn/h@{t}")
        assert (c.shape, h.shape) == ("rect", "pill")
        assert (c.x, c.kind, h.kind) == (h.x, "c", "h")
        assert c.y < h.y


def test_outputs_and_states_are_what_the_driver_returns():
    model = FORMS["multi"]()
    shown = viz.unrolled(model.graph, highlight="outputs").to_scene()
    bright = {box.path for box in shown.boxes if box.emphasis == "highlight"}
    body = model.outputs.node.inputs[0].path
    assert bright == {f"{path}@{t}" for path in (body, model.outputs.path) for t in range(3)}
    shown = viz.unrolled(model.graph, highlight="states").to_scene()
    bright = {box.path for box in shown.boxes if box.emphasis == "highlight"}
    assert bright == {f"{tensor.node.inputs[0].path}@2" for state in model.states for tensor in state}


def test_states_of_both_directions_are_at_both_ends():
    model = FORMS["bi"]()
    shown = viz.unrolled(model.graph, highlight="states", time=5).to_scene()
    bright = {box.path for box in shown.boxes if box.emphasis == "highlight"}
    assert bright == {f"birnn/{way}/{state}@{t}" for way, t in (("fw", 4), ("bw", 0)) for state in "ch"}


@pytest.mark.parametrize(
    ("what", "bright"),
    [
        ("rnn/layer0/c", {"rnn/layer0/c@0", "rnn/layer0/c@1", "rnn/layer0/c@2"}),
        (("rnn/layer1/h", 1), {"rnn/layer1/h@1"}),
        ([("rnn/layer0/f", 2), "dense/y"], {"rnn/layer0@2", "dense"}),
        ("rnn/layer0/h_last", {"rnn/layer0/h@2"}),
    ],
)
def test_paths_are_highlighted(what, bright):
    model = FORMS["multi"]()
    shown = viz.unrolled(model.graph, highlight=what).to_scene()
    assert {box.path for box in shown.boxes if box.emphasis == "highlight"} == bright


def test_a_long_sequence_leaves_steps_out_and_says_how_many():
    picture, tr = scene("long"), trace("long")
    assert "⋯ 194 steps" in [text.content for text in picture.texts]
    cells = {box.path for box in picture.boxes if box.kind == "cell" and "@" in box.path}
    assert cells == {f"rnn/layer{k}@{t}" for k in (0, 1) for t in (0, 1, 2, 197, 198, 199)}
    before = words(at(picture, "rnn/layer0/h@196"))
    assert before[-1] == f"‖·‖ {number(np.linalg.norm(tr.value('rnn/layer0/h', 196)))}"
    assert not [box for box in picture.boxes if box.path == "rnn/layer0/h@100"]


def test_steps_and_layers_can_be_chosen():
    tr = trace("long")
    shown = viz.unrolled(tr, steps=[5, 6, -1], layers=[1], gradient=True).to_scene()
    assert problems(shown) == []
    cells = {box.path for box in shown.boxes if box.kind == "cell" and "@" in box.path}
    assert cells == {f"rnn/layer1@{t}" for t in (5, 6, 199)}
    assert {"rnn/layer0/h@5", "rnn/layer0/h@6", "rnn/layer0/h@199"} <= {box.path for box in shown.boxes}
    everything = viz.unrolled(trace("bi"), steps="all").to_scene()
    assert len([box for box in everything.boxes if box.kind == "cell" and "@" in box.path]) == 6


def test_detail_is_by_size():
    one, three = trace("one_step"), trace("lstm")
    assert any(frame.kind == "cell" for frame in viz.unrolled(one).to_scene().frames)
    assert not any(frame.kind == "cell" for frame in viz.unrolled(three).to_scene().frames)


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "bi_concat", "free"])
def test_the_parts_of_an_open_cell_stand_inside_it(name):
    picture = scene(name, "op")
    frames = [frame for frame in picture.frames if frame.kind == "cell"]
    parts = [box for box in picture.boxes if box.kind in ("gate", "op") and "@" in box.path]
    assert 2 * len(frames) <= len(parts)
    for box in parts:
        assert any(
            frame.left < box.left and box.right < frame.right and frame.top < box.top and box.bottom < frame.bottom
            for frame in frames
        )


@pytest.mark.parametrize("name", ["gru", "late", "free"])
def test_parts_of_an_open_cell_show_the_same_values(name):
    tr = trace(name)
    gates = [box for box in scene(name, "op").boxes if box.kind == "gate"]
    assert gates
    for box in gates:
        path, t = box.path.split("@")
        assert f"‖·‖ {number(np.linalg.norm(tr.value(path, int(t))))}" in words(box)


def test_weights_are_no_boxes_and_initial_zeros_are_states():
    picture = scene("lstm")
    assert not [box for box in picture.boxes if box.kind == "weights"]
    assert words(at(picture, "rnn/c_prev@0")) == ["c start", "0 ×5"]


def test_the_head_stands_at_the_right_where_its_inputs_come_from():
    picture = scene("multi")
    loss, last = at(picture, "softmax_cross_entropy"), at(picture, "rnn/layer1/h@2")
    assert loss.kind == "loss"
    assert loss.left > at(picture, "dense").right > last.right
    assert at(picture, "dense").y == pytest.approx(last.y, abs=1)


@every_model
def test_nothing_is_higher_than_the_lattice_but_a_little(name):
    """A head above would leave the whole upper left blank."""
    for gradient in (False, True):
        picture = scene(name, gradient=gradient)
        lattice = [box for box in picture.boxes if "@" in box.path] + [f for f in picture.frames if f.kind == "layer"]
        others = [box for box in picture.boxes if "@" not in box.path and box.kind != "anchor"]
        assert min(each.top for each in lattice) - min((box.top for box in others), default=math.inf) < 70


def test_widths_and_shades_grow_with_the_norm():
    for scale in ("log", "relative"):
        flows = gradients(viz.unrolled(trace("multi"), gradient=True, scale=scale).to_scene())
        shown = sorted((float(f.label.content), f.width, f.strength) for f in flows if f.label and f.kind == "gradient")
        assert len(shown) > 10
        assert [w for _, w, _ in shown] == sorted(w for _, w, _ in shown)
        assert [s for _, _, s in shown] == sorted(s for _, _, s in shown)
    widest = max(f.width for f in flows)
    assert widest == pytest.approx(3.2)
    assert (LOW, HIGH) == (1e-4, 3.0)


def test_a_gradient_that_is_no_number_is_marked():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    with Loop(over="time") as loop:
        h = loop.delay(g.fill(("batch", 2)), name="h_prev")
        new = ops.sqrt(ops.multiply(loop.slice(x), 0.0) + h, name="h")
        loop.feed(h, new)
    with np.errstate(all="ignore"):
        tr = Plan(ops.sum(loop.last(new)), wrt=[x]).trace({x: np.ones((1, 2, 2))})
        shown = viz.unrolled(tr, gradient=True).to_scene()
    bad = [edge for edge in gradients(shown) if edge.kind == "bad"]
    assert bad
    assert {edge.label.content for edge in bad if edge.label} <= {"✕ NaN", "✕ ∞"}
    assert "✕ NaN or infinite" in [text.content for text in shown.texts]


def test_a_loop_that_ends_early_shows_what_it_ran():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("time", 1))
    with Loop(over="time") as loop:
        total = loop.delay(g.fill((1,)), name="total")
        new = ops.add(total, loop.slice(x), name="sum")
        loop.feed(total, new)
        loop.until(ops.greater(new, 2.5))
    tr = Plan(ops.sum(loop.last(new)), wrt=[x]).trace({x: np.ones((5, 1))})
    shown = viz.unrolled(tr, gradient=True).to_scene()
    assert problems(shown) == []
    assert [text.content for text in shown.texts if text.content.startswith("t = ")] == ["t = 0", "t = 1", "t = 2"]


def test_a_network_without_loops_is_drawn_all_the_same():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 3))
    tr = Plan(ops.sum(ops.tanh(x) * x), wrt=[x]).trace({x: draw(1, 3)})
    shown = viz.unrolled(tr, gradient=True).to_scene()
    assert problems(shown) == []
    assert len(gradients(shown)) == len(forward(shown)) == 4


def test_a_partial_trace_shows_what_it_kept():
    model = FORMS["lstm"]()
    plan = Plan(model.loss)
    feeds = {model.x: np.ones((1, 3, 10)), model.y: [0]}
    whole, norms = plan.trace(feeds), plan.trace(feeds, norms_only=True)
    size = number(np.linalg.norm(whole.value("rnn/h", 1)))
    assert words(at(viz.unrolled(norms).to_scene(), "rnn/h@1")) == ["h₁", f"‖·‖ {size}"]
    some = viz.unrolled(plan.trace(feeds, keep=["rnn/h"])).to_scene()
    assert words(at(some, "rnn/c@1")) == ["c₁"]
    with pytest.raises(errors.UnknownPathError, match="keeps only some"):
        viz.unrolled(norms, gradient=True)


def test_what_cannot_be_drawn():
    model = FORMS["lstm"]()
    plan = Plan(model.loss)
    values = plan.trace({model.x: np.ones((1, 3, 10)), model.y: [0]}, gradients=False)
    for what in (model.graph, plan, values):
        with pytest.raises(errors.GradientError, match=r"gradient=True needs a trace with gradients"):
            viz.unrolled(what, gradient=True)
    with pytest.raises(errors.StructureError, match="a picture is of a graph, a plan or a trace, not of a int"):
        viz.unrolled(3)
    with pytest.raises(errors.UnknownPathError, match="no layer \\[3\\]; there are \\[0\\]"):
        viz.unrolled(model.graph, layers=[3])
    with pytest.raises(errors.UnknownPathError, match="none of the steps"):
        viz.unrolled(model.graph, steps=[7])
    with pytest.raises(errors.UnknownPathError, match="did you mean rnn/h"):
        viz.unrolled(model.graph, highlight="rnn/hh")
    with pytest.raises(errors.BudgetError, match=r"steps=.*layers=.*viz\.folded.*budget="):
        viz.unrolled(model.graph, steps="all", time=100, budget=50)
    with pytest.raises(viz.SceneError, match='"log" or "relative"'):
        viz.unrolled(trace("lstm"), gradient=True, scale="linear")


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_themes(theme):
    view = viz.unrolled(trace("multi"), gradient=True, theme=theme)
    assert view.theme.name == theme
    assert view.theme.background in view.to_svg()


def test_a_thousand_steps_of_four_layers():
    g = Graph()
    x = g.placeholder("x", ("batch", "time", 8))
    dynamic_rnn(MultiRNNCell([LSTMCell(8) for _ in range(4)]), x, over="time")
    view = viz.unrolled(g, steps="all", time=1000)
    assert len([box for box in view.to_scene().boxes if box.kind == "cell"]) == 4000
    assert view.to_svg().endswith("</svg>\n")


PROGRAM = """
import hashlib, sys, viz
from tests.viz.models import MODELS
digest = hashlib.sha256()
for name in ("multi", "bi_concat", "free", "embedded", "encoder_decoder", "memory", "late"):
    trace = MODELS[name]()
    for detail in ("cell", "op"):
        view = viz.unrolled(trace, detail=detail, gradient=True)
        digest.update((view.to_svg() + view.to_dot()).encode())
    for view in (viz.folded(trace), viz.graph(trace), viz.graph(trace.graph, fold=1)):
        digest.update((view.to_svg() + view.to_dot()).encode())
    digest.update(viz.cell(trace, path=None if name != "encoder_decoder" else "decoder", layer=0, show="both"
                           if name != "free" else "forward").to_svg().encode())
print(digest.hexdigest())
"""


def test_every_process_draws_the_same_bytes():
    found = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_drawn_lines_are_found():
    """The tests above would pass on an empty picture; this one would not."""
    assert len(drawn(scene("multi"))) > 50
    assert article("lstm").plan.graph.name == "LSTM"
