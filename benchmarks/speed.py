"""The first table: the time of one step, ours against every peer, in one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.agreement import DisagreementError, check
from benchmarks.case import Case
from benchmarks.peer import Peer, Results, Step
from benchmarks.problem import Problem, problem
from benchmarks.reference import reference
from benchmarks.timing import Timing, measure


@dataclass(frozen=True)
class Row:
    """One peer at one case.

    Attributes:
        error: the largest relative difference from the reference; None where nothing is compared.
        problem: why there is no time.
        wrong: the results disagree, or ours cannot be computed.
    """

    case: Case
    peer: str
    timing: Timing | None = None
    error: float | None = None
    problem: str = ""
    wrong: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Everything but the single samples, for a file."""
        times = self.timing and {
            "median": self.timing.median,
            "minimum": self.timing.minimum,
            "cpu": self.timing.processor,
            "samples": len(self.timing.wall),
        }
        return {**self.case.as_dict(), "peer": self.peer, **(times or {}), "error": self.error, "problem": self.problem}


def compare(case: Case, peers: Mapping[str, Peer], seconds: float) -> list[Row]:
    """Check every peer that supports a case against the reference, then time them in alternation."""
    try:
        numbers = problem(case)
        wanted, _ = reference(numbers)
    except Exception as failure:  # a cell of ours that does not build must not take the table with it
        return [Row(case, "ours", problem=_why(failure), wrong=True)]
    rows: dict[str, Row] = {}
    runs: dict[str, Callable[[], Any]] = {}
    for name, peer in peers.items():
        if peer.supports(case):
            rows[name], step = ready(numbers, peer, wanted)
            if step is not None:
                runs[name] = step.run
    for name, timing in measure(runs, seconds).items():
        rows[name] = Row(case, name, timing, rows[name].error)
    return list(rows.values())


def ready(numbers: Problem, peer: Peer, wanted: Results) -> tuple[Row, Step | None]:
    """Return a peer's row without times, and its step if that runs and agrees with the reference."""
    case = numbers.case
    try:
        step = peer.build(numbers)
        found = step.run()
        error = None if step.read is None else check(step.read(found), wanted, case.dtype)
    except DisagreementError as difference:
        return Row(case, peer.name, problem=f"disagrees: {difference}", wrong=True), None
    except Exception as failure:  # whatever another library does, the others are still compared
        return Row(case, peer.name, problem=_why(failure), wrong=peer.name == "ours"), None
    return Row(case, peer.name, error=error), step


def _why(failure: Exception) -> str:
    first = str(failure).partition("\n")[0]
    return f"cannot run: {type(failure).__name__}: {first[:160]}"
