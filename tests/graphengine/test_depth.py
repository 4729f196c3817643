"""Depth: the measures of Zhang et al. (2016) on graphs whose values are known, and against unrolling by force."""

from collections import namedtuple
from fractions import Fraction

import numpy as np
import pytest

from graphengine import Graph, Loop, depth, ops
from graphengine.border import LEAVING, Delay, StepSlice
from graphengine.errors import GraphMismatchError, SettingError
from graphengine.op import Source
from layers import (
    BiRNN,
    Dense,
    Embedding,
    GRUCell,
    LSTMCell,
    MultiRNNCell,
    RNNCell,
    dynamic_rnn,
    softmax_cross_entropy,
    zero_state,
)
from layers.cell import Cell
from tests.graphengine.random_graphs import RandomGraph

H = 4
Read = namedtuple("Read", "source target steps")


def sketch(reads, layers, inputs=(0,), outputs=None, head=True):
    """Build a graph of the paper: plain layers in one loop, and which reads which from how many steps ago."""
    g = Graph()
    x = g.placeholder("x", ("batch", "time", H))
    with Loop("time") as loop:
        x_t = loop.slice(x)
        zeros = g.fill(("batch", H))
        lines = {}
        for source, lag in dict.fromkeys((each.source, lag) for each in reads for lag in range(1, each.steps + 1)):
            lines[source, lag] = loop.delay(zeros, name=f"h{source}_{lag}")
        own = ops.expand_dims(ops.cast(loop.index(g), g.dtype), -1) + zeros
        made = []
        for k in range(layers):
            with g.scope(f"h{k}", "layer", k):
                total = ops.identity(x_t) if k in inputs else ops.identity(own)
                for source, target, steps in reads:
                    if target == k:
                        total = total + (lines[source, steps] if steps else made[source])
                made.append(ops.tanh(total, name="h"))
        for (source, lag), line in lines.items():
            loop.feed(line, made[source] if lag == 1 else lines[source, lag - 1])
    out = sum((loop.stack(made[k]) for k in outputs or (layers - 1,)), start=g.fill(("batch", "time", H)))
    return Dense(3)(out).graph if head else g


def up(layers):
    return [Read(k, k + 1, 0) for k in range(layers - 1)]


def itself(layers, steps=1):
    return [Read(k, k, steps) for k in range(layers)]


def recurrent_net(cell, **given):
    x = Graph().placeholder("x", ("batch", "time", 2))
    return Dense(3)(dynamic_rnn(cell, x, over="time", **given)[0]).graph


def both_ways(layers, between):
    x = Graph().placeholder("x", ("batch", "time", 2))
    cells = [MultiRNNCell([GRUCell(3) for _ in range(layers)]) for _ in range(2)]
    return Dense(3)(BiRNN(*cells, between=between)(x, over="time")[0]).graph


def attention_decoder():
    """Input feeding: what the attention layer says goes into the cell of the next step (Luong et al. 2015)."""
    g = Graph()
    memory, words = g.placeholder("memory", ("batch", "time", H)), g.placeholder("words", ("batch", "target", 2))
    cell, attend = LSTMCell(H), Dense(H, use_bias=False, name="attention")
    with Loop("target") as loop:
        before = loop.delay(g.fill(("batch", H)), name="att")
        x_t = ops.concat([loop.slice(words), before])
        start = zero_state(cell, x_t)
        state = loop.delay(start)
        h, after = cell(x_t, state)
        scores = ops.squeeze(memory @ ops.expand_dims(h, -1), -1)
        context = ops.sum(ops.expand_dims(ops.softmax(scores), -1) * memory, 1)
        att = attend(ops.concat([context, h]))
        loop.feed((before, state), (att, after))
    loop.stack(att)
    return g


def gates():
    """An LSTM with one op per gate: gate, c, h."""
    g = Graph()
    x = g.placeholder("x", ("batch", "time", H))
    with Loop("time") as loop:
        x_t = loop.slice(x)
        c, h = loop.delay((g.fill(("batch", H)), g.fill(("batch", H))))
        gate = ops.add(x_t, h, name="gate")
        c_new = ops.multiply(gate, c, name="c")
        h_new = ops.multiply(gate, c_new, name="h")
        loop.feed((c, h), (c_new, h_new))
    loop.stack(h_new)
    return g


