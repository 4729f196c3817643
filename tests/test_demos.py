"""The demos, each run for a moment: what they print is what happened, what they draw is there and well-formed."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import viz
from demos import arguments, belling_the_cat, gradient_flow, pictures, plots, progress, variants
from demos.__main__ import discover, main
from demos.arrivals import arrivals
from demos.beside import beside
from demos.cost import cost_per_step
from demos.differences import OTHERS
from demos.tables import table
from demos.temporal_order import CLASSES, SYMBOLS, sequences
from demos.words import FORMS, every_window
from graphengine import Plan
from layers import GRUCell, LSTMCell, RNNCell

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "data" / "article"
FILES = {
    "lstm": "LSTMMain",
    "initstate": "LSTMMaininitstate",
    "multi": "LSTMMainmulti",
    "bi": "LSTMMainbi",
    "bimulti": "LSTMMainbimulti",
}
PNG = b"\x89PNG\r\n\x1a\n"


def assert_pictures(folder, names):
    """Every picture is there, as a PNG and as an SVG that parses and shows something, and nothing else is."""
    assert {path.name for path in folder.iterdir()} == {name + suffix for name in names for suffix in (".svg", ".png")}
    for name in names:
        assert (folder / f"{name}.png").read_bytes().startswith(PNG)
        drawn = ET.fromstring((folder / f"{name}.svg").read_bytes())
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(drawn.iter())) > 10


def rows(printed, first):
    """Return the printed rows that begin with a word, as lists of their columns."""
    lines = [re.split(r"\s{2,}", line) for line in printed.splitlines()]
    return [line for line in lines if line[0] == first]


def test_the_list_names_every_demo_and_what_it_teaches(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert {"belling_the_cat", "gradient_flow", "variants"} <= set(discover())
    for name, lesson in discover().items():
        assert re.search(rf"^  {name} +{re.escape(lesson)}$", printed, re.MULTILINE)
        assert len(lesson) > 30


def test_helpers_are_no_demos():
    assert not {"words", "tables", "plots", "__main__", "__init__"} & set(discover())


def test_an_unknown_name(capsys):
    assert main(["belling_the_dog"]) == 2
    assert capsys.readouterr().err == "there is no demo 'belling_the_dog'; did you mean belling_the_cat?\n"
    assert main(["?"]) == 2
    assert "there are belling_the_cat," in capsys.readouterr().err


@pytest.mark.parametrize("name", discover())
def test_every_demo_explains_its_options(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage:")
    assert f"python -m demos {name} " in printed


def test_the_module_runs_as_a_command():
    command = [sys.executable, "-m", "demos", "nothing_like_it"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no demo 'nothing_like_it'" in done.stderr


def test_a_missing_extra_is_named_before_any_work(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr("demos.plots")
    for name in [each for each in sys.modules if each.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("demos.plots", "demos.gradient_flow"):
        monkeypatch.delitem(sys.modules, name)
    assert main(["gradient_flow"]) == 1
    assert 'gradient_flow needs matplotlib, which is not installed; pip install ".[demos]"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--iterations", "0"], "0 is too small; at least 1"),
        (["--learning-rate", "-1"], "-1 is not a number above zero"),
        (["--learning-rate", "nan"], "nan is not a number above zero"),
        (["--model", "gru"], "invalid choice"),
        (["--out", str(ROOT / "setup.cfg")], "is a file; the pictures need a folder"),
    ],
)
def test_bad_options_are_refused_before_any_work(options, reason, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["belling_the_cat", *options])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


# belling_the_cat


@pytest.mark.renderer
def test_belling_the_cat(tmp_path, capsys):
    folder = tmp_path / "deep" / "er"
    assert main(["belling_the_cat", "--iterations", "3", "--out", str(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""  # no terminal, no bar
    for form, file in FILES.items():
        losses = np.load(GOLDEN / f"{file}.npz")["loss_trace"]
        (found, *_) = rows(printed.out, form)
        assert found[3:5] == [f"{losses[0]:.8f}", f"{losses[2]:.8f}"]
    assert len(rows(printed.out, "the mice had")) == 1
    assert rows(printed.out, "bi")[2] == ["bi", "birnn/bw/h", "0", "0", "0.903633"]
    assert_pictures(folder, [f"{form}_{flow}" for form in FORMS for flow in ("forward", "gradient")])


def test_belling_the_cat_learns_what_it_says(capsys):
    lesson = belling_the_cat.train("lstm", 1000, 0.5, quiet=True)
    assert lesson.right == len(every_window()) == 8
    assert lesson.mean < 0.1 < lesson.losses[0]
    (row,) = rows(belling_the_cat.losses_table([lesson]), "lstm")
    assert row[-2:] == [f"{lesson.mean:.4f}", "8 of 8"]
    assert "(" not in belling_the_cat.words_table([lesson])


def test_wrong_words_stand_in_brackets():
    lesson = belling_the_cat.train("lstm", 1, 0.001, quiet=True)
    wrong = [said for said, (_, true) in zip(lesson.said, every_window(), strict=True) if said != true]
    printed = belling_the_cat.words_table([lesson])
    assert len(wrong) == 8 - lesson.right == printed.count("(")
    assert f"({wrong[0]})" in printed


def test_without_a_renderer_the_svg_is_there_and_the_message_helps(tmp_path, capsys, monkeypatch):
    def nothing_paints(scene, theme, form, **options):
        raise viz.RendererNotFound(form, ["neato or dot on PATH"])

    monkeypatch.setattr("viz.render.render", nothing_paints)
    assert main(["belling_the_cat", "--model", "lstm", "--iterations", "1", "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lstm_forward.svg", "lstm_gradient.svg"]
    printed = capsys.readouterr().out
    assert "SVG only: no renderer for PNG here" in printed
    assert 'pip install "graphengine[png]"' in printed


# variants


@pytest.mark.renderer
def test_variants(tmp_path, capsys):
    assert main(["variants", "--short", "--out", str(tmp_path), "--quiet"]) == 0
    printed = capsys.readouterr().out
    for name, gates in (("RNNCell", 1), ("LSTMCell", 4)):
        cost, result = rows(printed, name)
        assert cost[1:3] == [str(gates * (8 * 4 + 4 * 4 + 4)), str(gates * (8 * 4 + 4 * 4))]
        run = variants.train({"RNNCell": RNNCell, "LSTMCell": LSTMCell}[name], 4, 10, 3, 0.005, 0)
        assert result[1:5] == ["0 of 1", "–", f"{run.loss:.4f}", f"{run.accuracy:.1%}"]
        before, after = (f"{norms[1] / norms[-1]:.1e}" for norms in (run.before, run.after))  # the signal at t = 1
        assert result[5:] == [before, "–", after]
    singles = [f"{name}_{view}" for name in ("RNNCell", "GRUCell", "LSTMCell") for view in ("cell", "folded")]
    pairs = [f"LSTMCell_{name}" for name in OTHERS]
    assert_pictures(tmp_path, [*singles, "cells", "comparison", *pairs])
    assert "~ LSTM → PeepholeLSTM, parameters 208 → 220 (+12)  (rnn)\n~ f, i read c_prev  (rnn)\n~ o reads c" in printed


def test_a_run_ends_when_the_task_is_learnt(monkeypatch):
    monkeypatch.setattr(variants, "RECENT", 5)
    run = variants.train(LSTMCell, 16, 10, 400, 0.01, 0)
    assert run.learnt == len(run.losses) < 400
    assert np.mean(run.losses[-5:]) < variants.LEARNT <= np.mean(run.losses[-6:-1])
    assert run.accuracy > 0.9
    assert run.loss < 0.3
    assert not np.allclose(run.before, run.after)


def test_sequences_are_what_the_task_says():
    x, y = sequences(np.random.default_rng(0), 500, 50)
    symbols = np.array(SYMBOLS)[x.argmax(-1)]
    assert x.shape == (500, 50, 8)
    assert x.dtype == np.float32
    assert (symbols[:, 0] == "E").all()
    assert (symbols[:, -1] == "B").all()
    for row, label in zip(symbols, y, strict=True):
        first, second = np.flatnonzero(np.isin(row, ("X", "Y")))
        assert 5 <= first <= 10
        assert 25 <= second <= 30
        assert row[first] + row[second] == CLASSES[label]
    assert set(y) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="from a length of 10, not 9"):
        sequences(np.random.default_rng(0), 1, 9)


@pytest.mark.parametrize(("cell", "gates", "products", "others"), [
    (RNNCell, 1, 2, 3),  # two additions, tanh
    (LSTMCell, 4, 2, 2 * 4 + 10),  # two additions for all gates; forget bias, 5 activations, 3 products, 1 sum
    (GRUCell, 3, 4, 3 + 12),  # one addition for all gates; 5 additions, 3 activations, 3 products, 1 - u
])  # fmt: skip
def test_costs_are_those_of_the_equations(cell, gates, products, others):
    inputs, hidden = len(SYMBOLS), 6
    cost = cost_per_step(variants.build(cell, hidden, 0).graph)
    assert cost.products == gates * hidden * (inputs + hidden)
    assert cost.elementwise == others * hidden
    assert cost.ops > products


def test_costs_do_not_depend_on_what_is_fed():
    network = variants.build(LSTMCell, 3, 0)
    before = cost_per_step(network.graph)
    Plan(network.loss).run(variants._feeds(network, np.random.default_rng(0), 7, 20))
    assert cost_per_step(network.graph) == before


def test_runs_that_learnt_and_runs_that_did_not_are_not_averaged():
    runs = [variants.train(RNNCell, 4, 10, 1, 0.005, seed) for seed in (0, 1, 2)]
    runs[0].learnt, runs[1].learnt = 5, 7
    runs[0].after, runs[1].after, runs[2].after = (np.full(10, share) for share in (0.4, 0.1, 1e-6))
    for run in runs:
        run.after[-1] = 1.0
    (row,) = rows(variants.results_table({"RNNCell": runs}, 10), "RNNCell")
    assert row[1:3] == ["2 of 3", "6"]
    assert row[-2:] == ["2.0e-01", "1.0e-06"]


def test_shares_are_averaged_as_factors():
    found = variants.relative([np.array([0.01, 2.0]), np.array([1.0, 2.0])])
    np.testing.assert_allclose(found, [np.sqrt(0.005 * 0.5), 1.0])


def test_smoothed_losses_are_means_of_the_most_recent_ones():
    losses = np.random.default_rng(0).random(3 * variants.RECENT)
    steps, means = variants.smoothed(losses)
    wanted = [losses[max(0, step - variants.RECENT) : step].mean() for step in steps]
    np.testing.assert_allclose(means, wanted)


# gradient_flow


@pytest.mark.renderer
def test_gradient_flow(tmp_path, capsys):
    assert main(["gradient_flow", "--length", "12", "--hidden", "6", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    flow = gradient_flow.flow("LSTM, forget bias 1", LSTMCell(6, forget_bias=1), 12, 0)
    on_h, on_c, *_ = rows(printed, "LSTM, forget bias 1")
    assert on_h[2] == "1.0e+00"
    assert on_h[-1] == f"{flow.h[0]:.1e}"
    assert on_c[-1] == f"{flow.c[0]:.1e}"
    assert f"{flow.left:.1e} in the LSTM, forget bias 1 (× {flow.rate:.2f} a step)" in printed
    names = ["rnn", *(f"lstm_forget_bias_{bias}" for bias in gradient_flow.FORGET_BIASES)]
    assert_pictures(tmp_path, ["norms", *(f"{name}_gradient" for name in names)])


def test_a_larger_forget_bias_keeps_more():
    biases = gradient_flow.FORGET_BIASES
    flows = [gradient_flow.flow(f"bias {bias}", LSTMCell(8, forget_bias=bias), 30, 0) for bias in biases]
    assert flows[0].left < flows[1].left < flows[2].left
    assert flows[0].share < flows[1].share < flows[2].share
    first, second = gradient_flow.explained(flows[::-1]).splitlines()
    assert re.findall(r"bias \d", first) == ["bias 0", "bias 1", "bias 5"]  # from the least that is left to the most
    for found in flows:
        assert f"{found.left:.1e} in the {found.name}" in first
        assert f"{found.share:.0%} in the {found.name} (× {found.forget:.2f} a step)" in second


def test_the_ways_to_c_add_up_and_the_lane_is_the_forget_gate():
    trace = gradient_flow.traced("LSTM", LSTMCell(5), 6, 0)
    c = trace.find("rnn/c")
    for t in range(6):
        parts = arrivals(trace, c, t)
        np.testing.assert_allclose(sum(parts.values()), trace.grad(c, t), rtol=1e-12)
        assert set(parts) == {"rnn/c_act", "rnn/c_prev"} - ({"rnn/c_prev"} if t == 5 else set())
        if t < 5:
            lane = trace.grad(c, t + 1) * trace.value("rnn/f", t + 1)
            np.testing.assert_allclose(parts["rnn/c_prev"], lane, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_what_arrives_adds_up_everywhere(form):
    lesson = belling_the_cat.train(form, 1, 0.1, quiet=True)
    found = list(belling_the_cat.hidden_states(lesson.model))
    assert len(found) == len(lesson.model.cells)
    for h in found:
        for t in range(3):
            parts = arrivals(lesson.first, h, t)
            np.testing.assert_allclose(sum(parts.values()), lesson.first.grad(h, t), rtol=1e-12, atol=1e-15)


# what they share


def test_a_bar_is_shown_to_a_terminal_only(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress.progress(range(3), "learning")) == [0, 1, 2]
    assert "learning" in capsys.readouterr().err
    assert list(progress.progress(range(3), "learning", quiet=True)) == [0, 1, 2]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(progress.progress(range(3), "learning")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_tables_line_up():
    assert table(("a", "number"), [("long word", "–"), ("b", "-1.5"), ("c", 12)]).splitlines() == [
        "a          number",
        "---------  ------",
        "long word       –",
        "b            -1.5",
        "c              12",
    ]


def test_scenes_side_by_side_keep_everything_and_do_not_meet():
    trace = belling_the_cat.train("lstm", 1, 0.1, quiet=True).first
    one = viz.unrolled(trace, gradient=True).to_scene()
    both = beside([one, one], "two")
    assert len(both.boxes) == 2 * len(one.boxes)
    assert len(both.edges) == 2 * len(one.edges)
    left, right = both.boxes[: len(one.boxes)], both.boxes[len(one.boxes) :]
    assert max(box.right for box in left) < min(box.left for box in right)
    assert max(box.right for box in right) <= both.width


def test_plots_are_the_same_bytes_every_time(tmp_path):
    script = (
        "import sys, pathlib\nfrom demos import plots\n"
        "with plots.panels(['one', 'two']) as (figure, axes):\n    axes[0].plot([1, 2], label='line')\n"
        "plots.save(figure, pathlib.Path(sys.argv[1]))"
    )
    for name, seed in (("first", "1"), ("second", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", script, str(tmp_path / name)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    for suffix in (".svg", ".png"):
        assert (tmp_path / f"first{suffix}").read_bytes() == (tmp_path / f"second{suffix}").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "first.svg").read_bytes()


def test_a_legend_names_every_line_once():
    with plots.panels(["one", "two"]) as (figure, axes):
        for each in axes:
            each.plot([1, 2], label="same")
        axes[1].plot([2, 1], label="other")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["same", "other"]


def test_pictures_make_their_folder_and_are_reported(tmp_path):
    found = pictures.Pictures(tmp_path / "a" / "b")
    with plots.panels(["one"]) as (figure, axes):
        axes[0].plot([1, 2])
    found.plot("line", figure)
    assert found.report() == f"1 pictures in {tmp_path / 'a' / 'b'} (.svg and .png): line"


def test_a_folder_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(arguments.argparse.ArgumentTypeError, match="is a file"):
        arguments.folder(str(tmp_path / "file" / "inside"))
