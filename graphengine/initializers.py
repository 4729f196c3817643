"""Initializers: what a parameter holds before anything is learnt.

An initializer is called with a shape, a random stream and a dtype, and returns a new array. It draws in float64 and
rounds, so that graphs of either float type start from the same numbers. Which stream it is given is the caller's
business: layers use one per (seed, path).

Shapes are `[..., inputs, outputs]`, as kernels are here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from graphengine.errors import DtypeError, SettingError, ShapeError, StructureError, here
from graphengine.spec import Array, show

Shape: TypeAlias = tuple[int, ...]
Initializer: TypeAlias = Callable[[Shape, np.random.Generator, "np.dtype[Any]"], Array]
Distribution: TypeAlias = Literal["uniform", "normal", "truncated_normal"]
Fan: TypeAlias = Literal["fan_in", "fan_out", "fan_avg"]

_TRUNCATED_STD = 0.87962566103423978  # the standard deviation of a standard normal that is cut off at ±2


@dataclass(frozen=True, eq=False)
class Constant:
    """A number everywhere, or an array that must have the parameter's shape; it is copied.

    Raises:
        ShapeError: the array has another shape than the parameter; nothing is broadcast.
        DtypeError: it holds no numbers, or does not cast to the parameter's dtype without loss.

    >>> Constant([1.0, 2.0])((2,), np.random.default_rng(0), np.dtype("float32"))
    array([1., 2.], dtype=float32)
    """

    value: npt.ArrayLike = 0.0

    def __post_init__(self) -> None:
        try:
            array = np.array(self.value)
        except ValueError as problem:
            raise ShapeError(f"an initial value is a number or a full array: {problem}{here()}") from None
        if array.dtype.kind not in "fiu" and array.size:
            raise DtypeError(f"an initial value holds numbers, not {array.dtype}{here()}")
        array.flags.writeable = False
        typed = isinstance(self.value, np.ndarray | np.generic)
        object.__setattr__(self, "value", array if typed else array.tolist())

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Return a new array of these numbers."""
        kind = np.dtype(dtype)
        given = np.asarray(self.value)
        if isinstance(self.value, np.ndarray) and not np.can_cast(given.dtype, kind, "safe"):
            raise DtypeError(
                f"the initial value is {given.dtype} and the parameter {kind}, which does not cast without loss; "
                f'give array.astype("{kind}"), or build the graph with dtype="{given.dtype}"{here()}'
            )
        if given.shape not in ((), tuple(shape)):
            raise ShapeError(
                f"the initial value has shape {show(given.shape)} and the parameter {show(shape)}{here()}"
            )
        return np.full(shape, given, kind)


@dataclass(frozen=True)
class Uniform:
    """Numbers spread evenly over [low, high).

    >>> Uniform(-1, 1)((2, 3), np.random.default_rng(0), np.dtype("float32")).shape
    (2, 3)
    """

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise SettingError(f"low is {self.low} and high {self.high}; low comes first{here()}")

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        return rng.uniform(self.low, self.high, shape).astype(dtype)


@dataclass(frozen=True)
class Normal:
    """Numbers of a normal distribution."""

    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        _refuse_negative("std", self.std)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        return rng.normal(self.mean, self.std, shape).astype(dtype)


@dataclass(frozen=True)
class TruncatedNormal:
    """Numbers of a normal distribution, drawn again while they lie beyond two standard deviations.

    `std` is that of the distribution before the cut; what is left has 0.88 of it.
    """

    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        _refuse_negative("std", self.std)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        drawn = np.asarray(rng.standard_normal(shape))
        while (beyond := np.abs(drawn) > 2.0).any():
            drawn[beyond] = rng.standard_normal(int(beyond.sum()))
        return np.asarray(self.mean + self.std * drawn).astype(dtype)


@dataclass(frozen=True)
class VarianceScaling:
    """Numbers whose variance is `scale / fan`, so that values keep their size from layer to layer.

        fan_in = product of all axes but the last, fan_out = last axis · leading axes, fan_avg = their mean

    A kernel of several gates, `[I, kH]`, counts as one matrix, as in Keras and TensorFlow; see `PerGate`.

    >>> kernel = VarianceScaling(1.0, "fan_in")((400, 50), np.random.default_rng(0), np.dtype("float64"))
    >>> round(float(kernel.std() * 400**0.5), 1)
    1.0
    """

    scale: float = 1.0
    mode: Fan = "fan_in"
    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        _refuse_negative("scale", self.scale)
        _refuse_unknown("mode", self.mode, Fan)
        _refuse_unknown("distribution", self.distribution, Distribution)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        std = math.sqrt(self.scale / max(1.0, _fan(tuple(shape), self.mode)))
        if self.distribution == "normal":
            return Normal(0.0, std)(shape, rng, dtype)
        if self.distribution == "truncated_normal":
            return TruncatedNormal(0.0, std / _TRUNCATED_STD)(shape, rng, dtype)
        limit = math.sqrt(3.0) * std
        return Uniform(-limit, limit)(shape, rng, dtype)


