"""The story's order is the engine's: of what it computes, of what its backwards do, of when gradients are complete."""

import itertools

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, ops
from graphengine.interpreter import Interpreter
from graphengine.loop import Delay
from graphengine.program import Program
from layers import LSTMCell, MultiRNNCell, dynamic_rnn
from tests.graphengine.random_graphs import RandomGraph
from tests.viz.models import MODELS, recurrent
from viz.model.groups import Group
from viz.model.lattice import Item
from viz.model.subject import Subject
from viz.story import FINEST, GRADIENTS, Order, made, story

VIEWS = {
    "cells": lambda trace: viz.unrolled(trace, detail="cell", gradient=True),
    "ops": lambda trace: viz.unrolled(trace, detail="op", gradient=True),
    "folded": viz.folded,
    "graph": viz.graph,
    "graph of scopes": lambda trace: viz.graph(trace, fold=1),
}
FEW = ("lstm", "bimulti", "gru", "embedded", "encoder_decoder", "free", "late", "long_bi", "memory", "reverse")


@pytest.fixture
def log(monkeypatch):
    """What the interpreter did, in order: what it computed, whose backward ran, which gradient grew, each at a step."""
    done = []
    for name in ("_compute", "_spread"):
        original = getattr(Interpreter, name)

        def act(self, node, k, name=name, original=original):
            done.append((name, node, position(self, node, k)))
            original(self, node, k)

        monkeypatch.setattr(Interpreter, name, act)
    grow = Interpreter._accumulate

    def accumulate(self, tensor, k, gradient):
        done.append(("grow", tensor, position(self, tensor, k)))
        grow(self, tensor, k, gradient)

    monkeypatch.setattr(Interpreter, "_accumulate", accumulate)
    return done


def position(interpreter, what, k):
    if what.loop is None:
        return None
    steps = range(interpreter.context.steps(what.loop))
    return (steps[::-1] if what.loop.reverse else steps)[k]


def times(log, kind):
    """By node (or tensor) and position, when it happened last; positions of one node together under None too."""
    found = {}
    for number, (each, what, t) in enumerate(log):
        if each == kind:
            found[what, t] = number
    return found


def computing(about):
    """The nodes that a box computes, with the positions that it stands for; None where it stands for others' values."""
    if isinstance(about, Group):
        return [(node, t) for node in about.nodes for t in [None]], True
    if isinstance(about, Item) and about.role in ("part", "block"):
        nodes = about.part.nodes if about.part is not None else about.block.nodes
        return [(node, about.t) for node in nodes], False
    return [], False


def happened(when, subject, box, t):
    """When the nodes of a box did something, at the step's position where the box stands for all of them."""
    pairs, _ = computing(box.about)
    found = []
    for node, own in pairs:
        known = [each for each in (own, t) if each is not None][:1]
        places = [None] if node.loop is None else known or subject.positions(node.loop)
        found += [when[node, place] for place in places if (node, place) in when]
    return found


@pytest.mark.parametrize("view", ["cells", "ops", "folded"])
@pytest.mark.parametrize("name", FEW)
def test_boxes_have_their_turn_in_the_order_of_the_engine(name, view, log):
    trace = MODELS[name]()
    scene, subject = VIEWS[view](trace).to_scene(), Subject(trace)
    steps = story(scene, subject)
    for phase, kind, choose in (("forward", "_compute", max), ("backward", "_spread", min)):
        when = times(log, kind)
        turns = []
        for step in (each for each in steps if each.phase == phase):
            own = [happened(when, subject, scene.box(identity), step.t) for identity in step.boxes]
            turns.append([choose(each) for each in own if each])
        turns = [each for each in turns if each]
        assert len(turns) >= 2
        for before, after in itertools.pairwise(turns):
            assert max(before) < min(after)


