"""A profile in colours: shares grow warmer, all of them together are the run, and everything can be read."""

import copy
import pickle
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, errors, ops
from graphengine.profile import Cost, Profile
from layers import Dense, LSTMCell, MultiRNNCell, dynamic_rnn, mean_squared_error
from tests.viz.models import MODELS
from tests.viz.reading import at, words
from tests.viz.test_theme import BLINDNESS, contrast, lab
from viz.cards import Cards
from viz.check import problems
from viz.model.fold import fold
from viz.model.subject import Subject
from viz.scene import HEATS
from viz.theme import DARK, LIGHT, PRINT, THEMES
from viz.views.folded import _claims
from viz.views.graph import _claims as _claims_of_groups
from viz.views.graph import _grouped
from viz.views.heat import BOUNDS, Heating, level

every_theme = pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
DRAWN = ["multi", "bi_concat", "encoder_decoder", "embedded", "free", "masked_both", "memory"]


@cache
def net():
    """Two layers and a Dense, compiled; nothing of it is measured."""
    g = Graph("net", dtype="float64", seed=1)
    x, y = g.placeholder("x", ("batch", "time", 4)), g.placeholder("y", ("batch", 2))
    _, state = dynamic_rnn(MultiRNNCell([LSTMCell(3), LSTMCell(3)]), x, over="time")
    return Plan(mean_squared_error(Dense(2)(state[-1].h), y))


def made_up(nodes, outside=0.0, **more):
    """A profile of known numbers: by path, milliseconds forward and backward, and calls."""
    costs = {path: Cost(f * 1e-3, b * 1e-3, calls) for path, (f, b, calls) in nodes.items()}
    scopes = {"": sum(costs.values(), Cost())}
    for path, cost in costs.items():
        parts = path.split("/")[:-1]
        for k in range(len(parts)):
            scope = "/".join(parts[: k + 1])
            scopes[scope] = scopes.get(scope, Cost()) + cost
    passes = {"forward": Cost(scopes[""].forward), "backward": Cost(0.0, scopes[""].backward)}
    return Profile(passes, scopes, {}, costs, outside * 1e-3, **more)


KNOWN = made_up(
    {
        "rnn/layer1/c": (18, 34, 100), "rnn/layer1/operand": (4, 6, 2),  # 62 %, the second one of a merged product
        "rnn/layer0/c": (6, 9, 100), "rnn/layer0/pre": (1, 2, 100),  # 18 %
        "rnn/x_t": (3.5, 0.5, 2), "rnn/h_last": (0, 1, 1),  # 5 %, drawn in no box
        "dense/Wx": (2, 4, 3), "dense/y": (0.5, 0.5, 2),  # 7 %
        "x": (1, 0, 1),  # 1 %
    },
    outside=7,
    repeats=7,
)  # fmt: skip


def notes(scene):
    (frame, *_) = [frame for frame in scene.frames if frame.kind == "legend"]
    return [each.content for each in scene.texts if frame.top < each.y < frame.bottom]


def percents(scene):
    """All shares that a picture names, boxes and notes alike."""
    said = [line.content for box in scene.boxes if box.path for line in box.lines] + notes(scene)
    return [float(each.split(" %")[0].strip("< ")) for each in said if " % · " in each]


def test_boxes_say_share_and_time_and_sum_their_scopes():
    scene = viz.folded(net(), profile=KNOWN).to_scene()
    assert words(at(scene, "rnn/layer1"))[:3] == ["LSTM", "62 % · 62 ms", "forward 22 · backward 40 ms"]
    assert words(at(scene, "rnn/layer0"))[:3] == ["LSTM", "18 % · 18 ms", "forward 7.0 · backward 11 ms"]
    assert words(at(scene, "dense"))[:3] == ["Dense", "7 % · 7.0 ms", "forward 2.5 · backward 4.5 ms"]
    assert words(at(scene, "x")) == ["x", "1 % · 1.0 ms"]
    assert words(at(scene, "y")) == ["y"]
    assert at(scene, "rnn/layer1").tooltip.splitlines()[-1] == (
        "62 % · 62 ms of a run: forward 22, backward 40 ms, in 102 calls"
    )
    assert "1.0 ms of a run: forward 1.0, backward < 0.001 ms, in 1 call" in at(scene, "x").tooltip
    assert at(scene, "rnn/layer1").kind == "heat5"
    assert {at(scene, "y").kind, at(viz.folded(net()).to_scene(), "x").kind} == {"input"}


