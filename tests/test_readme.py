"""The README's programs run, and print what the README says."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_program_prints_what_the_readme_says(somewhere, capsys):
    exec(compile(BLOCKS[0], "README.md", "exec"), {"__name__": "readme"})
    (printed,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    assert capsys.readouterr().out == printed
    assert (somewhere / "gradient_flow.svg").stat().st_size > 1000
    assert (somewhere / "model.svg").stat().st_size > 1000


def test_every_block_runs_after_the_program(somewhere):
    space = {"__name__": "readme"}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), space)
    for name in ("cell.svg", "states.svg", "graph.json"):
        assert (somewhere / name).stat().st_size > 100


def test_the_readmes_op_and_cell_are_right(somewhere):
    import numpy as np

    from graphengine import Graph, Plan, check_gradients, ops
    from layers import dynamic_rnn

    space = {"__name__": "readme"}
    for block in BLOCKS[1:3]:
        exec(compile(block, "README.md", "exec"), space)
    assert check_gradients(space["Square"](), [np.array([0.3, -2.0])])["x0"] < 1e-8
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, _ = dynamic_rnn(space["LeakyCell"](2), x, over="time")
    plan = Plan(ops.sum(outputs * outputs))
    assert max(check_gradients(plan, {x: np.random.default_rng(0).standard_normal((2, 4, 3))}).values()) < 1e-7


def test_every_path_in_the_readme_exists():
    for name in re.findall(r"`((?:tests|docs|layers|viz|demos|graphengine)/[\w./]*)`", README):
        assert (Path(__file__).parents[1] / name).exists(), name
    for name in re.findall(r"\]\((docs/[^)]*)\)", README):
        assert (Path(__file__).parents[1] / name).exists(), name
