"""Losses: one number for many predictions, or one per prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from graphengine.errors import DtypeError, SettingError, ShapeError
from graphengine.graph import Tensor
from graphengine.op import Arrays, Core, Op
from graphengine.ops.axes import apply_for, axis_names
from graphengine.ops.index import refuse_outside, refuse_unindexed
from graphengine.spec import Array, Spec, show

Reduction: TypeAlias = Literal["mean", "sum", "none"]


@dataclass(frozen=True)
class Loss(Op):
    """An op that sums up or averages over entries, each with a weight of its own.

    An entry of weight 0 is not there: it adds nothing whatever it holds, a NaN included. A mean of nothing is 0.

    Attributes:
        rank: how many axes of entries are summed up; 0 for `reduction="none"`.
        weighted: whether the last input holds a weight per entry.
    """

    reduction: Reduction
    rank: int
    weighted: bool

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes of the entries."""
        return tuple(range(-self.rank, 0))

    def weights(self, xs: Arrays, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return the weight of every entry."""
        given = xs[-1].astype(dtype, copy=False) if self.weighted else np.ones((), dtype)
        every: Array = np.broadcast_to(given, shape)
        return every

    def shares(self, weights: Array, counted: Array) -> Array:
        """Return what every entry's loss is multiplied by: for a mean, its weight over the sum of what is counted."""
        if self.reduction != "mean":
            return weights
        total = counted.sum(axis=self.axes, keepdims=True)
        shares: Array = np.divide(weights, total, out=np.zeros_like(weights), where=total != 0)
        return shares

    def total(self, out: Array, losses: Array, shares: Array) -> None:
        """Sum up the losses of the entries."""
        np.add.reduce(losses * shares, axis=self.axes, out=out)

    def spread(self, dy: Array, shares: Array) -> Array:
        """Return the gradient of every entry's loss."""
        return np.asarray(np.expand_dims(dy, self.axes) * shares)


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """How many nats it takes to say the target, if predictions were made by a softmax."""

    equation = "L = -Σ_n e_n Σ_k q_nk log p_nk / Z, p = softmax(z), q = (1 - ε) w_t [k = t] + ε w_k / K"
    gradient = ("dz = dL e / Z ⊙ (p Σ_k q_k - q)",)
    class_weighted: bool
    label_smoothing: float
    ignore_index: int | None

    @classmethod
    def of(
        cls,
        logits: Spec,
        reduction: Reduction,
        class_weighted: bool,
        weighted: bool,
        label_smoothing: float,
        ignore_index: int | None,
    ) -> SoftmaxCrossEntropy:
        """Make the op for logits of this rank."""
        if not 0 <= label_smoothing <= 1:
            raise SettingError(f"label_smoothing lies between 0 and 1, not {label_smoothing}")
        rank = _reduced_rank(reduction, logits.rank - 1)
        return cls(reduction, rank, weighted, class_weighted, label_smoothing, ignore_index)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """The axes that are summed up, and the classes."""
        entries = axis_names("n", self.rank)
        optional = ((("k",),) if self.class_weighted else ()) + ((entries,) if self.weighted else ())
        return ((*entries, "k"), entries, *optional), ((),)

    def infer(self, logits: Spec, targets: Spec, *optional: Spec) -> Spec:
        """A number per entry, or one for all."""
        if not logits.floating or not logits.rank:
            raise DtypeError(f"logits are floats with an axis of classes, not {logits}")
        refuse_unindexed(targets.dtype)
        entries = logits.shape[:-1]
        if targets.shape != entries:
            raise ShapeError(f"logits {show(logits.shape)} want targets {show(entries)}, not {show(targets.shape)}")
        given = list(optional)
        if self.class_weighted:
            _fit("class_weights", given.pop(0), logits.shape[-1:], logits.dtype)
        if self.weighted:
            _fit("weights", given.pop(0), entries, logits.dtype)
        return Spec(entries[: len(entries) - self.rank], logits.dtype)

    def saves(self, logits: Spec, *others: Spec) -> tuple[Spec, ...]:
        """The probabilities."""
        return (logits,)

    def reads_of(self, i: int) -> str:
        """All but the logits; only they have a gradient."""
        return " ".join(f"x{j}" for j in range(1, 2 + self.class_weighted + self.weighted)) + " y" if i == 0 else ""

    def carries(self, i: int) -> bool:
        """Weights say what is counted; they are not learnt from it."""
        return i == 0

    def forward(self, out: tuple[Array, Array], logits: Array, *others: Array) -> None:
        """Shift by the maximum, so that nothing overflows."""
        loss, p = out
        targets, shares, own, every = self._entries(others, p)
        gone = shares == 0
        if gone.any():
            logits = np.where(gone[..., None], 0, logits)
        np.subtract(logits, logits.max(axis=-1, keepdims=True, initial=-np.inf), p)
        found = (1 - self.label_smoothing) * own * np.take_along_axis(p, targets, -1)[..., 0]
        if self.label_smoothing:
            found += self.label_smoothing / p.shape[-1] * (every * p).sum(axis=-1)
        np.exp(p, p)
        total = p.sum(axis=-1, keepdims=True)
        np.divide(p, total, p)
        self.total(loss, self._mass(own, every) * np.log(total[..., 0]) - found, shares)

    def backward(self, i: int, dy: Array, xs: Arrays, y: tuple[Array, Array], out: Array | None = None) -> Array:
        """Of every entry its probabilities less its target."""
        p = y[1]
        targets, shares, own, every = self._entries(xs[1:], p)
        slope = p * self._mass(own, every)[..., None]
        if self.label_smoothing:
            slope -= self.label_smoothing / p.shape[-1] * every
        hit = (1 - self.label_smoothing) * own[..., None]
        np.put_along_axis(slope, targets, np.take_along_axis(slope, targets, -1) - hit, -1)
        dz: Array = np.multiply(self.spread(dy, shares)[..., None], slope, out)
        return dz

    def _mass(self, own: Array, every: Array) -> Array:
        """Return Σ_k q_k of every entry."""
        mass = (1 - self.label_smoothing) * own
        if self.label_smoothing:
            mass += self.label_smoothing / every.shape[-1] * every.sum(axis=-1)
        return mass

    def _entries(self, others: Arrays, p: Array) -> tuple[Array, Array, Array, Array]:
        """Return, for every entry, its target `[..., 1]`, its share, its class's weight, and all classes' weights."""
        shape = p.shape[:-1]
        given = np.broadcast_to(others[0], shape)
        weights = self.weights(others, shape, p.dtype)
        if self.ignore_index is not None:
            weights = np.where(given == self.ignore_index, 0, weights)
        given = np.where(weights == 0, 0, given)
        refuse_outside(given, p.shape[-1])
        targets = given[..., None]
        every = others[1] if self.class_weighted else np.ones((1,), p.dtype)
        every = np.broadcast_to(np.expand_dims(every, tuple(range(-1 - self.rank, -1))), p.shape)
        own = np.take_along_axis(every, targets, -1)[..., 0]
        return targets, self.shares(weights, weights * own), own, every


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """The squared distance of predictions from their targets."""

    equation = "L = Σ_n e_n (x_n - t_n)² / Z"
    gradient = ("dx = dL 2 e / Z ⊙ (x - t)", "dt = dL 2 e / Z ⊙ (t - x)")

    @classmethod
    def of(cls, prediction: Spec, reduction: Reduction, weighted: bool) -> MeanSquaredError:
        """Make the op for predictions of this rank."""
        return cls(reduction, _reduced_rank(reduction, prediction.rank), weighted)

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """The axes that are summed up."""
        return (axis_names("n", self.rank),) * inputs, ((),)

    def infer(self, prediction: Spec, target: Spec, *weights: Spec) -> Spec:
        """A number per entry, or one for all."""
        if not prediction.floating:
            raise DtypeError(f"needs floats, got {prediction.dtype}; use cast()")
        self.result_dtype(prediction.dtype, target.dtype)
        if prediction.shape != target.shape:
            raise ShapeError(f"{show(prediction.shape)} and {show(target.shape)} differ; nothing is broadcast here")
        for each in weights:
            stretched = each.rank == prediction.rank and tuple(
                size if own == 1 else own for own, size in zip(each.shape, prediction.shape, strict=True)
            )
            _fit("weights", Spec(stretched or each.shape, each.dtype), prediction.shape, prediction.dtype)
        return Spec(prediction.shape[: prediction.rank - self.rank], prediction.dtype)

    def reads_of(self, i: int) -> str:
        """Everything but the output."""
        return " ".join(f"x{j}" for j in range(2 + self.weighted)) if i < 2 else ""

    def carries(self, i: int) -> bool:
        """Weights say what is counted; they are not learnt from it."""
        return i < 2

    def forward(self, out: Array, *xs: Array) -> None:
        """Square the differences."""
        difference, shares = self._entries(xs)
        self.total(out, difference * difference, shares)

    def backward(self, i: int, dy: Array, xs: Arrays, y: Array, out: Array | None = None) -> Array:
        """Towards each other."""
        difference, shares = self._entries(xs)
        slope = 2 * difference if i == 0 else -2 * difference
        dx: Array = np.multiply(self.spread(dy, shares), slope, out)
        return dx

    def _entries(self, xs: Arrays) -> tuple[Array, Array]:
        """Return, for every entry, the difference and its share."""
        shape = np.broadcast_shapes(*(x.shape for x in xs))
        weights = self.weights(xs, shape, xs[0].dtype)
        difference = np.subtract(xs[0], xs[1], out=np.zeros(shape, xs[0].dtype), where=weights != 0)
        return difference, self.shares(weights, weights)


def softmax_cross_entropy(
    logits: Any,
    targets: Any,
    *,
    class_weights: Any = None,
    label_smoothing: float = 0.0,
    weights: Any = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Return how surprising integer targets are to a softmax over logits, in nats per target.

        p = softmax(z),   q_k = (1 - ε) w_t [k = t] + ε w_k / K
        L_n = -e_n Σ_k q_nk log p_nk,   mean = Σ_n L_n / Σ_n e_n w_t

    Shapes: logits `[..., K]`, targets `[...]`; the result is a scalar, or `[...]` for `reduction="none"`.

    Args:
        class_weights: w, a weight per class `[K]`.
        label_smoothing: ε, the part of the target that is spread over all classes.
        weights: e, a weight or a boolean (a mask) per target. One of weight 0 is not there, whatever it holds.
        ignore_index: targets of this value have weight 0.
        reduction: "mean" divides by the sum of what counts, and is 0 if nothing does; "sum"; "none".

    Gradients pass to the logits only.

    Raises:
        ShapeError, DtypeError: the inputs do not go together; targets are integers, one per row of logits.
        SettingError: `label_smoothing` or `reduction` means nothing.
        FeedError: (at run) a target is no class.

    >>> from graphengine import Graph, Plan
    >>> g = Graph(dtype="float64")
    >>> z, t = g.placeholder("z", ("batch", 3)), g.placeholder("t", ("batch",), "int64")
    >>> loss = softmax_cross_entropy(z, t)
    >>> run = Plan(loss, wrt=[z]).run({z: [[1000.0, 0.0, 0.0], [0.0, 0.0, 0.0]], t: [0, 1]})
    >>> round(float(run[loss]), 6), run.grad(z).round(3).tolist()
    (0.549306, [[0.0, 0.0, 0.0], [0.167, -0.333, 0.167]])
    """
    inputs = [logits, targets, *(each for each in (class_weights, weights) if each is not None)]
    settings = (reduction, class_weights is not None, weights is not None, float(label_smoothing), ignore_index)
    return apply_for(SoftmaxCrossEntropy.of, inputs, *settings, name=name).output


def mean_squared_error(
    prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean", name: str | None = None
) -> Tensor:
    """Return the mean of the squared differences: `L = Σ_n e_n (x_n - t_n)² / Σ_n e_n`.

    Shapes: prediction and target are alike; the result is a scalar, or of their shape for `reduction="none"`.

    Args:
        weights: e, a weight or a boolean (a mask) per entry, with 1 on axes where it is the same for all. An entry of
            weight 0 is not there, whatever it holds.
        reduction: "mean" divides by the sum of the weights, and is 0 if that is 0; "sum"; "none".

    Gradients pass to prediction and target.

    Raises:
        ShapeError, DtypeError: the inputs do not go together.
    """
    inputs = [prediction, target, *([] if weights is None else [weights])]
    return apply_for(MeanSquaredError.of, inputs, reduction, weights is not None, name=name).output


def _reduced_rank(reduction: Reduction, rank: int) -> int:
    if reduction not in ("mean", "sum", "none"):
        raise SettingError(f"reduction is mean, sum or none, not {reduction!r}")
    return 0 if reduction == "none" else max(rank, 0)


def _fit(name: str, given: Spec, shape: tuple[Any, ...], dtype: np.dtype[Any]) -> None:
    """Refuse weights of another shape than wanted, or of another float type."""
    if given.shape != shape:
        raise ShapeError(f"{name} are {show(given.shape)} and should be {show(shape)}")
    if given.floating and given.dtype != dtype:
        raise DtypeError(f"{name} are {given.dtype}, the predictions {dtype}; use cast()")
