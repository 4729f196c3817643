"""The contract that every op keeps: what it computes, what its gradient is, and what it declares about both.

An op is a frozen dataclass whose fields are its settings. It knows nothing of its neighbours, of loops or of plans;
what a plan may do with it, it says in declarations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from graphengine.errors import DtypeError, ShapeError
from graphengine.spec import Array, Dim, Spec, broadcast

if TYPE_CHECKING:
    from graphengine.graph import Node
    from graphengine.run import RunContext

Arrays: TypeAlias = tuple[Array, ...]
Core: TypeAlias = tuple[str, ...]


@cache
def parse_signature(signature: str, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
    """Read a gufunc signature: the core axes of every input and of every output.

    `...` after the last input repeats it, with core sizes of their own: `"(n),...->(m)"`.

    >>> parse_signature("(m,k),(k,n)->(m,n)", 2)
    ((('m', 'k'), ('k', 'n')), (('m', 'n'),))
    """
    left, _, right = signature.replace(" ", "").partition("->")

    def cores(text: str) -> list[Core]:
        return [tuple(filter(None, group.split(","))) for group in re.findall(r"\(([^)]*)\)", text)]

    given = cores(left)
    if left.endswith("..."):
        last = given.pop()
        given += [tuple(f"{axis}{i}" for axis in last) for i in range(inputs - len(given))]
    if len(given) != inputs:
        raise ShapeError(f"takes {len(given)} inputs, got {inputs}")
    return tuple(given), tuple(cores(right))


class Op:
    """What a node does to its inputs.

    Subclass it as a frozen dataclass, give it a `signature`, `forward` and `backward`, and it works in graphs, loops,
    plans, traces and pictures. Arrays may carry axes in front of the core axes of the signature; NumPy's broadcasting
    rules hold among those. Settings that name axes count from the end (`-1`), so that they stay true then.

    Hooks that take one argument per input are open (`*xs, **kwargs`) here so that an op can name its own.

    Declarations:
        signature: core axes in gufunc notation; every other axis is batch.
        equation, gradient: the mathematics as text, one gradient per input; docs, hover and `explain` print it.
        reads: for every input, what its backward looks at: `"x1"`, `"y"`, `"x0 y"`, `""`. `y` stands for all outputs.
            Anything else is handed over as an array of NaN that has the right shape and no memory. None: everything.
        contracts: the backward sums batch axes that an input lacks by itself (matmul, gather); for other ops the
            sweep undoes broadcasting.
        together: the work for all inputs is shared, call `backward_all`.
        is_view: `view` returns the outputs as views of the first input, where strides allow it.
        joins: inputs may live inside the output; `regions` tells where.
        differentiable: a gradient passes through.
    """

    signature: ClassVar[str] = ""
    equation: ClassVar[str] = ""
    gradient: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[tuple[str, ...] | None] = None
    contracts: ClassVar[bool] = False
    together: ClassVar[bool] = False
    is_view: ClassVar[bool] = False
    joins: ClassVar[bool] = False
    differentiable: ClassVar[bool] = True
    kind: ClassVar[str] = "op"

    def __init_subclass__(cls) -> None:
        """Name the op after its class: `LayerNorm` is `layer_norm` in paths."""
        super().__init_subclass__()
        if "kind" not in cls.__dict__:
            cls.kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """The core axes of every input and output, for this many inputs."""
        return parse_signature(self.signature, inputs)

    def result_dtype(self, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype of the outputs; refuses unlike inputs, because converting silently hides mistakes."""
        if any(dtype != dtypes[0] for dtype in dtypes):
            raise DtypeError(f"dtypes differ: {' and '.join(map(str, dtypes))}; use cast()")
        return dtypes[0]

    def infer(self, *specs: Any, **kwargs: Any) -> Spec | tuple[Spec, ...]:
        """Return the specs of the outputs, or raise an error that says what does not fit.

        The default reads the signature: core sizes of one letter must agree, batch axes broadcast.
        """
        cores, outputs = self.core(len(specs))
        sizes: dict[str, Dim] = {}
        batches = []
        for position, (spec, core) in enumerate(zip(specs, cores, strict=True)):
            if spec.rank < len(core):
                raise ShapeError(f"input {position} needs at least {len(core)} axes, got {spec}")
            batches.append(spec.shape[: spec.rank - len(core)])
            for axis, size in zip(core, spec.shape[spec.rank - len(core) :], strict=True):
                if sizes.setdefault(axis, size) != size:
                    raise ShapeError(f"inner sizes differ: {sizes[axis]} and {size}")
        batch = broadcast(batches)
        dtype = self.result_dtype(*(spec.dtype for spec in specs))
        found = tuple(Spec(batch + tuple(sizes[axis] for axis in core), dtype) for core in outputs)
        return found if len(found) > 1 else found[0]

    def saves(self, *specs: Any, **kwargs: Any) -> tuple[Spec, ...]:
        """Specs of hidden arrays that `forward` fills for `backward`; they follow the outputs in `out` and `y`."""
        return ()

    def scratch(self, *specs: Any, **kwargs: Any) -> tuple[Spec, ...]:
        """Specs of arrays to work in, whose contents nobody keeps; they follow the saved ones in `out` and `y`."""
        return ()

    def forward(self, out: Any, *xs: Any, **kwargs: Any) -> None:
        """Compute into `out`: an array, or a tuple of them for several outputs, saved and scratch arrays."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def bound(self, out: Any, *xs: Any) -> tuple[Any, ...]:
        """Return `forward` as a function and its arguments, for arrays that stay where they are from run to run.

        An op that would make views in every step makes them here instead.
        """
        return (self.forward, out, *xs)

    def backward(self, i: int, dy: Any, xs: Arrays, y: Any, out: Array | None = None) -> Array:
        """Return the gradient with respect to input `i` alone.

        `dy` has the form of the outputs and may carry extra axes in front (many seeds at once); so may the result.
        The result may be `out` (where it is given), a new array, or a view of `dy`; inputs are never written.
        """
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def backward_all(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array] | None = None
    ) -> list[Array]:
        """Return the gradients with respect to several inputs at once; for ops that declare `together`."""
        return [self.backward(i, dy, xs, y) for i in wanted]

    def bound_backward(
        self, wanted: Sequence[int], dy: Any, xs: Arrays, y: Any, outs: Sequence[Array]
    ) -> tuple[Any, ...] | None:
        """Return a function and arguments that fill `outs` with the gradients of `wanted`; None for the usual way."""
        return None

    def view(self, shape: Any, *xs: Any, **kwargs: Any) -> Any:
        """Return the output (or outputs) as views of the inputs; for ops that declare `is_view`.

        `shape` is the output's own shape (or shapes), without axes that a stacked run adds in front.
        """
        raise NotImplementedError(f"{type(self).__name__}.view")

    def regions(self, out: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """Return the parts of the output where inputs of some shapes may live; for ops that declare `joins`."""
        raise NotImplementedError(f"{type(self).__name__}.regions")

    def carries(self, i: int) -> bool:
        """Tell whether a gradient passes to input `i`; override it where that differs between inputs."""
        return self.differentiable

    def reads_of(self, i: int) -> str:
        """What the backward of input `i` looks at, in the notation of `reads`; `"*"` for everything."""
        if self.reads is None:
            return "*"
        return self.reads[i] if i < len(self.reads) else ""

    def reads_together(self, wanted: Sequence[int]) -> str:
        """What the backward of several inputs looks at."""
        declared = [self.reads_of(i) for i in wanted]
        return "*" if "*" in declared else " ".join(declared)

    def __str__(self) -> str:
        return type(self).__name__


class Elementwise(Op):
    """An op that treats every entry alike; only its number of inputs is a signature."""

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """No core axes at all."""
        return ((),) * inputs, ((),)

    def infer(self, *specs: Spec) -> Spec:
        """Broadcast the shapes."""
        return Spec(broadcast(spec.shape for spec in specs), self.result_dtype(*(spec.dtype for spec in specs)))


class Source(Op):
    """An op without inputs: its value comes from the run, not from other nodes.

    Declarations:
        steady: the value is the same array in every run of the same sizes.
    """

    reads = ()
    steady: ClassVar[bool] = False

    def core(self, inputs: int) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
        """No inputs; the whole output is one value."""
        return (), ((),)

    def value(self, node: Node, run: RunContext) -> Array:
        """Return the value; inside a loop the one of all steps, in the order of processing."""
        raise NotImplementedError(f"{type(self).__name__}.value")


def one_or_all(arrays: Sequence[Array]) -> Any:
    """Return arrays in the form that ops take them: alone, or as a tuple."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def several(found: Any) -> tuple[Array, ...]:
    """Return what an op takes or makes as a tuple, whether it is one array or several."""
    return found if isinstance(found, tuple) else (found,)


