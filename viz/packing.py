"""Packing: JSON in which nothing of some length stands twice, for pages that say much the same of a thousand steps.

An object is `[k, …]`, the values for the names in form k - 1; a list is `[0, …]`; `[-k]` is what stands in part k - 1.
"""

from __future__ import annotations

import json
import math
from typing import Any

_SHORT = 8  # what is no longer than this is repeated
_WORDS = {word: (None, json.dumps(word)) for word in (True, False, None)}  # `True == 1`, but they are written unlike
_spell = json.JSONEncoder(ensure_ascii=False).encode


class _Packing:
    """Lists and mappings as tuples, each with the number of its form in front, so that equal ones can be found."""

    def __init__(self) -> None:
        self.forms: dict[tuple[str, ...], int] = {}
        self.parts: list[str] = []
        self._uses: dict[Any, int] = {}
        self._spelt: dict[Any, str] = {}

    def frozen(self, value: Any) -> Any:
        kind = type(value)
        if kind is str or kind is float:
            return value
        if kind is dict:
            form = self.forms.setdefault(tuple(value), len(self.forms) + 1)
            return form, *map(self.frozen, value.values())
        if kind is list or kind is tuple:
            return 0, *map(self.frozen, value)
        return _WORDS[value] if value is None or kind is bool else value

    def count(self, value: Any) -> None:
        """Count in how many others something stands; what stands in it counts once, however often that is."""
        uses = self._uses
        for each in value[1:]:
            if type(each) is str:
                uses[each] = uses.get(each, 0) + 1
            elif type(each) is tuple:
                known = uses[each] = uses.get(each, 0) + 1
                if known == 1:
                    self.count(each)

    def spelt(self, value: Any) -> str:
        if type(value) is not str and type(value) is not tuple:
            return _number(value)
        found = self._spelt.get(value)
        if found is None:
            found = _spell(value) if type(value) is str else self._row(*value)
            if self._uses.get(value, 1) > 1 and len(found) > _SHORT:
                self.parts.append(found)  # after the parts that stand in it
                found = f"[-{len(self.parts)}]"
            self._spelt[value] = found
        return found

    def _row(self, form: int | None, *values: Any) -> str:
        return str(values[0]) if form is None else f"[{','.join((str(form), *map(self.spelt, values)))}]"


def _number(value: Any) -> str:
    if not math.isfinite(value):
        raise ValueError(f"JSON has no number {value}")
    return repr(int(value) if value == int(value) else float(value))


def packed(data: Any) -> str:
    """Return data of texts, numbers, lists and dicts as packed JSON.

    Raises:
        ValueError: a number is not finite.

    >>> print(packed([{"name": "a long name", "x": 1}, {"name": "a long name", "x": 2}]))
    {"forms":[["name","x"]],"parts":["a long name"],"data":[0,[1,[-1],1],[1,[-1],2]]}
    """
    packing = _Packing()
    frozen = packing.frozen(data)
    packing.count(frozen)
    whole = packing.spelt(frozen)
    forms = json.dumps([list(names) for names in packing.forms], ensure_ascii=False, separators=(",", ":"))
    return f'{{"forms":{forms},"parts":[{",".join(packing.parts)}],"data":{whole}}}'
