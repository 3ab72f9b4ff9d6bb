"""Large cities, tables only: time by door, peak memory, the cache, a cluster, and a run that was killed.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/large.py [--folder DIR] [--newport] [HOMES ...]

By default 10,000, 100,000 and 1,000,000 homes of the demo town's generator at 25 homes a hectare: three levels, the
whole curve, cells of 0.5 m, two cores. Each case runs in a process of its own, so that its peak memory is its own.
Making the town is not measured, and reading it (as a run of tables only does) apart: the city lies in the cache before.
`--newport` adds Newport News' 82,192 real footprints, with streets of a lattice, for the data have none.
For cities of 4 parts or more: the same on a local Dask cluster of two processes, which is up and has its kernels loaded
before; and once more after `kill -9` of the process as soon as half of the parts lay finished on disk, where all that
was under way is lost. Both must write the same bytes. What was made
stays in DIR (default: a folder in the system's temporary one) and is taken up again; the largest case needs 1 GB there,
and 8 GB of memory while its town is made. The engines' own figures (`engines.py`) stand below.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import engines
from figure import Figure, table

HOMES = (10_000, 100_000, 1_000_000)
MILLION_S, AIM_S, MILLION_MB = 360.0, 180.0, 3000.0
GROWTH, AGAIN, CLUSTER, RESUMED = 1.2, 0.1, 1.3, 0.6
FEW_PARTS = 4
"""Of fewer, half cannot be told."""
SAME = ("shares.csv", "curve.csv", "counts.parquet")
PER_PART = "BENCH_BUILDINGS_PER_PART"
"""Variable of the environment: so many buildings a part, to try the benchmark on a small city."""
ENGINES = (20_000, 100_000)
"""Homes of the cities that the engines are measured on."""
READ_MB = 1200.0
LIBRARIES_MB = 330.0
"""What the process holds before it reads anything."""
NEWPORT = Path(__file__).resolve().parents[2] / "shared" / "data" / "newport_news_va"
RATES = {"again": 0.3}
CASES = ("read", "first", "again", "cluster", "killed", "resumed")


def study_of(source: dict[str, Any], rate: float) -> Any:
    """Return the study that is measured."""
    from doorview.study.schema import study_from_dict

    data = {
        "study": {"name": "large"},
        "place": source,
        "camera": {"levels": ["recognise", "observe", "detect"]},
        "coverage": {"threads": 2, "range_curve": False},
        "scenarios": {f"independent_{round(100 * rate):02d}": {"rate": rate}},
        "output": {"tables_only": True},
    }
    return study_from_dict(data, where="benchmark")


def make(homes: int, folder: Path) -> dict[str, Any]:
    """Make a town of so many homes, once, and return where it is."""
    path = folder / f"town-{homes}.osm.pbf"
    if not path.exists():
        from doorview.demo.town import make_town
        from doorview.demo.writer import write_extract

        partial = folder / f"making-{homes}.osm.pbf"
        write_extract(make_town(homes), partial)
        partial.replace(path)
    return {"extract": str(path)}


def newport(folder: Path) -> dict[str, Any]:
    """Return Newport News' footprints and addresses, with streets every 120 m both ways."""
    import geopandas as gpd
    import numpy as np
    import shapely

    buildings = NEWPORT / "newport_news_buildings.gpkg"
    streets = folder / "newport-streets.parquet"
    if not streets.exists():
        table = gpd.read_file(buildings)
        table = table.to_crs(table.estimate_utm_crs())
        west, south, east, north = table.total_bounds
        lines = [shapely.LineString([(x, south), (x, north)]) for x in np.arange(west, east, 120.0)]
        lines += [shapely.LineString([(west, y), (east, y)]) for y in np.arange(south, north, 120.0)]
        near = shapely.union_all(shapely.buffer(table.geometry.centroid.to_numpy()[::20], 150.0))
        pieces = shapely.get_parts(shapely.intersection(np.array(lines), near))
        pieces = pieces[shapely.get_type_id(pieces) == 1]
        gpd.GeoDataFrame({"highway": ["residential"] * len(pieces)}, geometry=pieces, crs=table.crs).to_parquet(streets)
    return {
        "layers": {
            "buildings": str(buildings),
            "addresses": str(NEWPORT / "newport_news_address_points.gpkg"),
            "streets": str(streets),
        },
        "country": "us",
    }


