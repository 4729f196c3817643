"""Charts: numbers first, and a picture of them where matplotlib is installed."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any, Self

from graphengine import errors
from viz.charts.drawing import Drawing
from viz.charts.paint import METADATA, paint
from viz.errors import FormatError
from viz.files import put
from viz.theme import Theme, theme_named


class Chart:
    """What a trace says about all steps at once, as arrays and as a picture.

    The arrays need NumPy only. The picture needs matplotlib (`pip install "graphengine[png]"`).
    """

    def __init__(self, theme: str | Theme = "light") -> None:
        self.theme = theme_named(theme)

    def themed(self, theme: str | Theme) -> Self:
        """Return the same chart in another theme."""
        other = copy.copy(self)
        other.theme = theme_named(theme)
        return other

    def to_drawing(self) -> Drawing:
        """Return the picture as plain data; it needs nothing installed."""
        raise NotImplementedError(f"{type(self).__name__}.to_drawing")

    def to_svg(self) -> str:
        """Return the picture as an SVG document.

        Raises:
            PlotterNotFound: matplotlib is not installed.
        """
        return paint(self.to_drawing(), "svg").decode()

    def save(self, path: str | os.PathLike[str], *, dpi: float = 144) -> Path:
        """Write the picture in the format that the suffix names: .svg .png .pdf; return the path.

        The file is replaced at once or not at all. `dpi` is for .png.

        Raises:
            FormatError: the suffix is none of these, or `dpi` no positive number.
            SaveError: the folder does not exist, or the path is a folder.
            PlotterNotFound: matplotlib is not installed.
        """
        suffix = Path(path).suffix.lower()
        if suffix[1:] not in METADATA:
            asked = f"as {suffix}" if suffix else "without a suffix"
            forms = " ".join(f".{form}" for form in METADATA)
            raise FormatError(f"{path}: no chart is written {asked}; there are {forms}")
        if not 0 < dpi < 10_000:
            raise FormatError(f"dpi is a positive number, not {dpi}")
        return put(path, lambda: paint(self.to_drawing(), suffix[1:], dpi))

    def _repr_svg_(self) -> str | None:
        """What a notebook shows; nothing rather than an error."""
        return self._repr_mimebundle_().get("image/svg+xml")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.to_svg(), "text/plain": repr(self)}
        except Exception as reason:  # a notebook must go on showing the rest
            return {"text/plain": f"{self!r}, which could not be drawn: {reason}"}


def one_of(what: str, value: str, choices: tuple[str, ...]) -> str:
    """Return a setting that is one of a few words.

    Raises:
        SettingError: it is none of them.
    """
    if value not in choices:
        words = " or ".join(f'"{choice}"' for choice in choices)
        raise errors.SettingError(f"{what} is {words}, not {value!r}{errors.here()}")
    return value
