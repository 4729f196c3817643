"""Tables as plain text, for terminals, pipes and files alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under a head, columns as wide as they need; columns of numbers stand to the right.

    >>> print(table(("cell", "loss"), [("LSTM", "0.5"), ("GRU", "10.25")]))
    cell   loss
    ----  -----
    LSTM    0.5
    GRU   10.25
    """
    body = [[str(part) for part in row] for row in rows]
    columns = list(zip(head, *body, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(_numeric(part) for part in column[1:]) for column in columns]
    lines = [list(head), ["-" * width for width in widths], *body]
    return "\n".join(
        "  ".join(
            part.rjust(width) if to_right else part.ljust(width)
            for part, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _numeric(part: str) -> bool:
    return part == "–" or part[:1].isdigit() or (part[:1] in "+-−" and part[1:2].isdigit())
