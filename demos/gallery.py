"""What can be drawn: every view of every network of the demos, in every theme, on one page to look at all at once.

The page is `index.html`; it stands beside its pictures, needs no network, and follows the colours of the system.
Every picture is there as SVG, as PNG where something can paint one, and some as pages to explore. The pictures of
docs/gallery.md are drawn by

    python -m demos gallery --best --out docs/pictures
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import viz
from demos.arguments import parser
from demos.exhibits import ROOMS, Exhibit, Picture, Room
from demos.page import Hung, Wall, page
from demos.progress import progress

THEMES = ("light", "dark", "print")
QUICK = ("lstm", "free", "sentence")
BEST = {
    "bimulti_gradient": "light",
    "multi_values": "light",
    "multi_folded": "light",
    "bi_gradient": "print",
    "lstm_inside": "dark",
    "lstm_cell_gradient": "light",
    "gru_cell_both": "dark",
    "long_gradient": "light",
    "free_gradient": "light",
    "encoder_decoder_gradient": "light",
    "differences_peephole": "light",
    "sentence_timeline": "light",
    "sentence_itemized": "dark",
    "sentence_saturation_step": "light",
}
DPI = 96  # of the best, which a page of text shows small
WIDE = 1100.0  # points; what is wider gets a row of its own


class Painter:
    """Saves pictures in several themes; what nothing here can paint is left out and noted.

    Attributes:
        notes: what is not there, why, and how to get it.
    """

    def __init__(self, folder: Path, themes: Sequence[str]) -> None:
        self.folder = folder
        self.themes = themes
        self.notes: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._paints = self._can_paint()
        self._painting: list[Future[str]] = []
        self._pool = ThreadPoolExecutor(2)  # renderers are processes of their own

    def _can_paint(self) -> bool:
        probe = self.folder / "probe.png"
        try:
            viz.View(viz.Scene(8, 8, "")).save(probe).unlink()
        except viz.RendererNotFound as reason:
            self._note(f"SVG only: {reason}")
            return False
        return True

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def wall(self, room: Room) -> Wall:
        """Save the pictures of a room."""
        (self.folder / room.name).mkdir(exist_ok=True)
        hung = (self._hang(f"{room.name}/{exhibit.name}", exhibit) for exhibit in room.fill())
        return Wall(room.name, room.title, room.about, [each for each in hung if each])

    def _hang(self, stem: str, exhibit: Exhibit) -> Hung | None:
        """Save a picture; None where nothing can draw it."""
        picture = exhibit.draw()
        shown: dict[str, str] = {}
        more: dict[str, str] = {}
        for theme in self.themes:
            themed = picture.themed(theme)
            try:
                shown[theme] = self._saved(themed, f"{stem}_{theme}.svg")
            except viz.PlotterNotFound:
                self._note('No charts: they need matplotlib, which is not installed; pip install ".[demos]" brings it')
                return None
            if self._paints:
                more[f"PNG {theme}"] = name = f"{stem}_{theme}.png"
                self._painting.append(self._pool.submit(self._saved, themed, name))
        if exhibit.page:
            more["explore"] = self._saved(picture, f"{stem}.html")
        return Hung(exhibit.title, exhibit.caption, shown, more, _width(picture) > WIDE)

    def _saved(self, picture: Picture, name: str) -> str:
        picture.save(self.folder / name)
        return name

    def finish(self) -> None:
        """Wait for the last picture."""
        with self._pool:
            for each in self._painting:
                each.result()


def _width(picture: Picture) -> float:
    drawn = picture.to_scene() if isinstance(picture, viz.View) else picture.to_drawing()
    return drawn.width


def show(rooms: Sequence[Room], folder: Path, themes: Sequence[str], quiet: bool) -> str:
    """Write the page and its pictures; return what to say about them."""
    painter = Painter(folder, themes)
    walls = [painter.wall(room) for room in progress(rooms, "rooms", total=len(rooms), quiet=quiet)]
    painter.finish()
    place = folder / "index.html"
    place.write_text(page(walls, themes, painter.notes), encoding="utf-8")
    count = sum(len(wall.pictures) for wall in walls)
    return "\n\n".join([f"{count} pictures, {' and '.join(themes)}: open {place}", *painter.notes])


def best(folder: Path) -> str:
    """Paint the pictures of docs/gallery.md; return what to say about them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        f"{room.name}_{exhibit.name}": exhibit
        for room in ROOMS
        if any(name.startswith(f"{room.name}_") for name in BEST)
        for exhibit in room.fill()
    }
    for name, theme in BEST.items():
        found[name].draw().themed(theme).save(folder / f"{name}.png", dpi=DPI)
    return f"{len(BEST)} pictures in {folder}: {', '.join(BEST)}"


def main(argv: Sequence[str]) -> int:
    """Draw everything and write the page."""
    arguments = parser(__name__)
    arguments.add_argument("--theme", choices=["all", *THEMES], default="all", help="which theme")
    arguments.add_argument("--quick", action="store_true", help=f"a few networks only: {', '.join(QUICK)}")
    arguments.add_argument("--best", action="store_true", help="the pictures of docs/gallery.md only, as PNG")
    chosen = arguments.parse_args(argv)
    if not chosen.best:
        rooms = [room for room in ROOMS if room.name in QUICK] if chosen.quick else ROOMS
        print(show(rooms, chosen.out, THEMES if chosen.theme == "all" else [chosen.theme], chosen.quiet))
        return 0
    try:
        print(best(chosen.out))
    except (viz.RendererNotFound, viz.PlotterNotFound) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0
