"""Two graphs on one lattice: what a stranger sees of what differs."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import viz
from graphengine import Graph, errors, ops
from layers import LSTMCell
from tests.viz.names import EVIL
from tests.viz.test_theme import contrast, lab
from tests.viz.variants import CASES, INSIDES, lstm, model, plain, stack, steps
from viz.check import problems
from viz.compare.changes import Comparison
from viz.theme import DARK, LIGHT, PRINT, THEMES

ROOT = Path(__file__).parents[2]
STATUSES = ("added", "removed", "changed", "same")
SIGNS = {"added": "+ ", "removed": "− ", "changed": "~ ", "same": ""}
cases = pytest.mark.parametrize("case", CASES)


def drawn(scene):
    """Boxes that say something, by their kind; the legend and the ends of lines in it are none."""
    return [box for box in scene.boxes if box.lines]


def check(found):
    scene = found.to_scene()
    assert not problems(scene)
    for box in drawn(scene):
        assert box.kind in STATUSES
        taps = box.shape == "circle" and box.width <= 24
        assert taps or box.lines[0].content.startswith(SIGNS[box.kind])
        assert box.kind != "same" or not box.lines[0].content.startswith(("+ ", "− ", "~ "))
    assert {edge.kind for edge in scene.edges} <= {"added", "removed", "same"}
    return scene


@pytest.mark.parametrize("detail", ["cell", "op"])
@cases
def test_whole_models(case, detail):
    found = viz.diff(*(make() for make in CASES[case]), detail=detail)
    scene = check(found)
    before, after = found.comparison.parameters
    subtitle = scene.texts[[text.content == scene.title for text in scene.texts].index(True) + 1].content
    counts = f"{before:,} → {after:,} (" if before != after else f"{before:,} in both"
    assert subtitle.startswith(f"parameters {counts}")
    if detail == "op":
        statuses = Counter(change.status for change in found.comparison.changes)
        assert Counter(box.kind for box in drawn(scene)) == statuses


@pytest.mark.parametrize("case", INSIDES)
def test_the_inside_of_cells(case):
    a, b, options = INSIDES[case]
    scene = check(viz.diff(a(), b(), **{"layer": 0, **options}))
    if case.startswith("only"):
        wanted = "added" if "second" in case else "removed"
        assert {box.kind for box in drawn(scene)} == {edge.kind for edge in scene.edges} == {wanted}


def words(scene, kind):
    return sorted(box.lines[0].content for box in drawn(scene) if box.kind == kind)


def ends(scene, kind):
    """Lines of a kind by the first words of the boxes at their ends."""
    edges = [(edge.source, edge.target) for edge in scene.edges if edge.kind == kind]
    return sorted(tuple(scene.box(end).lines[0].content for end in each) for each in edges)


def test_peepholes_in_the_cell():
    scene = viz.diff(*(make() for make in CASES["peephole"]), layer=0).to_scene()
    assert words(scene, "added") == ["+ p_f ⊙ c", "+ p_i ⊙ c", "+ p_o ⊙ c"]
    assert words(scene, "changed") == ["~ f = σ", "~ i = σ", "~ o = σ"]
    assert not words(scene, "removed")
    assert ends(scene, "added") == sorted(
        [("c", f"+ p_{gate} ⊙ c") for gate in "fio"] + [(f"+ p_{gate} ⊙ c", f"~ {gate} = σ") for gate in "fio"]
    )
    read = {box.lines[0].content: box for box in drawn(scene)}
    taps = sorted((box for box in drawn(scene) if box.lines[0].content == "c"), key=lambda box: box.x)
    sources = {scene.box(e.target).lines[0].content: scene.box(e.source) for e in scene.edges if e.kind == "added"}
    assert [sources[f"+ p_{gate} ⊙ c"] for gate in "fio"] == [taps[0], taps[0], taps[1]]  # the old c, and the new one
    assert read["+ p_o ⊙ c"].x > read["+ p_i ⊙ c"].x > read["+ p_f ⊙ c"].x


def test_coupled_gates_in_the_cell():
    scene = viz.diff(*(make() for make in CASES["coupled"]), layer=0).to_scene()
    assert words(scene, "changed") == ["~ f = σ → 1 − i", "~ x·W + h·U + b"]
    assert ends(scene, "removed") == [("~ x·W + h·U + b", "~ f = σ → 1 − i")]
    assert ends(scene, "added") == [("i = σ", "~ f = σ → 1 − i")]


def test_another_kind_of_cell_on_one_lattice():
    scene = viz.diff(*(make() for make in CASES["gru"]), layer=0).to_scene()
    assert {"+ r = σ", "+ u = σ", "+ n = tanh"} <= set(words(scene, "added"))
    assert {"− f = σ", "− i = σ", "− cproj = tanh", "− o = σ", "− cₜ", "− cₜ₋₁"} <= set(words(scene, "removed"))
    assert "~ kept = f ⊙ c → u ⊙ h" in words(scene, "changed")
    assert {"hₜ₋₁", "hₜ", "xₜ"} <= set(words(scene, "same"))


def test_the_backward_direction_is_mirrored():
    scene = viz.diff(*(make() for make in INSIDES["backward"][:2]), layer=0, direction="bw").to_scene()
    at = {box.lines[0].content: box.x for box in drawn(scene)}
    assert at["cₜ₊₁"] > at["+ p_f ⊙ c"] > at["+ p_o ⊙ c"] > at["cₜ"]


def test_one_of_several_cells_by_its_path():
    a, b = CASES["unrelated networks"]
    for path, kinds in (("decoder", "GRU, only in b"), ("rnn", "LSTM → GRU")):
        assert viz.diff(a(), b(), path=path).to_scene().title == kinds
    scene = viz.diff(b(), b(), path="decoder").to_scene()
    assert (scene.title, words(scene, "changed")) == ("GRU", [])
    assert [frame.title for frame in scene.frames if frame.kind == "cell"] == ["decoder"]


def test_two_directions_and_two_layers():
    scene = viz.diff(*(make() for make in CASES["two directions"])).to_scene()
    (cell,) = (box for box in drawn(scene) if box.lines[0].content == "+ LSTM")
    assert [line.content for line in cell.lines[1:]] == ["← backward", "320 weights"]
    assert words(scene, "changed") == ["~ Dense", "~ outputs"]
    scene = viz.diff(*(make() for make in CASES["two layers"])).to_scene()
    below, above = (next(box for box in drawn(scene) if box.lines[0].content == name) for name in ("LSTM", "+ LSTM"))
    assert above.bottom < below.top
    assert ("LSTM", "+ LSTM") in ends(scene, "added")
    assert ("LSTM", "~ Dense") in ends(scene, "removed")


def test_a_changed_cell_tells_how():
    scene = viz.diff(*(make() for make in CASES["gru"])).to_scene()
    (cell,) = (box for box in drawn(scene) if box.lines[0].content == "~ LSTM → GRU")
    told = [line.content for line in cell.lines]
    assert "weights 320 → 245 (−75)" in told
    assert "− f, i, cproj, o, c_act" in told
    assert "+ r, u, n, recurrent_bias" in told


def test_the_same_graph_says_so():
    scene = viz.diff(lstm(), lstm()).to_scene()
    assert {box.kind for box in drawn(scene)} == {edge.kind for edge in scene.edges} == {"same"}
    assert any("nothing differs" in text.content for text in scene.texts)
    scene = viz.diff(lstm(), model(LSTMCell(5), dtype="float64")).to_scene()
    told = " ".join(text.content for text in scene.texts)
    assert "no op differs" in told
    assert "~ computes in float32 → float64" in told


def test_a_small_graph_is_drawn_op_by_op_and_a_large_one_by_layers():
    assert len(drawn(viz.diff(plain(), plain(3)).to_scene())) == len(Comparison(plain(), plain(3)).changes)
    assert len(drawn(viz.diff(lstm(), lstm()).to_scene())) < 10


def test_what_it_refuses():
    where = "no cell at layer 2, direction 'fw' in either; there are rnn, rnn/layer0, rnn/layer1"
    with pytest.raises(errors.UnknownPathError, match=f"model: {where}"):
        viz.diff(lstm(), model(stack()), layer=2)
    with pytest.raises(errors.UnknownPathError, match="direction 'bw' in either"):
        viz.diff(lstm(), lstm(), layer=0, direction="bw")
    with pytest.raises(errors.UnknownPathError, match="no cell at path 'gru' in either; there are rnn"):
        viz.diff(lstm(), lstm(), path="gru")
    with pytest.raises(errors.BudgetError, match=r"34 nodes to draw, beyond the budget of 20; draw cells and layers"):
        viz.diff(lstm(), lstm(), detail="op", budget=20)
    with pytest.raises(errors.BudgetError, match=r"steps: .* boxes, beyond the budget of 4; take fewer steps"):
        viz.diff(steps(4), steps(4), detail="cell", budget=4)
    with pytest.raises(errors.StructureError, match='detail is "auto", "cell" or "op", not \'gate\''):
        viz.diff(lstm(), lstm(), detail="gate")
    with pytest.raises(errors.StructureError, match="a picture is of a graph, a plan or a trace, not of a str"):
        viz.diff(lstm(), "lstm")


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_and_writer(theme, tmp_path):
    found = viz.diff(*(make() for make in CASES["coupled"]), layer=0).themed(theme)
    assert isinstance(found, viz.Diff)
    assert found.summary.startswith("a: model")
    root = ElementTree.fromstring(found.to_svg())
    scene = found.to_scene()
    shapes = [each for each in root.iter() if each.tag.rpartition("}")[2] in ("rect", "ellipse")]
    boxes, frames = [box for box in scene.boxes if box.kind != "anchor"], scene.frames
    doubled = [box for box in boxes if box.kind == "changed"]
    assert doubled
    assert len(shapes) == 1 + len(frames) + len(boxes) + len(doubled)
    assert found.to_dot().count("peripheries=2") == len(doubled)
    for suffix in (".svg", ".dot", ".json"):
        assert found.save(tmp_path / f"diff{suffix}").stat().st_size > 1000


@pytest.mark.renderer
def test_a_changed_box_has_two_outlines(tmp_path):
    found = viz.diff(plain(), plain(), title="x")
    alike = found.save(tmp_path / "a.png").stat().st_size
    differs = viz.diff(*(make() for make in CASES["plain"]), title="x").save(tmp_path / "b.png").stat().st_size
    assert alike > 1000
    assert differs > alike


def test_a_notebook_gets_the_summary_as_text():
    found = viz.diff(*(make() for make in CASES["peephole"]))
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] == found.summary
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "~ o reads c" in found.to_scene().description


def test_the_same_bytes_in_every_process():
    program = (
        "from tests.viz.variants import CASES, INSIDES; import hashlib, viz\n"
        "h = hashlib.sha256()\n"
        "for case in ('gru', 'two directions', 'unrelated networks'):\n"
        "    found = viz.diff(*(make() for make in CASES[case]))\n"
        "    h.update((found.to_svg() + found.to_dot() + found.summary).encode())\n"
        "for a, b, options in INSIDES.values():\n"
        "    h.update(viz.diff(a(), b(), **{'layer': 0, **options}).to_svg().encode())\n"
        "print(h.hexdigest())"
    )
    found = set()
    for seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1
    assert re.fullmatch(r"[0-9a-f]{64}\n", found.pop())


def test_the_worst_names_stay_names():
    def graph(names, last):
        g = Graph(EVIL[0])
        x = g.placeholder("x", ("batch", 3))
        for name in names:
            x = ops.tanh(x, name=name)
        last(x, name="' onload='alert(1)")
        return g

    names = [name.replace("/", "∕") for name in EVIL if name]
    a, b = graph(names[::2], ops.exp), graph(names, ops.sigmoid)
    for detail in ("op", "cell"):
        found = viz.diff(a, b, detail=detail)
        root = ElementTree.fromstring(found.to_svg())
        assert not {each.tag.rpartition("}")[2] for each in root.iter()} & {"script", "a", "image", "b"}
        assert not any(key.startswith("on") or "href" in key for each in root.iter() for key in each.attrib)
        assert len(found.comparison.of("added")) == len(names) - len(names[::2])


def test_the_palette():
    assert (LIGHT.boxes["added"].stroke, LIGHT.edges["added"].stroke) == ("#0072B2", "#0072B2")
    assert (LIGHT.boxes["removed"].stroke, LIGHT.edges["removed"].stroke) == ("#D55E00", "#D55E00")
    assert (LIGHT.boxes["changed"].stroke, LIGHT.boxes["same"].stroke) == ("#000000", "#B5BCC4")
    for theme in THEMES.values():
        looks = {kind: theme.boxes[kind] for kind in STATUSES}
        assert [kind for kind, style in looks.items() if style.double] == ["changed"]
        assert [kind for kind, style in looks.items() if style.dash == "dashed"] == ["removed"]
        assert max(looks, key=lambda kind: looks[kind].width) == "added"
        assert theme.edges["removed"].dash == "dashed"
        assert theme.edges["added"].weight > 1.5 * theme.edges["removed"].weight > 1.5 * theme.edges["same"].weight
        clear = [contrast(looks[kind].stroke, theme.background) for kind in STATUSES]
        assert min(clear[:3]) >= 3 > clear[3]


@pytest.mark.parametrize("blindness", ["none", "protanopia", "deuteranopia", "tritanopia"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_added_and_removed_stay_apart_for_the_colour_blind(theme, blindness):
    colours = [lab(theme.edges[kind].stroke, blindness) for kind in ("added", "removed")]
    assert np.linalg.norm(colours[0] - colours[1]) >= 12


def test_print_needs_no_colour():
    greys = [PRINT.boxes[kind].stroke for kind in STATUSES]
    assert all(colour[1:3] == colour[3:5] == colour[5:7] for colour in greys)
    looks = {(PRINT.boxes[kind].width, PRINT.boxes[kind].dash, PRINT.boxes[kind].double) for kind in STATUSES}
    assert len(looks) == len(STATUSES)
