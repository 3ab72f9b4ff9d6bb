"""Covering a scene block by block: by any engine, with what was finished before taken as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from doorview.errors import DoorviewError
from doorview.share.blocks import DOORS_PER_BLOCK, TILES_PER_BLOCK, Block, block_tiles, cut_block
from doorview.share.engines import BlockDiedError, Engine, ThreadEngine
from doorview.share.packing import Parcel
from doorview.share.scene import Scene
from doorview.share.tiles import TileResult, cover

__all__ = ["Keeper", "TilesLostError", "Work", "cover_blocks"]

Tile = tuple[int, int]
Bounds = tuple[float, float, float, float]
MOST_LISTED = 5
AHEAD = 4
"""Blocks, in multiples of an engine's slots, that may be finished or under way before the first of them is: one that
takes long holds up the others for a while only, and memory does not grow with the city."""


class Keeper(Protocol):
    """Where finished blocks lie between runs."""

    def find(self, key: str, *, rasters: bool) -> Parcel | None:
        """Return a block's parcel, with rasters where they are asked for; None where it must be computed."""

    def keep(self, key: str, data: bytes, tiles: int) -> None:
        """Keep the parcel of a block of so many tiles."""

    def facts(self) -> dict[str, int]:
        """Return where tiles came from."""


class TilesLostError(DoorviewError, RuntimeError):
    """Some tiles could not be computed; all others are finished and kept. `tiles` says which, `bounds` where [m]."""

    def __init__(
        self,
        tiles: Mapping[Tile, str],
        bounds: Mapping[Tile, Bounds],
        place: Callable[[Bounds], str] = lambda box: "x {0:.0f} to {2:.0f} m, y {1:.0f} to {3:.0f} m".format(*box),
    ) -> None:
        self.tiles, self.bounds = dict(tiles), dict(bounds)
        listed = [f"tile {row}, {column} ({place(bounds[row, column])}): {why}" for (row, column), why in tiles.items()]
        more = [f"and {len(listed) - MOST_LISTED} more"] if len(listed) > MOST_LISTED else []
        count = "1 tile" if len(listed) == 1 else f"{len(listed)} tiles"
        super().__init__(
            f"{count} of the city could not be computed, so there are no figures. "
            + "; ".join([*listed[:MOST_LISTED], *more])
            + ". Give workers more memory, or use threads of this machine, and run the same command again: all other "
            "tiles are finished and kept."
        )

    def placed(self, place: Callable[[Bounds], str]) -> TilesLostError:
        """Return the error with other words for where the tiles lie."""
        return TilesLostError(self.tiles, self.bounds, place)


def cover_blocks(
    scene: Scene,
    engine: Engine,
    keeper: Keeper | None = None,
    *,
    rasters: bool = True,
    progress: Callable[[int, int], None] | None = None,
    doors: int = DOORS_PER_BLOCK,
    side: int = TILES_PER_BLOCK,
) -> Iterator[TileResult]:
    """Yield the result of every tile, block by block, always in the same order.

    Parameters
    ----------
    scene
        As from `build_scene`.
    engine
        Who computes blocks that `keeper` does not have.
    keeper
        Where finished blocks are looked for and kept.
    rasters
        Whether results carry `seen_by`.
    progress
        Called with (tiles done, tiles in all).
    doors, side
        How large blocks are; changes no result.

    Raises
    ------
    TilesLostError
        If whoever computed a tile died of it again and again; after all other tiles have been passed on.
    KeyCollisionError, MemoryError
        As `cover`.

    """
    run = _Run(scene, engine, keeper, rasters=rasters, progress=progress)
    for number, tiles in enumerate(block_tiles(scene, doors, side)):
        run.take_on(number, cut_block(scene, tiles))
        yield from run.passed_on(full=False)
    yield from run.passed_on(full=True)
    # One at a time: whoever dies then died of this tile and of nothing that ran beside it.
    for tile in run.suspects():
        run.take_on(run.head, cut_block(scene, (tile,)))
        yield from run.passed_on(full=True)
    if run.lost:
        raise TilesLostError(run.lost, {tile: _bounds(scene, tile) for tile in run.lost})


@dataclass(frozen=True)
class _Waiting:
    """A block that was taken on and not yet passed on: its numbers, without its scene."""

    block: Block
    key: str


