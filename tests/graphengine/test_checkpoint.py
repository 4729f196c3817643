"""Checkpoints: what is saved comes back, anything else is refused whole, and a file is never half written."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphengine import Adam, Parameter
from graphengine.checkpoint import load, save
from graphengine.errors import WeightsError


def parameters(seed: int = 0, dtype: Any = np.float64) -> list[Parameter]:
    rng = np.random.default_rng(seed)
    return [
        Parameter("kernel", rng.normal(size=(2, 3)).astype(dtype), path="rnn/layer0/kernel"),
        Parameter("bias", rng.normal(size=3).astype(dtype), path="rnn/layer0/bias"),
        Parameter("file", np.asarray(rng.normal()).astype(dtype)),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(tmp_path: Path, dtype: Any) -> None:
    file = tmp_path / "any name"
    saved, others = parameters(0, dtype), parameters(1, dtype)
    save(file, saved)
    load(file, reversed(others))
    for one, other in zip(saved, others, strict=True):
        np.testing.assert_array_equal(one.value, other.value)
    with np.load(file, allow_pickle=False) as archive:
        assert sorted(archive) == ["parameter/file", "parameter/rnn/layer0/bias", "parameter/rnn/layer0/kernel"]


def test_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    rng = np.random.default_rng(0)
    one, other = parameters(0), parameters(1)
    first, second = Adam(one, 0.1), Adam(other, 0.1)

    def step(optimizer: Adam, gradients: list[np.ndarray]) -> None:
        optimizer.step(dict(zip(optimizer.parameters, gradients, strict=True)))

    steps = [[rng.normal(size=p.shape) for p in one] for _ in range(6)]
    for gradients in steps[:3]:
        step(first, gradients)
    save(file, one, first)
    load(file, other, second)
    for gradients in steps[3:]:
        step(first, gradients)
        step(second, gradients)
    for p, q in zip(one, other, strict=True):
        np.testing.assert_array_equal(p.value, q.value)
    load(file, other)  # the state is left aside when nobody asks for it


def test_an_unlike_file_is_refused_whole_and_by_name(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    kernel, bias, single = parameters(0)
    save(file, [kernel, bias, single])
    others = [
        Parameter("kernel", np.zeros((3, 2)), path="rnn/layer0/kernel"),
        Parameter("bias", np.zeros(3, np.float32), path="rnn/layer0/bias"),
        Parameter("new", np.zeros(1)),
    ]
    with pytest.raises(WeightsError) as caught:
        load(file, others)
    for part in (
        "weights.npz does not fit",
        "new is missing",
        "file is surplus",
        "rnn/layer0/kernel is float64[2, 3] there and float64[3, 2] here",
        "rnn/layer0/bias is float64[3] there and float32[3] here",
        "test_checkpoint.py",
    ):
        assert part in str(caught.value)
    assert not any(p.value.any() for p in others)


def test_a_state_that_does_not_fit_leaves_the_parameters_alone(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    save(file, parameters(0))
    others = parameters(1)
    before = [p.value.copy() for p in others]
    with pytest.raises(WeightsError, match="count is missing"):
        load(file, others, Adam(others))
    for p, kept in zip(others, before, strict=True):
        np.testing.assert_array_equal(p.value, kept)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights.npz"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="is no checkpoint"):
        load(file, parameters())


def test_a_truncated_or_damaged_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    save(file, parameters())
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="is no checkpoint"):
        load(file, parameters())
    place = whole.index(b"\x93NUMPY") + 140
    file.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    with pytest.raises(WeightsError, match="is no checkpoint: Bad CRC"):
        load(file, parameters())


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path}/opened",)

    file = tmp_path / "weights.npz"
    np.savez(file, **{"parameter/w": np.array([Bomb()], dtype=object)})
    with pytest.raises(WeightsError, match="is no checkpoint"):
        load(file, [Parameter("w", np.zeros(1))])
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(WeightsError, match="is no checkpoint"):
        load(tmp_path / "single.npy", [Parameter("w", np.zeros(1))])
    assert not (tmp_path / "opened").exists()


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights.npz"
    save(file, parameters(0))
    before = file.read_bytes()

    def full(*args: Any, **kwargs: Any) -> None:
        args[0].write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        save(file, parameters(1))
    assert [each.name for each in tmp_path.iterdir()] == ["weights.npz"]
    assert file.read_bytes() == before


def test_the_file_is_moved_into_place_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights.npz"
    order: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("fsync"), sync(descriptor))[1])

    def moved(self: Path, target: Path) -> Path:
        assert self.parent == target.parent
        assert zipfile.ZipFile(self).testzip() is None
        order.append("replace")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", moved)
    save(file, parameters())
    assert order == ["fsync", "replace"]


def test_two_parameters_of_one_path(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="two parameters have the path 'w'"):
        save(tmp_path / "x.npz", [Parameter("w", np.zeros(1)), Parameter("w", np.zeros(1))])
    assert not any(tmp_path.iterdir())


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.npz", parameters())
