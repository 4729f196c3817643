"""Renderers: what paints a PNG or a PDF, in the order in which they are tried.

Nothing is ever downloaded or installed. A renderer runs in a process of its own, called with a list and no shell, with
a timeout, and what it writes to stderr is read: it becomes an error's text or nothing.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import graphviz

from graphengine.errors import GraphError
from viz.dot import to_dot
from viz.errors import FormatError, RenderError, SizeError
from viz.scene import Scene
from viz.svg import to_svg
from viz.theme import Theme

MAX_SIDE = 32_767  # pixels; cairo shrinks larger pictures without a word
MAX_AREA = 400_000_000  # pixels; 1.6 GB in memory
_WORKER = Path(__file__).with_name("worker.py")


class RendererNotFound(graphviz.ExecutableNotFound, GraphError):  # type: ignore[misc]  # noqa: N818
    """Nothing on this machine can paint the format; the message says what was looked for and how to get it."""

    def __init__(self, form: str, looked_for: Sequence[str]) -> None:
        Exception.__init__(self, _NOT_FOUND.format(form=form.upper(), looked_for="\n  ".join(looked_for)))


_NOT_FOUND = """no renderer for {form} here. Looked for:
  {looked_for}
Any one of these commands brings one:
  any system:     pip install "graphengine[png]"
  Debian, Ubuntu: sudo apt install graphviz fonts-dejavu-core
  Fedora:         sudo dnf install graphviz dejavu-sans-fonts
  macOS:          brew install graphviz
  Windows:        winget install graphviz
.svg, .dot and .json need nothing: save("picture.svg") works now and opens in any browser."""


@dataclass(frozen=True)
class _Renderer:
    """A way to paint.

    Attributes:
        looks_for: what it needs, for the error that lists it.
        find: returns the beginning of its command, or None where it is not installed.
        order: returns the rest of the command and what to write to its stdin.
    """

    formats: tuple[str, ...]
    looks_for: str
    find: Callable[[], list[str] | None]
    order: Callable[[Scene, Theme, str, float], tuple[list[str], str]]


def render(
    scene: Scene, theme: Theme, form: str, *, dpi: float = 144, renderer: str | None = None, timeout: float = 120
) -> bytes:
    """Paint a scene as "png" or "pdf".

    Args:
        dpi: pixels per inch of a PNG; a point is 1/72 inch.
        renderer: "graphviz" (`neato` or `dot` on PATH), "pygraphviz" (the wheel), "resvg" (PNG only); by default the
            first of these that is there.
        timeout: seconds after which the renderer is stopped.

    Raises:
        RendererNotFound, SizeError, RenderError, FormatError
    """
    if renderer is not None and renderer not in _RENDERERS:
        raise FormatError(f"there is no renderer {renderer!r}; there are {', '.join(_RENDERERS)}")
    if not (math.isfinite(dpi) and dpi > 0):
        raise FormatError(f"dpi is a positive number, not {dpi}")
    if form == "png":
        _check_size(scene, dpi)
    candidates = [_RENDERERS[renderer]] if renderer else list(_RENDERERS.values())
    able = [candidate for candidate in candidates if form in candidate.formats]
    if not able:
        raise FormatError(f"{renderer} does not write {form}")
    for candidate in able:
        command = candidate.find()
        if command is not None:
            options, document = candidate.order(scene, theme, form, dpi)
            return _run([*command, *options], document, timeout)
    raise RendererNotFound(form, [candidate.looks_for for candidate in able])


def _check_size(scene: Scene, dpi: float) -> None:
    width, height = (math.ceil(side * dpi / 72) for side in (scene.width, scene.height))
    if max(width, height) <= MAX_SIDE and width * height <= MAX_AREA:
        return
    fitting = min(MAX_SIDE / max(width, height), math.sqrt(MAX_AREA / (width * height))) * dpi
    raise SizeError(
        f"this PNG would be {width:,} × {height:,} pixels; renderers paint at most {MAX_SIDE:,} on a side and "
        f"{MAX_AREA // 10**6} million in all. Ways out: dpi={math.floor(fitting)}, fewer steps (steps=), "
        'less detail (detail="cell"), or .svg, which has no limit'
    )


def _run(command: list[str], document: str, timeout: float) -> bytes:
    """Call a renderer with the fonts that this project measured with, and return the picture."""
    with tempfile.TemporaryDirectory(prefix="graphengine-") as folder:
        try:
            done = subprocess.run(
                command, input=document.encode(), capture_output=True, timeout=timeout, check=False,
                env=_environment(Path(folder)),
            )
        except subprocess.TimeoutExpired:
            raise RenderError(
                f"{_name(command)} took more than {timeout:g} s; allow more (timeout=) or draw less (steps=)"
            ) from None
        except OSError as reason:
            raise RenderError(f"{_name(command)} could not be started: {reason}") from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip()[-2000:] or "nothing"
        raise RenderError(f"{_name(command)} failed with status {done.returncode} and said: {said}")
    return done.stdout


def _name(command: list[str]) -> str:
    return " ".join(command[:4])


def _environment(folder: Path) -> dict[str, str]:
    """The environment with a fontconfig file that adds DejaVu Sans to whatever fonts the machine has, if any."""
    fonts = _fonts()
    if not fonts:
        return dict(os.environ)
    usual = os.environ.get("FONTCONFIG_FILE", "/etc/fonts/fonts.conf")
    config = folder / "fonts.conf"
    config.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>\n'
        f'<dir>{escape(str(fonts[0].parent))}</dir>\n<include ignore_missing="yes">{escape(usual)}</include>\n'
        '<cachedir prefix="xdg">fontconfig</cachedir>\n</fontconfig>\n',
        encoding="utf-8",
    )
    return {**os.environ, "FONTCONFIG_FILE": str(config)}


def _fonts() -> list[Path]:
    """The files of DejaVu Sans that matplotlib's wheel carries; found without importing it."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    names = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique")
    return [path for path in (folder / f"{name}.ttf" for name in names) if path.is_file()]


