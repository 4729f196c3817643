"""Cells whose blocks run as fused ops: which ops, and that they compute what is written."""

from typing import NamedTuple

import numpy as np
import pytest

from graphengine import Graph, Plan, ops
from graphengine.ops.fused import Fused
from graphengine.ops.fused_gru import GRUGates, ResetGates, UpdateState
from graphengine.ops.fused_lstm import CoupledLSTMGates, CoupledPeepholeLSTMGates, LSTMGates, PeepholeLSTMGates
from layers import CoupledLSTMCell, GRUCell, LSTMCell, PeepholeLSTMCell, dynamic_rnn
from tests.graphengine.test_passes import LEFT_OUT

CELLS = {
    "lstm": (lambda: LSTMCell(3), {LSTMGates}),
    "peephole": (lambda: PeepholeLSTMCell(3), {PeepholeLSTMGates}),
    "coupled": (lambda: CoupledLSTMCell(3), {CoupledLSTMGates}),
    "coupled with peepholes": (lambda: CoupledLSTMCell(3, peepholes=True), {CoupledPeepholeLSTMGates}),
    "gru": (lambda: GRUCell(3), {GRUGates}),
    "gru without bias": (lambda: GRUCell(3, use_bias=False), {UpdateState}),
    "gru, reset before": (lambda: GRUCell(3, reset="before"), {ResetGates, UpdateState}),
}
every_cell = pytest.mark.parametrize("name", CELLS)


class Model(NamedTuple):
    cell: object
    x: object
    lengths: object
    outputs: object
    state: object

    def feeds(self, dtype="float64"):
        X = np.random.default_rng(1).standard_normal((4, 5, 2)).astype(dtype)
        return {self.x: X, self.lengths: [5, 1, 0, 3]}


def model(name, dtype="float64"):
    """A cell over rows of unequal lengths, with no weight that is zero."""
    g = Graph(dtype=dtype, seed=2)
    x, lengths = g.placeholder("x", ("batch", "time", 2)), g.placeholder("lengths", ("batch",), "int64")
    cell = CELLS[name][0]()
    outputs, state = dynamic_rnn(cell, x, over="time", lengths=lengths, reverse=True)
    rng = np.random.default_rng(3)
    for parameter in cell.parameters:
        parameter.assign((parameter.value + rng.standard_normal(parameter.shape) * 0.5).astype(dtype))
    return Model(cell, x, lengths, outputs, state)


def fused(plan):
    return {type(node.op) for node in plan.lowered.nodes if isinstance(node.op, Fused)}


def agrees(plan, feeds, **given):
    trace = plan.trace(feeds, **given)
    for _ in range(2):  # worked out, and repeated
        run = plan.run(feeds, **given)
        for tensor in (*plan.targets, *plan.also):
            np.testing.assert_allclose(run[tensor], trace.value(tensor), rtol=1e-12, atol=1e-12)
        for tensor in plan.differentiated:
            np.testing.assert_allclose(run.grad(tensor), trace.grad(tensor), rtol=1e-11, atol=1e-12)


@every_cell
@pytest.mark.parametrize("without", LEFT_OUT, ids="-".join)
def test_a_cell_computes_what_is_written(name, without):
    m = model(name)
    plan = Plan((m.outputs, m.state), wrt=[*m.cell.parameters, m.x], without=without)
    assert fused(plan) == (set() if "fuse" in without else CELLS[name][1])
    rng = np.random.default_rng(4)
    seeds = {m.outputs: rng.standard_normal((4, 5, 3))} | {each: rng.standard_normal((4, 3)) for each in m.state}
    agrees(plan, m.feeds(), seeds=seeds)


@every_cell
def test_every_gradient_alone(name):
    m = model(name)
    for wished in (*m.cell.parameters, m.x):
        agrees(Plan(ops.sum(m.outputs * m.outputs), wrt=[wished]), m.feeds())


@every_cell
def test_steps_written_out_by_hand(name):
    """The first step has a state that carries no gradient, the last one an output that nobody reads."""
    g = Graph(dtype="float64", seed=2)
    x = g.placeholder("x", ("batch", 2))
    cell = CELLS[name][0]()
    state = cell.state(x.spec)
    state = type(state)(*(g.fill(("batch", 3), 0.3) for _ in state))
    for _ in range(3):
        h, state = cell(x, state)
    plan = Plan(ops.sum(h * h), wrt=[*cell.parameters, x])
    assert fused(plan) == CELLS[name][1]
    agrees(plan, {x: np.random.default_rng(1).standard_normal((4, 2))})


@every_cell
def test_many_seeds(name):
    m = model(name)
    plan = Plan(m.outputs, wrt=[*m.cell.parameters, m.x])
    assert fused(plan) == CELLS[name][1]
    seeds = np.random.default_rng(0).standard_normal((2, 4, 5, 3))
    together = plan.run(m.feeds(), seeds={m.outputs: seeds})
    for k, seed in enumerate(seeds):
        alone = plan.run(m.feeds(), seeds={m.outputs: seed})
        for tensor in plan.differentiated:
            np.testing.assert_allclose(together.grad(tensor)[k], alone.grad(tensor), rtol=1e-11, atol=1e-13)


@every_cell
def test_single_precision(name):
    found = []
    for dtype in ("float32", "float64"):
        m = model(name, dtype)
        plan = Plan(ops.sum(m.outputs * m.outputs), wrt=[*m.cell.parameters, m.x])
        assert fused(plan) == CELLS[name][1]
        run = plan.run(m.feeds(dtype))
        found.append([run.grad(tensor) for tensor in plan.differentiated])
    for narrow, wide in zip(*found, strict=True):
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, wide, rtol=1e-4, atol=1e-5)


def test_a_value_that_is_asked_for_opens_its_own_block_only():
    for asked, left in (("r", {UpdateState}), ("n", {ResetGates}), ("u", {ResetGates, UpdateState})):
        g = Graph(dtype="float64")
        x = g.placeholder("x", ("batch", 2))
        cell = GRUCell(3, reset="before")
        with g.scope("by_hand"):
            h, _ = cell(x, type(cell.state(x.spec))(g.fill(("batch", 3), 0.5)))
        plan = Plan(ops.sum(h), also=[g[f"by_hand/{asked}"]])
        assert fused(plan) == left
        agrees(plan, {x: np.ones((2, 2))})
