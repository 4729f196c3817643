"""One compiled plan in several threads: every run as if it were alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from graphengine import Plan
from tests.graphengine.models import MODELS, noisy, single, stack

THREADS = 8


def numbers(plan, feeds, seed, given):
    run = plan.run(feeds, seed=seed, **given)
    return [run[tensor] for tensor in (*plan.targets, *plan.also)] + [
        run.grad(tensor) for tensor in plan.differentiated
    ]


def variants(model, count):
    """Feeds of unlike batch and length, so that runs that shared memory would show it."""
    rng = np.random.default_rng(0)
    for k in range(count):
        rows = rng.permutation(3)[: 1 + k % 3]
        found = {}
        for tensor, value in model.feeds.items():
            axis = tensor.shape.index("batch")
            found[tensor] = np.take(np.asarray(value), rows, axis=axis)
            if tensor.dtype.kind == "f":
                found[tensor] = found[tensor] + 0.1 * k
        yield found


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("words")])
def test_eight_threads_give_the_serial_results_bit_for_bit(name):
    model = MODELS[name]()
    jobs = list(enumerate(variants(model, 48)))
    serial = [numbers(model.plan, feeds, seed, model.given) for seed, feeds in jobs]
    start = threading.Barrier(THREADS)

    def work(first):
        start.wait()
        return [(k, numbers(model.plan, feeds, k, model.given)) for k, feeds in jobs[first::THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(work, range(THREADS)):
            for k, arrays in found:
                for ours, theirs in zip(arrays, serial[k], strict=True):
                    assert np.array_equal(ours, theirs)


def test_plans_of_one_graph_and_traces_run_beside_each_other():
    model = stack()
    other = Plan(model.plan.also[0], wrt=[])
    x = next(iter(other.placeholders))
    wanted = numbers(model.plan, model.feeds, 0, {})
    outputs = other.run({x: model.feeds[x]})[other.targets[0]]
    gate = model.plan.trace(model.feeds).grad("rnn/layer0/f")

    def work(k):
        if k % 3 == 0:
            return np.array_equal(model.plan.trace(model.feeds).grad("rnn/layer0/f"), gate)
        if k % 3 == 1:
            return np.array_equal(other.run({x: model.feeds[x]})[other.targets[0]], outputs)
        return all(map(np.array_equal, numbers(model.plan, model.feeds, 0, {}), wanted))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(48)))


def test_an_error_in_one_thread_leaves_the_others_alone():
    model = single()
    wanted = numbers(model.plan, model.feeds, 0, {})
    (y,) = [tensor for tensor in model.feeds if tensor.name == "y"]

    def work(k):
        if k % 2:
            with pytest.raises(ValueError, match="out of range"):
                model.plan.run({**model.feeds, y: [0, 99, 1]})
            return True
        return all(map(np.array_equal, numbers(model.plan, model.feeds, 0, {}), wanted))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(48)))


def test_runs_without_a_seed_differ_and_say_which_they_took():
    model = noisy()
    with ThreadPoolExecutor(THREADS) as pool:
        runs = list(pool.map(lambda _: model.plan.run(model.feeds), range(16)))
    assert len({run.seed for run in runs}) == 16
    target = model.plan.targets[0]
    for run in runs:
        assert model.plan.run(model.feeds, seed=run.seed)[target] == run[target]
