"""The gallery: the demo's page and its pictures, and those that the documentation shows."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

import viz
from demos import gallery
from demos.__main__ import main
from demos.exhibits import ROOMS
from demos.page import Hung, Wall, page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SHOWN = re.findall(r"!\[([^\]]*)\]\(pictures/(\w+)\.png\)", (DOCS / "gallery.md").read_text(encoding="utf-8"))
PNG = b"\x89PNG\r\n\x1a\n"


class Links(HTMLParser):
    """Every file that a page names, and every image."""

    def __init__(self, text):
        super().__init__()
        self.files, self.images, self.tags = set(), [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.add(tag)
        self.files |= {named[key] for key in ("href", "src") if key in named and not named[key].startswith("#")}
        if tag == "img":
            self.images.append(named)


def only(monkeypatch, *names):
    monkeypatch.setattr(gallery, "ROOMS", [room for room in ROOMS if room.name in names])


@pytest.mark.renderer
def test_the_page_shows_everything_that_was_drawn(tmp_path, capsys, monkeypatch):
    only(monkeypatch, "rnn", "sentence")
    assert main(["gallery", "--theme", "dark", "--out", str(tmp_path / "out"), "--quiet"]) == 0
    links = Links((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert links.files == files - {"index.html"}
    assert {"rnn/gradient_dark.svg", "rnn/gradient_dark.png", "rnn/gradient.html", "rnn/timeline_dark.svg"} <= files
    assert {"sentence/itemized_dark.svg", "sentence/saturation_unit_dark.png"} <= files
    for name in files:
        content = (tmp_path / "out" / name).read_bytes()
        if name.endswith(".svg"):
            assert len(list(ET.fromstring(content).iter())) > 10
        assert not name.endswith(".png") or content.startswith(PNG)
    count = len([name for name in files if name.endswith(".svg")])
    assert capsys.readouterr().out == f"{count} pictures, dark: open {tmp_path / 'out' / 'index.html'}\n"
    assert len(links.images) == count


def test_what_is_missing_is_said_and_the_rest_is_there(tmp_path, capsys, monkeypatch):
    def nothing_paints(*_, **__):
        raise viz.RendererNotFound("png", ["neato or dot on PATH"])

    def nothing_plots(*_, **__):
        raise viz.PlotterNotFound("a picture needs matplotlib")

    monkeypatch.setattr("viz.render.render", nothing_paints)
    monkeypatch.setattr("viz.charts.chart.paint", nothing_plots)
    only(monkeypatch, "rnn")
    assert main(["gallery", "--theme", "light", "--out", str(tmp_path), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "SVG only: no renderer for PNG here" in printed
    assert printed.count("No charts: they need matplotlib") == 1
    written = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "No charts: they need matplotlib" in written
    assert "rnn/gradient_light.svg" in written
    assert "timeline" not in written
    assert not list(tmp_path.rglob("*.png"))


def test_quick_is_a_part_of_all():
    assert set(gallery.QUICK) < {room.name for room in ROOMS}
    assert len({room.name for room in ROOMS}) == len(ROOMS)


def test_the_page_asks_for_nothing_but_its_files_and_escapes_what_it_is_told():
    hung = Hung("<b>", 'says "x" & <i>', {"light": "a.svg", "dark": "b.svg", "print": "c.svg"}, {"PNG": "a.png"}, True)
    text = page([Wall("room", "A <room>", "of & things", [hung])], list(gallery.THEMES), ["a <note>"])
    links = Links(text)
    assert links.files == {"a.svg", "b.svg", "c.svg", "a.png"}
    assert {image["alt"] for image in links.images} == {'<b>: says "x" & <i>'}
    assert not {"script", "link", "iframe", "i"} & links.tags
    assert "://" not in text
    assert "default-src 'none'" in text
    assert "A &lt;room&gt;" in text
    assert "a &lt;note&gt;" in text


def test_every_theme_can_be_chosen_where_there_are_several():
    wall = Wall("room", "Room", "", [Hung("one", "two", {"light": "a.svg"}, {}, False)])
    for name in ("auto", *gallery.THEMES, "every"):
        assert f'id="{name}"' in page([wall], list(gallery.THEMES), [])
        assert f'id="{name}"' not in page([wall], ["light"], [])
        assert f"body:has(#{name}:checked)" in page([wall], list(gallery.THEMES), [])


def test_every_network_is_shown_from_every_side():
    for name in ("bi", "free"):
        (room,) = [room for room in ROOMS if room.name == name]
        exhibits = list(room.fill())
        names = [exhibit.name for exhibit in exhibits]
        assert len(set(names)) == len(names)
        shown = {"values", "gradient", "inside", "folded", "graph", "cell_forward", "cell_gradient", "cell_both"}
        assert shown | {"timeline"} <= set(names)
        assert ("states" in names) == (name == "bi")
        assert all(exhibit.caption.endswith(".") and len(exhibit.caption) < 160 for exhibit in exhibits)


# docs/gallery.md


def test_the_documentation_shows_the_best():
    assert [name for _, name in SHOWN] == list(gallery.BEST)
    assert all(len(words) > 20 for words, _ in SHOWN)


def test_the_pictures_of_the_documentation_are_small():
    sizes = [(DOCS / "pictures" / f"{name}.png").stat().st_size for name in gallery.BEST]
    assert max(sizes) <= 250_000
    assert sum(sizes) < 2_500_000


@pytest.mark.renderer
def test_the_best_are_drawn_by_the_command_of_the_documentation(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gallery, "BEST", {"rnn_folded": "print", "sentence_timeline": "dark"})
    assert main(["gallery", "--best", "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rnn_folded.png", "sentence_timeline.png"]
    assert "python -m demos gallery --best --out docs/pictures" in (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"2 pictures in {tmp_path}: rnn_folded, sentence_timeline\n"


def test_the_best_need_a_renderer(tmp_path, monkeypatch, capsys):
    def nothing_paints(*_, **__):
        raise viz.RendererNotFound("png", ["neato or dot on PATH"])

    monkeypatch.setattr("viz.render.render", nothing_paints)
    monkeypatch.setattr(gallery, "BEST", {"rnn_folded": "light"})
    assert main(["gallery", "--best", "--out", str(tmp_path)]) == 1
    assert "no renderer for PNG here" in capsys.readouterr().err
