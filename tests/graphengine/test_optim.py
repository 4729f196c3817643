"""Optimizers against references written a second time, by hand, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from graphengine import (
    SGD,
    Adam,
    AdamW,
    Graph,
    GraphError,
    Parameter,
    Plan,
    RMSProp,
    clip_by_global_norm,
    clip_by_value,
    ops,
)
from graphengine.errors import DtypeError, GradientError, SettingError, ShapeError, StructureError, WeightsError

STEPS = 12
ONES = np.ones(2)
Numbers = Sequence[float]
Path = Iterator[float]


def sgd(
    p: float, gs: Numbers, rates: Numbers, momentum: float = 0.0, nesterov: bool = False, decay: float = 0.0
) -> Path:
    """PyTorch's loop: the buffer starts as the first gradient, and dampening is 0."""
    buffer: float | None = None
    for g, rate in zip(gs, rates, strict=True):
        g += decay * p
        if momentum:
            buffer = g if buffer is None else momentum * buffer + g
            g = g + momentum * buffer if nesterov else buffer
        p -= rate * g
        yield p


def rmsprop(
    p: float,
    gs: Numbers,
    rates: Numbers,
    rho: float = 0.99,
    epsilon: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
    decay: float = 0.0,
) -> Path:
    square = mean = buffer = 0.0
    for g, rate in zip(gs, rates, strict=True):
        g += decay * p
        square = rho * square + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g
        size = math.sqrt(square - mean**2 if centered else square) + epsilon
        buffer = momentum * buffer + g / size
        p -= rate * buffer
        yield p


def adam(
    p: float,
    gs: Numbers,
    rates: Numbers,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    decay: float = 0.0,
    decoupled: bool = False,
) -> Path:
    m = v = 0.0
    for t, (g, rate) in enumerate(zip(gs, rates, strict=True), start=1):
        if decoupled:
            p -= rate * decay * p
        else:
            g += decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        p -= rate * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + epsilon)
        yield p


CASES: list[tuple[type, Callable[..., Path], dict[str, Any], dict[str, Any]]] = [
    (SGD, sgd, {}, {}),
    (SGD, sgd, {"momentum": 0.9}, {}),
    (SGD, sgd, {"momentum": 0.8, "nesterov": True}, {"weight_decay": 0.1}),
    (RMSProp, rmsprop, {}, {}),
    (RMSProp, rmsprop, {"rho": 0.9, "epsilon": 1e-3, "momentum": 0.7}, {}),
    (RMSProp, rmsprop, {"rho": 0.8, "epsilon": 1e-3, "momentum": 0.5, "centered": True}, {"weight_decay": 0.2}),
    (Adam, adam, {}, {}),
    (Adam, adam, {"beta1": 0.7, "beta2": 0.9, "epsilon": 1e-2}, {"weight_decay": 0.3}),
    (AdamW, adam, {"beta1": 0.8}, {"weight_decay": 0.4}),
]


