"""Views: a scene and a theme, shown in a notebook or saved in the format that a file's name asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from viz import dot, html, json_writer, render, svg
from viz.errors import FormatError
from viz.explained import Explanations
from viz.files import put
from viz.frame import PageFrame
from viz.model.subject import Subject
from viz.scene import Scene
from viz.theme import Theme, theme_named

_TEXT_FORMATS = (".html", ".svg", ".dot", ".gv", ".json")
_RENDERED = (".png", ".pdf")


class View:
    """A picture that can be looked at, saved and taken apart.

    Args:
        scene: what to draw.
        theme: "light", "dark", "print", or a `Theme`.
        subject: what the scene is about; with it, interactive pages tell numbers, equations and the order of execution.
        other: draws the same with its cells open where these are closed, closed where they are open.

    >>> from viz.scene import Box, Line
    >>> view = View(Scene(80, 40, "one op", boxes=(Box("n0", 40, 20, 50, 24, lines=(Line("tanh"),)),)))
    >>> "tanh" in view.to_svg()
    True
    """

    def __init__(
        self, scene: Scene, theme: str | Theme = "light", subject: Subject | None = None,
        other: Callable[[], View] | None = None,
    ) -> None:  # fmt: skip
        self._scene = scene
        self._subject = subject
        self._other = other
        self.theme = theme_named(theme)

    def themed(self, theme: str | Theme) -> View:
        """Return the same picture in another theme."""
        return View(self._scene, theme, self._subject, self._other)

    def to_scene(self) -> Scene:
        """Return the picture as plain data."""
        return self._scene

    def to_svg(self) -> str:
        """Return the picture as an SVG document; it needs nothing installed.

        Where a box shows a value of a trace, its tooltip is the beginning of what `trace.explain` says of that value:
        the equation with the numbers in it, and the gradient. A picture of more than 400 values keeps short tooltips.
        """
        return svg.to_svg(self._explained(), self.theme)

    def to_html(self) -> str:
        """Return the picture as a page to explore, in one file that needs nothing installed and no network.

        Zoom and move, look at the numbers, equations and gradients of boxes and edges, unfold cells, search by name,
        and go step by step through the forward and the backward pass in the order in which the engine works.
        """
        from viz import unfold  # it draws insides, which are views too

        pictures, opened = unfold.pictures(self._scene, self._subject, self._other)
        return html.page(pictures, self.theme, opened=opened)

    def interactive(self, height: int = 560) -> PageFrame:
        """Return the page in a frame for a notebook: its script can reach nothing outside of it.

        Args:
            height: of the frame, in pixels.
        """
        return PageFrame(self.to_html(), self._scene.title, height)

    def to_dot(self) -> str:
        """Return the picture as DOT with all positions in it, to be drawn by `neato -n2`."""
        return dot.to_dot(self._scene, self.theme)

    def to_json(self) -> str:
        """Return the scene as JSON."""
        return json_writer.to_json(self._scene)

    def save(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write the picture in the format that the suffix names: .html .svg .dot .gv .json .png .pdf; return the path.

        The file is replaced at once or not at all. PNG and PDF need a renderer and take its options, all of them
        optional: `dpi` (144), `renderer` ("graphviz", "pygraphviz" or "resvg"), `timeout` in seconds (120).

        Raises:
            FormatError: the suffix is none of these, or an option has no meaning for it.
            SaveError: the folder does not exist, or the path is a folder.
            RendererNotFound: a PNG or PDF was asked for and nothing here can paint one; says what can be done.
            SizeError: the picture would be larger than renderers can paint.
            RenderError: the renderer failed or took too long.
        """
        return put(path, self._writer(Path(path), options))

    def _writer(self, path: Path, options: dict[str, Any]) -> Callable[[], bytes]:
        suffix = path.suffix.lower()
        if suffix in _RENDERED:
            return lambda: render.render(self._scene, self.theme, suffix[1:], **options)
        if suffix not in _TEXT_FORMATS:
            asked = f"as {suffix}" if suffix else "without a suffix"
            raise FormatError(f"{path}: nothing is written {asked}; there are {' '.join((*_TEXT_FORMATS, *_RENDERED))}")
        if options:
            raise FormatError(f"{path}: {', '.join(options)} is for {' and '.join(_RENDERED)} only")
        write = {".html": self.to_html, ".svg": self.to_svg, ".json": self.to_json}.get(suffix, self.to_dot)
        return lambda: write().encode()

    def _explained(self) -> Scene:
        return self._scene if self._subject is None else Explanations(self._subject.trace).with_tooltips(self._scene)

    def _repr_svg_(self) -> str | None:
        """What a notebook shows; nothing rather than an error."""
        return self._repr_mimebundle_().get("image/svg+xml")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.to_svg(), "text/plain": repr(self)}
        except Exception as reason:  # a notebook must go on showing the rest
            return {"text/plain": f"{self!r}, which could not be drawn: {reason}"}

    def __repr__(self) -> str:
        scene = self._scene
        return f"<view {scene.title!r}: {len(scene.boxes)} boxes, {len(scene.edges)} edges>"
