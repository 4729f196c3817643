"""Frames: a page inside another one, which its script cannot reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from viz.text import clean


@dataclass(frozen=True)
class Frame:
    """A page for a notebook.

    It stands in a frame that may run its own script and nothing else: no cookie, no form, no way to the notebook around it.

    >>> print(Frame("<p>it's 1 < 2</p>", "a page", 100)._repr_html_())
    <iframe sandbox="allow-scripts" title="a page" style="width: 100%; height: 100px; border: 0" srcdoc="&lt;p&gt;it&#x27;s 1 &lt; 2&lt;/p&gt;"></iframe>
    """

    page: str = field(repr=False)
    title: str
    height: int = 560

    def _repr_html_(self) -> str:
        return (
            f'<iframe sandbox="allow-scripts" title="{escape(clean(self.title))}" style="width: 100%; '
            f'height: {int(self.height)}px; border: 0" srcdoc="{escape(self.page)}"></iframe>'
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}
