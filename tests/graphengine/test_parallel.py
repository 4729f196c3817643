"""Several threads in one run: the same numbers to the last bit, and really at the same time."""

import gc
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic, sleep

import numpy as np
import pytest

from graphengine import Elementwise, Graph, Loop, Plan, crew, errors, ops, parallel
from graphengine.graph import apply
from layers import BiRNN, LSTMCell, MultiRNNCell
from tests.graphengine.models import MODELS
from tests.graphengine.test_threads import numbers, variants

SECONDS = 20  # until a test that waits in vain gives up


@pytest.fixture
def eager(monkeypatch):
    """Every block is worth a thread, however small."""
    monkeypatch.setattr(parallel, "FINE", 0)
    monkeypatch.setattr(parallel, "SHORT", 0)


def again(plan, **settings):
    return Plan(plan.targets, also=plan.also, wrt=plan.differentiated, **settings)


def workspace(plan):
    ((found,),) = plan.workspaces.idle.values()
    return found


def programs(plan):
    found = workspace(plan)
    return [found.forward.program, found.backward.program]


def same(some, other):
    assert len(some) == len(other)
    assert all(map(np.array_equal, some, other))


@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_threads_gives_the_same_bits(name, eager):
    model = MODELS[name]()
    wanted = numbers(again(model.plan), model.feeds, 3, model.given)
    for threads in (2, 4):
        plan = again(model.plan, threads=threads)
        for _ in range(8):  # worked out, and repeated
            same(numbers(plan, model.feeds, 3, model.given), wanted)
    if name in ("independent", "concat", "sum", "padded"):
        assert all(program.together for program in programs(plan))


@pytest.mark.parametrize("passes", [(), ("fuse",), ("merge",), ("defer",), ("fuse", "merge", "defer")], ids="-".join)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "attention"])  # its calls are never repeated
def test_blocks_may_run_in_any_order_that_they_allow(name, passes):
    """The last ready block first, and at random: what two blocks had in common unnoticed would change the numbers."""
    model = MODELS[name]()
    plan = again(model.plan, without=passes)
    rng = np.random.default_rng(0)
    other = {each: np.asarray(value)[::-1] for each, value in model.feeds.items()}
    wanted = numbers(plan, model.feeds, 3, model.given)
    forward, backward = programs(plan)
    for choose in (max, min, *[lambda ready: ready[rng.integers(len(ready))]] * 4):
        numbers(plan, other, 5, model.given)  # so that nothing is right because it is still there
        forward.together = lambda choose=choose: ordered(parallel.cut(forward, adds=False), choose)
        backward.together = lambda choose=choose: ordered(parallel.cut(backward, adds=True), choose)
        same(numbers(plan, model.feeds, 3, model.given), wanted)
        forward.together = backward.together = None


def ordered(blocks, choose):
    done = set()
    while len(done) < len(blocks):
        chosen = choose([k for k, block in enumerate(blocks) if k not in done and block.before <= done])
        for function, args in blocks[chosen].calls:
            function(*args)
        done.add(chosen)


def test_layers_wait_and_directions_do_not():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    stacks = [MultiRNNCell([LSTMCell(2), LSTMCell(2)]) for _ in range(2)]
    outputs, _ = BiRNN(*stacks, between="concat")(x, over="time")
    plan = Plan(ops.sum(outputs))
    plan.run({x: np.ones((2, 30, 3))})
    for program, adds in zip(programs(plan), (False, True), strict=True):
        blocks = parallel.cut(program, adds=adds)
        behind = []
        for block in blocks:
            behind.append(block.before.union(*(behind[other] for other in block.before)))
        at = {program.nodes[b.first].scope.path: k for k, b in enumerate(blocks) if len(b.calls) > 30}
        assert at.keys() == {f"birnn/layer{k}/{way}" for k in range(2) for way in ("fw", "bw")}
        first, second = (0, 1) if not adds else (1, 0)
        for way in ("fw", "bw"):
            assert behind[at[f"birnn/layer{second}/{way}"]] >= {at[f"birnn/layer{first}/{w}"] for w in ("fw", "bw")}
        for layer in range(2):
            one, other = at[f"birnn/layer{layer}/fw"], at[f"birnn/layer{layer}/bw"]
            assert one not in behind[other]
            assert other not in behind[one]


