"""Painting: the one file that knows matplotlib, which is an extra. The same drawing gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import warnings
from typing import Any

import numpy as np

from viz import text
from viz.charts.drawing import Drawing, Item, Label, Marks, Patch, Path, Raster
from viz.errors import PlotterNotFound

METADATA: dict[str, dict[str, None]] = {
    "svg": dict.fromkeys(("Date", "Creator")),
    "png": dict.fromkeys(("Software",)),
    "pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")),
}
_STYLE = {
    "font.family": "DejaVu Sans", "svg.hashsalt": "graphengine", "svg.fonttype": "path", "hatch.linewidth": 0.6,
    "pdf.fonttype": 42,
}  # fmt: skip
_BASELINE = 0.36  # from the middle of the letters down to their baseline, in font sizes
_FINE = 1600  # pixels across a raster: viewers that smooth between pixels then blur no edge that one sees
_ALONE = threading.Lock()  # settings of matplotlib belong to the process; two charts at once would mix them up


def paint(drawing: Drawing, form: str, dpi: float = 144) -> bytes:
    """Paint a drawing as "svg", "png" or "pdf".

    Raises:
        PlotterNotFound: matplotlib is not installed.
    """
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotterNotFound(
            f"a picture of {drawing.title!r} needs matplotlib, which is not installed: pip install "
            '"graphengine[png]"; the numbers need nothing, read the arrays of the chart'
        ) from None
    written = io.BytesIO()
    with _ALONE, style.context(_STYLE, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a user's names may be in any script
        figure = Figure(figsize=(drawing.width / 72, drawing.height / 72), facecolor=drawing.theme.background)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, drawing.width), ylim=(drawing.height, 0), autoscale_on=False)
        axes.set_axis_off()
        for order, item in enumerate(drawing.items):
            _PAINTERS[type(item)](axes, item, order)
        figure.savefig(written, format=form, dpi=dpi, metadata=METADATA[form])
    return _inline(written.getvalue().decode(), drawing).encode() if form == "svg" else written.getvalue()


def _label(axes: Any, label: Label, order: int) -> None:
    turned = label.turned
    shift = _BASELINE * label.size
    axes.text(
        label.x + (shift if turned else 0), label.y + (0 if turned else shift), label.content, color=label.colour,
        fontsize=label.size, fontweight="bold" if label.bold else "normal", rotation=90 if turned else 0,
        ha={"start": "left", "middle": "center", "end": "right"}[label.anchor], va="baseline",
        rotation_mode="anchor", parse_math=False, zorder=order,
    )  # fmt: skip


def _patch(axes: Any, patch: Patch, order: int) -> None:
    from matplotlib.patches import Rectangle

    place = ((patch.left, patch.top), patch.width, patch.height)
    if patch.fill is not None:
        axes.add_patch(Rectangle(*place, facecolor=patch.fill, edgecolor="none", zorder=order))
    if patch.hatch is not None:
        hatched = Rectangle(*place, facecolor="none", edgecolor=patch.hatch, linewidth=0, hatch="/////", zorder=order)
        axes.add_patch(hatched)
    if patch.stroke is not None:
        axes.add_patch(Rectangle(*place, facecolor="none", edgecolor=patch.stroke, linewidth=0.8, zorder=order))


def _raster(axes: Any, raster: Raster, order: int) -> None:
    rows, columns = raster.colours.shape[:2]
    finer = [max(1, min(32, _FINE // size)) for size in (rows, columns)]
    pixels = np.repeat(np.repeat(raster.colours, finer[0], axis=0), finer[1], axis=1)
    extent = (raster.left, raster.left + raster.width, raster.top + raster.height, raster.top)
    axes.imshow(pixels, extent=extent, interpolation="none", aspect="auto", zorder=order)


def _path(axes: Any, path: Path, order: int) -> None:
    from matplotlib.patches import Polygon

    if path.fill is not None:
        axes.add_patch(Polygon(path.points, closed=True, facecolor=path.fill, edgecolor="none", zorder=order))
    if path.stroke is not None:
        xs, ys = zip(*path.points, strict=True)
        dashes = (0, (3, 2)) if path.dashed else "solid"
        axes.plot(xs, ys, color=path.stroke, linewidth=path.width, linestyle=dashes, zorder=order)


def _marks(axes: Any, marks: Marks, order: int) -> None:
    if not marks.points:
        return
    xs, ys = zip(*marks.points, strict=True)
    if marks.sign == "cross":
        axes.scatter(xs, ys, s=marks.size**2, c=marks.colour, marker="x", linewidths=1.4, zorder=order)
    else:
        axes.scatter(xs, ys, s=marks.size**2, c=marks.colour, alpha=0.45, linewidths=0, zorder=order)


_PAINTERS: dict[type[Item], Any] = {Label: _label, Patch: _patch, Raster: _raster, Path: _path, Marks: _marks}


def _inline(svg: str, drawing: Drawing) -> str:
    """Make a document fit to stand in a page: nothing in it reaches outside, its ids are its own, and it has a name."""
    start = svg.index("<svg")
    prefix = "c" + hashlib.blake2b(svg.encode(), digest_size=4).hexdigest()
    body = re.sub(r'((?:\sid|xlink:href)="#?|url\(#)(?!data:)', rf"\1{prefix}-", svg[start:])
    body = body.replace("*{stroke-linejoin", f"#{prefix} *{{stroke-linejoin", 1)
    head, _, rest = body.partition(">")
    title, description = text.xml(text.clean(drawing.title)), text.xml(text.clean(drawing.description, text.TOOLTIP))
    return (
        f'{head} id="{prefix}" role="img" aria-labelledby="{prefix}-title {prefix}-desc">\n'
        f'<title id="{prefix}-title">{title}</title>\n<desc id="{prefix}-desc">{description}</desc>{rest}'
    )
