"""The renderer order, with nothing on PATH and no fonts; and what is said when nothing can paint."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import graphviz
import pytest

from graphengine.errors import GraphError
from tests.viz.demonstration import demonstration
from viz import render as module
from viz.errors import FormatError, RenderError, SizeError
from viz.render import RendererNotFound, render
from viz.scene import Box, Line, Scene
from viz.theme import DARK, LIGHT

SMALL = Scene(60, 30, "small", boxes=[Box("n0", 30, 15, 40, 20, lines=(Line("a", 14),))])
ENGINES = [
    pytest.param("pygraphviz", marks=pytest.mark.renderer),
    pytest.param("resvg", marks=pytest.mark.renderer),
]


@pytest.fixture(autouse=True)
def nothing_on_path(monkeypatch):
    monkeypatch.setenv("PATH", "")


def needed(engine):
    pytest.importorskip({"resvg": "resvg_py"}.get(engine, engine))


def saying(letter):
    return replace(SMALL, boxes=[replace(SMALL.boxes[0], lines=(Line(letter, 14),))])


def pixels(png):
    """Width and height, as the PNG's own header has them."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def program(folder, body):
    """A `neato` on PATH that does as told."""
    path = Path(folder, "neato")
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dpi", [72, 144, 200])
def test_a_png_has_the_size_that_was_asked_for(engine, dpi):
    needed(engine)
    width, height = pixels(render(demonstration(), LIGHT, "png", renderer=engine, dpi=dpi))
    assert width == pytest.approx(1030 * dpi / 72, abs=2)
    assert height == pytest.approx(484 * dpi / 72, abs=2)


@pytest.mark.renderer
def test_a_pdf_is_one():
    needed("pygraphviz")
    assert render(demonstration(), LIGHT, "pdf").startswith(b"%PDF-")


@pytest.mark.parametrize("engine", ENGINES)
def test_without_system_fonts_letters_are_letters(engine, monkeypatch, tmp_path):
    needed(engine)
    needed("matplotlib")
    _without_system_fonts(monkeypatch, tmp_path)
    drawn = {letter: render(saying(letter), LIGHT, "png", renderer=engine) for letter in ("a", "b", "σ", "ₜ", " ")}
    assert len(set(drawn.values())) == len(drawn)


@pytest.mark.renderer
def test_with_no_font_at_all_every_letter_is_the_same_box(monkeypatch, tmp_path):
    """The test above can fail: this is what it guards against."""
    needed("pygraphviz")
    _without_system_fonts(monkeypatch, tmp_path)
    monkeypatch.setattr(module, "_fonts", list)
    assert render(saying("a"), LIGHT, "png") == render(saying("b"), LIGHT, "png")


def _without_system_fonts(monkeypatch, tmp_path):
    config = tmp_path / "none & nothing.conf"
    config.write_text('<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig></fontconfig>\n')
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))


@pytest.mark.parametrize("engine", ENGINES)
def test_renderers_write_nothing_to_the_terminal(engine, capfd):
    needed(engine)
    render(demonstration(), DARK, "png", renderer=engine)
    assert capfd.readouterr() == ("", "")


@pytest.mark.renderer
def test_threads_get_the_same_picture():
    needed("pygraphviz")
    with ThreadPoolExecutor(4) as pool:
        pictures = set(pool.map(lambda _: render(SMALL, LIGHT, "png"), range(8)))
    assert len(pictures) == 1


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script that starts with #!")
def test_the_program_on_path_comes_first_and_is_called_with_a_list(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    heard = "' '.join(sys.argv[1:]), sys.stdin.read()[:30], os.environ['FONTCONFIG_FILE'][-10:]"
    program(tmp_path, f"print({heard}, sep='', end='')")
    said = render(SMALL, LIGHT, "png").decode()
    assert said.startswith("-Kneato -n2 -Tpng// draw with: neato -n2")
    assert said.endswith("fonts.conf")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script that starts with #!")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.stderr.write('out of ink'); sys.exit(3)", "failed with status 3 and said: out of ink"),
        ("sys.stderr.write('no such plugin')", "failed with status 0 and said: no such plugin"),
        ("os.kill(os.getpid(), 11)", "failed with status -11 and said: nothing"),
        ("time.sleep(60)", r"took more than 0.3 s; allow more \(timeout=\) or draw less \(steps=\)"),
    ],
)
def test_what_a_failing_renderer_says_is_told(body, message, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, body)
    with pytest.raises(RenderError, match=message) as caught:
        render(SMALL, LIGHT, "png", timeout=0.3 if "sleep" in body else 30)
    assert isinstance(caught.value, GraphError)


