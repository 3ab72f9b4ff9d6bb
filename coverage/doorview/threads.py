"""Threads whose end is noticed: where memory ends, one may die before it can tell, and its answer never comes."""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures.thread import BrokenThreadPool
from typing import Any, ParamSpec, TypeVar

__all__ = ["LOOK_S", "Threads", "check_room"]

P = ParamSpec("P")
T = TypeVar("T")

LOOK_S = 1.0
"""How often whoever waits looks whether the threads still live."""
_ROOM = 32 << 20
"""Address space that a new thread may need: its stack (8 MB on most systems), and what it makes before it can tell of
anything [bytes]."""


class Threads(ThreadPoolExecutor):
    """A pool that raises `MemoryError` where another would wait for ever.

    CPython's `Thread.start` waits until the new thread says that it runs. Where the thread has no memory to say so it
    waits for ever, as whoever waits for the result of a thread that died does. So there must be room before a thread
    is started, and waiting looks up now and then.

    Parameters
    ----------
    threads
        How many at most; default: one per processor.

    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or os.cpu_count() or 1
        self._born: list[threading.Thread] = []
        super().__init__(self.threads, initializer=lambda: self._born.append(threading.current_thread()))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function called.

        Raises
        ------
        MemoryError
            If there is no room for another thread.
        RuntimeError
            If the pool was shut down.

        """
        if len(self._born) < self.threads:
            check_room()
        try:
            return super().submit(fn, *args, **kwargs)
        except BrokenThreadPool as broken:
            raise MemoryError("a thread had no room to begin") from broken

    def answer(self, future: Future[T]) -> T:
        """Return the result of a future of this pool, or raise what it raised.

        Raises
        ------
        MemoryError
            If the thread that was to answer has died.

        """
        while not wait([future], LOOK_S).done:
            if self.lost():
                raise MemoryError("a thread ended without an answer")
        return future.result()

    def map(self, fn: Callable[..., T], *iterables: Iterable[Any], **_more: Any) -> Iterator[T]:
        """Return the function of each item, in their order; all are begun at once, and waiting is as in `answer`."""
        waiting = [self.submit(fn, *items) for items in zip(*iterables, strict=False)]

        def answers() -> Iterator[T]:
            try:
                for future in waiting:
                    yield self.answer(future)
            finally:
                for future in waiting:
                    future.cancel()

        return answers()

    def lost(self) -> bool:
        """Whether a thread has died that should be at work."""
        return any(not thread.is_alive() for thread in self._born)


def check_room() -> None:
    """Raise `MemoryError` unless a thread can be made.

    Raises
    ------
    MemoryError
        If there is no address space for it.

    """
    try:
        mmap.mmap(-1, _ROOM).close()
    except OSError as fault:
        raise MemoryError("there is no room for another thread") from fault
