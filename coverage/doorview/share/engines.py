"""Who computes blocks: threads of this process. Another engine is the Dask cluster of `doorview.share.cluster`."""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from doorview.share.blocks import Block
from doorview.share.packing import pack
from doorview.share.tiles import TileResult, cover_tile
from doorview.threads import LOOK_S, Threads

__all__ = ["BlockDiedError", "Engine", "Outcome", "ThreadEngine"]


class BlockDiedError(Exception):
    """Whoever computed a block died of it, again and again: the message says how."""


@dataclass(frozen=True)
class Outcome:
    """What became of a block: its parcel, or the fault that ended it.

    `results` are its tiles, where they are at hand unpacked and hold no rasters, which would take too much memory.
    """

    number: int
    parcel: bytes | None
    fault: BaseException | None = None
    results: list[TileResult] | None = None


class Engine(Protocol):
    """Computes blocks, several at once, and hands back their parcels as they are finished, in any order."""

    name: str
    """What run.json calls it."""
    slots: int
    """Blocks that should be under way, so that nobody waits for work."""

    def submit(self, number: int, block: Block, key: str, *, rasters: bool) -> None:
        """Take a block on."""

    def finished(self) -> list[Outcome]:
        """Wait until at least one block is done, and return all that are; each once."""


class _Part:
    """A block under way: its tiles so far."""

    def __init__(self, number: int, block: Block, key: str, *, rasters: bool) -> None:
        self.number, self.block, self.key, self.rasters = number, block, key, rasters
        self.results: list[TileResult | None] = [None] * len(block.tiles)
        self.left = len(block.tiles)
        self.fault: BaseException | None = None
        self.lock = threading.Lock()

    def cover(self, place: int) -> None:
        """Compute one tile, unless another of the block failed already."""
        if self.fault is None:
            self.results[place] = cover_tile(self.block.scene, self.block.tiles[place], self.rasters)

    def outcome(self) -> Outcome:
        """Return the parcel of all tiles, and the tiles."""
        if self.fault is not None:
            raise self.fault
        found = [result for result in self.results if result is not None]
        parcel = pack(self.key, found, rasters=self.rasters)
        return Outcome(self.number, parcel, results=None if self.rasters else found)


class ThreadEngine:
    """Threads of this process; each computes a tile at a time."""

    name = "threads"

    def __init__(self, threads: int | None = None) -> None:
        self._done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._under_way: dict[int, list[Future[Any]]] = {}
        self._pool = Threads(threads)
        self.threads = self._pool.threads
        self.slots = self.threads + 1

    def __enter__(self) -> Self:
        """Be ready."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let tiles that are begun end, and begin no other."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, number: int, block: Block, key: str, *, rasters: bool) -> None:
        """Take a block on."""
        part = _Part(number, block, key, rasters=rasters)
        futures = self._under_way[number] = []
        for place in range(len(block.tiles)):
            futures.append(self._pool.submit(part.cover, place))
            futures[-1].add_done_callback(lambda done: self._tile_done(part, done))

    def finished(self) -> list[Outcome]:
        """Wait until at least one block is done, and return all that are.

        Raises
        ------
        MemoryError
            If blocks are left and nobody is at work on them: where memory ends, threads die before they can tell.

        """
        found = [self._first()]
        while not self._done.empty():
            found.append(self._done.get())
        for outcome in found:
            self._under_way.pop(outcome.number, None)
        return found

    def _first(self) -> Outcome:
        idle = 0
        while True:
            with contextlib.suppress(queue.Empty):
                return self._done.get(timeout=LOOK_S)
            busy = any(future.running() for futures in list(self._under_way.values()) for future in list(futures))
            # Between two pieces of work a thread is idle for a moment, not for two looks in a row.
            idle = 0 if busy else idle + 1
            if idle > 1 or self._pool.lost():
                raise MemoryError("the threads that cover the city ended without an answer")

    def _tile_done(self, part: _Part, done: Future[None]) -> None:
        """Count a tile; after the last of a block, have it packed."""
        if done.cancelled():  # the covering has ended: nobody waits
            return
        with part.lock:
            part.fault = part.fault or done.exception()
            part.left -= 1
            if part.left:
                return
        with contextlib.suppress(RuntimeError):  # the pool is closed: nobody waits
            packing = self._pool.submit(part.outcome)
            self._under_way[part.number].append(packing)
            packing.add_done_callback(lambda done: self._block_done(part.number, done))

    def _block_done(self, number: int, done: Future[Outcome]) -> None:
        """Hand what became of a block to the thread that waits."""
        if done.cancelled():
            return
        fault = done.exception()
        self._done.put(done.result() if fault is None else Outcome(number, None, fault))
