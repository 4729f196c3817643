"""Pictures: the folder that a demo fills with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from viz import RendererNotFound, View


class Pictures:
    """Saves pictures as SVG and as PNG; where nothing can paint a PNG, the SVG is there and `report` says what to do.

    Attributes:
        files: what was written, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Path] = []
        self.missing = ""
        folder.mkdir(parents=True, exist_ok=True)

    def view(self, name: str, view: View) -> None:
        """Save a view."""
        self.files.append(view.save(self.folder / f"{name}.svg"))
        try:
            self.files.append(view.save(self.folder / f"{name}.png"))
        except RendererNotFound as reason:
            self.missing = str(reason)

    def plot(self, name: str, figure: Any) -> None:
        """Save a figure of matplotlib."""
        from demos import plots  # matplotlib is for those who plot

        self.files += plots.save(figure, self.folder / name)

    def report(self) -> str:
        """Return what was written, and how to get what was not."""
        names = dict.fromkeys(path.stem for path in self.files)
        suffixes = dict.fromkeys(path.suffix for path in self.files)
        written = f"{len(names)} pictures in {self.folder} ({' and '.join(suffixes)}): {', '.join(names)}"
        return f"{written}\n\nSVG only: {self.missing}" if self.missing else written