def case(name: str, source: dict[str, Any], folder: Path) -> None:
    """Do one case here and print what it took as JSON: `CASES`."""
    from doorview.study.part_plan import BUILDINGS_PER_PART
    from doorview.study.part_run import KIND, run_tables_only, stored_city
    from doorview.study.stages import silent

    study = study_of(source, RATES.get(name, 0.2))
    if name == "read":
        from doorview.show.run_folder import RunFolder
        from doorview.study.read import key_of_city

        start = time.perf_counter()
        with RunFolder(folder / "out-read", fresh=True) as run, ExitStack() as stack:
            store = stored_city(study, key_of_city(study), run, stack)
        took = {"seconds": time.perf_counter() - start, "buildings": store.sizes["buildings"]}
    else:
        counted = Path(os.environ["DOORVIEW_CACHE"]) / KIND
        if name != "again":
            shutil.rmtree(counted, ignore_errors=True)
        with warm_cluster(folder) if name == "cluster" else nullcontext() as workers:
            start = time.perf_counter()
            # A run that was killed is gone on with: all others begin anew.
            out, fresh = folder / f"out-{'killed' if name == 'resumed' else name}", name != "resumed"
            most = int(os.environ.get(PER_PART, BUILDINGS_PER_PART))
            result = run_tables_only(
                study, out, fresh=fresh, workers=workers, progress=silent, buildings_per_part=most
            )  # fmt: skip
            seconds = time.perf_counter() - start
        stages = {stage: round(cost.seconds, 2) for stage, cost in result.stages.costs.items()}
        beside = [stage for stage, cost in result.stages.costs.items() if getattr(cost, "beside", False)]
        parts = sum(1 for _ in counted.rglob("part-*"))
        took = {"seconds": seconds, "doors": len(result.doors), "parts": parts, "stages": stages, "beside": beside}
    took["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(json.dumps(took))


@contextmanager
def warm_cluster(folder: Path) -> Iterator[int]:
    """Have the run's own cluster up, its kernels loaded, before anything is timed; yield how many workers it has."""
    from engines import ready_city

    from doorview.share import cluster
    from doorview.share.covering import Work

    with cluster.local_cluster(2) as engine:
        with tempfile.TemporaryDirectory(dir=folder) as small:
            list(Work(None, engine, None, doors=1, side=1).cover(ready_city(2000, Path(small)), rasters=False))
        real, cluster.local_cluster = cluster.local_cluster, lambda _: nullcontext(engine)  # type: ignore[assignment]
        try:
            yield 2
        finally:
            cluster.local_cluster = real


def killed_at_half(source: dict[str, Any], folder: Path, parts: int) -> int:
    """Start a run, kill its process as soon as half of its parts are kept, and return how many were."""
    command, environment = command_of("killed", source, folder)
    shelf = folder / "out-killed.partial" / "unfinished" / "parts"
    shutil.rmtree(folder / "out-killed.partial", ignore_errors=True)

    def kept() -> int:
        # One that is being written lies in a hidden folder beside.
        return sum(1 for path in shelf.glob("[!.]*")) if shelf.is_dir() else 0

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as run:
        while kept() < parts / 2:
            if run.poll() is not None:
                raise RuntimeError("the run that was to be killed ended before half of its parts were kept")
            time.sleep(0.01)
        run.kill()
    return kept()


def same_bytes(one: Path, two: Path) -> None:
    """Fail if two runs wrote different tables."""
    for name in SAME:
        if (one / name).read_bytes() != (two / name).read_bytes():
            raise RuntimeError(f"{two / name} differs from that of {one.name}")


def apart(name: str, source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Do one case in a fresh process and return what it took."""
    command, environment = command_of(name, source, folder)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {found}", file=sys.stderr)
    return found


def command_of(name: str, source: dict[str, Any], folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command that does one case, and its environment."""
    command = [sys.executable, __file__, "--case", name, "--source", json.dumps(source), "--folder", str(folder)]
    return command, {**os.environ, "PYTHONSAFEPATH": "1", "DOORVIEW_CACHE": str(folder / "cache")}


def faults_and_engines(label: str, source: dict[str, Any], folder: Path, first: dict[str, Any]) -> list[Figure]:
    """Return the figures of a cluster, and of a run that was killed at half, against the run of two threads."""
    cases = (f"{label}: a cluster of two processes, after its start", f"{label}: resumed after a kill at half")
    parts, base = first["parts"], first["seconds"]
    if parts < FEW_PARTS:
        return [Figure(case, "", note=f"not measured: {parts} parts, fewer than {FEW_PARTS}") for case in cases]
    cluster = apart("cluster", source, folder)
    same_bytes(folder / "out-first", folder / "out-cluster")
    kept = killed_at_half(source, folder, parts)
    resumed = apart("resumed", source, folder)
    same_bytes(folder / "out-first", folder / "out-killed")
    rows = ((cases[0], cluster, CLUSTER), (f"{cases[1]} ({kept} of {parts} parts kept)", resumed, RESUMED))
    return [
        Figure(
            case, f"{took['seconds']:.1f} s", f"{base:.1f} s two threads", f"{took['seconds'] / base:.2f}",
            f"<= {limit:g}", took["seconds"] <= limit * base,
        )
        for case, took, limit in rows
    ]  # fmt: skip


def measured(label: str, source: dict[str, Any], folder: Path, homes: int, base: float | None) -> list[Any]:
    """Return the figures of one city and its seconds by door."""
    read = apart("read", source, folder)
    first, again = apart("first", source, folder), apart("again", source, folder)
    seconds, doors = first["seconds"], first["doors"]
    by_door, million = seconds / doors, homes >= 1_000_000
    growth = None if base is None else by_door / base
    memory, share = first["peak_mb"], again["seconds"] / seconds
    figures = [
        Figure(
            f"{label}: reading, its peak memory",
            f"{read['peak_mb']:.0f} MB",
            f"in {read['seconds']:.1f} s",
            target=f"<= {READ_MB:.0f} MB",
            met=read["peak_mb"] <= READ_MB,
        ),
        Figure(
            f"{label}: tables only, after reading ({doors:,} doors)",
            f"{seconds:.1f} s",
            target=f"<= {MILLION_S:.0f} s, aim {AIM_S:.0f}" if million else "",
            met=seconds <= MILLION_S if million else None,
        ),
        Figure(
            f"{label}: seconds by door, against the smallest",
            f"{1e3 * by_door:.2f} ms",
            "" if base is None else f"{1e3 * base:.2f} ms",
            "" if growth is None else f"{growth:.2f}",
            f"<= {GROWTH}",
            None if growth is None else growth <= GROWTH,
        ),
        Figure(
            f"{label}: peak memory",
            f"{memory:.0f} MB",
            f"{1e6 * (memory - LIBRARIES_MB) / homes:,.0f} bytes a home",
            target=f"<= {MILLION_MB:.0f} MB",
            met=memory <= MILLION_MB,
        ),
        Figure(
            f"{label}: another scenario, from the cache",
            f"{again['seconds']:.1f} s",
            f"{seconds:.1f} s",
            f"{share:.2f}",
            f"<= {AGAIN}",
            # A small city is counted in less time than its tables take to write.
            share <= AGAIN if million else None,
        ),
        Figure(f"{label}: its peak memory", f"{again['peak_mb']:.0f} MB"),
        *faults_and_engines(label, source, folder, first),
    ]
    return [figures, by_door]


def run(sizes: list[int], folder: Path, *, with_newport: bool) -> list[Figure]:
    """Measure; see the module."""
    folder.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    base = None
    for homes in sizes:
        source = {"extract": str(folder / f"town-{homes}.osm.pbf")}
        if not Path(source["extract"]).exists():
            apart_make = [sys.executable, __file__, "--make", str(homes), "--folder", str(folder)]
            subprocess.run(apart_make, check=True, env={**os.environ, "PYTHONSAFEPATH": "1"})
        found, by_door = measured(f"{homes:,} homes", source, folder, homes, base)
        base = base or by_door
        figures += found
    if with_newport and NEWPORT.is_dir():
        found, _ = measured("Newport News", newport(folder), folder, 82_192, None)
        figures += found
    elif with_newport:
        figures.append(Figure("Newport News", "", note=f"skipped: no {NEWPORT}"))
    for homes in ENGINES:
        if homes <= max(sizes):
            figures += engines.run(homes)
    return figures


def main() -> int:
    """Measure and print one table; exit 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("homes", nargs="*", type=int)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "doorview-large")
    parser.add_argument("--newport", action="store_true")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--source", help=argparse.SUPPRESS)
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(asked.make, asked.folder)
        return 0
    if asked.case:
        case(asked.case, json.loads(asked.source), asked.folder)
        return 0
    figures = run(asked.homes or list(HOMES), asked.folder, with_newport=asked.newport or not asked.homes)
    print(table(figures))
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
