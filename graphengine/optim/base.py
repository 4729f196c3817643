"""What the optimizers share: checks, clipping, weight decay, the learning rate, state.

A step checks everything first and changes nothing if something is wrong, so that a NaN costs a run and not the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeAlias, TypedDict

import numpy as np

from graphengine.checkpoint import by_path, refuse_unlike
from graphengine.errors import DtypeError, GradientError, SettingError, ShapeError, StructureError, here
from graphengine.optim.clip import clip_by_global_norm, clip_by_value, finite, positive, refuse_non_finite
from graphengine.parameter import Parameter
from graphengine.run import Run
from graphengine.spec import Array, show

Rate: TypeAlias = float | Callable[[int], float]
Slots: TypeAlias = dict[str, Array]


class Common(TypedDict, total=False):
    """Settings that every optimizer takes; see `Optimizer`."""

    weight_decay: float
    clip_value: float | None
    clip_norm: float | None


class Optimizer:
    """Changes parameters, given their gradients; a subclass says how in `update`.

    Args:
        parameters: what to change, usually `plan.parameters`.
        learning_rate: a number, or a function of how many steps were made before (0 at the first).
        slots: names of the arrays that `update` remembers per parameter; they start at zero.
        weight_decay: adds `weight_decay · p` to the gradient of every parameter p.
        clip_value: clip every entry of the gradients to ± this number first.
        clip_norm: then scale all gradients together to at most this global norm.

    Attributes:
        count: how many steps were made.

    Raises:
        SettingError: there are no parameters, one is given twice, or a setting means nothing.
    """

    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: Rate,
        slots: Iterable[str] = (),
        *,
        weight_decay: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        self.parameters = _checked_parameters(parameters)
        self.learning_rate = learning_rate
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self.clip_value = None if clip_value is None else positive("clip_value", clip_value)
        self.clip_norm = None if clip_norm is None else positive("clip_norm", clip_norm)
        self.count = 0
        self.slots = tuple(slots)
        self._slots: dict[Parameter, Slots] = {
            p: {name: np.zeros(p.shape, p.dtype) for name in self.slots} for p in self.parameters
        }
        if not callable(learning_rate):
            at_least_zero("learning_rate", learning_rate)

    def step(self, gradients: Run | Mapping[Parameter, Any]) -> None:
        """Change every parameter once; the run's arrays are left alone.

        Args:
            gradients: a run, or an array for every parameter of the optimizer.

        Raises:
            GradientError: a gradient is missing, surplus, or not finite. Nothing has changed then.
            ShapeError, DtypeError: a gradient does not fit its parameter.
        """
        given = self._clipped(self._checked(gradients))
        rate = self.rate
        with np.errstate(all="ignore"):
            changed = {parameter: self._changed(parameter, gradient, rate) for parameter, gradient in given.items()}
        for parameter, (value, slots) in changed.items():
            if not all(finite(array) for array in (value, *slots.values())):
                raise GradientError(
                    f"{parameter.path}: the step leaves the range of {parameter.dtype}, so nothing was changed; "
                    f"lower the learning rate or clip the gradients{here()}"
                )
        for parameter, (value, slots) in changed.items():
            parameter.assign(value)
            self._slots[parameter] = slots
        self.count += 1

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        rate = self.learning_rate(self.count) if callable(self.learning_rate) else self.learning_rate
        return at_least_zero("learning_rate", rate)

    def state(self) -> Slots:
        """Return what the optimizer remembers as plain arrays, copied: `count`, and `slot/path` per parameter.

        Raises:
            WeightsError: two parameters have one path, so that their states cannot be told apart.
        """
        found = {"count": np.asarray(self.count, np.int64)}
        for path, parameter in by_path(self.parameters).items():
            found |= {f"{name}/{path}": np.array(array) for name, array in self._slots[parameter].items()}
        return found

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take back what `state` returned; settings such as the learning rate are not part of it.

        Raises:
            WeightsError: an array is missing, surplus, or of another shape or dtype. Nothing has changed then.
        """
        refuse_unlike(state, self.state(), "this state")
        self.count = int(state["count"])
        for path, parameter in by_path(self.parameters).items():
            self._slots[parameter] = {name: np.array(state[f"{name}/{path}"]) for name in self.slots}

    def update(self, value: Array, gradient: Array, slots: Slots, rate: float) -> tuple[Array, Slots]:
        """Return the new value of a parameter and its new slots; what is given is left alone."""
        raise NotImplementedError(f"{type(self).__name__}.update")

    def _changed(self, parameter: Parameter, gradient: Array, rate: float) -> tuple[Array, Slots]:
        value = parameter.value
        if self.weight_decay and self.decoupled:
            value = value * (1.0 - rate * self.weight_decay)
        elif self.weight_decay:
            gradient = gradient + self.weight_decay * value
        return self.update(value, gradient, self._slots[parameter], rate)

    def _clipped(self, gradients: dict[Parameter, Array]) -> dict[Parameter, Array]:
        if self.clip_value is not None:
            gradients = clip_by_value(gradients, self.clip_value)
        if self.clip_norm is not None:
            gradients, _ = clip_by_global_norm(gradients, self.clip_norm)
        return gradients

    def _checked(self, gradients: Run | Mapping[Parameter, Any]) -> dict[Parameter, Array]:
        """Return the gradients as arrays, in the order of the parameters."""
        where = here()
        given = gradients.gradients if isinstance(gradients, Run) else gradients
        if not isinstance(given, Mapping):
            raise StructureError(f"step takes a run or a mapping, not a {type(given).__name__}{where}")
        missing = [parameter.path for parameter in self.parameters if parameter not in given]
        if missing:
            raise GradientError(f"no gradient for {', '.join(missing)}{where}")
        surplus = [getattr(key, "path", repr(key)) for key in given if key not in self._slots]
        if surplus:
            raise GradientError(
                f"this optimizer does not have {', '.join(surplus)}; to change some parameters only, "
                f"step({{p: run.grad(p) for p in optimizer.parameters}}){where}"
            )
        found = {parameter: _fitting(parameter, given[parameter], where) for parameter in self.parameters}
        refuse_non_finite(found)
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.parameters)} parameters, {self.count} steps made>"