def test_the_subtitle_says_what_was_measured():
    said = [text.content for text in viz.folded(net(), profile=KNOWN).to_scene().texts]
    assert "188 weights · 100 ms a run (medians of 7 repeats)" in said
    forward = made_up({"rnn/layer0/c": (0.0456, 0, 3)})
    texts = viz.folded(net(), profile=forward).to_scene().texts
    assert any(each.content.endswith("0.046 ms a run, forward only (measured once)") for each in texts)


def test_the_legend_shows_the_scale_and_what_no_box_does():
    scene = viz.folded(net(), profile=KNOWN).to_scene()
    scale = [(box.kind, *words(box)) for box in scene.boxes if not box.path and box.kind in HEATS]
    spelt = ("< 2 %", "2–5 %", "5–10 %", "10–20 %", "20–50 %", "≥ 50 %")
    assert scale == list(zip(HEATS, spelt, strict=True))
    assert notes(scene) == [
        "share of a run’s time",
        "5 % · 5.0 ms in no box: rnn/x_t, rnn/h_last",
        "7 % · 7.0 ms outside the calls: checking feeds, copying results",
    ]
    many = made_up({"rnn/x_t": (5, 0, 1), "rnn/h_last": (4, 0, 1), "rnn/outputs": (3, 0, 1), "rnn/c_last": (2, 0, 1)})
    assert "100 % · 14 ms in no box: rnn/x_t, rnn/h_last, rnn/outputs, 1 more" in notes(
        viz.folded(net(), profile=many).to_scene()
    )


def test_colours_grow_with_the_share():
    assert [level(share) for share in (0.0, *BOUNDS)] == list(HEATS)
    for bound, lower in zip(BOUNDS, HEATS, strict=False):
        assert level(0.97 * bound) == lower
    assert level(0.4999) == "heat5"  # as it is spelt: 50 %
    scene = viz.folded(net(), profile=KNOWN).to_scene()
    kinds = [at(scene, path).kind for path in ("x", "dense", "rnn/layer0", "rnn/layer1")]
    assert kinds == sorted(set(kinds))


@every_theme
def test_text_can_be_read_on_every_colour(theme):
    fills = [theme.boxes[kind].fill for kind in HEATS]
    for kind in HEATS:
        assert contrast(theme.boxes[kind].text, theme.boxes[kind].fill) >= 4.5, kind
    away = [contrast(fill, theme.background) for fill in fills]
    assert away == sorted(set(away))
    roles = {line.role for box in viz.folded(net(), profile=KNOWN).to_scene().boxes for line in box.lines
             if box.kind in HEATS}  # fmt: skip
    assert roles == {"auto"}  # the ink of the box itself


@pytest.mark.parametrize("blindness", BLINDNESS)
@every_theme
def test_neighbouring_colours_stay_apart_for_everybody(theme, blindness):
    seen = [lab(theme.boxes[kind].fill, blindness) for kind in HEATS]
    darker = np.array([one[0] - other[0] for one, other in pairwise(seen)]) * (-1 if theme is DARK else 1)
    assert darker.min() >= 6  # lightness alone tells the order
    assert darker.max() <= 3 * darker.min()  # and its steps are alike
    for one, other in pairwise(seen):
        assert np.linalg.norm(one - other) >= 10


def test_print_has_greys_only():
    fills = [PRINT.boxes[kind].fill for kind in HEATS]
    assert all(fill[1:3] == fill[3:5] == fill[5:7] for fill in fills)
    assert len(set(fills)) == len({LIGHT.boxes[kind].fill for kind in HEATS}) == len(HEATS)


def measured(name, repeats=1):
    trace = MODELS[name]()
    feeds = {each: trace.value(each.path) for each in trace.plan.placeholders}
    return trace, trace.plan.profile(feeds, repeats=repeats)


def shares(heating):
    inside = sum(cost.seconds for cost in heating.costs.values())
    between = sum(cost.seconds for cost in heating.homeless.values())
    return [heating.share(seconds) for seconds in (inside, between, heating.profile.outside)]


def test_shares_add_up_to_the_run():
    assert sum(percents(viz.folded(net(), profile=KNOWN).to_scene())) == 100
    found = percents(viz.graph(net(), profile=KNOWN).to_scene())
    assert sum(found) == pytest.approx(100, abs=0.05 * len(found))


