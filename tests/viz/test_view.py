"""A view is shown, saved whole or not at all, and says what it cannot do."""

import json
import os
import stat

import pytest

from graphengine.errors import GraphError
from tests.viz.demonstration import demonstration
from viz import FormatError, SaveError, View
from viz import view as module
from viz.theme import DARK

VIEW = View(demonstration())


FORMATS = {
    "a.html": b"<!DOC", "a.svg": b"<svg", "a.dot": b"// dr", "a.gv": b"// dr", "a.json": b"{", "A.SVG": b"<svg",
    "猫.svg": b"<svg",
}  # fmt: skip


@pytest.mark.parametrize(("name", "start"), FORMATS.items())
def test_the_suffix_chooses_the_format(name, start, tmp_path):
    path = tmp_path / name
    assert VIEW.save(path) == path
    assert path.read_bytes().startswith(start)
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.renderer
@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_pictures_are_rendered(name, start, tmp_path):
    VIEW.save(str(tmp_path / name), dpi=50)
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("a.txt", {}, FormatError, r"written as \.txt; there are \.html \.svg \.dot \.gv \.json \.png \.pdf"),
        ("a", {}, FormatError, "nothing is written without a suffix"),
        ("a.svg", {"dpi": 100}, FormatError, r"dpi is for \.png and \.pdf only"),
        ("missing/a.svg", {}, SaveError, "missing does not exist; make it first"),
        ("folder.svg", {}, SaveError, "this is a folder; a picture needs a name"),
    ],
)
def test_what_cannot_be_saved_is_told(name, options, error, message, tmp_path):
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(error, match=message) as caught:
        VIEW.save(tmp_path / name, **options)
    assert isinstance(caught.value, GraphError)
    assert [each.name for each in tmp_path.iterdir()] == ["folder.svg"]


def test_an_unknown_option_is_an_error(tmp_path):
    with pytest.raises(TypeError, match="size"):
        VIEW.save(tmp_path / "a.png", size=3)


def test_a_failing_writer_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.svg"
    path.write_text("old")

    def fail(scene, theme):
        raise RuntimeError("the pen broke")

    monkeypatch.setattr(module.svg, "to_svg", fail)
    with pytest.raises(RuntimeError, match="the pen broke"):
        VIEW.save(path)
    assert path.read_text() == "old"


def test_a_failing_disk_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "a.svg"
    path.write_text("old")

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(module.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        VIEW.save(path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.skipif(os.name == "nt", reason="links and modes of another kind")
def test_links_are_followed_and_files_are_as_readable_as_any(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.svg"
    link.symlink_to(tmp_path / "real" / "a.svg")
    VIEW.save(link)
    VIEW.save(link)
    assert link.is_symlink()
    other = tmp_path / "other"
    other.touch()
    assert stat.S_IMODE(os.stat(link).st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_a_notebook_shows_svg():
    bundle = VIEW._repr_mimebundle_()
    assert bundle["image/svg+xml"] == VIEW._repr_svg_() == VIEW.to_svg()
    assert bundle["text/plain"] == repr(VIEW) == "<view 'Two steps of an LSTM': 38 boxes, 41 edges>"


def test_a_notebook_goes_on_when_drawing_fails(monkeypatch):
    def fail(scene, theme):
        raise RuntimeError("the pen broke")

    monkeypatch.setattr(module.svg, "to_svg", fail)
    assert VIEW._repr_mimebundle_() == {"text/plain": f"{VIEW!r}, which could not be drawn: the pen broke"}
    assert VIEW._repr_svg_() is None


def test_themes():
    dark = VIEW.themed("dark")
    assert dark.theme is DARK
    assert dark.to_scene() is VIEW.to_scene()
    assert DARK.background in dark.to_svg()
    assert json.loads(dark.to_json()) == json.loads(VIEW.to_json())
    with pytest.raises(ValueError, match="there is no theme"):
        View(demonstration(), "sepia")
