"""Captions: the words under the positions in time, such as those of a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from graphengine import errors
from graphengine.spec import Dim
from viz.model.subject import Subject

Captions: TypeAlias = Sequence[str] | Mapping[Dim, Sequence[str]]


def captions(given: Captions | None, subject: Subject) -> dict[object, Sequence[str]]:
    """Return the words by axis of time.

    Raises:
        StructureError: they are no texts, not as many as there are positions, or of an axis that is not there.
    """
    if given is None:
        return {}
    where = errors.at(errors.user_location())
    steps = {loop.over: len(subject.positions(loop)) for loop in subject.loops}
    known = " and ".join(map(str, steps)) or "none"
    if not isinstance(given, Mapping):
        if len(steps) != 1:
            raise errors.StructureError(
                f"captions: {subject.graph.name} has the axes of time {known}; say which: {{axis: [...]}}{where}"
            )
        given = dict.fromkeys(steps, given)
    found: dict[object, Sequence[str]] = {}
    for over, words in given.items():
        if over not in steps:
            raise errors.StructureError(
                f"captions: {subject.graph.name} has no axis of time {over}, only {known}{where}"
            )
        if isinstance(words, str) or not all(isinstance(word, str) for word in words):
            raise errors.StructureError(f"captions of {over} are a list of texts, not {words!r}{where}")
        if len(words) != steps[over]:
            raise errors.StructureError(f"captions of {over}: {len(words)} for {steps[over]} positions in time{where}")
        found[over] = words
    return found
