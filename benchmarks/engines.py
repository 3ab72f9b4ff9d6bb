"""Engines, resuming and the cache: what covering a synthetic city costs by each, against two threads at once.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/engines.py [HOMES]

Covering alone, counts without rasters, three levels and the range curve, on cells of 0.5 m; the city is made ready
before, and the cluster is up and has its kernels loaded. Median of 3 by turns for the cluster, else one run. Every way
must give the same set rows once all tiles are folded, or the benchmark fails; folding is the same work for all and not
timed.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figure import Figure, table

HOMES = 20_000
RUNS = 3
CLUSTER, CACHE, RESUMED = 1.3, 0.1, 0.6
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


def half_way(scene: Any, work: Any) -> None:
    """Cover about half of the tiles and stop, as a run that was killed."""
    for count, _ in enumerate(work.cover(scene, rasters=False), start=1):
        if count >= len(scene.tiles()) // 2:
            return


def run(homes: int = HOMES) -> list[Figure]:
    """Measure; see the module."""
    from doorview.share.cluster import local_cluster
    from doorview.share.covering import Work

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        scene = ready_city(homes, folder)
        numbers = iter(range(100))

        def by(engine: Any = None) -> tuple[float, str]:
            with stored(folder / str(next(numbers))) as store:
                return covered(scene, Work(2, engine, store))

        plain, whole = covered(scene, Work(2))  # and kernels are loaded
        threads, processes = [], []
        with local_cluster(2) as engine:
            found = [by(engine)[1]]
            for _ in range(RUNS):
                for times, way in ((threads, None), (processes, engine)):
                    taken, rows = by(way)
                    times.append(taken)
                    found.append(rows)
        base = statistics.median(threads)
        plain = covered(scene, Work(2))[0]
        with stored(folder, cache=folder / "cache") as store:
            list(Work(2, None, store).cover(scene, rasters=False))
        with stored(folder, cache=folder / "cache") as store:
            cached, rows = covered(scene, Work(2, None, store))
            found.append(rows)
        with stored(folder / "killed") as store:
            half_way(scene, Work(2, None, store))
        with stored(folder / "killed") as store:
            resumed, rows = covered(scene, Work(2, None, store))
            found.append(rows)
    if set(found) != {whole}:
        raise RuntimeError("the set rows differ from one way of covering to another")
    name = f"{homes:,} homes ({len(scene.door_xy):,} doors)"
    row: Callable[..., Figure] = lambda case, taken, limit: Figure(  # noqa: E731 - one line of the table
        f"{case}, {name}", f"{taken:.2f} s", f"{base:.2f} s two threads", f"{taken / base:.2f}",
        f"<= {limit:g}", taken <= limit * base,
    )  # fmt: skip
    return [
        row("a cluster of two processes", statistics.median(processes), CLUSTER),
        row("another scenario, tiles from the cache", cached, CACHE),
        row("resumed after half", resumed, RESUMED),
        Figure(f"blocks kept on disk, {name}", f"{base:.2f} s", f"{plain:.2f} s nothing kept", f"{base / plain:.2f}"),
    ]


if __name__ == "__main__":
    print(table(run(int(sys.argv[1]) if len(sys.argv) > 1 else HOMES)))