def at_least_zero(name: str, value: Any) -> float:
    """Return a setting that must not be negative."""
    if not 0 <= value < math.inf:
        raise SettingError(f"{name} is a number from 0 up, not {value}{here()}")
    return float(value)


def fraction(name: str, value: Any) -> float:
    """Return a setting that must lie in [0, 1)."""
    if not 0 <= value < 1:
        raise SettingError(f"{name} lies in [0, 1), not {value}{here()}")
    return float(value)


def _fitting(parameter: Parameter, given: Any, where: str) -> Array:
    """Return the gradient of a parameter as an array of its shape and dtype."""
    gradient = np.asarray(given)
    if gradient.shape != parameter.shape:
        raise ShapeError(f"{parameter.path} is {show(parameter.shape)}, its gradient {show(gradient.shape)}{where}")
    if gradient.dtype.kind not in "fiu" or (
        isinstance(given, np.ndarray | np.generic) and not np.can_cast(gradient.dtype, parameter.dtype, "safe")
    ):
        raise DtypeError(f"{parameter.path} is {parameter.dtype}, its gradient {gradient.dtype}; convert it{where}")
    return gradient.astype(parameter.dtype, copy=False)


def _checked_parameters(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    where = here()
    found = tuple(parameters)
    if not found:
        raise SettingError(f"there are no parameters to optimize; does the plan differentiate any?{where}")
    for parameter in found:
        if not isinstance(parameter, Parameter):
            raise StructureError(f"an optimizer takes parameters, not a {type(parameter).__name__}{where}")
    twice = [parameter.path for parameter in set(found) if found.count(parameter) > 1]
    if twice:
        raise SettingError(f"given twice: {', '.join(sorted(twice))}{where}")
    return found