def _graphviz() -> list[str] | None:
    """`neato` on PATH, or `dot`, which is the same program under another name."""
    for program in ("neato", "dot"):
        found = shutil.which(program)
        if found:
            return [found, "-Kneato", "-n2"]
    return None


def _wheel(name: str, oldest: int) -> Callable[[], list[str] | None]:
    """Look for an installed package without importing it; its renderer runs in a worker."""

    def find() -> list[str] | None:
        if importlib.util.find_spec(name) is None or not sys.executable:
            return None
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None
        new_enough = int(version.partition(".")[0]) >= oldest
        return [sys.executable, "-P", str(_WORKER)] if new_enough else None

    return find


def _order_graphviz(scene: Scene, theme: Theme, form: str, dpi: float) -> tuple[list[str], str]:
    return [f"-T{form}"], to_dot(scene, theme, dpi if form == "png" else None)


def _order_pygraphviz(scene: Scene, theme: Theme, form: str, dpi: float) -> tuple[list[str], str]:
    return ["pygraphviz", form], to_dot(scene, theme, dpi if form == "png" else None)


def _order_resvg(scene: Scene, theme: Theme, form: str, dpi: float) -> tuple[list[str], str]:
    wide = max(1, round(scene.width * dpi / 72))
    return ["resvg", str(wide), *map(str, _fonts())], to_svg(scene, theme)


_RENDERERS = {
    "graphviz": _Renderer(("png", "pdf"), "neato or dot on PATH", _graphviz, _order_graphviz),
    "pygraphviz": _Renderer(
        ("png", "pdf"), "the Python package pygraphviz, 2.0 or later", _wheel("pygraphviz", 2), _order_pygraphviz
    ),
    "resvg": _Renderer(("png",), "the Python package resvg-py", _wheel("resvg_py", 0), _order_resvg),
}
