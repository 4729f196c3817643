"""Every line that carries a gradient has it drawn, and what leaves a value adds up to its gradient."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

import viz
from graphengine import Graph, Loop, Plan, ops
from graphengine.loop import Delay, LastStep
from layers import LSTMCell, LSTMState
from tests.viz.models import MODELS, draw
from tests.viz.reading import GRADIENTS
from viz.check import problems
from viz.model.subject import Subject
from viz.text import number


def read_outside(reader):
    """An LSTM in a loop of the user's own, of which something reads more than its state."""
    g = Graph("net", dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 4))
    zero = g.fill(("batch", 3))
    with Loop(over="time") as loop:
        before = loop.delay(LSTMState(zero, zero))
        earlier = loop.delay(zero, name="f_prev") if reader == "a delay" else None
        output, after = LSTMCell(3)(loop.slice(x), before)
        loop.feed(before, after)
        f = after.c.node.inputs[0].node.inputs[0]
        if earlier is not None:
            loop.feed(earlier, f)
        y = {
            "a delay": lambda: output * earlier, "an op": lambda: output * f, "a stack": lambda: f,
            "both states": lambda: ops.concat([after.c, output]), "c alone": lambda: ops.tanh(after.c),
            "the end": lambda: output,
        }[reader]()  # fmt: skip
    outputs = loop.stack(y)
    loss = ops.sum(outputs * outputs) + (ops.sum(loop.last(f)) if reader == "the end" else 0.0)
    return Plan(loss).trace({x: draw(1, 3, 4)})


READERS = ("a delay", "an op", "a stack", "both states", "c alone", "the end")
TRACES = MODELS | {f"read by {reader}": (lambda reader=reader: read_outside(reader)) for reader in READERS}
VIEWS = {
    "cells": lambda tr: viz.unrolled(tr, detail="cell", gradient=True),
    "ops": lambda tr: viz.unrolled(tr, detail="op", gradient=True),
    "inside": lambda tr: viz.cell(tr, show="both", direction=direction(tr)),
}


def direction(tr):
    return "bw" if all(loop.reverse for loop in Subject(tr).loops) else "fw"


@cache
def trace(name):
    return TRACES[name]()


@cache
def drawn(name, view):
    return VIEWS[view](trace(name)).to_scene()


pictures = pytest.mark.parametrize("view", VIEWS)
models = pytest.mark.parametrize("name", TRACES)


@pictures
@models
def test_every_line_that_carries_a_gradient_has_exactly_one_against_it(name, view):
    scene, subject = drawn(name, view), Subject(trace(name))
    against = Counter((id(e.about), e.target, e.source) for e in scene.edges if e.kind in GRADIENTS and e.about)
    lines = [edge for edge in scene.edges if edge.kind not in GRADIENTS and edge.about is not None]
    for line in lines:
        count = against.pop((id(line.about), line.source, line.target), 0)
        told = view == "inside" and line.about.source.role in ("entry", "part") and is_input(line.about)
        assert count == subject.carries(line.about.flow) or (told and count == 1)
    assert not against


def is_input(link):
    """Whether a line brings a cell its input, whose gradient stands there though nothing may need it."""
    return any(
        node.inputs[i] in (scope.ports.get("x") for scope in node.scope.ancestry())
        for uses, _ in link.flow for node, i in uses
    )  # fmt: skip


@pictures
@models
def test_what_the_lines_from_a_value_carry_adds_up_to_its_gradient(name, view):
    """So no line is missing, and none carries anything twice."""
    scene, tr = drawn(name, view), trace(name)
    subject = Subject(tr)
    leaving = {}
    for edge in scene.edges:
        if edge.kind not in GRADIENTS and edge.about is not None and edge.about.source.role == "part":
            for uses, t in edge.about.flow:
                for node, i in uses:
                    leaving.setdefault((edge.about.source, origin(node.inputs[i])), []).append((node, i, t))
    checked = 0
    for (item, tensor), uses in leaving.items():
        if tensor.node not in item.part.nodes or tensor in tr.plan.targets or not tr.carries(tensor):
            continue
        uses += [(node, i, item.t) for node, i in tr.readers.get(tensor, ()) if node in item.part.nodes]
        parts = [subject.contribution(((((node, i),), t),)) for node, i, t in uses if tr.edge_carries(node, i)]
        np.testing.assert_allclose(sum(parts), tr.grad(tensor, item.t), atol=1e-12)
        checked += 1
    assert checked


def origin(tensor):
    """What a delay or a last step hands on."""
    while isinstance(tensor.node.op, Delay | LastStep):
        tensor = tensor.node.feeds if isinstance(tensor.node.op, Delay) else tensor.node.inputs[0]
    return tensor


@pictures
@models
def test_nothing_overlaps(name, view):
    assert problems(drawn(name, view)) == []


@pytest.mark.parametrize("name", ["gru", "mixed", "encoder_decoder"])
def test_the_terms_of_a_sum_share_its_gradient(name):
    """A gate's pre-activation is a sum of two products in one box: the line from there carries its gradient, once."""
    tr = trace(name)
    scene = drawn(name, "ops")
    found = 0
    for edge in scene.edges:
        path, _, t = scene.box(edge.source).path.rpartition("@")
        if edge.kind == "gradient" and path.endswith("/u") and edge.about.source.part.name == "product":
            norm = np.linalg.norm(tr.grad(f"{path}_pre", int(t)))
            assert edge.label.content == number(norm, 3 if norm >= 0.1 else 2)
            found += 1
    assert found
