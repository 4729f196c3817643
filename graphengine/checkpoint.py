"""Checkpoints: parameters, and what an optimizer remembers, in one `.npz` file of plain arrays.

A file is complete or not there at all: it is written beside its place and moved over. Nothing is ever unpickled.
"""

from __future__ import annotations

import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphengine.errors import WeightsError, here
from graphengine.parameter import Parameter
from graphengine.spec import Array, show

if TYPE_CHECKING:
    from graphengine.optim import Optimizer


def save(file: str | os.PathLike[str], parameters: Iterable[Parameter], optimizer: Optimizer | None = None) -> None:
    """Write parameters to a file, by path, and an optimizer's state with them.

    The arrays are called `parameter/<path>` and `optimizer/<name>`, for reading with `numpy.load`. A file that is there
    already is replaced at the very end, so that a crash leaves the old or the new one, never half of one.

    Raises:
        WeightsError: two parameters have one path.

    >>> import tempfile
    >>> w = Parameter("w", [1.0, 2.0])
    >>> file = Path(tempfile.mkdtemp()) / "weights.npz"
    >>> save(file, [w]); w.assign([0.0, 0.0]); load(file, [w]); w.value.tolist()
    [1.0, 2.0]
    """
    arrays: dict[str, Any] = {f"parameter/{path}": p.value for path, p in by_path(parameters).items()}
    if optimizer is not None:
        arrays |= {f"optimizer/{name}": array for name, array in optimizer.state().items()}
    target = Path(file).resolve()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as stream:
            np.savez(stream, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def load(file: str | os.PathLike[str], parameters: Iterable[Parameter], optimizer: Optimizer | None = None) -> None:
    """Read parameters from a file that `save` wrote, and an optimizer's state if it is given.

    Without `optimizer`, a state in the file is left aside.

    Raises:
        WeightsError: the file is no checkpoint, or an array is missing, surplus, or of another shape or dtype. Nothing
            has changed then.
    """
    arrays = _read(Path(file))
    paths = by_path(parameters)
    values = _part(arrays, "parameter/")
    refuse_unlike(values, {path: p.value for path, p in paths.items()}, str(file))
    if optimizer is not None:
        optimizer.load_state(_part(arrays, "optimizer/"))
    for path, parameter in paths.items():
        parameter.assign(values[path])


def by_path(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    """Return parameters by their paths.

    Raises:
        WeightsError: two have the same.
    """
    found: dict[str, Parameter] = {}
    for parameter in parameters:
        if found.setdefault(parameter.path, parameter) is not parameter:
            raise WeightsError(f"two parameters have the path {parameter.path!r}{here()}")
    return found


def refuse_unlike(given: Mapping[str, Array], wanted: Mapping[str, Array], source: str) -> None:
    """Refuse named arrays that are not exactly those wanted.

    Raises:
        WeightsError: names are missing or surplus, or shapes or dtypes differ; the message lists them all.
    """
    problems = [f"{name} is missing" for name in wanted if name not in given]
    problems += [f"{name} is surplus" for name in given if name not in wanted]
    for name in wanted:
        if name in given and (given[name].shape, given[name].dtype) != (wanted[name].shape, wanted[name].dtype):
            problems.append(f"{name} is {_spec(given[name])} there and {_spec(wanted[name])} here")
    if problems:
        raise WeightsError(f"{source} does not fit: {'; '.join(problems)}{here()}")


def _spec(array: Array) -> str:
    return f"{array.dtype}{show(array.shape)}"


def _part(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _read(file: Path) -> dict[str, Array]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return dict(archive)
    except (ValueError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as problem:
        raise WeightsError(f"{file} is no checkpoint: {problem}{here()}") from None
