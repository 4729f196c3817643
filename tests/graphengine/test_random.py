"""Noise and dropout: the same everywhere in a run, other ones in other runs, and nothing outside training."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, GraphError, Loop, Plan, check_gradients, ops
from graphengine.errors import DtypeError, SettingError, ShapeError

ONES = np.ones((50, 40))


def dropped(rate: float = 0.3, **settings: Any) -> tuple[Any, Any, Plan]:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 40))
    y = ops.dropout(x, rate, **settings)
    return x, y, Plan(y, wrt=[x])


def test_dropout_keeps_the_mean_and_hands_on_what_it_kept() -> None:
    x, y, plan = dropped()
    run = plan.run({x: ONES}, seeds={y: 2 * ONES}, seed=0)
    kept = run[y] != 0
    np.testing.assert_allclose(run[y][kept], 1 / 0.7, rtol=1e-15)
    assert kept.mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / 2000))
    np.testing.assert_array_equal(run.grad(x), 2 * run[y])


def test_dropout_is_the_identity_outside_training() -> None:
    x, y, plan = dropped(0.9)
    np.testing.assert_array_equal(plan.run({x: ONES}, gradients=False)[y], ONES)
    run = plan.run({x: ONES}, seeds={y: ONES}, training=False)
    np.testing.assert_array_equal(run[y], ONES)
    np.testing.assert_array_equal(run.grad(x), ONES)
    assert (plan.run({x: ONES}, gradients=False, training=True)[y] == 0).any()
    x, y, plan = dropped(0.0)
    np.testing.assert_array_equal(plan.run({x: ONES}, seeds={y: ONES})[y], ONES)


def test_masks_are_keyed_by_seed_and_path() -> None:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 40))
    one, other = ops.dropout(x, 0.5), ops.dropout(x, 0.5)
    plan = Plan([one, other], wrt=[])
    run = plan.run({x: ONES}, training=True, seed=1)
    assert not np.array_equal(run[one], run[other])
    np.testing.assert_array_equal(run[one], plan.run({x: ONES}, training=True, seed=1)[one])
    assert not np.array_equal(run[one], plan.run({x: ONES}, training=True, seed=2)[one])
    free = plan.run({x: ONES}, training=True)
    assert not np.array_equal(free[one], plan.run({x: ONES}, training=True)[one])
    np.testing.assert_array_equal(free[one], plan.run({x: ONES}, training=True, seed=free.seed)[one])
    with ThreadPoolExecutor(4) as pool:
        for each in pool.map(lambda _: plan.run({x: ONES}, training=True, seed=1), range(8)):
            np.testing.assert_array_equal(each[one], run[one])


def recurrent(same_over: Any, reverse: bool) -> tuple[Any, Any, Plan]:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 6))
    with Loop(over="time", reverse=reverse) as loop:
        h = loop.delay(g.fill(("batch", 6)), name="h")
        h_new = ops.tanh(loop.slice(x) + ops.dropout(h, 0.4, same_over=same_over))
        out = ops.dropout(h_new, 0.5, same_over=same_over, name="out")
        loop.feed(h, h_new)
    y = loop.stack(out)
    return x, y, Plan(ops.sum(y * y), also=[y], wrt=[x])


@pytest.mark.parametrize("same_over", [(), "time"])
@pytest.mark.parametrize("reverse", [False, True])
def test_plan_trace_and_finite_differences_see_the_same_masks(same_over: Any, reverse: bool) -> None:
    x, y, plan = recurrent(same_over, reverse)
    feeds = {x: np.random.default_rng(0).normal(size=(2, 5, 6)) + 2}
    run, trace = plan.run(feeds, seed=3), plan.trace(feeds, seed=3)
    assert (run[y] == 0).any()
    np.testing.assert_allclose(trace.value(y), run[y], rtol=1e-13)
    np.testing.assert_allclose(trace.grad(x), run.grad(x), rtol=1e-12, atol=1e-14)
    check_gradients(plan, feeds)
    kept = run[y] != 0
    same = (kept == kept[:, :1]).all()
    assert same == (same_over == "time")


def test_one_mask_over_an_axis_of_a_whole_sequence() -> None:
    g = Graph()
    x = g.placeholder("x", ("batch", "time", 8))
    y = ops.dropout(x, 0.5, same_over=("time",))
    kept = Plan(y, wrt=[]).run({x: np.ones((3, 5, 8), np.float32)}, training=True, seed=0)[y] != 0
    assert (kept == kept[:, :1]).all()
    assert not (kept == kept[:1]).all()
    assert y.dtype == np.float32


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda x: ops.dropout(x, 1.0), SettingError, r"dropout of x: the rate lies in \[0, 1\), not 1.0"),
        (lambda x: ops.dropout(x, -0.1), SettingError, "not -0.1"),
        (lambda x: ops.dropout(ops.argmax(x), 0.1), DtypeError, "needs floats"),
        (lambda x: ops.dropout(x, 0.1, same_over="time"), ShapeError, r"dropout of x \[batch, 3\]: no dimension time"),
        (lambda x: ops.bernoulli(x, 1.5), SettingError, "between 0 and 1, not 1.5"),
        (lambda x: ops.normal(x.graph), ShapeError, "give a shape"),
    ],
)
def test_refused_when_built(build: Any, error: type[GraphError], text: str) -> None:
    with pytest.raises(error, match=rf"(?s){text}.*test_random.py"):
        build(Graph().placeholder("x", ("batch", 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_of_noise(dtype: str) -> None:
    g = Graph(dtype=dtype)
    x = g.placeholder("x", ("n", 5))
    u, n, b = ops.uniform(x, -1, 3), ops.normal(x, 2.0, 0.5), ops.bernoulli(x, 0.2)
    run = Plan([u, n, b], also=[x], wrt=[]).run({x: np.zeros((4000, 5), dtype)}, seed=0)
    assert run[u].dtype == run[n].dtype == np.dtype(dtype)
    assert run[b].dtype == np.bool_
    assert run[u].mean() == pytest.approx(1, abs=0.04)
    assert -1 <= run[u].min() < -0.99
    assert 2.99 < run[u].max() < 3
    assert run[n].mean() == pytest.approx(2, abs=0.02)
    assert run[n].std() == pytest.approx(0.5, rel=0.03)
    assert run[b].mean() == pytest.approx(0.2, abs=0.02)


def test_noise_of_a_graph_and_of_a_probability_that_is_computed() -> None:
    g = Graph()
    p = g.placeholder("p", ("n",))
    b, u = ops.bernoulli(p, p), ops.uniform(g, shape=(2, "n"))
    run = Plan([b, u], wrt=[]).run({p: np.repeat(np.float32([0, 1]), 50)}, seed=1)
    assert not run[b][:50].any()
    assert run[b][50:].all()
    assert run[u].shape == (2, 100)


def test_noise_in_a_loop_is_new_in_every_step() -> None:
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time"))
    with Loop(over="time") as loop:
        noisy = ops.normal(loop.slice(x), std=2.0)
    y = loop.stack(noisy)
    plan = Plan(y, wrt=[])
    sizes = {"batch": 3, "time": 400}
    run = plan.run(sizes=sizes, seed=0)
    assert len(np.unique(run[y])) == 1200
    assert run[y].std() == pytest.approx(2, rel=0.1)
    np.testing.assert_array_equal(plan.trace(sizes=sizes, seed=0).value(y), run[y])
