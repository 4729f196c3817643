"""Parallel: find what several threads can do side by side in a program, and whether that pays.

A block is what the recording run did for one unit. Blocks that touch the same values keep the order in which they were
recorded, and so do additions to one gradient: the numbers do not depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from graphengine.graph import Node, Tensor
from graphengine.memory import arrays_in
from graphengine.program import Call, Nesting, Program
from graphengine.spec import Array

FINE = 24_000
"""Bytes per array below which calls are too short: threads then take turns at every one of them, and lose by it."""

SHORT = 2_000_000
"""Bytes below which a block is through before another thread has woken."""

SAMPLE = 200
"""How many calls of a block are looked at; they repeat themselves step after step."""


@dataclass(frozen=True)
class Block:
    """Calls that one thread makes one after the other.

    Attributes:
        first: the place of the first in the program.
        before: the blocks that it waits for.
        large: whether it is worth a thread of its own.
    """

    first: int
    calls: list[Call]
    before: frozenset[int]
    large: bool


def cut(program: Program, *, adds: bool) -> list[Block]:
    """Cut a program into blocks.

    Forward, a block writes the values that its nodes make and reads those that they take. Backward, where it `adds`, it
    may write to the gradients of both.
    """
    marks = [(0, ()), *program.marks]
    ends = [first for first, _ in marks[1:]] + [len(program.calls)]
    written_by: dict[Tensor, frozenset[int]] = {}
    opening: frozenset[int] = frozenset()
    found: list[Block] = []
    for (first, nodes), end in zip(marks, ends, strict=True):
        made = {tensor for node in nodes for tensor in node.outputs}
        taken = {tensor for node in nodes for tensor in node.sources}
        behind = opening.union(*(written_by.get(tensor, opening) for tensor in made | taken))
        if first < end:
            calls = program.calls[first:end]
            found.append(Block(first, calls, behind, _pays(*_unfolded(calls, program.nodes[first:end]))))
            behind = frozenset({len(found) - 1})
        if not nodes:
            opening = behind
        written_by.update(dict.fromkeys(made | taken if adds else made, behind))
    return found


def side_by_side(blocks: list[Block]) -> bool:
    """Tell whether there are two large blocks of which neither waits for the other."""
    behind: list[int] = []  # the large blocks behind each, as bits
    so_far = 0
    for index, block in enumerate(blocks):
        reached = 0
        for other in block.before:
            reached |= behind[other] | (blocks[other].large << other)
        if block.large:
            if reached != so_far:
                return True
            so_far |= 1 << index
        behind.append(reached)
    return False


def _unfolded(calls: list[Call], nodes: list[Node]) -> tuple[list[Call], list[Node]]:
    """Put the calls of programs that a call repeats in its place."""
    found_calls, found_nodes = [], []
    for call, node in zip(calls, nodes, strict=True):
        owner = getattr(call[0], "__self__", None)
        if isinstance(owner, Nesting):
            for program in owner.inside():
                found_calls += program.calls
                found_nodes += program.nodes
        else:
            found_calls.append(call)
            found_nodes.append(node)
    return found_calls, found_nodes


def _pays(calls: list[Call], nodes: list[Node]) -> bool:
    """Tell from the sizes of its arrays whether a block is worth a thread of its own.

    Python runs one thread at a time but for what NumPy does inside its calls, and changing over takes some
    microseconds. So a block has to be long, and so have its calls. An op that calls NumPy several times is handed more
    arrays, so what counts is the work per array.
    """
    middle = max(0, (len(calls) - SAMPLE) // 2)
    shown = slice(middle, middle + SAMPLE)
    arrays = [list(arrays_in(args)) for _, args in calls[shown]]
    work = sum(_work(node, each) for node, each in zip(nodes[shown], arrays, strict=True))
    whole = work * len(calls) / len(arrays)
    return whole >= SHORT and work >= FINE * sum(map(len, arrays))


def _work(node: Node, arrays: list[Array]) -> float:
    """About how much a call has to do, in bytes that pass through it.

    A product of `[m, k]` and `[k, n]` has m k n terms, which is the root of its three sizes multiplied; about 16 of
    them take as long as one number takes elsewhere. With few terms it takes the time of reading its operands.
    """
    through = float(sum(each.nbytes for each in arrays))
    if node.op.contracts and len(arrays) == 3:
        return max(prod(float(each.size) for each in arrays) ** 0.5 * arrays[0].itemsize / 16, through / 4)
    return through


def followers(blocks: list[Block]) -> list[list[int]]:
    """Return for every block those that wait for it."""
    found: list[list[int]] = [[] for _ in blocks]
    for index, block in enumerate(blocks):
        for other in block.before:
            found[other].append(index)
    return found
