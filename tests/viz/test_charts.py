"""Charts as pictures: legible, the same every time, fit to stand in a page, and never in the way of the numbers."""

import itertools
import re
import subprocess
import sys
import threading
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import viz
from demos import words
from graphengine import Graph, Plan, ops
from layers import GRUCell, dynamic_rnn
from tests.viz import models
from tests.viz.names import EVIL, NAMES
from viz.charts import colours, drawing, paint
from viz.charts.drawing import Label, Marks, Patch, Raster
from viz.charts.heat import Block, Heat, positions
from viz.charts.scale import Scale
from viz.theme import LIGHT, THEMES, Theme

ROOT = paint.__file__.rpartition("viz")[0]
every_theme = pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))


def word_outputs():
    model = words.FORMS["lstm"]()
    x, _ = words.batch(*next(words.windows()))
    return viz.itemized(Plan(model.outputs), {model.x: x}, state=["rnn/c", "rnn/h"])


def every_state():
    trace = models.both("concat")
    states = [row.tensor for row in viz.timeline(trace).rows]
    return viz.itemized(trace, state=states, loss=trace.graph["birnn/outputs"])


def long_gru():
    g = Graph("long", dtype="float64", seed=3)
    x = g.placeholder("x", ("batch", "time", 4))
    outputs, _ = dynamic_rnn(GRUCell(3), x, over="time")
    return Plan(outputs), {x: models.draw(1, 200, 4)}, outputs


CHARTS = {
    **{f"timeline {name}": (lambda name=name: viz.timeline(models.MODELS[name]())) for name in models.MODELS},
    "values": lambda: viz.timeline(models.MODELS["multi"](), "value", scale="linear"),
    "itemized words": word_outputs,
    "itemized states": every_state,
    "itemized long": lambda: viz.itemized(*long_gru()[:2], state="rnn/h"),
    **{
        f"saturation {name} by {by}": (lambda name=name, by=by: viz.saturation(models.MODELS[name](), by=by))
        for name in ("lstm", "bimulti", "mixed", "embedded", "long")
        for by in ("step", "unit")
    },
}


@pytest.mark.parametrize("name", CHARTS)
def test_labels_stand_apart_and_inside(name):
    drawn = CHARTS[name]().to_drawing()
    assert 150 < drawn.width < 1300
    assert 100 < drawn.height < 1500
    extents = [(label.extent, label.content) for label in drawn.labels if label.content]
    for (left, top, right, bottom), content in extents:
        assert left >= 0, content
        assert top >= 0, content
        assert right <= drawn.width, content
        assert bottom <= drawn.height, content
    for (one, first), (other, second) in itertools.combinations(extents, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (first, second)


@every_theme
def test_text_can_be_read_on_every_shade(theme):
    for kind in ("gradient", "value"):
        for shade in map(colours.spelt, colours.ramp(theme, kind)):
            assert colours.contrast(colours.ink(theme, shade), shade) >= 4.4, shade
        bad = theme.boxes["bad"].fill
        assert colours.contrast(theme.roles["bad"], bad) >= 3


@every_theme
def test_shades_run_evenly_away_from_the_background_and_the_palest_is_not_nothing(theme):
    for kind in ("gradient", "value"):
        ramp = colours.ramp(theme, kind)
        light = np.array([colours.luminance(colours.spelt(shade)) for shade in ramp]) ** (1 / 3)
        steps = np.diff(light) * np.sign(light[-1] - light[0])
        assert steps.min() > -0.004
        assert abs(light[128] - light[[0, -1]].mean()) < 0.03
        ground = colours.luminance(theme.background) ** (1 / 3)
        assert abs(light[0] - ground) < abs(light[-1] - ground)
        assert colours.contrast(colours.spelt(ramp[0]), theme.background) > 1.3


@every_theme
def test_nothing_tiny_broken_and_absent_are_told_apart(theme):
    values = np.array([[0.0, 1e-30, 1.0, np.nan, np.inf, 2.0]])
    present = np.array([[True, True, True, True, True, False]])
    heat = Heat(theme, "gradient", Scale.of(values, log=True), values, present)
    drawn = drawing.Drawing("all", "", theme)
    heat.draw(drawn, Block(10, 10, 40, 20, values, present))
    (raster,) = (item for item in drawn.items if isinstance(item, Raster))
    zero, tiny, large, nan, infinite, absent = map(colours.spelt, raster.colours[0])
    assert zero == absent == theme.background
    assert tiny == colours.spelt(colours.ramp(theme, "gradient")[0])
    assert len({zero, tiny, large}) == 3
    assert nan == infinite == theme.boxes["bad"].fill
    assert [item.left for item in drawn.items if isinstance(item, Patch) and item.hatch] == [10 + 5 * 40]
    (crosses,) = (item for item in drawn.items if isinstance(item, Marks))
    assert crosses.points == [(10 + 3.5 * 40, 20), (10 + 4.5 * 40, 20)]
    assert [label.content for label in drawn.labels] == ["0", "1e−30", "1"]
    heat.legend(drawn, 10, 50, "norm")
    assert [label.content for label in drawn.labels][-4:] == ["below 10⁻¹²", "0", "NaN or ∞", "none"]


def test_a_legend_tells_only_what_occurs():
    heat = Heat(LIGHT, "gradient", Scale.of([1.0, 3.0], log=True), np.array([1.0, 3.0]), np.ones(2, bool))
    drawn = drawing.Drawing("", "", LIGHT)
    heat.legend(drawn, 10, 50, "norm")
    assert [label.content for label in drawn.labels] == ["norm", "1", "2"]
    nothing = Heat(LIGHT, "gradient", Scale.of([0.0], log=True), np.zeros(1), np.ones(1, bool))
    drawn = drawing.Drawing("", "", LIGHT)
    nothing.legend(drawn, 10, 50, "norm")
    assert [label.content for label in drawn.labels] == ["norm", "0"]


@given(st.floats(1e-280, 1e280), st.floats(0, 30), st.booleans())
def test_every_scale_has_ticks_that_are_where_they_say(high, decades, log):
    scale = Scale.of([high, high / 10**decades], log=log)
    assert scale.shade(np.array([high])) == 1
    ticks = scale.ticks()
    assert ticks
    assert len({label for _, label in ticks}) == len(ticks)
    assert [place for place, _ in ticks] == sorted(place for place, _ in ticks)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place, _ in ticks)
    heat = Heat(LIGHT, "gradient", scale, np.array([high]), np.ones(1, bool))
    drawn = drawing.Drawing("", "", LIGHT)
    heat.legend(drawn, 10, 50, "")
    labels = drawn.labels[1:]
    assert all(one.extent[2] < other.extent[0] for one, other in itertools.pairwise(labels))


