"""Tables as aligned text and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BEGIN, END = "<!-- tables: written by python -m benchmarks -->", "<!-- end of tables -->"


@dataclass
class Table:
    """Rows under a head, with a title and what a reader must know; a long one is printed, but kept out of pages."""

    title: str
    head: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    long: bool = False

    def text(self) -> str:
        """Aligned columns; columns of numbers stand to the right.

        >>> print(Table("Times", ("peer", "ms"), [("ours", "9.5"), ("torch", "10.0")]).text())
        Times
        <BLANKLINE>
        peer     ms
        -----  ----
        ours    9.5
        torch  10.0
        """
        lines = [self.head, *self.rows]
        columns = list(zip(*lines, strict=True))
        widths = [max(map(len, column)) for column in columns]
        right = [_numeric(column[1:]) for column in columns]
        lines.insert(1, ["-" * width for width in widths])
        body = [
            "  ".join(
                part.rjust(width) if to_right else part.ljust(width)
                for part, width, to_right in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, "", *body, *(f"* {note}" for note in self.notes)])

    def markdown(self) -> str:
        """A table of GitHub's Markdown."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.head)
        rule = ["---:" if _numeric(column) else "---" for column in columns]
        lines = [f"| {' | '.join(line)} |" for line in (self.head, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *lines, "", *(f"* {note}" for note in self.notes)]).rstrip() + "\n"


def _numeric(column: Sequence[str]) -> bool:
    filled = [part for part in column if part and part != "–"]
    return bool(filled) and all(part.lstrip("+-−*×")[:1].isdigit() for part in filled)


def machine_text(machine: Mapping[str, str]) -> str:
    """What the machine is, a line each."""
    wide = max(map(len, machine))
    return "\n".join(f"{name:{wide}}  {value}" for name, value in machine.items())


def write_markdown(path: Path, machine: Mapping[str, str], tables: Sequence[Table]) -> None:
    """Write tables to a file; into the place between the marks, if the file has them."""
    lines = [f"* {name}: {value}" for name, value in machine.items()]
    body = "\n".join([*lines, "", *(table.markdown() for table in tables if not table.long)]).rstrip() + "\n"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if BEGIN in old and END in old:
        before, rest = old.split(BEGIN, 1)
        after = rest.split(END, 1)[1]
        body = f"{before}{BEGIN}\n\n{body}\n{END}{after}"
    path.write_text(body, encoding="utf-8")


def ratio(value: float | None) -> str:
    """A ratio with two digits that count."""
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 9.95 else f"{value:.0f}"


def milliseconds(seconds: float) -> str:
    """A time in milliseconds with three digits that count."""
    value = seconds * 1e3
    digits = next(digits for limit, digits in ((1, 3), (10, 2), (1000, 1), (float("inf"), 0)) if value < limit)
    return f"{value:.{digits}f}"