def test_a_program_that_cannot_be_started_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(module.shutil, "which", lambda program: str(tmp_path / "gone"))
    with pytest.raises(RenderError, match="could not be started"):
        render(SMALL, LIGHT, "png")


def test_with_no_renderer_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RendererNotFound) as caught:
        render(SMALL, LIGHT, "png")
    assert isinstance(caught.value, graphviz.ExecutableNotFound)
    assert isinstance(caught.value, GraphError)
    message = str(caught.value)
    for part in (
        "no renderer for PNG here", "neato or dot on PATH", "pygraphviz, 2.0 or later", "resvg-py",
        'pip install "graphengine[png]"', "apt install graphviz", "dnf install graphviz", "brew install graphviz",
        "winget install graphviz", ".svg, .dot and .json need nothing",
    ):  # fmt: skip
        assert part in message
    with pytest.raises(RendererNotFound) as caught:
        render(SMALL, LIGHT, "pdf")
    assert "resvg" not in str(caught.value)
    with pytest.raises(RendererNotFound) as caught:
        render(SMALL, LIGHT, "png", renderer="resvg")
    assert "pygraphviz" not in str(caught.value)


def test_an_old_wheel_is_none(monkeypatch):
    needed("pygraphviz")
    assert module._RENDERERS["pygraphviz"].find()
    monkeypatch.setattr(module.importlib.metadata, "version", lambda name: "1.14")
    assert module._RENDERERS["pygraphviz"].find() is None


@pytest.mark.parametrize(
    ("size", "dpi", "fits"),
    [((32_767, 100), 72, True), ((32_768, 100), 72, False), ((100, 20_000), 144, False), ((30_000, 20_000), 72, False)],
)
def test_pictures_too_large_to_paint_are_refused_before_painting(size, dpi, fits, monkeypatch):
    called = []
    monkeypatch.setattr(module, "_run", lambda *args: called.append(args) or b"painted")
    monkeypatch.setattr(module.shutil, "which", lambda program: program)
    scene = Scene(*size, "large")
    if fits:
        assert render(scene, LIGHT, "png", dpi=dpi) == b"painted"
        return
    with pytest.raises(SizeError, match=r"Ways out: dpi=\d+, fewer steps \(steps=\)") as caught:
        render(scene, LIGHT, "png", dpi=dpi)
    assert not called
    proposed = int(re.search(r"dpi=(\d+)", str(caught.value))[1])
    assert render(scene, LIGHT, "png", dpi=proposed) == b"painted"
    assert render(scene, LIGHT, "pdf", dpi=dpi) == b"painted"


def test_options_that_mean_nothing_are_refused():
    with pytest.raises(FormatError, match="there is no renderer 'paint'; there are graphviz, pygraphviz, resvg"):
        render(SMALL, LIGHT, "png", renderer="paint")
    with pytest.raises(FormatError, match="resvg does not write pdf"):
        render(SMALL, LIGHT, "pdf", renderer="resvg")
    for dpi in (0, -1, float("nan"), float("inf")):
        with pytest.raises(FormatError, match="dpi is a positive number"):
            render(SMALL, LIGHT, "png", dpi=dpi)


def test_graphviz_is_imported_in_one_file():
    source = Path(module.__file__).parent
    texts = {path.name: path.read_text(encoding="utf-8") for path in source.rglob("*.py")}
    importing = [name for name, text in texts.items() if re.search(r"^\s*(import|from) graphviz", text, re.M)]
    assert importing == ["render.py"]