class _Run:
    """The state of one covering: what is under way, what is ready, what was lost."""

    def __init__(
        self,
        scene: Scene,
        engine: Engine,
        keeper: Keeper | None,
        *,
        rasters: bool,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.engine, self.keeper, self.rasters, self.progress = engine, keeper, rasters, progress
        self.head = 0  # number of the block that is passed on next
        self.under_way = 0
        self.lost: dict[Tile, str] = {}
        self._alone = False
        self._total, self._told = len(scene.tiles()), 0
        self._waiting: dict[int, _Waiting] = {}
        self._ready: dict[int, Parcel | list[TileResult] | None] = {}
        self._died: list[Tile] = []

    def take_on(self, number: int, block: Block) -> None:
        """Find a block's parcel or have it computed."""
        key = block.key()
        found = self.keeper.find(key, rasters=self.rasters) if self.keeper else None
        if found is None:
            self.engine.submit(number, block, key, rasters=self.rasters)
            self.under_way += 1
        else:
            self._ready[number] = found
        self._waiting[number] = _Waiting(block.without_scene(), key)

    def passed_on(self, *, full: bool) -> Iterator[TileResult]:
        """Yield what is ready, in order; wait until there is room for another block, or (`full`) until all is done."""
        while True:
            while self.head in self._ready:
                yield from self._next()
            if not self._waiting:
                return
            room = self.under_way < self.engine.slots and len(self._waiting) < AHEAD * self.engine.slots
            if room and not full:
                return
            self._collect()

    def _next(self) -> Iterator[TileResult]:
        """Yield the tiles of the next block."""
        waiting, parcel = self._waiting.pop(self.head), self._ready.pop(self.head)
        self.head += 1
        if parcel is not None:
            results = parcel.results(rasters=self.rasters) if isinstance(parcel, Parcel) else parcel
            for result in results:
                yield waiting.block.globally(result)
            self._tell(len(waiting.block.tiles))

    def _tell(self, tiles: int) -> None:
        """Tell of tiles done."""
        self._told += tiles
        if self.progress:
            self.progress(self._told, self._total)

    def _collect(self) -> None:
        """Wait for blocks; keep what is finished at once, whichever turn it has."""
        for outcome in self.engine.finished():
            self.under_way -= 1
            waiting = self._waiting[outcome.number]
            if outcome.parcel is not None:
                if self.keeper:
                    self.keeper.keep(waiting.key, outcome.parcel, len(waiting.block.tiles))
                self._ready[outcome.number] = outcome.results or Parcel(outcome.parcel, waiting.key)
            elif isinstance(outcome.fault, BlockDiedError):
                self._ready[outcome.number] = None
                if len(waiting.block.tiles) > 1 or not self._alone:
                    self._died.extend(waiting.block.tiles)
                else:
                    self.lost[waiting.block.tiles[0]] = str(outcome.fault)
            elif outcome.fault is not None:
                raise outcome.fault

    def suspects(self) -> Iterator[Tile]:
        """Yield the tiles of blocks that were died of, each to be tried alone."""
        self._alone = True
        yield from sorted(self._died)


def _bounds(scene: Scene, tile: Tile) -> Bounds:
    """Return west, south, east, north of a tile [m]."""
    side = scene.grid.tile_m
    return tile[1] * side, tile[0] * side, (tile[1] + 1) * side, (tile[0] + 1) * side


@dataclass(frozen=True)
class Work:
    """How scenes are covered: by `engine`, else by `threads` of this process, with what `keeper` has.

    `doors` and `side` say how large blocks are; nothing of all this changes a result.
    """

    threads: int | None = None
    engine: Engine | None = None
    keeper: Keeper | None = None
    doors: int = DOORS_PER_BLOCK
    side: int = TILES_PER_BLOCK

    def cover(
        self, scene: Scene, *, rasters: bool = True, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[TileResult]:
        """Yield the result of every tile, as `cover_blocks` does."""
        if self.engine is not None:
            yield from self._by(self.engine, scene, rasters=rasters, progress=progress)
        elif self.keeper is None:
            yield from cover(scene, rasters=rasters, threads=self.threads, progress=progress)
        else:
            with ThreadEngine(self.threads) as engine:
                yield from self._by(engine, scene, rasters=rasters, progress=progress)

    def facts(self) -> dict[str, object]:
        """Return who covered, and where tiles came from: what run.json says."""
        name = "threads" if self.engine is None else self.engine.name
        return {"by": name, **(self.keeper.facts() if self.keeper else {})}

    def _by(
        self, engine: Engine, scene: Scene, *, rasters: bool, progress: Callable[[int, int], None] | None
    ) -> Iterator[TileResult]:
        return cover_blocks(
            scene, engine, self.keeper, rasters=rasters, progress=progress, doors=self.doors, side=self.side
        )
