"""The view of any graph: clean, foldable, and a summary where there is too much."""

import sys
from functools import cache

import pytest

import viz
from graphengine import Graph, Plan, errors, ops
from tests.viz.models import MODELS
from tests.viz.reading import drawn, words
from viz.check import problems

every_model = pytest.mark.parametrize("name", MODELS)


@cache
def trace(name):
    return MODELS[name]()


@every_model
@pytest.mark.parametrize("fold", [None, 0, 1, 2])
def test_nothing_overlaps(name, fold):
    for what in (trace(name), trace(name).graph):
        assert problems(viz.graph(what, fold=fold).to_scene()) == []


@every_model
def test_every_node_and_every_edge_is_there(name):
    plan = trace(name).plan
    scene = viz.graph(plan, fold=0).to_scene()
    paths = [box.path for box in scene.boxes if box.path]
    assert sorted(paths) == sorted(node.path for node in plan.nodes)
    wanted = {(tensor.node.path, node.path) for node in plan.nodes for tensor in node.sources}
    found = {(scene.box(edge.source).path, scene.box(edge.target).path) for edge in drawn(scene)}
    assert found == wanted


def test_what_runs_back_is_drawn_downwards_and_nothing_else():
    scene = viz.graph(trace("multi"), fold=0).to_scene()
    for edge in drawn(scene):
        upwards = edge.points[-1][1] < edge.points[0][1]
        assert upwards == (edge.kind != "delay")


def test_scopes_fold():
    scene = viz.graph(trace("multi"), fold=["rnn/layer0", "dense"]).to_scene()
    folded = {box.path: words(box) for box in scene.boxes if box.kind == "scope"}
    assert set(folded) == {"rnn/layer0", "dense"}
    assert folded["dense"][0] == "Dense"
    assert any(box.path == "rnn/layer1/f" for box in scene.boxes)
    assert not any(box.path == "rnn/layer0/f" for box in scene.boxes)
    top = viz.graph(trace("bi"), fold=1).to_scene()
    assert {box.path for box in top.boxes if box.kind == "scope"} == {"birnn", "dense"}


def test_constants_show_their_value():
    g = Graph()
    out = 2.5 * g.placeholder("x", ("batch", 3))
    assert sorted(words(box)[0] for box in viz.graph(out.graph).to_scene().boxes) == ["2.5", "x", "⊙"]


def chain(length):
    g = Graph("chain")
    x = g.placeholder("x", ("batch",))
    y = x
    for i in range(length):
        y = ops.tanh(y) if i % 2 else y + x
    return g


def test_a_graph_that_is_too_large_is_drawn_as_a_summary_without_recursion():
    g = chain(50_000)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        scene = viz.graph(g).to_scene()
    finally:
        sys.setrecursionlimit(limit)
    assert problems(scene) == []
    assert [words(box)[0] for box in scene.boxes if box.lines] == ["x", "add ×25,000", "tanh ×25,000"]
    assert "50,001 nodes in 3 boxes" in [text.content for text in scene.texts]


def test_many_scopes_are_folded_by_themselves():
    g = Graph("wide")
    x = g.placeholder("x", ("batch",))
    for k in range(40):
        with g.scope(f"part{k}"):
            for _ in range(10):
                x = ops.tanh(x)
    scene = viz.graph(g).to_scene()
    assert problems(scene) == []
    assert len([box for box in scene.boxes if box.kind == "scope"]) == 40


def test_a_fold_that_leaves_too_much_names_the_ways_out():
    with pytest.raises(errors.BudgetError, match=r"501 boxes, beyond the budget of 400; fold.*viz\.folded.*budget="):
        viz.graph(chain(500), fold=0)
    with pytest.raises(errors.BudgetError, match="61 boxes, beyond the budget of 60"):
        viz.graph(chain(60), fold=0, budget=60)
    assert len(viz.graph(chain(60), fold=0, budget=61).to_scene().boxes) == 61


def test_a_scope_that_is_not_there():
    with pytest.raises(errors.UnknownPathError, match="no scope at 'rnn/layer7' to fold"):
        viz.graph(trace("multi"), fold=["rnn/layer7"])


@pytest.mark.parametrize("view", [viz.graph, viz.folded])
def test_all_that_stands_in_a_loss_can_be_read(view):
    x = Graph().placeholder("x", ("batch",))
    scene = view(Plan(ops.sum(x * x, name="cost"), wrt=[x])).to_scene()
    (loss,) = [box for box in scene.boxes if box.kind == "loss"]
    assert {line.content for line in loss.lines} >= {"cost"}
    assert [line.role for line in loss.lines] == ["auto", "auto"]
