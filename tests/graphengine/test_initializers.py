"""Initializers: their moments, their exact properties, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from graphengine import GraphError, initializers
from graphengine.errors import DtypeError, SettingError, ShapeError, StructureError
from graphengine.initializers import (
    Constant,
    Glorot,
    He,
    Identity,
    LeCun,
    Normal,
    Orthogonal,
    PerGate,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

DOUBLE = np.dtype(np.float64)
EVERY = [
    Constant(),
    Uniform(),
    Normal(),
    TruncatedNormal(),
    Glorot(),
    He(),
    LeCun(),
    VarianceScaling(),
    Orthogonal(),
    Identity(),
    PerGate(Orthogonal()),
]


def draw(init: Any, shape: tuple[int, ...], seed: int = 0, dtype: Any = DOUBLE) -> np.ndarray:
    return init(shape, np.random.default_rng(seed), dtype)


@pytest.mark.parametrize("init", EVERY, ids=str)
@pytest.mark.parametrize("shape", [(3, 6), (4, 4), (1, 1)])
def test_shape_dtype_and_repeatability(init: Any, shape: tuple[int, ...]) -> None:
    value = draw(init, shape)
    assert value.shape == shape
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value, draw(init, shape))
    single = draw(init, shape, dtype=np.dtype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, value.astype(np.float32))
    value[...] = 5
    assert not (draw(init, shape) == 5).any()


@pytest.mark.parametrize("init", [each for each in EVERY if not isinstance(each, PerGate)], ids=str)
def test_nothing_to_fill(init: Any) -> None:
    assert draw(init, (0, 4)).shape == (0, 4)


SHAPE, FAN_IN, FAN_OUT = (300, 500), 300, 500


@pytest.mark.parametrize(
    ("init", "mean", "std", "limit"),
    [
        (Uniform(-1, 3), 1.0, 4 / math.sqrt(12), 2.0),
        (Normal(2.0, 0.5), 2.0, 0.5, None),
        (TruncatedNormal(1.0, 0.5), 1.0, 0.5 * 0.8796, 1.0),
        (Glorot(), 0.0, math.sqrt(2 / (FAN_IN + FAN_OUT)), math.sqrt(6 / (FAN_IN + FAN_OUT))),
        (Glorot("normal"), 0.0, math.sqrt(2 / (FAN_IN + FAN_OUT)), None),
        (He(), 0.0, math.sqrt(2 / FAN_IN), None),
        (He("uniform"), 0.0, math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
        (LeCun(), 0.0, math.sqrt(1 / FAN_IN), None),
        (LeCun("truncated_normal"), 0.0, math.sqrt(1 / FAN_IN), 2 / math.sqrt(FAN_IN) / 0.8796),
        (VarianceScaling(3.0, "fan_out"), 0.0, math.sqrt(3 / FAN_OUT), None),
    ],
)
def test_moments(init: Any, mean: float, std: float, limit: float | None) -> None:
    value = draw(init, SHAPE)
    assert value.mean() == pytest.approx(mean, abs=4 * std / math.sqrt(value.size))
    assert value.std() == pytest.approx(std, rel=0.01)
    if limit is not None:
        assert 0.98 * limit < np.abs(value - mean).max() <= limit * 1.0001
    else:
        assert np.abs(value - mean).max() > 3.5 * std


@pytest.mark.parametrize(
    ("shape", "fan_in", "fan_out"), [((7,), 7, 7), ((), 1, 1), ((5, 2, 3), 10, 15), ((2, 8), 2, 8)]
)
def test_fans(shape: tuple[int, ...], fan_in: int, fan_out: int) -> None:
    for mode, fan in (("fan_in", fan_in), ("fan_out", fan_out), ("fan_avg", (fan_in + fan_out) / 2)):
        wanted = np.random.default_rng(3).normal(0, math.sqrt(1 / fan), shape)
        np.testing.assert_allclose(draw(VarianceScaling(1.0, mode), shape, seed=3), wanted, rtol=1e-14)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (2, 3, 4), (4, 16), (1, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    value = draw(Orthogonal(1.5), shape).reshape(-1, shape[-1])
    small = value @ value.T if value.shape[0] <= value.shape[1] else value.T @ value
    np.testing.assert_allclose(small, 1.5**2 * np.eye(len(small)), atol=1e-13)


def test_orthogonal_matrices_favour_no_direction() -> None:
    """QR alone leaves a sign convention behind: without undoing it the diagonal is biased."""
    draws = np.stack([draw(Orthogonal(), (3, 3), seed) for seed in range(3000)])
    np.testing.assert_allclose(draws.mean(0), 0, atol=5 * math.sqrt(1 / 3 / 3000))
    np.testing.assert_allclose((draws**2).mean(0), 1 / 3, atol=0.03)


def test_every_gate_gets_an_orthogonal_matrix_of_its_own() -> None:
    kernel = draw(PerGate(Orthogonal()), (4, 16))
    blocks = np.split(kernel, 4, axis=1)
    for block in blocks:
        np.testing.assert_allclose(block.T @ block, np.eye(4), atol=1e-13)
    assert len({block.tobytes() for block in blocks}) == 4
    whole = np.split(draw(Orthogonal(), (4, 16)), 4, axis=1)
    assert not any(np.allclose(block.T @ block, np.eye(4), atol=0.1) for block in whole)


def test_per_gate_counts_fans_per_gate() -> None:
    kernel = draw(PerGate(Glorot(), gates=4), (100, 200))
    assert kernel.std() == pytest.approx(math.sqrt(2 / 150), rel=0.02)
    assert draw(PerGate(Normal(), gates=3), (6,)).shape == (6,)


def test_identity() -> None:
    np.testing.assert_array_equal(draw(Identity(0.5), (2, 3)), [[0.5, 0, 0], [0, 0.5, 0]])
    np.testing.assert_array_equal(draw(PerGate(Identity()), (2, 6)), np.tile(np.eye(2), 3))


def test_constant_copies() -> None:
    given = np.arange(6.0).reshape(2, 3)
    init = Constant(given)
    given[...] = 0
    value = draw(init, (2, 3))
    np.testing.assert_array_equal(value, np.arange(6.0).reshape(2, 3))
    assert draw(Constant(2), (2, 2)).tolist() == [[2, 2], [2, 2]]
    assert draw(Constant([0.1, 0.2]), (2,), dtype=np.dtype(np.float32)).dtype == np.float32
    assert draw(Constant(np.float32(0.5)), (2,)).tolist() == [0.5, 0.5]
    assert draw(Constant(np.arange(3)), (3,)).tolist() == [0, 1, 2]


def test_of() -> None:
    glorot = Glorot()
    assert initializers.of(glorot) is glorot
    assert draw(initializers.of(3), (2,)).tolist() == [3, 3]
    assert draw(initializers.of([[1, 2]]), (1, 2)).tolist() == [[1, 2]]
    assert draw(initializers.of(np.array([1.0, 2.0])), (2,)).tolist() == [1, 2]
    own = lambda shape, rng, dtype: np.full(shape, 9, dtype)
    assert initializers.of(own) is own


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: draw(Constant([1.0, 2.0]), (2, 2)), ShapeError, r"has shape \[2\] and the parameter \[2, 2\]"),
        (lambda: draw(Constant(np.ones(1)), (2,)), ShapeError, r"shape \[1\] and the parameter \[2\]"),
        (lambda: draw(Constant(np.ones(2)), (2,), dtype=np.float32), DtypeError, r'give array.astype\("float32"\)'),
        (lambda: Constant([[1.0], [1.0, 2.0]]), ShapeError, "a number or a full array"),
        (lambda: Constant(["a"]), DtypeError, "holds numbers, not <U1"),
        (lambda: Constant([True]), DtypeError, "holds numbers, not bool"),
        (lambda: Uniform(1.0, 0.0), SettingError, "low comes first"),
        (lambda: Normal(0.0, -1.0), SettingError, "std cannot be negative"),
        (lambda: TruncatedNormal(0.0, math.nan), SettingError, "std cannot be negative"),
        (lambda: VarianceScaling(mode="fan"), SettingError, "mode is one of fan_in, fan_out, fan_avg, not 'fan'"),
        (lambda: draw(Glorot("gauss"), (2, 2)), SettingError, "distribution is one of"),
        (lambda: draw(Orthogonal(), (3,)), ShapeError, r"Orthogonal needs a matrix, not \[3\]"),
        (lambda: draw(Identity(), (2, 2, 2)), ShapeError, "Identity makes matrices"),
        (lambda: draw(PerGate(Orthogonal()), (4, 10)), ShapeError, r"\[4, 10\] does not divide into blocks of 4"),
        (lambda: draw(PerGate(Normal(), gates=3), (4, 10)), ShapeError, "does not divide into 3 gates"),
        (lambda: initializers.of("glorot"), StructureError, "not a str"),
        (lambda: initializers.of(None), StructureError, "not a NoneType"),
        (lambda: initializers.of(Glorot), StructureError, r"give an instance, Glorot\(\)"),
    ],
)
def test_refused(make: Any, error: type[GraphError], text: str) -> None:
    with pytest.raises(error, match=rf"(?s){text}.*test_initializers.py"):
        make()
