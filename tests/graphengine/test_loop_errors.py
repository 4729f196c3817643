"""Loops that mean nothing are refused when they are built."""

from collections import namedtuple

import numpy as np

from graphengine import Loop, Plan, ops
from graphengine.errors import FeedError, GraphMismatchError, LoopError, ShapeError, StructureError
from layers import GRUCell, dynamic_rnn
from tests.graphengine.world import World, here, refused

Pair = namedtuple("Pair", "a b")


def body(w):
    """An open loop over time with a state."""
    loop = Loop("time")
    loop.__enter__()
    return loop, loop.slice(w.x), loop.delay(w.g.fill(("batch", 3)), name="h_prev")


def test_a_value_of_a_body_used_outside(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    loop.feed(h, value)
    loop.__exit__(None, None, None)
    with refused(
        LoopError,
        f"sum: Sum({value.name} float64[batch, 3])",
        "a value per step of the loop over time, which is closed",
        "loop.stack (all steps) or loop.last",
    ):
        ops.sum(value)
    with refused(LoopError, "tanh has a value per step", "loop.stack", "loop.last"):
        Plan(value)
    with refused(LoopError, "tanh has a value per step"):
        Plan(w.loss, also=[value])
    with refused(LoopError, "the loop over time is closed; write its body inside the with block"):
        loop.slice(w.x)
    with refused(LoopError, "is closed"):
        loop.delay(w.g.fill(("batch", 3)))


def test_values_of_two_loops_do_not_meet(w):
    _, x, _ = body(w)
    with Loop("time", reverse=True) as other:
        z = other.slice(w.x)
        with refused(
            LoopError,
            "Add(x_t float64[batch, 3], x_t_1 float64[batch, 3])",
            "two loops (the loop over time and the reverse loop over time)",
        ):
            x + z


def test_a_loop_inside_a_loop(w):
    _, x, h = body(w)
    with Loop(3) as inner:
        with refused(LoopError, "has a value per step of the loop over time: a loop inside a loop"):
            inner.slice(x)
        with refused(LoopError, "h_prev [batch, 3] has a value per step of the loop over time"):
            inner.delay(h)


def test_a_loop_that_waits_for_its_own_stack(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    total = ops.sum(loop.stack(value), "time")
    with refused(
        LoopError,
        "h_prev would wait for tanh_all, which is ready only after the loop over time has run",
        "h_prev → tanh → tanh_all → sum → h_prev",
    ):
        loop.feed(h, total)
    with refused(LoopError, "h_prev would wait for tanh_last"):
        loop.feed(h, x + loop.last(value))
    loop.feed(h, value)


def test_a_loop_that_waits_for_its_own_stack_through_another_delay(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    other = loop.delay(w.g.fill(("batch", 3)), name="other")
    loop.feed(other, ops.sum(loop.stack(value), "time"))
    with refused(LoopError, "h_prev would wait for tanh_all"):
        loop.feed(h, value + other)
    loop.feed(h, value)
    outputs = loop.stack(value + other)
    assert Plan(outputs, wrt=[]).run({w.x: w.feeds[w.x]})[outputs].shape == (2, 6, 3)


def test_a_loop_that_waits_for_its_own_end(w):
    loop, x, h = body(w)
    value = ops.tanh(x + h)
    with refused(LoopError, "the loop over time would wait for tanh_all, which is ready only after it has run"):
        loop.until(loop.slice(loop.stack(value)) > 0.5)
    other = loop.delay(w.g.fill(("batch", 3)), name="other")
    loop.until(other > 0.5)
    with refused(LoopError, "other would wait for tanh_all_1"):
        loop.feed(other, ops.sum(loop.stack(value), "time"))
    loop.feed((h, other), (value, value))


def test_a_delay_is_fed_once_and_alike(w):
    loop, x, h = body(w)
    with refused(
        ShapeError, "h_prev: the initial value is float64[batch, 3] and the value fed is float64[batch, 1, 3]"
    ):
        loop.feed(h, ops.expand_dims(x, 1))
    with refused(StructureError, "the value fed to a delay must have the form float64[batch, 3], got Pair("):
        loop.feed(h, Pair(x, x))
    with refused(LoopError, "x_t is not a delay of the loop over time"):
        loop.feed(x, h)
    loop.feed(h, x)
    with refused(LoopError, "h_prev is fed already, by x_t"):
        loop.feed(h, x)


def test_a_delay_of_another_graph(w):
    loop, x, h = body(w)
    other = World()
    with refused(GraphMismatchError, "feed of h_prev: h_prev belongs to graph 'world' and rnn/outputs to 'world'"):
        loop.feed(h, other.outputs)
    with refused(GraphMismatchError, "the loop over time belongs to graph 'world', not 'world'"):
        loop.slice(other.x)
    with refused(GraphMismatchError, "the loop over time belongs to graph 'world'"):
        loop.delay(other.g.fill(("batch", 3)))
    loop.feed(h, x)
    other.still_works()


def test_a_delay_that_nothing_was_fed_to(w):
    line = here() + 2
    loop = Loop("time").__enter__()
    h = loop.delay(w.g.fill(("batch", 3)), name="h_prev")
    with refused(LoopError, "h_prev is a delay that nothing was fed to; close the circle with loop.feed", at=line):
        Plan(loop.last(h))


def test_a_loop_ends_on_a_boolean_of_its_own(w):
    loop, x, h = body(w)
    loop.feed(h, x)
    with refused(LoopError, "the loop over time can end on a boolean of its own, not on x_t float64[batch, 3]"):
        loop.until(x)
    with refused(LoopError, "can end on a boolean of its own"):
        loop.until(w.y > 1)
    loop.until(x > 1)
    with refused(LoopError, "the loop over time ends on greater_1 already"):
        loop.until(x > 2)


def test_stacking_on_an_axis_that_is_not_there(w):
    loop, x, h = body(w)
    loop.feed(h, x)
    for axis in (3, -4):
        with refused(ShapeError, "x_t float64[batch, 3] of all steps has 3 axes, none of them"):
            loop.stack(x, axis=axis)


def test_the_last_state_of_no_steps(w):
    line = here() + 1
    _outputs, state = dynamic_rnn(GRUCell(2), w.x, over="time", name="short")
    plan = Plan([state.h], wrt=[])
    for run in (plan.run, plan.trace):
        with refused(
            FeedError, "short/h_last: LastStep(h float64[batch, 2])", "the loop over time has no steps", at=line
        ):
            run({w.x: np.zeros((2, 0, 3))})