class Around(Cell):
    """A wrapper: adds the input to what a cell says."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def state(self, x):
        return self.cell.state(x)

    def step(self, x, state):
        output, after = self.cell(x * 0.5, state)
        return output + x, after


class Mixed(Around):
    """A wrapper whose state carries itself too, beside the cell: half of it stays (as in zoneout)."""

    def step(self, x, state):
        output, after = self.cell(x, state)
        h = 0.5 * output + 0.5 * state.h
        return h, after._replace(h=h)


KNOWN = {
    "RNN": (lambda: recurrent_net(RNNCell(3)), 1, 2, 1),
    "LSTM": (lambda: recurrent_net(LSTMCell(3)), 1, 2, 1),
    "GRU, reset after": (lambda: recurrent_net(GRUCell(3)), 1, 2, 1),
    "GRU, reset before": (lambda: recurrent_net(GRUCell(3, reset="before")), 1, 2, 1),
    "LSTM, reverse": (lambda: recurrent_net(LSTMCell(3), reverse=True), 1, 2, 1),
    "2 LSTMs": (lambda: recurrent_net(MultiRNNCell([LSTMCell(3), LSTMCell(2)])), 1, 3, 1),
    "5 LSTMs": (lambda: recurrent_net(MultiRNNCell([LSTMCell(2) for _ in range(5)])), 1, 6, 1),
    "a stack of one": (lambda: recurrent_net(MultiRNNCell([LSTMCell(2)])), 1, 2, 1),
    "wrapped": (lambda: recurrent_net(MultiRNNCell([Around(LSTMCell(2)), Around(RNNCell(2))])), 1, 3, 1),
    "wrapped, and mixed": (lambda: recurrent_net(MultiRNNCell([Mixed(LSTMCell(2)), Mixed(GRUCell(2))])), 1, 3, 1),
    "bidirectional": (lambda: both_ways(1, "independent"), 1, 2, 1),
    "2 bidirectional, independent": (lambda: both_ways(2, "independent"), 1, 3, 1),
    "2 bidirectional, concat": (lambda: both_ways(2, "concat"), 1, 3, 1),
    "attention with input feeding": (attention_decoder, 2, 3, 1),
    "sh": (lambda: sketch(itself(1), 1), 1, 2, 1),
    "st": (lambda: sketch(itself(2) + up(2), 2), 1, 3, 1),
    "bu": (lambda: sketch(itself(2) + up(2) + [Read(0, 1, 1)], 2), 1, 3, 1),
    "td": (lambda: sketch(itself(2) + up(2) + [Read(1, 0, 1)], 2), 2, 3, 1),
    "figure 1": (lambda: sketch([*up(3), Read(2, 0, 1)], 3), 3, 4, Fraction(1, 3)),
    "figure 1 with recurrent layers": (lambda: sketch([*itself(3), *up(3), Read(2, 0, 1)], 3), 3, 4, 1),
    "figure 2": (lambda: sketch([*up(3), Read(0, 0, 1)], 3), 1, 4, 1),
    **{f"skip {k}": (lambda k=k: sketch([*itself(1), *itself(1, k)], 1), 1, 2, k) for k in (2, 3, 9, 21)},
    "2 with skip 3": (lambda: sketch(itself(2) + itself(2, 3) + up(2), 2), 1, 3, 3),
    "delay 5 alone": (lambda: sketch(itself(1, 5), 1), Fraction(1, 5), 2, 5),
    "dilated 1, 2, 4": (lambda: sketch([Read(0, 0, 1), Read(1, 1, 2), Read(2, 2, 4), *up(3)], 3), 1, 4, 4),
    "deep transition": (lambda: sketch([*up(2), Read(1, 0, 1)], 2), 2, 3, Fraction(1, 2)),
    "highway of 4": (lambda: sketch([*up(4), Read(3, 0, 1)], 4), 4, 5, Fraction(1, 4)),
    "residual": (lambda: sketch([*itself(3), *up(3), Read(0, 2, 0)], 3, outputs=(0, 1, 2)), 1, 4, 1),
}


def measured(graph, loop=None, level="layer"):
    found = [measure(graph, loop, level) for measure in (depth.recurrent, depth.feedforward, depth.skip)]
    check_witnesses(found)
    return tuple(each.value for each in found)


def check_witnesses(found):
    """Every step of a path is an edge of the graph, and lengths and steps are those that make the value."""
    recurrent, feedforward, skip = found
    for measure in found:
        path = measure.path
        following = [*path[1:], path[0]] if measure is not feedforward and path else path[1:]
        for tensor, other in zip(path, following, strict=False):
            assert tensor in other.node.sources
        delayed = sum(other.node.feeds is tensor for tensor, other in zip(path, following, strict=False))
        assert delayed == measure.steps
        assert measure.nodes == tuple(tensor.node for tensor in path)
    if recurrent.path:
        assert recurrent.value == Fraction(recurrent.edges, recurrent.steps)
        assert len(recurrent.places) == recurrent.edges
        assert skip.value == Fraction(skip.steps, skip.edges)
        assert len(skip.places) == skip.edges
    if feedforward.path:
        assert feedforward.value == feedforward.edges - feedforward.steps * recurrent.value
        assert len(feedforward.places) in (feedforward.edges, feedforward.edges - 1)


@pytest.mark.parametrize("name", KNOWN)
def test_known_values(name):
    build, *wanted = KNOWN[name]
    assert list(measured(build())) == wanted


def test_gate_level_of_an_lstm():
    """The state that keeps itself is the constant error carousel: one op for every step."""
    g = gates()
    assert measured(g, level="op") == (3, 4, 1)
    assert depth.skip(g, level="op").places == ("c",)
    assert set(depth.recurrent(g, level="op").places) == {"gate", "c", "h"}


@pytest.mark.parametrize("measure", [depth.recurrent, depth.feedforward, depth.skip])
def test_padding_changes_nothing(measure):
    x = Graph().placeholder("x", ("batch", "time", 2))
    lengths = x.graph.placeholder("lengths", ("batch",), "int64")
    cells = MultiRNNCell([LSTMCell(3), GRUCell(2)])
    padded = Dense(3)(dynamic_rnn(cells, x, over="time", lengths=lengths)[0]).graph
    plain = recurrent_net(MultiRNNCell([LSTMCell(3), GRUCell(2)]))
    assert measure(padded).value == measure(plain).value
    if measure is not depth.feedforward:  # there the mask has ops of its own
        assert measure(padded, level="op").value == measure(plain, level="op").value


def test_what_the_article_draws_as_figures_1_and_2():
    first, second = (KNOWN[name][0]() for name in ("figure 1", "figure 2"))
    found = depth.recurrent(first)
    assert found.places == ("h0", "h1", "h2")
    assert [tensor.path for tensor in found.path if tensor.name == "h"] == ["h0/h", "h1/h", "h2/h"]
    assert str(found) == (
        "recurrent depth 3 (layers): every step of time makes the longest path longer by 3: h0 → h1 → h2 and round "
        "again is 3 edges in 1 step (most edges per step of any cycle, Zhang et al. 2016)"
    )
    found = depth.feedforward(second)
    assert found.places == ("h0", "h1", "h2", "dense")
    assert found.path[0].path == "x"
    assert str(found) == (
        "feed-forward depth 4 (layers): the longest path from an input to an output has 4 edges; between input and "
        "output 3 layers: h0 → h1 → h2 (edges count, in Zhang et al. 2016)"
    )
    assert "takes 3 steps of time with every edge" in str(depth.skip(KNOWN["2 with skip 3"][0]()))


def test_an_output_layer_is_where_paths_end_and_without_one_the_value_that_leaves():
    for head in (True, False):
        g = sketch(itself(2) + up(2), 2, head=head)
        found = depth.feedforward(g)
        assert (found.value, found.edges) == (3, 3)
        assert ("dense" in found.places) is head
        (loop,) = g.loops
        assert measured(g, loop) == (1, 3, 1)


def test_what_follows_the_output_layer_does_not_count_among_layers():
    g = Graph()
    x, y = g.placeholder("x", ("batch", "time", 2)), g.placeholder("y", ("batch",), "int64")
    _, state = dynamic_rnn(LSTMCell(3), x, over="time")
    softmax_cross_entropy(Dense(4)(state.h) * 2.0, y)
    found = depth.feedforward(g)
    assert (found.value, found.places) == (2, ("rnn", "dense"))


def test_a_layer_before_a_loop_is_no_output_layer_even_where_it_is_read_a_step_late():
    g = Graph()
    ids = g.placeholder("ids", ("batch", "time"), "int64")
    vectors = Embedding(5, H)(ids)
    with Loop("time") as loop:
        late = loop.delay(g.fill(("batch", H)))
        h = loop.delay(g.fill(("batch", H)))
        with g.scope("h", "layer", 0):
            after = ops.tanh(late + h)
        loop.feed((late, h), (loop.slice(vectors), after))
    Dense(3)(loop.last(after))
    found = depth.feedforward(g)
    assert (found.value, found.edges, found.steps, found.places) == (2, 3, 1, ("embedding", "h", "dense"))


def test_every_layer_on_the_way_counts_outside_loops_too():
    g = Graph()
    ids = g.placeholder("ids", ("batch", "time"), "int64")
    outputs, _ = dynamic_rnn(LSTMCell(2), Embedding(5, 2)(ids), over="time")
    Dense(3)(Dense(4, name="hidden")(outputs))
    found = depth.feedforward(g)
    assert (found.value, found.places) == (4, ("embedding", "rnn", "hidden", "dense"))


def test_loops_one_by_one():
    g = Graph()
    x = g.placeholder("x", ("batch", "time", H))
    depths = {}
    for k in (1, 2, 3):
        with Loop("time") as loop:
            top = loop.delay(g.fill(("batch", H)))
            h = loop.slice(x) + top
            for layer in range(k):
                with g.scope(f"loop{k}_h{layer}", "layer", layer):
                    h = ops.tanh(h)
            loop.feed(top, h)
        x = loop.stack(h)
        depths[loop] = k
    for loop, k in depths.items():
        assert measured(g, loop) == (k, k + 1, Fraction(1, k))
    assert measured(g) == (3, 7, 1)


def test_a_generating_loop_is_measured_from_its_first_state():
    g = Graph()
    with Loop("time") as loop:
        h = loop.delay(g.fill((H,)))
        after = ops.tanh(h)
        loop.feed(h, after)
    loop.stack(after)
    assert measured(g) == measured(g, loop) == (1, 2, 1)


def test_a_path_through_time_is_worth_what_it_has_beyond_recurrent_depth():
    """x reaches the top layer only by way of the step before, and the output hangs on the lower one."""
    g = sketch([Read(1, 0, 1), Read(0, 1, 0), Read(0, 0, 1)], 2, inputs=(1,), outputs=(0,))
    found = depth.feedforward(g)
    assert (depth.recurrent(g).value, found.value, found.edges, found.steps) == (2, 1, 3, 1)
    assert "has 3 edges and takes 1 step of time, less 1 × 2 for those" in str(found)


def test_nothing_recurs():
    g = Graph()
    x = g.placeholder("x", ("batch", 2))
    cell = LSTMCell(3)
    state = zero_state(cell, x)
    for t in range(4):
        with g.scope(f"t{t}", "time", t):
            h, state = cell(x, state)
    assert measured(g) == (0, 5, 0)  # four cells, and the value that leaves
    Dense(3)(h)
    assert measured(g) == (0, 5, 0)  # four cells, and the output layer
    assert str(depth.recurrent(g)) == "recurrent depth 0 (layers): nothing recurs"
    assert measured(Graph()) == (0, 0, 0)
    assert "no input reaches an output" in str(depth.feedforward(Graph()))


def test_states_that_are_handed_on_as_they_are_count_one_per_step():
    g = Graph()
    x = g.placeholder("x", ("time", H))
    with Loop("time") as loop:
        a, b, c = (loop.delay(g.fill((H,)), name=name) for name in "abc")
        loop.feed(a, a)
        loop.feed(b, c)
        loop.feed(c, b)
        y = loop.slice(x) + a + b
    loop.stack(y)
    for level in ("layer", "op"):
        assert measured(g, level=level)[::2] == (1, 1)


def test_what_carries_itself_outside_the_layers_is_a_layer():
    """A coverage vector that attention adds up from step to step."""
    g = Graph()
    x = g.placeholder("x", ("batch", "time", H))
    cell = RNNCell(H, name="rnn")
    with Loop("time") as loop:
        coverage, state = loop.delay((g.fill(("batch", H)), zero_state(cell, x[:, 0])))
        h, after = cell(loop.slice(x) + coverage, state)
        covered = ops.add(coverage, h, name="covered")
        loop.feed((coverage, state), (covered, after))
    loop.stack(h)
    assert measured(g) == (2, 2, 1)
    assert set(depth.recurrent(g).places) == {"rnn", "covered"}


def test_refusals():
    g = gates()
    for measure in (depth.recurrent, depth.feedforward, depth.skip):
        with pytest.raises(SettingError, match=r'the level is "layer" or "op", not .gate.\n  File ".*test_depth'):
            measure(g, level="gate")
        with pytest.raises(GraphMismatchError, match="the loop over time does not belong to graph 'graph'"):
            measure(g, gates().loops[0])


def test_a_large_circle():
    """Nothing recurses, and a thousand delays with as many ways between them are no trouble.

    What was said j steps before the thousandth last one comes in before the last 30,000 - 100 j ops.
    """
    g = Graph()
    x = g.placeholder("x", ("time",))
    zero = g.fill(())
    with Loop("time") as loop:
        lines = [loop.delay(zero) for _ in range(1000)]
        h = loop.slice(x)
        for k in range(30_000):
            h = ops.negate(h) if k % 100 else h + lines[k // 100]
        loop.feed(lines[-1], h)
        for later, line in zip(lines[1:], lines, strict=False):
            line.node.feeds = later  # what loop.feed does, without its search for waiting
    loop.stack(h)
    assert measured(g, level="op") == (30, 30_001, Fraction(701, 100))


def random_reads(rng, layers):
    reads = [Read(*sorted(rng.choice(layers, 2, replace=False)), 0) for _ in range(layers)] if layers > 1 else []
    reads += [Read(*rng.integers(layers, size=2), rng.integers(1, 4)) for _ in range(rng.integers(1, layers + 2))]
    return [Read(*map(int, each)) for each in dict.fromkeys(reads)]


def simple_cycles(reads):
    """Every simple cycle, as (edges, steps)."""
    for first in {each.source for each in reads}:
        work = [(first, (first,), 0)]
        while work:
            node, seen, steps = work.pop()
            for each in reads:
                if each.source == node and each.target == first:
                    yield len(seen), steps + each.steps
                elif each.source == node and each.target > first and each.target not in seen:
                    work.append((each.target, (*seen, each.target), steps + each.steps))


def unrolled(reads, begin, count, best):
    """For every number of steps, the longest (or shortest) way there from the beginnings at step 0, per layer."""
    table = []
    for t in range(count):
        row = dict(begin) if t == 0 else {}
        for each in sorted(reads, key=lambda each: (each.steps == 0, each.target)):
            before = row if each.steps == 0 else table[t - each.steps] if t >= each.steps else {}
            if each.source in before:
                far = before[each.source] + 1
                row[each.target] = best(row[each.target], far) if each.target in row else far
        table.append(row)
    return table


def slope(reads, layers, best, count=1800):
    """How the longest (or shortest) way grows with its number of steps."""
    table = unrolled(reads, dict.fromkeys(range(layers), 0), count + 1, best)
    return best(best(table[t].values()) / t for t in range(count - 40, count + 1) if table[t])


@pytest.mark.parametrize("seed", range(60))
def test_against_every_cycle_and_against_unrolling(seed):
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(1, 6))
    reads = random_reads(rng, layers)
    inputs, outputs = (
        [int(k) for k in rng.choice(layers, rng.integers(1, layers + 1), replace=False)] for _ in range(2)
    )
    g = sketch(reads, layers, inputs, outputs, head=bool(seed % 2))
    recurrent, feedforward, skip = measured(g)
    cycles = list(simple_cycles(reads))
    assert recurrent == max((Fraction(edges, steps) for edges, steps in cycles), default=0)
    assert skip == max((Fraction(steps, edges) for edges, steps in cycles), default=0)
    if cycles:
        assert slope(reads, layers, max) == pytest.approx(float(recurrent), abs=0.02)
        assert slope(reads, layers, min) == pytest.approx(float(1 / Fraction(skip)), abs=0.02)
    table = unrolled(reads, dict.fromkeys(inputs, 1), 30, max)
    ways = [far + 1 - t * recurrent for t, row in enumerate(table) for node, far in row.items() if node in outputs]
    assert feedforward == max(ways, default=0)
    assert measured(g, g.loops[0]) == (recurrent, feedforward, skip)


def op_reads(g):
    """What ops read, as (source, target, length, steps), read off the graph without the engine's help."""
    for node in g.nodes:
        works = not isinstance(node.op, (Source, Delay, StepSlice, *LEAVING)) or in_a_circle_of_delays(node)
        for i, tensor in enumerate(node.sources):
            yield tensor.node.index, node.index, int(works), int(isinstance(node.op, Delay) and i == 1)


def in_a_circle_of_delays(node):
    seen = []
    while isinstance(node.op, Delay) and node not in seen:
        seen.append(node)
        node = node.feeds.node
    return bool(seen) and node is seen[0]


@pytest.mark.parametrize("seed", range(25))
def test_ops_of_random_graphs_against_unrolling(seed):
    """In the end the longest path grows alike in every period; a loop has five delays, so no cycle has more steps."""
    g = RandomGraph(seed, size=8).g
    reads = sorted(op_reads(g), key=lambda each: (each[1], each[3]))
    period = 60
    for measure, best, worst in ((depth.recurrent, max, -1e9), (depth.skip, min, 1e9)):
        far = [0.0] * len(g.nodes)
        reached = []
        for _ in range(6 * period):
            row = [worst] * len(g.nodes)
            for source, target, length, steps in reads:
                row[target] = best(row[target], (far if steps else row)[source] + length)
            far = row
            reached.append(best(far))
        value = Fraction(measure(g, level="op").value)
        assert reached[-1] - reached[-1 - period] == period * (value if measure is depth.recurrent else 1 / value)
