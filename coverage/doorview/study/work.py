"""Who covers a run's tiles, and where finished ones lie: threads or a cluster, the run's folder, the cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pyproj import CRS, Transformer

from doorview.errors import InputError
from doorview.share.covering import TilesLostError, Work
from doorview.share.engines import Engine
from doorview.show.tile_store import TileStore

__all__ = ["at_work", "check_engine"]


def check_engine(threads: int | None, workers: int | None, scheduler: str | None) -> None:
    """Refuse engines that exclude each other.

    Raises
    ------
    InputError
        If more than one is asked for, or fewer than one worker.

    """
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers cannot work: give 1 or more, as in --workers 2.")
    if workers is not None and scheduler is not None:
        raise InputError(
            "--workers makes a cluster on this machine and --scheduler uses one that runs already: give one of them."
        )
    if threads is not None and (workers is not None or scheduler is not None):
        raise InputError(
            "--threads says how many threads of this machine work, --workers and --scheduler that a cluster does "
            "instead: give one of them."
        )


@contextmanager
def at_work(
    threads: int | None,
    workers: int | None,
    scheduler: str | None,
    unfinished: Path | None,
    crs: CRS,
    *,
    cache: bool = True,
) -> Iterator[Work]:
    """Yield who covers; finished tiles are kept in `unfinished`, if it is given, and in the `cache`.

    Raises
    ------
    InputError, NetworkError, OtherVersionError
        If the cluster that is asked for cannot be used.
    TilesLostError
        With the places of the tiles in degrees.

    """
    with ExitStack() as stack:
        store = TileStore(unfinished, cache=cache) if unfinished is not None or cache else None
        if store is not None:
            stack.callback(store.close)
        engine: Engine | None = None
        if workers is not None:
            from doorview.share.cluster import local_cluster

            engine = stack.enter_context(local_cluster(workers))
        elif scheduler is not None:
            from doorview.share.cluster import existing_cluster

            engine = stack.enter_context(existing_cluster(scheduler))
        try:
            yield Work(threads, engine, store)
        except TilesLostError as lost:
            to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)

            def place(box: tuple[float, float, float, float]) -> str:
                west, south, east, north = to_degrees.transform_bounds(*box)
                return f"longitude {west:.4f} to {east:.4f}, latitude {south:.4f} to {north:.4f}"

            raise lost.placed(place) from lost
