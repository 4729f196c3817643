"""Errors and nodes show the line of the user's own code, however deep in the libraries the matter lies."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphengine import Plan, ops
from layers import BiRNN, GRUCell, LSTMCell, dynamic_rnn
from tests.graphengine.world import here


def test_a_failing_ufunc_keeps_its_type_and_gains_the_place(w):
    line = here() + 1
    y = ops.log(w.x)
    for run in (Plan(y, wrt=[]).run, Plan(y, wrt=[]).trace):
        with pytest.raises(RuntimeWarning) as caught:
            run({w.x: np.zeros((1, 1, 3))})
        assert any(f'log: Log\n  File "{__file__}", line {line}' in note for note in caught.value.__notes__)


def test_nodes_remember_the_users_line_through_layers_and_operators(w):
    line = here() + 1
    outputs, _ = BiRNN(LSTMCell(2), GRUCell(2))(w.x, over="time")
    made = [node for node in w.g.nodes if node.path.startswith("birnn/")]
    assert len(made) > 40
    assert {node.location for node in made} == {(__file__, line)}
    line = here() + 1
    y = -(outputs @ np.ones((4, 1))[:, :1] + 1.0)[:, 0]
    assert y.node.location == y.node.inputs[0].node.location == (__file__, line)


class Leaky(LSTMCell):
    """A user's own cell."""

    def step(self, x, state):
        h, after = super().step(x, state)
        return h * 0.5, after


def test_a_cell_of_the_users_own_shows_its_own_line(w):
    dynamic_rnn(Leaky(2), w.x, over="time", name="leaky")
    lines, first = inspect.getsourcelines(Leaky.step)
    assert w.g["leaky/multiply"].node.location == (__file__, first + len(lines) - 1)
    assert w.g["leaky/h"].node.location == (__file__, first + 1)


def test_exec_shows_its_own_line():
    space = {}
    program = "from graphengine import Graph, ops\ng = Graph()\nx = g.placeholder('x', (2,))\n\ny = ops.tanh(x)\n"
    exec(program, space)
    assert space["y"].node.location == ("<string>", 5)
    exec(compile("\nz = -y", "notebook cell 3", "exec"), space)
    assert space["z"].node.location == ("notebook cell 3", 2)


def test_a_doctest_shows_its_own_line():
    """An example in a docstring of the library itself runs in the library's namespace."""
    import doctest

    import graphengine.loop

    example = ">>> from graphengine import Graph\n>>> x = Graph().placeholder('x', (2,))\n>>> x.node.location\n"
    space = {"__name__": "graphengine.loop"}
    parsed = doctest.DocTestParser().get_doctest(example, space, "graphengine.loop.Loop", None, 0)
    doctest.DocTestRunner(verbose=False).run(parsed, out=lambda text: None, clear_globs=False)
    assert parsed.globs["x"].node.location == ("<doctest graphengine.loop.Loop[1]>", 1)
    assert graphengine.loop


def test_a_program_shows_its_own_line_when_it_is_run(tmp_path):
    program = tmp_path / "mine.py"
    program.write_text(
        "import numpy as np\nfrom graphengine import Graph\nfrom layers import LSTMCell, dynamic_rnn\n"
        "x = Graph().placeholder('x', ('batch', 'time', 3))\n"
        "def build(cell):\n"
        "    return dynamic_rnn(cell, x, over='tiem')\n"
        "build(LSTMCell(2))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, program], env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f'File "{program}", line 6' in done.stderr.splitlines()[-1]
    assert "x float32[batch, time, 3] has no axis of the name 'tiem'" in done.stderr