def test_scales():
    assert Scale.of([0.0, np.nan, np.inf, -1.0], log=True) is None
    scale = Scale.of([1e-3, 1.0], log=True)
    np.testing.assert_allclose(scale.shade(np.array([1e-9, 1e-3, 1e-1, 1.0, 9.0])), [0, 0, 2 / 3, 1, 1])
    assert Scale.of([5e-20, 3.0], log=True).low == 1e-11
    nearly = Scale.of([0.999, 1.0], log=True)
    assert nearly.shade(np.array([0.999]))[0] > 0.99
    linear = Scale.of([2.0, 8.0], log=False)
    assert linear.shade(np.array([2.0])) == 0.25
    assert [label for _, label in linear.ticks()] == ["0", "2", "4", "6", "8"]


@given(st.integers(1, 5000), st.floats(0.1, 60))
def test_positions_stand_apart(count, wide):
    places = positions(count, wide)
    labels = [Label(wide * t, 0, str(t), "#000000", 8, "middle").extent for t in places]
    assert all(one[2] + 2 < other[0] for one, other in itertools.pairwise(labels))
    assert places[0] == 0


def test_pictures_are_the_same_in_every_process():
    program = (
        "import hashlib, viz\nfrom tests.viz import models\nfrom viz.charts.paint import paint\n"
        "trace = models.MODELS['lstm']()\n"
        "for chart in (viz.timeline(trace), viz.saturation(trace), viz.saturation(trace, by='unit', theme='dark')):\n"
        "    for form in ('svg', 'png', 'pdf'):\n"
        "        print(hashlib.sha256(paint(chart.to_drawing(), form)).hexdigest())\n"
        "import sys; print('matplotlib.pyplot' in sys.modules)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "MPLBACKEND": backend, "HOME": "/nonexistent", "TMPDIR": "/tmp"},
        ).stdout.split()
        for seed, backend in (("1", "agg"), ("2", "svg"))
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 10
    assert runs[0][-1] == "False"


def test_a_users_settings_change_nothing_and_are_left_alone():
    import matplotlib as mpl

    chart = viz.timeline(models.MODELS["lstm"]())
    plain = chart.to_svg()
    with mpl.rc_context({"font.size": 30, "savefig.bbox": "tight", "font.family": "DejaVu Serif", "text.usetex": True}):
        before = dict(mpl.rcParams)
        assert chart.to_svg() == plain
        assert dict(mpl.rcParams) == before


