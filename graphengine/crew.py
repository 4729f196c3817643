"""Crews: the threads of a plan, which make the calls of a program together.

Whoever runs the plan works too, so that a run gets on even where every helper is busy with another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from heapq import heapify, heappop, heappush
from threading import Condition, Lock
from typing import Any

import numpy as np

from graphengine import errors
from graphengine.parallel import Block, cut, followers, side_by_side
from graphengine.program import Program


class Crew:
    """A number of threads, one of which is the caller's own.

    Raises:
        SettingError: the number means nothing.
    """

    def __init__(self, size: int) -> None:
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise errors.SettingError(f"threads is a number from 1 up, not {size!r}{errors.here()}")
        self.size = int(size)
        self.helpers = ThreadPoolExecutor(self.size - 1, thread_name_prefix="plan") if self.size > 1 else None

    def share(self, program: Program, *, adds: bool) -> None:
        """Let a program be repeated by all threads, if there is work in it for more than one."""
        if self.helpers is None:
            return
        blocks = cut(program, adds=adds)
        if side_by_side(blocks):
            after = followers(blocks)
            program.together = lambda: Repetition(self, program, blocks, after).run()

    def at_work(self) -> AbstractContextManager[None]:
        """Keep the BLAS to one thread of its own where there are several of ours."""
        return nullcontext() if self.helpers is None else BLAS.one_thread()


class Repetition:
    """One time that a program is repeated by several threads.

    Small blocks come first, because large ones may wait for them.

    Attributes:
        after: for every block, those that wait for it.
        ready: the blocks that may start, small ones first, then in their order.
        missing: for every block, how many it still waits for.
        left: how many blocks are not through.
        busy: how many threads are in a block.
        idle: how many wait for one.
        hired: how many helpers were called.
    """

    def __init__(self, crew: Crew, program: Program, blocks: list[Block], after: list[list[int]]) -> None:
        self.crew = crew
        self.program = program
        self.blocks = blocks
        self.after = after
        self.missing = [len(block.before) for block in blocks]
        self.ready = [(block.large, index) for index, block in enumerate(blocks) if not block.before]
        heapify(self.ready)
        self.left = len(blocks)
        self.busy = self.idle = self.hired = 0
        self.stopped = False
        self.problem: BaseException | None = None
        self.changed = Condition()
        self.float_errors: Any = np.geterr()

    def run(self) -> None:
        """Work, and wait until everybody is through.

        Raises:
            Exception: whatever the first call to fail raised; the node of that call is the program's `node`.
        """
        try:
            self._work()
        except BaseException:
            self._stop()
            raise
        with self.changed:
            self.changed.wait_for(lambda: not self.busy)
        if self.problem is not None:
            try:
                raise self.problem
            finally:
                self.problem = None  # or the error would keep this, and all arrays, alive

    def _help(self) -> None:
        """Work in a thread that does not know how the caller's treats overflow and the like."""
        with np.errstate(**self.float_errors):
            self._work()

    def _work(self) -> None:
        """Go through blocks as long as there are any."""
        index = self._next()
        while index is not None:
            self._go_through(self.blocks[index])
            self._through(index)
            index = self._next()

    def _go_through(self, block: Block) -> None:
        place = block.first
        try:
            for function, args in block.calls:
                function(*args)
                if self.stopped:
                    return
                place += 1
        except BaseException as problem:
            with self.changed:
                if not self.stopped:
                    self.problem, self.program.node = problem, self.program.nodes[place]
            self._stop()

    def _next(self) -> int | None:
        """Wait for a block that may start; None if there will be none."""
        with self.changed:
            self.idle += 1
            self.changed.wait_for(lambda: self.ready or not self.left or self.stopped)
            self.idle -= 1
            if self.stopped or not self.left:
                return None
            large, index = heappop(self.ready)
            self.busy += 1
            if self.ready and (large or max(self.ready)[0]):
                self._call_help()
            return index

    def _through(self, index: int) -> None:
        with self.changed:
            self.busy -= 1
            self.left -= 1
            for other in self.after[index]:
                self.missing[other] -= 1
                if not self.missing[other]:
                    heappush(self.ready, (self.blocks[other].large, other))
            if self.stopped or not self.left:
                self.changed.notify_all()

    def _call_help(self) -> None:
        if self.idle:
            self.changed.notify()
        elif self.hired < self.crew.size - 1 and self.crew.helpers is not None:
            self.hired += 1
            self.crew.helpers.submit(self._help)

    def _stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()


class Blas:
    """The number of threads of the BLAS, one as long as any crew is at work: more would fight for the same cores.

    It is a setting of the whole process, which the last crew puts back. Without `threadpoolctl` it stays as it is.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._crews = 0
        self._limits: Any = None

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Limit the BLAS, and put it back if nobody else is at work."""
        with self._lock:
            self._crews += 1
            if self._crews == 1 and (control := controller()) is not None:
                self._limits = control.limit(limits=1, user_api="blas")
        try:
            yield
        finally:
            with self._lock:
                self._crews -= 1
                if self._crews == 0 and self._limits is not None:
                    self._limits.restore_original_limits()
                    self._limits = None


@cache
def controller() -> Any:
    """Return what sets the number of threads of the BLAS, found once; None if `threadpoolctl` is not installed."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


BLAS = Blas()