def lead(dy: Array, y: Array) -> int:
    """Return how many extra axes a gradient carries in front of its value's own."""
    return dy.ndim - y.ndim


def sum_to(gradient: Array, shape: tuple[int, ...], extra: int = 0) -> Array:
    """Undo broadcasting: sum a gradient over the axes along which its value was stretched to more than `shape`.

    The first `extra` axes are kept whatever they are. A gradient that is no stretched form of `shape` comes back as it
    is.

    >>> sum_to(np.ones((3, 4)), (4,)).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    if gradient.shape[extra:] == shape:
        return gradient
    missing = gradient.ndim - extra - len(shape)
    grown = gradient.shape[extra + max(missing, 0) :]
    if missing < 0 or any(size not in (1, own) for size, own in zip(shape, grown, strict=True)):
        return gradient
    axes = tuple(range(extra, extra + missing)) + tuple(
        extra + missing + axis
        for axis, size in enumerate(shape)
        if size == 1 and grown[axis] != 1
    )
    # One axis after the other: NumPy sums long axes of a strided array much faster than several at once.
    for axis in axes:
        gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient.reshape(gradient.shape[:extra] + shape)


def check_gradient(i: int, gradient: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a gradient of input `i` that has the wrong shape or dtype: the op that made it is at fault."""
    if gradient.shape != shape:
        raise ShapeError(f"the gradient of input {i} is {list(gradient.shape)} and should be {list(shape)}")
    if gradient.dtype != dtype:
        raise DtypeError(f"the gradient of input {i} is {gradient.dtype} and should be {dtype}")


@cache
def placeholder_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Stand in for an array that an op did not declare to read: the right shape, NaN everywhere, no memory."""
    blank = np.array(np.nan if dtype.kind == "f" else 0).astype(dtype)
    return np.broadcast_to(blank, shape)