def test_threads_do_not_mix_up_settings():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    chart = viz.timeline(models.MODELS["lstm"]())
    expected, found = chart.to_svg(), []
    threads = [threading.Thread(target=lambda: found.append(chart.to_svg())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
    assert dict(mpl.rcParams) == before


def check_svg(svg):
    """Well-formed, and nothing in it that acts or reaches outside; returns its ids."""
    root = ElementTree.fromstring(svg)
    ids = []
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        assert tag not in ("script", "a", "foreignObject", "animate", "set", "iframe")
        for name, value in element.attrib.items():
            name = name.rpartition("}")[2]
            assert not name.startswith("on")
            if name == "href":
                assert value.startswith(("#", "data:image/png;base64,"))
            if name == "id":
                ids.append(value)
    assert len(ids) == len(set(ids))
    assert all(target in ids for target in re.findall(r"url\(#([^)]*)\)", svg))
    assert all(target in ids for target in re.findall(r'href="#([^"]*)"', svg))
    return ids


def test_pictures_stand_side_by_side_in_a_page():
    trace = models.MODELS["embedded"]()
    charts = [viz.timeline(trace), viz.timeline(trace, theme="dark"), viz.saturation(trace), viz.saturation(trace, by="unit")]
    ids = [check_svg(chart.to_svg()) for chart in charts]
    assert len(set().union(*ids)) == sum(map(len, ids))
    for chart in charts:
        svg = chart._repr_svg_()
        assert svg.startswith("<svg")
        assert not re.search(r"(^|[};>])\s*\*\s*{", svg)  # no rule that styles the rest of the page
        assert chart._repr_mimebundle_() == {"image/svg+xml": svg, "text/plain": repr(chart)}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAMES)
def test_any_name_is_drawn_as_text(name):
    check_named(name)


@pytest.mark.parametrize("name", [*EVIL[:6], "$\\frac{1}$", "a$b$", "\ud800 alone", "--> <!--"])
def test_evil_names_are_drawn_as_text(name):
    check_named(name)


def check_named(name):
    g = Graph(name, dtype="float64")
    axis = name if name.strip() and name.isprintable() else "time"
    x = g.placeholder("x", (1, axis, 2))
    outputs, _ = dynamic_rnn(GRUCell(2), x, over=axis, name=name.replace("/", "") or "rnn")
    losses = ops.sum(outputs, axis=-1, name=name.replace("/", "") or "losses")
    trace = Plan(losses).trace({x: np.ones((1, 3, 2))}, seeds={losses: np.ones((1, 3))})
    state = viz.timeline(trace).rows[0].tensor
    for chart in (viz.timeline(trace), viz.itemized(trace, state=state), viz.saturation(trace)):
        check_svg(chart.to_svg())


def test_without_matplotlib_there_are_numbers(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    chart = viz.timeline(models.MODELS["lstm"]())
    assert chart.array.shape == (2, 3)
    assert chart.to_drawing().labels
    with pytest.raises(viz.PlotterNotFound, match=r'matplotlib, which is not installed: pip install "graphengine\[png\]"'):
        chart.save(tmp_path / "a.png")
    assert isinstance(viz.PlotterNotFound(), ImportError)
    assert not list(tmp_path.iterdir())
    assert chart._repr_svg_() is None
    assert "needs matplotlib" in chart._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<svg"), ("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_the_suffix_chooses_the_format(name, start, tmp_path):
    chart = viz.saturation(models.MODELS["lstm"]())
    assert chart.save(tmp_path / name) == tmp_path / name
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_png_has_the_size_of_the_drawing(tmp_path):
    chart = viz.timeline(models.MODELS["lstm"]())
    drawn = chart.to_drawing()
    header = chart.save(tmp_path / "a.png", dpi=216).read_bytes()[16:24]
    width, height = (int.from_bytes(header[i : i + 4], "big") for i in (0, 4))
    assert (width, height) == (pytest.approx(3 * drawn.width, abs=1), pytest.approx(3 * drawn.height, abs=1))


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("a.html", {}, viz.FormatError, r"no chart is written as \.html; there are \.svg \.png \.pdf"),
        ("a", {}, viz.FormatError, "no chart is written without a suffix"),
        ("a.png", {"dpi": 0}, viz.FormatError, "dpi is a positive number, not 0"),
        ("missing/a.svg", {}, viz.SaveError, "missing does not exist; make it first"),
    ],
)
def test_what_cannot_be_saved_is_told(name, options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        viz.timeline(models.MODELS["lstm"]()).save(tmp_path / name, **options)


def test_themes():
    chart = viz.saturation(models.MODELS["lstm"]())
    dark = chart.themed("dark")
    assert isinstance(dark.theme, Theme)
    assert dark.low is chart.low
    assert f"fill: {dark.theme.background.lower()}" in dark.to_svg()
    assert chart.theme.name == "light"
    with pytest.raises(ValueError, match="there is no theme"):
        chart.themed("sepia")
