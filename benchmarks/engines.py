"""Engines, keeping, resuming and the cache: what covering a synthetic city costs by each, against two threads.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/engines.py [HOMES]

Covering alone, counts without rasters, three levels and the range curve, on cells of 0.5 m; the city is made ready
before, and the cluster is up and has its kernels loaded. All ways are taken by turns in each of 3 rounds, so that a
machine that is busy meanwhile is so for all of them; a figure is the median of its rounds, a ratio that of the ratios
within a round. Two threads that keep their finished blocks on disk are the baseline; they in turn are measured against
two that keep nothing.

The run that is resumed was ended as soon as half of the tiles lay finished on disk: what its threads were at then, and
blocks that were finished but not yet kept, are lost and computed again. Every way must give the same set rows once all
tiles are folded, or the benchmark fails; folding is the same work for all and not timed.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figure import Figure, table

HOMES = 20_000
RUNS = 3
CLUSTER, CACHE, RESUMED, KEPT = 1.3, 0.1, 0.6, 1.3
LEVELS = ("recognise", "observe", "detect")


def ready_city(homes: int, folder: Path) -> Any:
    """Return the scene of a synthetic city at 25 homes a hectare."""
    from doorview.city.model import City
    from doorview.demo.town import make_town
    from doorview.demo.writer import write_extract
    from doorview.study.compute import Stages, prepare
    from doorview.study.schema import study_from_dict

    extract = folder / "city.osm.pbf"
    write_extract(make_town(homes), extract)
    city = City.from_extract(extract)
    data = {"study": {"name": "city"}, "camera": {"levels": list(LEVELS)}, "drivers": {"ranges": 0}}
    return prepare(study_from_dict(data, where="benchmark", needs_place=False), city, Stages()).scene


@contextmanager
def stored(folder: Path, *, cache: Path | None = None) -> Iterator[Any]:
    """Yield a store of tiles in a folder of its own, or in a cache alone."""
    from doorview.show.tile_store import TileStore

    os.environ["DOORVIEW_CACHE"] = "off" if cache is None else str(cache)
    store = TileStore(None if cache else folder)
    yield store
    store.close()


def covered(scene: Any, work: Any) -> tuple[float, str]:
    """Return how long covering takes [s], and a hash of the set rows that it gives."""
    from doorview.share.coverage import fold

    start = time.perf_counter()
    results = list(work.cover(scene, rasters=False))
    taken = time.perf_counter() - start
    coverage = fold(scene, results)
    state = hashlib.sha256()
    for name in coverage.rows:
        state.update(coverage.rows[name].to_numpy().tobytes())
    state.update(coverage.members.doors.tobytes())
    return taken, state.hexdigest()


class HalfDoneError(Exception):
    """Half of the tiles are kept."""


class Half:
    """A store that ends the run, as a kill does, as soon as it holds half of the tiles."""

    def __init__(self, store: Any, tiles: int) -> None:
        self.store, self.find, self.half = store, store.find, tiles / 2

    def keep(self, key: str, data: bytes, tiles: int) -> None:
        """Keep a block; nothing is kept after half of the city."""
        self.store.keep(key, data, tiles)
        if self.store.counts.computed >= self.half:
            raise HalfDoneError


def half_way(scene: Any, store: Any) -> float:
    """Cover until half of the tiles are kept and stop; return the part that is."""
    from doorview.share.covering import Work

    with suppress(HalfDoneError):
        list(Work(2, None, Half(store, len(scene.tiles()))).cover(scene, rasters=False))
    return float(store.counts.computed / len(scene.tiles()))


def run(homes: int = HOMES) -> list[Figure]:
    """Measure; see the module."""
    from doorview.share.cluster import local_cluster
    from doorview.share.covering import Work

    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        scene = ready_city(homes, folder)
        whole = covered(scene, Work(2))[1]  # and kernels are loaded
        with stored(folder, cache=folder / "cache") as store:
            list(Work(2, None, store).cover(scene, rasters=False))

        def timed(name: str, work: Any) -> None:
            taken, rows = covered(scene, work)
            times.setdefault(name, []).append(taken)
            if rows != whole:
                raise RuntimeError(f"{name}: the set rows differ from those of threads that keep nothing")

        with local_cluster(2) as engine:
            with stored(folder / "warm") as store:
                list(Work(2, engine, store).cover(scene, rasters=False))
            for number in range(RUNS):
                timed("nothing kept", Work(2))
                with stored(folder / f"threads{number}") as store:
                    timed("threads", Work(2, None, store))
                with stored(folder / f"cluster{number}") as store:
                    timed("cluster", Work(2, engine, store))
                with stored(folder, cache=folder / "cache") as store:
                    timed("cache", Work(2, None, store))
                with stored(folder / f"killed{number}") as store:
                    kept = half_way(scene, store)
                with stored(folder / f"killed{number}") as store:
                    timed("resumed", Work(2, None, store))
    name = f"{homes:,} homes ({len(scene.door_xy):,} doors)"

    def row(case: str, way: str, limit: float, against: str = "threads", words: str = "two threads") -> Figure:
        ratio = statistics.median(one / two for one, two in zip(times[way], times[against], strict=True))
        taken, base = (statistics.median(times[which]) for which in (way, against))
        return Figure(
            f"{case}, {name}", f"{taken:.2f} s", f"{base:.2f} s {words}", f"{ratio:.2f}", f"<= {limit:g}",
            ratio <= limit,
        )  # fmt: skip

    return [
        row("a cluster of two processes", "cluster", CLUSTER),
        row("another scenario, tiles from the cache", "cache", CACHE),
        row(f"resumed with {kept:.0%} of the tiles kept", "resumed", RESUMED),
        row("two threads, blocks kept on disk", "threads", KEPT, "nothing kept", "nothing kept"),
    ]


if __name__ == "__main__":
    print(table(run(int(sys.argv[1]) if len(sys.argv) > 1 else HOMES)))
