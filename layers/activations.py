"""Activations by name, or as any function of a tensor."""

from __future__ import annotations

from collections.abc import Callable

from graphengine import Tensor, errors, ops

BY_NAME: dict[str, Callable[..., Tensor]] = {
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "relu": ops.relu,
    "softplus": ops.softplus,
    "hard_sigmoid": ops.hard_sigmoid,
    "exp": ops.exp,
    "linear": ops.identity,
}


def activation(what: str | Callable[..., Tensor] | None) -> Callable[..., Tensor]:
    """Return the activation of a name (`"tanh"`), or a function as it is; None is linear.

    Raises:
        StructureError: there is no activation of that name.
    """
    if what is None:
        return ops.identity
    if callable(what):
        return what
    if what not in BY_NAME:
        raise errors.StructureError(
            f"no activation {what!r}; there are {', '.join(sorted(BY_NAME))}, or pass a function such as ops.tanh"
            f"{errors.here()}"
        )
    return BY_NAME[what]