class Meeting:
    """Where two ops wait for each other, once they are told to."""

    def __init__(self):
        self.barrier = threading.Barrier(2, timeout=SECONDS)
        self.armed = False
        self.seen = []


@dataclass(frozen=True)
class Meet(Elementwise):
    """Goes on when the other one is here too, which in one thread is never."""

    reads = ("",)
    meeting: Meeting = field(default_factory=Meeting)

    def forward(self, out, x):
        self.meet()
        np.copyto(out, x)

    def backward(self, i, dy, xs, y, out=None):
        if out is None:
            return dy + 0
        self.meet()
        np.copyto(out, dy)
        return out

    def meet(self):
        if self.meeting.armed:
            self.meeting.barrier.wait()
            self.meeting.seen.append((threading.get_ident(), np.geterr()["divide"]))


Two = namedtuple("Two", "x y steps feeds")


def two_directions(op, steps=5):
    """A recurrence forwards and one backwards, with an op in each."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time"))
    found = []
    for name, reverse in (("fw", False), ("bw", True)):
        with g.scope(name), Loop("time", reverse=reverse) as loop:
            h = loop.delay(g.fill(("batch",), 0.5))
            after = ops.tanh(apply(op(name), h + loop.slice(x), name="stop").output)
            loop.feed(h, after)
            found.append(loop.stack(after))
    return Two(x, ops.sum(found[0] * found[1]), steps, {x: np.linspace(0, 1, 2 * steps).reshape(2, steps)})


def test_two_directions_run_at_the_same_time(eager):
    """They meet in every step, forward and back."""
    meeting = Meeting()
    model = two_directions(lambda name: Meet(meeting))
    plan = Plan(model.y, wrt=[model.x], threads=2)
    wanted = numbers(plan, model.feeds, 0, {})
    meeting.armed = True
    with np.errstate(divide="raise"):
        same(numbers(plan, model.feeds, 0, {}), wanted)
    idents, settings = zip(*meeting.seen, strict=True)
    assert len(idents) == 2 * 2 * model.steps
    assert len(set(idents)) == 2
    assert set(settings) == {"raise"}  # as the caller wishes, in every thread


class Trouble:
    """What goes wrong in one direction, and how far the other one gets."""

    def __init__(self, problem):
        self.problem = problem
        self.armed = False
        self.happened = threading.Event()
        self.steps = 0


@dataclass(frozen=True)
class Troubled(Elementwise):
    """In one direction it fails, in the other it goes on slowly."""

    reads = ("",)
    name: str
    trouble: Trouble

    def forward(self, out, x):
        np.copyto(out, x)
        trouble = self.trouble
        if trouble.armed and self.name == "bw":
            trouble.happened.set()
            raise trouble.problem
        if trouble.armed:
            assert trouble.happened.wait(SECONDS)
            trouble.steps += 1
            sleep(0.005)

    def backward(self, i, dy, xs, y, out=None):
        return dy


@pytest.mark.parametrize("problem", [ValueError("no"), errors.FeedError("no"), KeyboardInterrupt()], ids=repr)
def test_an_error_in_one_direction_names_its_node_and_stops_the_other(problem, eager):
    trouble = Trouble(problem)
    model = two_directions(lambda name: Troubled(name, trouble), steps=1000)
    plan = Plan(model.y, wrt=[model.x], threads=2)
    wanted = numbers(plan, model.feeds, 0, {})
    trouble.armed = True
    with pytest.raises(type(problem)) as caught:
        plan.run(model.feeds)
    assert trouble.steps < 500
    if isinstance(problem, errors.FeedError):
        assert str(caught.value).startswith("bw/stop: Troubled(")
    elif isinstance(problem, ValueError):
        (note,) = caught.value.__notes__
        assert note.startswith("while computing bw/stop: Troubled\n")
        assert __file__ in note
    steps = trouble.steps
    trouble.armed = False
    same(numbers(plan, model.feeds, 0, {}), wanted)
    assert trouble.steps == steps


@pytest.mark.parametrize("name", ["concat", "stack", "noisy"])
def test_several_threads_may_run_a_plan_that_has_threads(name, eager):
    model = MODELS[name]()
    plan = again(model.plan, threads=2)
    jobs = list(enumerate(variants(model, 24)))
    wanted = [numbers(model.plan, feeds, seed, model.given) for seed, feeds in jobs]
    with ThreadPoolExecutor(6) as pool:
        for found, theirs in zip(pool.map(lambda job: numbers(plan, job[1], job[0], {}), jobs), wanted, strict=True):
            same(found, theirs)


def bidirectional(hidden, batch):
    g = Graph()
    x = g.placeholder("x", ("time", "batch", hidden))
    outputs, _ = BiRNN(LSTMCell(hidden), LSTMCell(hidden))(x, over="time")
    return Plan(ops.sum(outputs), threads=2), {x: np.ones((8, batch, hidden), np.float32)}


def test_threads_are_used_where_the_arrays_are_large():
    for hidden, batch, pays in ((8, 2, False), (64, 16, False), (160, 32, True)):
        plan, feeds = bidirectional(hidden, batch)
        plan.run(feeds)
        assert [program.together is not None for program in programs(plan)] == [pays, pays]


def test_one_thread_is_the_default_and_shares_nothing(eager):
    model = MODELS["concat"]()
    assert model.plan.crew.helpers is None
    model.plan.run(model.feeds)
    assert not any(program.together for program in programs(model.plan))


def test_what_waits_for_each_other_has_nothing_to_share(eager):
    x = Graph().placeholder("x", ("n",))
    plan = Plan(ops.sum(ops.tanh(ops.exp(x))), wrt=[x], threads=4)
    plan.run({x: [1.0]})
    assert not any(program.together for program in programs(plan))


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "two", None])
def test_a_number_of_threads_that_means_nothing(threads):
    model = MODELS["single"]()
    with pytest.raises(errors.SettingError, match="threads is a number from 1 up, not"):
        Plan(model.plan.targets, threads=threads)


def test_helpers_go_with_their_plan(eager):
    before = set(threading.enumerate())
    model = MODELS["concat"]()
    plan = again(model.plan, threads=3)
    for _ in range(3):
        plan.run(model.feeds)
    helpers = set(threading.enumerate()) - before
    assert 1 <= len(helpers) <= 2
    del plan
    end = monotonic() + SECONDS
    while helpers & set(threading.enumerate()) and monotonic() < end:
        gc.collect()
        sleep(0.01)
    assert not helpers & set(threading.enumerate())


def test_a_profile_of_a_plan_with_threads_counts_the_same_calls(eager):
    model = MODELS["concat"]()
    one, two = (again(model.plan, threads=threads).profile(model.feeds, repeats=2) for threads in (1, 2))
    assert {path: cost.calls for path, cost in one.nodes.items()} == {p: c.calls for p, c in two.nodes.items()}
    assert all(cost.seconds > 0 for cost in two.passes.values())


class Controller:
    """Stands for what sets the threads of a BLAS."""

    def __init__(self):
        self.threads = 8

    def limit(self, limits, user_api):
        assert user_api == "blas"
        self.threads, before = limits, self.threads
        return Limits(self, before)


@dataclass
class Limits:
    controller: Controller
    before: int

    def restore_original_limits(self):
        self.controller.threads = self.before


def test_the_blas_has_one_thread_until_the_last_crew_is_through(monkeypatch):
    control = Controller()
    monkeypatch.setattr(crew, "controller", lambda: control)
    one, two, alone = crew.Crew(2), crew.Crew(3), crew.Crew(1)
    with alone.at_work():
        assert control.threads == 8
    first, second = one.at_work(), two.at_work()
    first.__enter__()
    second.__enter__()
    assert control.threads == 1
    first.__exit__(None, None, None)
    assert control.threads == 1
    second.__exit__(None, None, None)
    assert control.threads == 8
    with pytest.raises(KeyError), one.at_work():
        raise KeyError
    assert control.threads == 8


def test_without_threadpoolctl_the_blas_is_left_alone(monkeypatch):
    monkeypatch.setattr(crew, "controller", lambda: None)
    with crew.Crew(2).at_work():
        pass


def test_the_real_blas_is_put_back():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def sizes():
        return [each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"]

    before = sizes()
    with crew.Crew(2).at_work():
        assert set(sizes()) <= {1}
    assert sizes() == before
