"""Losses against PyTorch's numbers, at their extremes, in loops, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, GraphError, Loop, Parameter, Plan, check_gradients, ops
from graphengine.errors import DtypeError, FeedError, GradientError, SettingError, ShapeError

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "zoo" / "torch_cross_entropy.npz")
CLASS_WEIGHTS = [0.5, 1.0, 2.0, 0.25, 3.0]
VARIANTS: dict[str, dict[str, Any]] = {
    "mean": {},
    "none": {"reduction": "none"},
    "weighted_mean": {"class_weights": CLASS_WEIGHTS},
    "all_mix": {"class_weights": CLASS_WEIGHTS, "ignore_index": 4, "label_smoothing": 0.2},
}


def build(shape: tuple[Any, ...], **settings: Any) -> tuple[Any, Any, Any, Plan]:
    g = Graph(dtype="float64")
    z = g.placeholder("z", shape)
    t = g.placeholder("t", shape[:-1], "int64")
    loss = ops.softmax_cross_entropy(z, t, **settings)
    return z, t, loss, Plan(loss, wrt=[z])


@pytest.mark.parametrize("variant", VARIANTS)
def test_torch_cross_entropy(variant: str) -> None:
    golden = {name: GOLDEN[f"{variant}/{name}"] for name in ("logits", "target", "loss_ce", "g.logits", "R.loss_ce")}
    z, t, loss, plan = build(("batch", 5), **VARIANTS[variant])
    run = plan.run({z: golden["logits"], t: golden["target"]}, seeds={loss: golden["R.loss_ce"]})
    np.testing.assert_allclose(run[loss], golden["loss_ce"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.grad(z), golden["g.logits"], rtol=0, atol=1e-10)


def test_golden_file_has_no_other_variant() -> None:
    assert {name.partition("/")[0] for name in GOLDEN.files} == set(VARIANTS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_as_large_as_they_get(dtype: str) -> None:
    g = Graph(dtype=dtype)
    z, t = g.placeholder("z", ("n", 3)), g.placeholder("t", ("n",), "int64")
    loss = ops.softmax_cross_entropy(z, t, reduction="none", label_smoothing=0.0)
    logits = np.array([[1000, 0, 0], [1000, 0, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4]], dtype)
    run = Plan(loss, wrt=[z]).run({z: logits, t: [0, 1, 1, 2]}, seeds={loss: np.ones(4, dtype)})
    np.testing.assert_allclose(run[loss], [0, 1000, 2e4, np.log(3)], rtol=1e-6)
    wanted = [[0, 0, 0], [1, -1, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3]]
    np.testing.assert_allclose(run.grad(z), wanted, atol=1e-6)


def test_a_class_that_is_ruled_out_costs_nothing_unless_it_is_the_target() -> None:
    z, t, loss, plan = build(("n", 3), reduction="none")
    run = plan.run({z: [[0.0, 0.0, -np.inf]] * 2, t: [0, 2]}, seeds={loss: [1.0, 1.0]})
    np.testing.assert_allclose(run[loss], [np.log(2), np.inf])
    np.testing.assert_allclose(run.grad(z), [[-0.5, 0.5, 0], [0.5, 0.5, -1]])


def test_a_mean_over_nothing_is_zero_with_zero_gradient() -> None:
    rng = np.random.default_rng(0)
    for settings in ({"ignore_index": 1}, {"weights": [False, False]}, {"class_weights": [1.0, 0.0, 2.0]}):
        z, t, loss, plan = build((2, 3), **settings)
        run = plan.run({z: rng.normal(size=(2, 3)), t: [1, 1]})
        assert run[loss] == 0
        assert not run.grad(z).any()
    z, t, loss, plan = build(("n", 3))
    run = plan.run({z: np.empty((0, 3)), t: np.empty(0, np.int64)})
    assert run[loss] == 0
    assert run.grad(z).shape == (0, 3)


def test_an_entry_of_weight_zero_is_not_there_whatever_it_holds() -> None:
    z, t, loss, plan = build((4, 2), weights=[True, False, False, False], label_smoothing=0.1)
    logits = np.array([[0.3, -0.2], [np.nan, 0.0], [np.inf, 0.0], [0.0, 0.0]])
    run = plan.run({z: logits, t: [1, 0, 1, -7]})
    zs, ts, small, only = build(("n", 2), label_smoothing=0.1)
    alone = only.run({zs: logits[:1], ts: [1]})
    assert run[loss] == alone[small]
    np.testing.assert_array_equal(run.grad(z), np.concatenate([alone.grad(zs), np.zeros((3, 2))]))


def test_mean_divides_by_weights_of_entries_times_weights_of_classes() -> None:
    rng = np.random.default_rng(1)
    logits, targets = rng.normal(size=(2, 3, 4)), rng.integers(0, 4, (2, 3))
    entry, of_class = rng.uniform(size=(2, 3)), np.array([0.3, 2.0, 1.0, 0.7])
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    chosen = np.take_along_axis(p, targets[..., None], -1)[..., 0]
    weights = entry * of_class[targets]
    z, t, loss, plan = build((2, 3, 4), weights=entry, class_weights=of_class)
    run = plan.run({z: logits, t: targets})
    np.testing.assert_allclose(run[loss], -(weights * np.log(chosen)).sum() / weights.sum(), rtol=1e-13)
    hit = np.eye(4)[targets]
    np.testing.assert_allclose(run.grad(z), (weights / weights.sum())[..., None] * (p - hit), rtol=1e-12, atol=1e-15)


def test_step_by_step_in_a_loop_equals_the_whole_sequence() -> None:
    rng = np.random.default_rng(2)
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 4))
    t = g.placeholder("t", ("batch", "time"), "int64")
    live = g.placeholder("live", ("batch", "time"), "bool")
    with Loop(over="time") as loop:
        state = loop.delay(g.fill(("batch", 4)), name="state")
        logits = loop.slice(x) + 0.5 * state
        each = ops.softmax_cross_entropy(logits, loop.slice(t), weights=loop.slice(live), reduction="none")
        loop.feed(state, ops.tanh(logits) * ops.expand_dims(each, -1))  # the loss itself stands in the circle
    every = loop.stack(logits)
    whole = ops.softmax_cross_entropy(every, t, weights=live, reduction="sum")
    steps = ops.sum(loop.stack(each))
    feeds = {
        x: rng.normal(size=(2, 5, 4)), t: rng.integers(0, 4, (2, 5)), live: rng.random((2, 5)) < 0.7
    }
    a, b = Plan(whole, wrt=[x]), Plan(steps, wrt=[x])
    ran, other = a.run(feeds), b.run(feeds)
    np.testing.assert_allclose(ran[whole], other[steps], rtol=1e-13)
    np.testing.assert_allclose(ran.grad(x), other.grad(x), rtol=1e-11, atol=1e-13)
    check_gradients(a, feeds)
    np.testing.assert_allclose(b.trace(feeds).grad(x), other.grad(x), rtol=1e-12, atol=1e-14)


def test_only_logits_are_differentiated() -> None:
    g = Graph(dtype="float64")
    w = Parameter("w", np.ones(3))
    z, t = g.placeholder("z", ("n", 3)), g.placeholder("t", ("n",), "int64")
    loss = ops.softmax_cross_entropy(z, t, class_weights=g.tensor(w))
    assert Plan(loss).parameters == []
    with pytest.raises(GradientError, match="no gradient flows from softmax_cross_entropy to w"):
        Plan(loss, wrt=[w])
    run = Plan(loss, wrt=[z]).run({z: [[0.0, 0.0, 0.0]], t: [2]})
    np.testing.assert_allclose(run.grad(z), [[1 / 3, 1 / 3, -2 / 3]])


def test_target_out_of_range() -> None:
    z, t, _, plan = build(("batch", "time", 3))
    for wrong in (3, -1):
        text = rf"(?s)^softmax_cross_entropy: .*index {wrong} at \[1, 0\].*between 0 and 2.*test_loss"
        with pytest.raises(FeedError, match=text):
            plan.run({z: np.zeros((2, 2, 3)), t: [[0, 1], [wrong, 2]]})
    assert plan.run({z: np.zeros((2, 2, 3)), t: [[0, 1], [1, 2]]}).grad(z).any(), "a failed run leaves the plan usable"
    z, t, loss, plan = build((2, 3), ignore_index=-100)
    np.testing.assert_allclose(plan.run({z: np.zeros((2, 3)), t: [-100, 2]})[loss], np.log(3))


@pytest.mark.parametrize(
    ("logits", "targets", "settings", "error", "text"),
    [
        (("batch", 3), ("batch", 3), {}, ShapeError, r"want targets \[batch\], not \[batch, 3\]"),
        (("batch", "time", 3), ("batch",), {}, ShapeError, r"want targets \[batch, time\], not \[batch\]"),
        (("batch", 3), ("batch",), {"class_weights": [1.0, 2.0]}, ShapeError, r"class_weights are \[2\].* \[3\]"),
        (("batch", 3), ("batch",), {"weights": [1.0, 2.0]}, ShapeError, r"weights are \[2\] and should be \[batch\]"),
        ((2, 3), (2,), {"weights": np.ones(2, np.float32)}, DtypeError, "weights are float32, the predictions float64"),
        (("batch", 3), ("batch",), {"reduction": "avg"}, SettingError, "mean, sum or none, not 'avg'"),
        (("batch", 3), ("batch",), {"label_smoothing": 1.5}, SettingError, "between 0 and 1, not 1.5"),
    ],
)
def test_refused_when_built(
    logits: Any, targets: Any, settings: dict[str, Any], error: type[GraphError], text: str
) -> None:
    g = Graph(dtype="float64")
    z, t = g.placeholder("z", logits), g.placeholder("t", targets, "int64")
    with pytest.raises(error, match=rf"(?s){text}.*test_loss.py"):
        ops.softmax_cross_entropy(z, t, **settings)


def test_float_targets_are_refused() -> None:
    g = Graph()
    with pytest.raises(DtypeError, match="positions are integers, not float32"):
        ops.softmax_cross_entropy(g.placeholder("z", ("n", 3)), g.placeholder("t", ("n",)))


def test_mean_squared_error() -> None:
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=(2, 3)) for name in ("x", "t")}
    g = Graph(dtype="float64")
    x, t = g.placeholder("x", ("batch", 3)), g.placeholder("t", ("batch", 3))
    losses = {each: ops.mean_squared_error(x, t, reduction=each) for each in ("mean", "sum", "none")}
    plan = Plan([losses["mean"], losses["sum"]], also=[losses["none"]], wrt=[x, t])
    run = plan.run({x: values["x"], t: values["t"]})
    d = values["x"] - values["t"]
    np.testing.assert_allclose(run[losses["mean"]], (d * d).mean(), rtol=1e-14)
    np.testing.assert_allclose(run[losses["sum"]], (d * d).sum(), rtol=1e-14)
    np.testing.assert_allclose(run[losses["none"]], d * d, rtol=1e-14)
    np.testing.assert_allclose(run.grad(x), 2 * d / 6 + 2 * d, rtol=1e-14)
    np.testing.assert_allclose(run.grad(t), -run.grad(x), rtol=1e-14)


def test_mean_squared_error_of_what_counts() -> None:
    g = Graph(dtype="float64")
    x, t = g.placeholder("x", (2, "time", 2)), g.placeholder("t", (2, "time", 2))
    live = g.placeholder("live", (2, "time", 1), "bool")
    loss = ops.mean_squared_error(x, t, weights=live)
    plan = Plan(loss, wrt=[x])
    there = np.array([[[True], [False]], [[True], [False]]])
    given = np.where(there, [3.0, 1.0], np.nan)
    run = plan.run({x: given, t: np.ones((2, 2, 2)), live: there})
    assert run[loss] == 2.0
    np.testing.assert_array_equal(run.grad(x), np.where(there, [1.0, 0.0], 0.0))
    nothing = plan.run({x: given, t: np.ones((2, 2, 2)), live: there & False})
    assert nothing[loss] == 0
    assert not nothing.grad(x).any()


def test_mean_squared_error_broadcasts_nothing() -> None:
    g = Graph()
    x, t = g.placeholder("x", ("batch", 1)), g.placeholder("t", ("batch",))
    with pytest.raises(ShapeError, match=r"\[batch, 1\] and \[batch\] differ"):
        ops.mean_squared_error(x, t)
    with pytest.raises(ShapeError, match=r"weights are \[batch\] and should be \[batch, 1\]"):
        ops.mean_squared_error(x, x, weights=t)
