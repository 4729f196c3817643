"""LSTMs with peepholes or coupled gates as everybody draws an LSTM; cells that only look like one, drawn too."""

import pytest

import viz
from graphengine import Graph, ops
from layers import CoupledLSTMCell, LSTMCell, LSTMState, PeepholeLSTMCell, dynamic_rnn
from tests.viz.models import recurrent
from viz.check import problems
from viz.layout.lstm_variants import VARIANTS
from viz.layout.templates import TEMPLATES
from viz.model.blocks import body_blocks
from viz.model.parts import cut
from viz.model.subject import Subject

CELLS = {
    "peephole": lambda: PeepholeLSTMCell(3),
    "coupled": lambda: CoupledLSTMCell(3),
    "coupled with peepholes": lambda: CoupledLSTMCell(3, peepholes=True),
}
WORDS = {
    "peephole": {"p_f ⊙ c", "p_i ⊙ c", "p_o ⊙ c", "f = σ", "c"},
    "coupled": {"f = 1 − i", "i = σ", "o = σ", "c"},
    "coupled with peepholes": {"p_i ⊙ c", "p_o ⊙ c", "f = 1 − i"},
}
cells = pytest.mark.parametrize("cell", CELLS)


def words(scene):
    return {box.lines[0].content for box in scene.boxes if box.lines}


@pytest.mark.parametrize("show", ["forward", "gradient", "both"])
@cells
def test_one_cell(cell, show):
    trace = recurrent(CELLS[cell]())
    scene = viz.cell(trace, t=1, show=show).to_scene()
    assert not problems(scene)
    assert words(scene) >= WORDS[cell]
    if show != "forward":
        assert words(scene) >= {"DCt", "DHt", "DIt", "DOt", "DCprojt"}
        assert ("DFt" in words(scene)) == (cell == "peephole")


@pytest.mark.parametrize("gradient", [False, True])
@cells
def test_unrolled(cell, gradient):
    scene = viz.unrolled(recurrent(CELLS[cell]()), detail="op", gradient=gradient).to_scene()
    assert not problems(scene)
    assert words(scene) >= WORDS[cell]


@cells
def test_each_is_cut_along_a_template_of_its_own(cell):
    subject = Subject(recurrent(CELLS[cell]()))
    (block,) = dict.fromkeys(body_blocks(subject, subject.loops[0]).values())
    fits = [template for template in VARIANTS if cut(subject, block, template.anchors) is not None]
    assert fits[0] not in TEMPLATES


def test_what_both_drawings_have_stands_alike():
    """So that an LSTM and a variant can be laid on top of each other."""
    plain, variant = TEMPLATES[0].sizes["medium"], VARIANTS[0].sizes["medium"]
    pairs = [(plain.slots[name], variant.slots[name]) for name in plain.slots if name != "c_out"]
    assert len({(other.x - one.x, other.y - one.y) for one, other in pairs}) == 1
    assert set(plain.wires) <= set(variant.wires)
    assert plain.lanes == variant.lanes


class HiddenPeephole(LSTMCell):
    """An LSTM to all appearances, whose forget gate reads c_prev without saying so by a name."""

    def step(self, x, state):
        output, after = super().step(x, state)
        f = after.c.node.inputs[0].node.inputs[0]
        kept = ops.multiply(ops.sigmoid(f.node.inputs[0] + 0.5 * state.c, name="f"), state.c, name="kept")
        c = ops.add(kept, after.c.node.inputs[1], name="c")
        h = ops.multiply(output.node.inputs[0], ops.tanh(c, name="c_act"), name="h")
        return h, LSTMState(c, h)


class Unnamed(LSTMCell):
    """Gates without names: what squashes must not disappear in a part that is called otherwise."""

    def step(self, x, state):
        kernel, recurrent_kernel = self.kernels(x)
        pre = ops.add(ops.matmul(x, kernel), ops.matmul(state.h, recurrent_kernel), name="pre")
        i, j, o, _ = ops.split(pre, 4, names=("a", "b", "d", "e"))
        keep = ops.sigmoid(i)
        c = (1.0 - keep) * state.c + keep * ops.tanh(j)
        h = ops.multiply(ops.sigmoid(o), ops.tanh(c), name="h")
        return h, LSTMState(c, h)


@pytest.mark.parametrize("kind", [HiddenPeephole, Unnamed])
def test_a_cell_that_fits_no_drawing_is_laid_out(kind):
    x = Graph().placeholder("x", ("batch", "time", 4))
    graph = dynamic_rnn(kind(3), x, over="time")[0].graph
    scene = viz.cell(graph).to_scene()
    assert not problems(scene)
    squashed = sum(line.content.endswith(("σ", "tanh")) for box in scene.boxes for line in box.lines)
    assert squashed >= 4
    assert not problems(viz.unrolled(graph, detail="op").to_scene())
    assert not problems(viz.diff(graph, dynamic_rnn(LSTMCell(3), _input(), over="time")[0].graph, layer=0).to_scene())


def _input():
    return Graph().placeholder("x", ("batch", "time", 4))