@dataclass(frozen=True)
class Glorot:
    """Variance 2 / (fan_in + fan_out), also called Xavier; uniform unless said otherwise.

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """

    distribution: Distribution = "uniform"

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        return VarianceScaling(1.0, "fan_avg", self.distribution)(shape, rng, dtype)


@dataclass(frozen=True)
class He:
    """Variance 2 / fan_in, also called Kaiming, for layers that end in a relu.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    distribution: Distribution = "normal"

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        return VarianceScaling(2.0, "fan_in", self.distribution)(shape, rng, dtype)


@dataclass(frozen=True)
class LeCun:
    """Variance 1 / fan_in.

    Source: LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998.
    """

    distribution: Distribution = "normal"

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        return VarianceScaling(1.0, "fan_in", self.distribution)(shape, rng, dtype)


@dataclass(frozen=True)
class Orthogonal:
    """A random matrix with orthonormal columns (or rows, whichever are fewer), times `gain`; it keeps lengths.

    More than two axes count as `[product of the leading ones, last]`. A recurrent kernel `[H, kH]` as a whole gets
    orthonormal rows, as in Keras, and no single gate's block is orthogonal; `PerGate(Orthogonal())` makes each one so.

    Raises:
        ShapeError: the parameter has fewer than two axes.

    Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", 2014.

    >>> q = Orthogonal()((3, 3), np.random.default_rng(0), np.dtype("float64"))
    >>> bool(np.allclose(q @ q.T, np.eye(3)))
    True
    """

    gain: float = 1.0

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw a new array."""
        _refuse_vector(self, shape)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # QR fixes signs by itself; without this q is not uniform
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)


@dataclass(frozen=True)
class Identity:
    """Ones on the diagonal, times `gain`; a rectangular matrix keeps as many inputs as fit.

    Raises:
        ShapeError: the parameter is no matrix.

    Source: Le, Jaitly, Hinton, "A simple way to initialize recurrent networks of rectified linear units", 2015.
    """

    gain: float = 1.0

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Return a new array."""
        _refuse_vector(self, shape)
        if len(shape) != 2:
            raise ShapeError(f"Identity makes matrices, not {show(shape)}{here()}")
        return (self.gain * np.eye(*shape)).astype(dtype)


@dataclass(frozen=True)
class PerGate:
    """Another initializer, applied to each gate's block of columns by itself.

    Args:
        inner: what each block is drawn from.
        gates: how many blocks there are; by default as many as make them square, as in a recurrent kernel `[H, kH]`.

    Raises:
        ShapeError: the columns do not divide.

    >>> kernel = PerGate(Identity())((2, 4), np.random.default_rng(0), np.dtype("float64"))
    >>> kernel.tolist()
    [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    inner: Initializer
    gates: int | None = None

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        """Draw every block in turn."""
        if self.gates is None:
            _refuse_vector(self, shape)
        width = shape[-2] if self.gates is None else shape[-1] // max(self.gates, 1)
        count = shape[-1] // max(width, 1) if self.gates is None else self.gates
        if count < 1 or count * width != shape[-1]:
            wanted = f"blocks of {width} columns" if self.gates is None else f"{self.gates} gates"
            raise ShapeError(f"{show(shape)} does not divide into {wanted}{here()}")
        kind = np.dtype(dtype)
        return np.concatenate([self.inner((*shape[:-1], width), rng, kind) for _ in range(count)], axis=-1)


def of(value: Any) -> Initializer:
    """Return what a user gave as an initializer: one as it is, a number, list or array as a `Constant`.

    >>> of(1.5)
    Constant(value=1.5)

    Raises:
        StructureError: it is none of these.
    """
    if isinstance(value, type):
        raise StructureError(f"give an instance, {value.__name__}(), not the class{here()}")
    if callable(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, int | float | np.ndarray | np.generic | Sequence) and not isinstance(value, str | bytes):
        return Constant(value)
    raise StructureError(
        f"an initializer is one of graphengine.initializers, a function of (shape, rng, dtype), a number or an array, "
        f"not a {type(value).__name__}{here()}"
    )


def _fan(shape: Shape, mode: Fan) -> float:
    if len(shape) < 2:
        into = out = math.prod(shape)
    else:
        into, out = math.prod(shape[:-1]), math.prod(shape[:-2]) * shape[-1]
    return {"fan_in": float(into), "fan_out": float(out), "fan_avg": (into + out) / 2}[mode]


def _refuse_negative(name: str, value: float) -> None:
    if not value >= 0:
        raise SettingError(f"{name} cannot be negative: {value}{here()}")


def _refuse_unknown(name: str, value: str, choices: Any) -> None:
    if value not in choices.__args__:
        raise SettingError(f"{name} is one of {', '.join(choices.__args__)}, not {value!r}{here()}")


def _refuse_vector(initializer: object, shape: Shape) -> None:
    if len(shape) < 2:
        raise ShapeError(f"{type(initializer).__name__} needs a matrix, not {show(shape)}{here()}")