@pytest.mark.parametrize("name", DRAWN)
def test_measured_shares_add_up_and_nothing_overlaps(name):
    trace, profile = measured(name)
    subject = Subject(trace.plan)
    groups = [_grouped(subject, depth, 400) for depth in (None, 1)]
    for each in (_claims(fold(subject)), *map(_claims_of_groups, groups)):
        heating = Heating(profile, subject.graph, *each)
        assert sum(shares(heating)) == pytest.approx(1)
        assert sum(cost.calls for cost in [*heating.costs.values(), *heating.homeless.values()]) == (
            profile.scopes[""].calls
        )
    for view in (viz.folded, viz.graph):
        for what in (trace, trace.plan):
            assert problems(view(what, profile=profile).to_scene()) == []


def test_a_cell_counts_what_its_row_in_the_table_does():
    trace, profile = measured("multi")
    scene = viz.folded(trace.plan, profile=profile).to_scene()
    for path in ("rnn/layer0", "rnn/layer1", "dense"):
        assert f", in {profile.scopes[path].calls} calls" in at(scene, path).tooltip


def test_a_graph_op_by_op_and_folded():
    scene = viz.graph(net(), profile=KNOWN).to_scene()
    assert words(at(scene, "rnn/layer1/c"))[:2] == ["+", "52 % · 52 ms"]
    assert "11 % · 11 ms in no box: rnn/layer1/operand, rnn/h_last" in notes(scene)
    assert notes(scene)[0].endswith("(no number: no calls of its own, as in a fused op)")
    closed = viz.graph(net(), profile=KNOWN, fold=["rnn"]).to_scene()
    assert words(at(closed, "rnn"))[1:3] == ["85 % · 85 ms", "forward 33 · backward 53 ms"]
    assert problems(scene) == problems(closed) == []


def test_pages_and_drawings_tell_it_too():
    trace, profile = measured("multi")
    view = viz.folded(trace, profile=profile)
    assert " of a run: forward " in view.to_svg()  # though tooltips of a trace explain values
    assert " of a run: forward " in str(Cards(Subject(trace)).box(at(view.to_scene(), "rnn/layer0")))
    for theme in (LIGHT, DARK, PRINT):
        fill = theme.box(at(view.to_scene(), "rnn/layer0")).fill
        assert fill in view.themed(theme).to_svg()
        assert fill in view.themed(theme).to_dot()


def test_what_stands_out_still_does():
    scene = viz.folded(net(), profile=KNOWN, highlight="rnn/layer0/h").to_scene()
    box = at(scene, "rnn/layer0")
    assert (box.kind, box.emphasis) == ("heat3", "highlight")
    assert LIGHT.box(box).fill == LIGHT.boxes["heat3"].fill


def test_refusals():
    with pytest.raises(errors.StructureError, match=r"a profile is what plan.profile\(feeds\) returns, not a Plan"):
        viz.folded(net(), profile=net())
    g = Graph("elsewhere", dtype="float64")
    x = g.placeholder("x", ("n",))
    profile = Plan(ops.sum(x * x), wrt=[x]).profile({x: [1.0, 2.0]}, repeats=1)
    for view in (viz.folded, viz.graph):
        with pytest.raises(errors.GraphMismatchError, match=r"plan of graph .elsewhere., the picture of .*.net."):
            view(net(), profile=profile)
    with pytest.raises(errors.GraphMismatchError, match="of another graph: 'net' has no scope 'lost'"):
        viz.folded(net(), profile=made_up({"lost/c": (1, 1, 1)}))


def test_nothing_measured_is_no_division_by_zero():
    scene = viz.folded(net(), profile=made_up({"rnn/layer0/c": (0, 0, 1)})).to_scene()
    assert words(at(scene, "rnn/layer0"))[1] == "< 0.1 %"


def test_a_profile_knows_its_graph_and_leaves_it_behind():
    trace, profile = measured("multi", repeats=2)
    assert profile.graph is trace.graph
    assert profile.repeats == 2
    for other in (pickle.loads(pickle.dumps(profile)), copy.copy(profile)):
        assert other == profile
        assert other.graph is None
        assert viz.folded(trace.plan, profile=other).to_scene() == viz.folded(trace.plan, profile=profile).to_scene()
    assert replace(profile, outside=0.0).graph is trace.graph
