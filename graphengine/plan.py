"""Plans: a graph compiled once for some targets, and run many times.

Compiling prunes, splits loops into what must run step by step and what need not, and finds which gradients flow where.
A run borrows a workspace for its sizes, so several threads may run one plan.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np

from graphengine import errors
from graphengine.crew import Crew
from graphengine.feeds import Feeds
from graphengine.graph import Node, Tensor, graph_of, tensors_in
from graphengine.loop import Delay
from graphengine.memory import Need
from graphengine.parameter import Parameter
from graphengine.passes.fuse import fuse
from graphengine.passes.merge import merge
from graphengine.passes.segment import checked_segment
from graphengine.passes.split import needed
from graphengine.profile import Profile, measure
from graphengine.run import Run, RunContext
from graphengine.schedule import Schedule
from graphengine.scope import Scope
from graphengine.seeds import Seeds
from graphengine.sources import ParameterValue, Placeholder
from graphengine.spec import Array, names_in
from graphengine.trace import Trace
from graphengine.workspace import Workspaces, need

_PASSES = frozenset({"fuse", "merge", "defer"})


class Plan:
    """A graph, compiled to compute some targets and their gradients.

    Args:
        targets: what to compute and differentiate: a tensor, usually the loss, or several (their gradients add up).
        also: further tensors to return, in any structure of tuples and named tuples.
        wrt: parameters and tensors to differentiate with respect to; by default every trainable parameter that a target
            depends on, `[]` for none.
        segment: how many steps of a loop to run at a time, or "sqrt" for about the square root of their number. While
            training, each segment is computed twice, but only one is kept: T steps need the memory of about 2 √T.
            By default all steps at once where gradients are asked for, and 256 at a time where not.
        without: passes to leave out ("fuse", "merge", "defer"), to compare.
        threads: how many run side by side what does not wait for each other, such as both directions of a BiRNN, where
            the arrays are large enough for it to pay. The results are the same, bit for bit.

    Attributes:
        parameters: the parameters that are differentiated, which is what an optimizer takes.

    Raises:
        LoopError: a target is a value inside a loop, or a delay was never fed.
        GradientError: something in `wrt` holds no floats or no target depends on it.
        SettingError: there is no such pass, or `threads` is no number from 1 up.

    >>> from graphengine import Graph
    >>> g = Graph(dtype="float64")
    >>> x = g.placeholder("x", ("n",))
    >>> plan = Plan(x * x, wrt=[x])
    >>> run = plan.run({x: [1.0, 2.0]}, seeds={plan.targets[0]: [1.0, 1.0]})
    >>> run.grad(x).tolist()
    [2.0, 4.0]
    """

    def __init__(
        self,
        targets: Any,
        *,
        also: Any = (),
        wrt: Iterable[Parameter | Tensor] | None = None,
        segment: int | Literal["sqrt"] | None = None,
        without: Iterable[str] = (),
        threads: int = 1,
    ) -> None:
        self.segment = checked_segment(segment)
        self.crew = Crew(threads)
        self.targets: tuple[Tensor, ...] = tuple(tensors_in(targets))
        self.also: tuple[Tensor, ...] = tuple(tensors_in(also))
        self.graph = graph_of(self.targets, "plan")
        graph_of((self.targets, self.also), "plan")
        for tensor in (*self.targets, *self.also):
            _refuse_body(tensor)
        self.nodes = needed(tensor.node for tensor in (*self.targets, *self.also))
        self.placeholders = {node.output: node for node in self.nodes if isinstance(node.op, Placeholder)}
        shapes = [tensor.shape for node in self.nodes for tensor in node.outputs]
        self.names = {name for shape in shapes for size in shape for name in names_in(size)}
        for node in self.nodes:
            if isinstance(node.op, Delay):
                _refuse_unfed(node)
                assert node.loop is not None
                self.names |= names_in(node.loop.over)
        self.feeds = Feeds(self.placeholders, self.names, self.graph)
        places = dict.fromkeys(node.scope for node in self.nodes)
        self.scopes = dict.fromkeys(scope for place in places for scope in place.ancestry())
        self._differentiate(wrt)
        self._lower(without)

    def _differentiate(self, wrt: Iterable[Parameter | Tensor] | None) -> None:
        """Find what carries gradients."""
        reached = {node.op.parameter: node.output for node in self.nodes if isinstance(node.op, ParameterValue)}
        if wrt is None:
            wished = [tensor for parameter, tensor in reached.items() if parameter.trainable]
        else:
            wished = [self._wished(each, reached) for each in wrt]
        self.written = Schedule(self.nodes, self.targets, wished)
        self.units, self.active = self.written.units, self.written.active
        for tensor in wished if wrt is not None else ():
            if tensor not in self.active:
                raise errors.GradientError(
                    f"wrt: no gradient flows from {', '.join(t.path for t in self.targets)} to {tensor.path} "
                    f"{tensor.spec}{errors.here()}"
                )
        self.seeds = Seeds(self.targets, self.active)
        self.differentiated = tuple(dict.fromkeys(tensor for tensor in wished if tensor in self.active))
        self.parameter_tensors = {p: tensor for p, tensor in reached.items() if tensor in self.differentiated}
        self.parameters = list(self.parameter_tensors)

    def _wished(self, what: Parameter | Tensor, reached: Mapping[Parameter, Tensor]) -> Tensor:
        """Return the tensor of something that a user wants the gradient of."""
        where = errors.here()
        if isinstance(what, Parameter):
            if what not in reached:
                raise errors.GradientError(f"wrt: the targets do not depend on parameter {what.path}{where}")
            return reached[what]
        tensor = tensors_in(what)[0]
        graph_of((tensor, self.targets), "wrt")
        if not tensor.spec.floating:
            raise errors.GradientError(f"wrt: {tensor.path} is {tensor.spec}; only floats have gradients{where}")
        _refuse_body(tensor)
        return tensor

    def _lower(self, without: Iterable[str]) -> None:
        """Apply the passes that change what runs."""
        passes = _PASSES - set(without)
        if unknown := set(without) - _PASSES:
            raise errors.SettingError(
                f"without: no pass {', '.join(sorted(unknown))}; there are {', '.join(sorted(_PASSES))}"
                f"{errors.here()}"
            )
        loops = {node.loop for node in self.nodes if node.loop is not None}
        ends = {loop.until_node for loop in loops if loop.until_node is not None}
        nodes = self.nodes
        made_by: dict[Tensor, Node] = {}
        asked = {*self.targets, *self.also, *self.differentiated, *ends}
        if "fuse" in passes:
            nodes, made_by = fuse(nodes, self.graph.regions, asked)
        if "merge" in passes:
            nodes, made_by = merge(nodes, made_by, asked)
        self.lowered = Schedule(nodes, self.targets, self.differentiated, made_by, passes)
        self.repeatable = not ends
        self.workspaces = Workspaces(self)

    def run(
        self,
        feeds: Mapping[Any, Any] | None = None,
        *,
        seeds: Mapping[Tensor, Any] | None = None,
        sizes: Mapping[str, int] | None = None,
        seed: int | None = None,
        training: bool | None = None,
        gradients: bool = True,
    ) -> Run:
        """Compute the targets and their gradients.

        Args:
            feeds: a value for every placeholder that is needed; keys may be whole states (`{states: run[states]}`).
            seeds: for targets that are not scalars, the gradient that comes from outside; axes in front of the
                target's own are separate seeds, and every gradient then carries them too.
            sizes: numbers for names of dimensions that no placeholder binds.
            seed: makes noise (dropout) repeatable; drawn from the system if not given, and kept in `run.seed`.
            training: what `Training` sources say; by default whether gradients are computed.
            gradients: False for values only, which also needs less memory.

        Raises:
            FeedError, DtypeError: the feeds do not fit.
            GradientError: a target is no scalar and has no seed.
        """
        context, cast = self._bind(feeds, seeds, sizes, seed, training, gradients)
        values, found = self.workspaces.run(context, cast)
        if watched := self._watched():
            trace = Trace(self, context, cast)
            for scope in watched:
                for watcher in scope.watchers:
                    watcher(trace, scope)
        return Run(values, found, self.parameter_tensors, context.seed)

    def profile(
        self,
        feeds: Mapping[Any, Any] | None = None,
        *,
        seeds: Mapping[Tensor, Any] | None = None,
        sizes: Mapping[str, int] | None = None,
        seed: int | None = None,
        training: bool | None = None,
        gradients: bool = True,
        repeats: int = 7,
    ) -> Profile:
        """Run several times and return where the time goes: `print(plan.profile(feeds))`.

        Args:
            repeats: how many runs are measured; every call counts with its median. The run that works the calls out is
                not among them.

        The other arguments are those of `run`.
        """
        if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 1:
            raise errors.SettingError(f"repeats is a number of runs from 1 up, not {repeats!r}{errors.here()}")
        drawn = secrets.randbits(63) if seed is None else seed
        return measure(self, lambda: self._bind(feeds, seeds, sizes, drawn, training, gradients), repeats)

    def trace(
        self,
        feeds: Mapping[Any, Any] | None = None,
        *,
        seeds: Mapping[Tensor, Any] | None = None,
        sizes: Mapping[str, int] | None = None,
        seed: int | None = None,
        training: bool | None = None,
        gradients: bool = True,
        keep: Iterable[str] | None = None,
        steps: Iterable[int] | None = None,
        norms_only: bool = False,
        budget: int = 2**31,
    ) -> Trace:
        """Run step by step as written, and keep every value and every gradient.

        Args:
            keep: paths, or beginnings of paths (`"rnn/layer0"`), to keep; everything by default.
            steps: positions in time to keep; all by default.
            norms_only: keep the Euclidean norms instead of the arrays.
            budget: bytes beyond which the trace is refused.

        The other arguments are those of `run`.

        Raises:
            BudgetError: the trace would need more bytes than the budget.
        """
        context, cast = self._bind(feeds, seeds, sizes, seed, training, gradients)
        return Trace(self, context, cast, keep=keep, steps=steps, norms_only=norms_only, budget=budget)

    def memory(self, *, gradients: bool = True, **sizes: int) -> Need:
        """Tell how many bytes a run needs, without running: `plan.memory(batch=32, time=1000)`.

        Args:
            gradients: whether the run computes gradients.
            sizes: a number for every name of a dimension.

        Returns:
            A `Need`: what forward pass, backward pass and results take; its `peak` is their sum. Feeds are not in it,
            nor what an op takes for itself for a moment.

        Raises:
            FeedError: a dimension has no number, or there is none of such a name.

        >>> from graphengine import Graph, ops
        >>> x = Graph(dtype="float64").placeholder("x", ("batch", 3))
        >>> plan = Plan(ops.sum(x * x), wrt=[x])
        >>> need = plan.memory(batch=1000)
        >>> need.results, plan.memory(batch=2000).results      # 1000 × 3 numbers of 8 bytes, and the loss
        (24008, 48008)
        """
        bound, _ = self.feeds.named(sizes)
        self.feeds.complete(bound, "{}=...")
        differentiates = gradients and bool(self.differentiated)
        context = RunContext({}, bound, 0, differentiates)
        return need(self, context, self.seeds.blank(context) if differentiates else None)

    def release(self) -> None:
        """Let go of the memory that runs left for the next ones of their sizes; the next run makes it anew."""
        self.workspaces.release()

    def _bind(
        self,
        feeds: Mapping[Any, Any] | None,
        seeds: Mapping[Tensor, Any] | None,
        sizes: Mapping[str, int] | None,
        seed: int | None,
        training: bool | None,
        gradients: bool,
    ) -> tuple[RunContext, dict[Tensor, Array] | None]:
        arrays, bound = self.feeds.bind(feeds or {}, sizes)
        differentiates = gradients and bool(self.differentiated)
        context = RunContext(
            arrays,
            bound,
            secrets.randbits(63) if seed is None else int(seed),
            differentiates if training is None else bool(training),
        )
        return context, self.seeds.bind(seeds or {}, context) if differentiates else None

    def _watched(self) -> list[Scope]:
        """The scopes that someone asked to see."""
        return [scope for scope in self.scopes if scope.watchers]

    def __repr__(self) -> str:
        stepwise = sum(len(unit.nodes) for unit in self.units if unit.stepwise)
        return f"<plan of {self.graph.name!r}: {len(self.nodes)} nodes, {stepwise} of them step by step>"


def _refuse_body(tensor: Tensor) -> None:
    if tensor.loop is not None:
        raise errors.LoopError(
            f"{tensor.path} has a value per step of {tensor.loop}; take it out with loop.stack (all steps) or "
            f"loop.last (the last one), or read it in a trace{errors.here()}"
        )


def _refuse_unfed(node: Node) -> None:
    if node.feeds is None:
        raise errors.LoopError(
            f"{node.path} is a delay that nothing was fed to; close the circle with loop.feed{errors.at(node.location)}"
        )