def gradients_for(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A few steps' worth, some tiny, and some entries always 0."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(STEPS, *shape)) * 10.0 ** rng.integers(-3, 2, (STEPS, *shape)) * (rng.random(shape) < 0.8)


@pytest.mark.parametrize("rate", [0.05, lambda step: 0.1 / (1 + step)], ids=["number", "schedule"])
@pytest.mark.parametrize(("kind", "rule", "shared", "decay"), CASES)
def test_numbers_of_many_steps(kind: Any, rule: Any, shared: Any, decay: Any, rate: Any) -> None:
    rates = [rate(step) if callable(rate) else rate for step in range(STEPS)]
    extra = {"decay": decay.get("weight_decay", 0.0)} | ({"decoupled": True} if kind is AdamW else {})
    start = {"w": np.arange(6.0).reshape(2, 3) / 3 - 0.7, "b": np.array(0.4)}
    parameters = {name: Parameter(name, value) for name, value in start.items()}
    given = {name: gradients_for(value.shape, seed) for seed, (name, value) in enumerate(start.items())}
    optimizer = kind(list(parameters.values()), rate, **shared, **decay)
    seen: dict[str, list[np.ndarray]] = {name: [] for name in start}
    for step in range(STEPS):
        optimizer.step({p: given[name][step] for name, p in parameters.items()})
        for name, p in parameters.items():
            seen[name].append(p.value.copy())
    for name, value in start.items():
        for place in np.ndindex(value.shape):
            wanted = list(rule(value[place], given[name][(slice(None), *place)].tolist(), rates, **shared, **extra))
            np.testing.assert_allclose(np.array(seen[name])[(slice(None), *place)], wanted, rtol=1e-12, atol=1e-14)
    assert optimizer.count == STEPS


@pytest.mark.peer
@pytest.mark.parametrize(("kind", "rule", "shared", "decay"), CASES)
def test_numbers_of_torch(kind: Any, rule: Any, shared: Any, decay: Any) -> None:
    torch = pytest.importorskip("torch")
    start, given = np.linspace(-1, 1, 6), gradients_for((6,))
    renamed = {"rho": "alpha", "epsilon": "eps"}
    settings = {renamed.get(name, name): value for name, value in shared.items()} | decay
    if kind in (Adam, AdamW):
        settings["betas"] = settings.pop("beta1", 0.9), settings.pop("beta2", 0.999)
    theirs = torch.tensor(start, requires_grad=True)
    other = getattr(torch.optim, kind.__name__.replace("Prop", "prop"))([theirs], lr=0.05, **settings)
    ours = Parameter("w", start)
    optimizer = kind([ours], 0.05, **shared, **decay)
    for gradient in given:
        theirs.grad = torch.tensor(gradient)
        other.step()
        optimizer.step({ours: gradient})
        np.testing.assert_allclose(ours.value, theirs.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_adamw_decays_a_little_unless_told_otherwise() -> None:
    w = Parameter("w", [1.0])
    AdamW([w], 0.1).step({w: [0.0]})
    assert w.value[0] == 1 - 0.1 * 0.01


def test_a_step_takes_a_run_and_lowers_the_loss() -> None:
    g = Graph(dtype="float64")
    w = Parameter("w", [[1.0], [-2.0]])
    x, t = g.placeholder("x", ("batch", 2)), g.placeholder("t", ("batch", 1))
    loss = ops.mean_squared_error(x @ g.tensor(w), t)
    plan = Plan(loss)
    rng = np.random.default_rng(0)
    data = rng.normal(size=(20, 2))
    feeds = {x: data, t: data @ [[0.5], [0.25]]}
    for optimizer in (SGD(plan.parameters, 0.1, momentum=0.5), RMSProp(plan.parameters), Adam(plan.parameters, 0.05)):
        w.assign([[1.0], [-2.0]])
        before = plan.run(feeds)[loss]
        for _ in range(150):
            run = plan.run(feeds)
            kept = {p: gradient.copy() for p, gradient in run.gradients.items()}
            optimizer.step(run)
            assert all(np.array_equal(run.gradients[p], kept[p]) for p in kept)
        assert plan.run(feeds)[loss] < before / 10, optimizer


def pair() -> tuple[Parameter, Parameter]:
    return Parameter("a", np.zeros(2)), Parameter("layer/b", np.zeros((2, 2)))


def test_clipping_by_value_then_by_norm() -> None:
    a, b = pair()
    given = {a: np.array([3.0, -4.0]), b: np.full((2, 2), 0.5)}
    SGD([a, b], 1.0, clip_value=1.0).step(given)
    assert (-a.value).tolist() == [1.0, -1.0]
    assert (-b.value).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    a, b = pair()
    given = {a: np.array([3.0, -4.0]), b: np.zeros((2, 2))}
    SGD([a, b], 1.0, clip_norm=1.0).step(given)
    np.testing.assert_allclose(a.value, [-0.6, 0.8])
    a, b = pair()
    SGD([a, b], 1.0, clip_value=3.0, clip_norm=1.0).step({a: np.array([9.0, -9.0]), b: np.zeros((2, 2))})
    np.testing.assert_allclose(a.value, [-(0.5**0.5), 0.5**0.5])


def test_clipping_leaves_what_it_is_given() -> None:
    given = {"a": np.array([3.0, 4.0]), "b": np.array(12.0)}
    kept = {name: array.copy() for name, array in given.items()}
    clipped, norm = clip_by_global_norm(given, 6.5)
    assert norm == 13.0
    np.testing.assert_allclose(clipped["a"], [1.5, 2.0])
    assert clipped["b"] == 6.0
    within, norm = clip_by_global_norm(given, 13.0)
    assert norm == 13.0
    assert all(np.array_equal(within[name], given[name]) for name in given)
    for result in (clipped, within, clip_by_value(given, 100.0)):
        for name, array in result.items():
            array[...] = -1
            np.testing.assert_array_equal(given[name], kept[name])


@pytest.mark.parametrize("size", [1e-170, 1e170])
def test_the_norm_of_very_small_and_very_large_gradients(size: float) -> None:
    clipped, norm = clip_by_global_norm({"a": np.array([3.0, 4.0]) * size, "b": np.zeros(0)}, size)
    assert norm == pytest.approx(5 * size)
    np.testing.assert_allclose(clipped["a"] / size, [0.6, 0.8])


def test_single_precision_stays_single() -> None:
    for kind, _, shared, decay in CASES:
        w = Parameter("w", np.ones(3, np.float32))
        optimizer = kind([w], 0.1, **shared, **decay, clip_norm=0.5, clip_value=3.0)
        optimizer.step({w: np.full(3, 2, np.float32)})
        assert w.dtype == np.float32
        assert all(array.dtype == np.float32 for name, array in optimizer.state().items() if name != "count")


@pytest.mark.parametrize("kind", [SGD, RMSProp, Adam, AdamW])
@pytest.mark.parametrize(
    ("broken", "error", "text"),
    [
        (lambda a, b: {a: ONES, b: [[1, 1], [1, 1]], Parameter("c", ONES): ONES}, GradientError, "not have c; to"),
        (lambda a, b: {a: ONES}, GradientError, "no gradient for layer/b"),
        (lambda a, b: {a: ONES, b: ONES}, ShapeError, r"layer/b is \[2, 2\], its gradient \[2\]"),
        (lambda a, b: {a: ONES, b: np.ones((2, 2), complex)}, DtypeError, "layer/b is float64, its gradient complex"),
        (lambda a, b: {a: ONES, b: [[0, np.nan], [0, 0]]}, GradientError, "gradient of layer/b is not finite"),
        (lambda a, b: {a: [np.inf, -np.inf], b: np.ones((2, 2))}, GradientError, "gradient of a is not finite"),
        (lambda a, b: [np.ones(2), np.ones((2, 2))], StructureError, "takes a run or a mapping, not a list"),
    ],
)
def test_a_refused_step_changes_nothing(kind: Any, broken: Any, error: type[GraphError], text: str) -> None:
    a, b = pair()
    optimizer = kind([a, b], 0.1)
    optimizer.step({a: np.ones(2), b: np.ones((2, 2))})
    before = [a.value.copy(), b.value.copy(), *optimizer.state().values()]
    with pytest.raises(error, match=rf"(?s){text}.*test_optim.py"):
        optimizer.step(broken(a, b))
    after = [a.value, b.value, *optimizer.state().values()]
    assert all(np.array_equal(x, y) for x, y in zip(before, after, strict=True))


def test_a_step_that_leaves_the_range_of_the_dtype_changes_nothing() -> None:
    """A squared gradient beyond float32 would freeze its entry for good, without any sign of it."""
    a, b = Parameter("a", np.ones(2, np.float32)), Parameter("b", np.ones(2, np.float32))
    optimizer = Adam([a, b], 0.1)
    with pytest.raises(GradientError, match="b: the step leaves the range of float32"):
        optimizer.step({a: np.ones(2, np.float32), b: np.array([1, 1e25], np.float32)})
    assert (a.value == 1).all()
    assert optimizer.count == 0
    with pytest.raises(GradientError, match="a: the step leaves the range"):
        SGD([a], 1e38).step({a: np.array([1, 1e3], np.float32)})


def test_large_gradients_whose_sum_overflows_are_finite() -> None:
    w = Parameter("w", np.zeros(3))
    SGD([w], 1e-308).step({w: np.full(3, 1.5e308)})
    np.testing.assert_allclose(w.value, -1.5)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda w: SGD([], 0.1), SettingError, "no parameters to optimize"),
        (lambda w: SGD([w, w], 0.1), SettingError, "given twice: w"),
        (lambda w: SGD([w.value], 0.1), StructureError, "takes parameters, not a ndarray"),
        (lambda w: SGD([w], -0.1), SettingError, "learning_rate is a number from 0 up, not -0.1"),
        (lambda w: SGD([w], math.nan), SettingError, "learning_rate"),
        (lambda w: SGD([w], 0.1, momentum=1.0), SettingError, r"momentum lies in \[0, 1\), not 1.0"),
        (lambda w: SGD([w], 0.1, nesterov=True), SettingError, "nesterov=True needs a momentum"),
        (lambda w: Adam([w], beta2=1.5), SettingError, "beta2"),
        (lambda w: RMSProp([w], epsilon=-1.0), SettingError, "epsilon"),
        (lambda w: AdamW([w], weight_decay=-1.0), SettingError, "weight_decay"),
        (lambda w: Adam([w], clip_norm=0.0), SettingError, "clip_norm is a number above 0"),
        (lambda w: Adam([w], lambda step: -1.0).step({w: [1.0]}), SettingError, "learning_rate .*not -1.0"),
        (lambda w: clip_by_value({"w": np.array([math.inf])}, 1.0), GradientError, "gradient of w is not finite"),
        (lambda w: clip_by_global_norm({"w": np.array([math.nan])}, 1.0), GradientError, "gradient of w is not finite"),
    ],
)
def test_refused(make: Any, error: type[GraphError], text: str) -> None:
    with pytest.raises(error, match=rf"(?s){text}.*test_optim.py"):
        make(Parameter("w", [1.0]))