@pytest.mark.parametrize("name", ["lstm", "gru", "encoder_decoder", "bi_states"])
def test_ops_have_their_turn_in_the_order_of_the_engine(name, log):
    """Op by op every turn is a single computation, and none is left out."""
    trace = MODELS[name]()
    scene, subject = viz.graph(trace).to_scene(), Subject(trace)
    node_of = {box.id: box.about.first for box in scene.boxes if isinstance(box.about, Group)}
    circular = Order(subject).circular
    told = [
        (node_of[identity], step.t if node_of[identity] in circular else None)
        for step in story(scene, subject) if step.phase == "forward" for identity in step.boxes
    ]  # fmt: skip
    computed = [(node, t if node in circular else None) for kind, node, t in log if kind == "_compute"]
    assert told == list(dict.fromkeys(computed))


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("view", VIEWS)
def test_every_box_has_its_turn_and_gradients_only_where_they_flow(name, view):
    trace = MODELS[name]()
    scene, subject = VIEWS[view](trace).to_scene(), Subject(trace)
    steps = story(scene, subject)
    forward = {identity for step in steps if step.phase == "forward" for identity in step.boxes}
    backward = {identity for step in steps if step.phase == "backward" for identity in step.boxes}
    drawn = {box.id for box in scene.boxes if box.about is not None and box.kind != "anchor"}
    assert forward == drawn
    assert backward == {identity for identity in drawn if any(map(trace.carries, made(scene.box(identity).about)))}
    phases = [step.phase for step in steps]
    assert phases == sorted(phases, key=["forward", "backward"].index)
    told = [(scene.edges[i].kind in GRADIENTS, step.phase) for step in steps for i in step.edges]
    if any(edge.kind in GRADIENTS for edge in scene.edges):
        assert {(False, "forward"), (True, "backward")} == set(told)
    about = [i for i, edge in enumerate(scene.edges) if edge.about is not None]
    assert set(about) <= {i for step in steps for i in step.edges} | {
        i for i in about if scene.box(scene.edges[i].target).kind == "gradient"
    }


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "reverse"])
def test_named_gradients_are_complete_when_they_appear_and_not_before(name, log):
    trace = MODELS[name]()
    way = "bw" if name == "reverse" else "fw"
    scene, subject = viz.cell(trace, 1, direction=way, show="both").to_scene(), Subject(trace)
    grown, spread = times(log, "grow"), times(log, "_spread")
    steps = [step for step in story(scene, subject) if step.phase == "backward"]
    own = [[t for box in map(scene.box, step.boxes) for t in happened(spread, subject, box, None)] for step in steps]
    begun = [min(each, default=None) for each in own]
    seen = 0
    for k, step in enumerate(steps):
        later = next((t for t in begun[k + 1 :] if t is not None), len(log))
        for box in map(scene.box, step.boxes):
            if box.kind == "gradient" and (box.about.tensor, box.about.t) in grown:
                complete = grown[box.about.tensor, box.about.t]
                assert complete < later
                assert begun[k] is None or complete > begun[k] or box.lines[0].content.startswith("DHt")
                seen += 1
    assert seen >= 3


def test_the_compiled_plan_keeps_the_order(monkeypatch):
    calls = []
    do = Program.do

    def record(self, node, *call):
        calls.append(node)
        do(self, node, *call)

    monkeypatch.setattr(Program, "do", record)
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 4))
    _, state = dynamic_rnn(MultiRNNCell([LSTMCell(3), LSTMCell(2)]), x, over="time")
    plan = Plan(ops.sum(state[-1].h), without=["fuse", "merge", "defer"])
    plan.run({x: np.ones((1, 3, 4))}, gradients=False)
    subject = Subject(plan.trace({x: np.ones((1, 3, 4))}))
    order, seen, moments = Order(subject), {}, []
    for node in calls:
        if not isinstance(node.op, Delay):
            seen[node] = seen.get(node, -1) + 1
            t = None if node not in order.circular else subject.positions(node.loop)[seen[node]]
            moments.append(order.when(node, t))
    assert len(set(moments)) > 60
    assert moments == sorted(moments)


def test_without_numbers_there_is_only_a_way_forward():
    graph = MODELS["lstm"]().graph
    scene = viz.unrolled(graph).to_scene()
    steps = story(scene, Subject(graph))
    assert {step.phase for step in steps} == {"forward"}
    assert {i for step in steps for i in step.boxes} == {box.id for box in scene.boxes if box.about is not None}


def test_a_long_loop_is_told_step_by_step_instead_of_op_by_op():
    trace = recurrent(LSTMCell(3), steps=200)
    steps = story(viz.graph(trace).to_scene(), Subject(trace))
    assert 400 < len(steps) < FINEST
    assert [step.t for step in steps if step.phase == "forward" and step.t is not None] == list(range(200))


@pytest.mark.parametrize("seed", range(16))
def test_the_order_of_random_graphs_is_the_engines(seed, log):
    """Every computation and every backward of graphs with loops, either way, that may end early."""
    drawn = RandomGraph(seed)
    targets = list(dict.fromkeys(drawn.targets))
    plan = Plan(targets)
    sizes = {"batch": 2, "time": 4, "steps": 3}
    feeds = {tensor: value for tensor, value in drawn.feeds(sizes).items() if tensor in plan.placeholders}
    named = {name: size for name, size in sizes.items() if name in plan.names}
    trace = plan.trace(feeds, seeds=drawn.seeds(targets, sizes), sizes=named)
    order = Order(Subject(trace))
    for kind, back in (("_compute", False), ("_spread", True)):
        events = [(node, t) for each, node, t in log if each == kind]
        kept = [(node, t) for node, t in events if node.loop is None or t in trace.positions(node.loop)]
        moments = [order.when(node, t) for node, t in kept]
        assert len(moments) > 30 or (back and not trace.seeded)
        assert moments == sorted(moments, reverse=back)
    assert viz.graph(trace).to_html()
