"""Pictures of graphs, forward values and gradients alike: views, scenes, the writers that draw them, and renderers."""

from viz.charts.itemized import itemized
from viz.charts.saturation import saturation
from viz.charts.timeline import timeline
from viz.compare.diff import Diff, diff
from viz.errors import FormatError, PlotterNotFound, RenderError, SaveError, SceneError, SizeError
from viz.render import RendererNotFound
from viz.scene import Box, Edge, Frame, Line, Scene, Text
from viz.theme import Theme
from viz.view import View
from viz.views.cell import cell
from viz.views.folded import folded
from viz.views.graph import graph
from viz.views.unrolled import unrolled

__all__ = [
    "Box", "Diff", "Edge", "FormatError", "Frame", "Line", "PlotterNotFound", "RenderError", "RendererNotFound",
    "SaveError", "Scene", "SceneError", "SizeError", "Text", "Theme", "View", "cell", "diff", "folded", "graph",
    "itemized", "saturation", "timeline", "unrolled",
]  # fmt: skip