@pytest.mark.parametrize(("kind", "rule", "shared", "decay"), CASES)
def test_going_on_from_a_state(kind: Any, rule: Any, shared: Any, decay: Any) -> None:
    given = gradients_for((3,))
    w, copy = Parameter("w", np.ones(3)), Parameter("w", np.zeros(3))
    one, other = kind([w], 0.1, **shared, **decay), kind([copy], 0.1, **shared, **decay)
    for gradient in given[:5]:
        one.step({w: gradient})
    copy.assign(w.value)
    state = one.state()
    other.load_state(state)
    for array in state.values():
        array[...] = 77  # states are copies
    for gradient in given[5:]:
        one.step({w: gradient})
        other.step({copy: gradient})
    np.testing.assert_array_equal(w.value, copy.value)
    assert one.count == other.count == STEPS


def test_a_state_that_does_not_fit() -> None:
    a, b = pair()
    optimizer = Adam([a, b])
    state = optimizer.state()
    assert sorted(state) == ["count", "m/a", "m/layer/b", "v/a", "v/layer/b"]
    broken = {**state, "m/a": np.zeros(3), "x": np.zeros(1)}
    del broken["v/layer/b"]
    text = r"v/layer/b is missing; x is surplus; m/a is float64\[3\] there and float64\[2\]"
    with pytest.raises(WeightsError, match=text):
        optimizer.load_state(broken)
    with pytest.raises(WeightsError, match="two parameters have the path 'a'"):
        SGD([a, Parameter("a", [1.0])], 0.1, momentum=0.5).state()
