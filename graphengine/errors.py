"""The error family: what went wrong, where in the graph, where in the user's code, and what to do.

Value problems are `ValueError`s and wrong kinds of thing are `TypeError`s, so a caller can catch either the
family (`GraphError`) or the built-in kind.
"""

from __future__ import annotations

import sys

Location = tuple[str, int]

_LIBRARY = frozenset({"graphengine", "layers", "viz"})


class GraphError(Exception):
    """Anything that this project refuses; every other error here is one.

    Attributes:
        explained: a run-time problem that names its node already.
    """

    explained = False


class ShapeError(GraphError, ValueError):
    """Sizes, ranks or dimension names do not fit."""


class DtypeError(GraphError, TypeError):
    """A number type does not fit, and converting it would lose something or hide a mistake."""


class SettingError(GraphError, ValueError):
    """A setting has a value that means nothing: a negative rate, an unknown name."""


class StructureError(GraphError, TypeError):
    """A nesting of named tuples (a state, usually) has another form than the one needed."""


class FeedError(GraphError, ValueError):
    """A run was given too little, too much, or values that do not fit their placeholders."""


class LoopError(GraphError, ValueError):
    """A loop is used in a way that has no meaning: nested, left by a plain edge, fed twice, waiting for itself."""


class GradientError(GraphError, ValueError):
    """A gradient was asked for where there is none."""


class GraphMismatchError(GraphError, ValueError):
    """Things of two graphs were mixed."""


class SharedCellError(GraphError, ValueError):
    """One cell object stands in two places, which would silently share its weights."""


class NotBuiltError(GraphError, AttributeError):
    """A parameter was asked for before its layer had seen an input."""


class WeightsError(GraphError, ValueError):
    """A conversion of weights would lose something, or the arrays are not what they are said to be."""


class BudgetError(GraphError, MemoryError):
    """A trace or a drawing would need more than the budget allows."""


class UnknownPathError(GraphError, LookupError):
    """No node, tensor or parameter has this path."""


def user_location() -> Location:
    """Return file and line of the nearest caller outside this project's packages.

    It is what an error shows, and what a node remembers of where it was made. An example in a docstring counts as a
    user's code, though it runs in the namespace of its module.
    """
    frame = sys._getframe(1)
    while (
        frame.f_back is not None
        and frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARY
        and not frame.f_code.co_filename.startswith("<doctest")
    ):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def at(location: Location) -> str:
    """Spell a location the way Python's own tracebacks do, so that editors can jump to it."""
    filename, line = location
    return f'\n  File "{filename}", line {line}'


def here() -> str:
    """Spell where the user is now: what an error ends with."""
    return at(user_location())
