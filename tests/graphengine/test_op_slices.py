"""Slices of dimensions with names: their sizes are known before any run, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphengine import Graph, Plan, Spec, dim
from graphengine.errors import DtypeError, ShapeError

time, batch = dim("time"), dim("batch")


@pytest.fixture
def g() -> Graph:
    return Graph(dtype="float64")


@pytest.fixture
def x(g: Graph) -> Any:
    return g.placeholder("x", ("batch", "time", 12))


X = np.arange(2 * 5 * 12.0).reshape(2, 5, 12)


def value(tensor: Any, x: Any, fed: Any = X) -> np.ndarray:
    return Plan(tensor, wrt=[]).run({x: fed})[tensor]


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        (np.s_[:, 1:], ("batch", time - 1, 12)),
        (np.s_[:, :-1], ("batch", time - 1, 12)),
        (np.s_[:, 1:-1], ("batch", time - 2, 12)),
        (np.s_[:, -1], ("batch", 12)),
        (np.s_[:, -3:], ("batch", 3, 12)),
        (np.s_[:, -3:-1], ("batch", 2, 12)),
        (np.s_[:, :3], ("batch", 3, 12)),
        (np.s_[:, 1:4:2], ("batch", 2, 12)),
        (np.s_[:, ::2], ("batch", (time + 1) // 2, 12)),
        (np.s_[:, 1::3], ("batch", (time + 1) // 3, 12)),
        (np.s_[:, ::-1], ("batch", "time", 12)),
        (np.s_[:, -2::-1], ("batch", time - 1, 12)),
        (np.s_[:, :0:-1], ("batch", time - 1, 12)),
        (np.s_[:, 3::-2], ("batch", 2, 12)),
        (np.s_[:, -2:-4:-1], ("batch", 2, 12)),
        (np.s_[:, 4:4], ("batch", 0, 12)),
        (np.s_[0], ("time", 12)),
        (np.s_[..., 2:5], ("batch", "time", 3)),
        (np.s_[..., 20:], ("batch", "time", 0)),
        (np.s_[..., None], ("batch", "time", 12, 1)),
        (np.s_[None, :, 0, ..., ::-5], (1, "batch", 3)),
        (np.s_[0, 0, 0], ()),
        (np.s_[...], ("batch", "time", 12)),
        (np.s_[:, np.int64(1) :], ("batch", time - 1, 12)),
    ],
    ids=str,
)
def test_slices_have_sizes_before_the_run(x: Any, key: Any, shape: Any) -> None:
    y = x[key]
    assert y.spec == Spec.of(shape, "float64")
    np.testing.assert_array_equal(value(y, x), X[key])


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (np.s_[:, :, :, 0], "too many indices"),
        (np.s_[..., 0, ...], "more than one"),
        (np.s_[..., 12], "no position 12 on an axis of size 12"),
        (np.s_[..., -13], "no position -13"),
        (np.s_[:, -5:3], "not known before the run"),
        (np.s_[:, 3:-5:-1], "not known before the run"),
    ],
    ids=str,
)
def test_slices_that_do_not_fit(x: Any, key: Any, reason: str) -> None:
    with pytest.raises(ShapeError, match=rf"take_slice: TakeSlice.*\(x float64.*\): .*{reason}"):
        x[key]


@pytest.mark.parametrize("key", [1.0, True, [0, 1], np.array([0]), slice("a", None), slice(0, 4, 0)], ids=str)
def test_slices_take_whole_numbers_only(x: Any, key: Any) -> None:
    with pytest.raises(DtypeError, match=r"gather\(\)|whole numbers"):
        x[key]


@pytest.mark.parametrize("key", [np.s_[:, 6:], np.s_[:, -6:], np.s_[:, :6], np.s_[:, 6:7]], ids=str)
def test_a_run_too_short_for_a_slice_says_so(x: Any, key: Any) -> None:
    y = x[key]
    with pytest.raises(ShapeError, match=r"does not lie inside \[2, 5, 12\]") as caught:
        value(y, x)
    assert "test_op_slices.py" in str(caught.value)


def test_slices_share_memory_inside_a_plan(x: Any) -> None:
    assert not np.shares_memory(value(x[:, 1:], x), X), "what a run returns is its own"
