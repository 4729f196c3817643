"""What drawing can refuse, in the error family of the engine."""

from __future__ import annotations

from graphengine.errors import GraphError


class SceneError(GraphError, ValueError):
    """A scene is not drawable: an unknown end point, a number that is not finite, an id used twice."""


class FormatError(GraphError, ValueError):
    """A file name asks for a format that is not written, or for none."""


class SaveError(GraphError, OSError):
    """A picture cannot be put where it was asked to go."""


class SizeError(GraphError, ValueError):
    """A picture is larger than renderers can paint."""


class RenderError(GraphError, RuntimeError):
    """A renderer was found but failed; what it said stands in the message."""


class PlotterNotFound(GraphError, ImportError):  # noqa: N818
    """A chart was to be painted, and matplotlib, which paints them, is not installed."""
