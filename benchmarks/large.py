"""Large cities, tables only: time by door, peak memory, and another scenario from the cache.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/large.py [--folder DIR] [--newport] [HOMES ...]

By default 10,000, 100,000 and 1,000,000 homes of the demo town's generator at 25 homes a hectare: three levels, the
whole curve, cells of 0.5 m, two cores. Each case runs in a process of its own, so that its peak memory is its own.
Making the town is not measured, and reading it (as a run of tables only does) apart: the city lies in the cache before.
`--newport` adds Newport News' 82,192 real footprints, with streets of a lattice, for the data have none. What was made
stays in DIR (default: a folder in the system's temporary one) and is taken up again; the largest case needs 1 GB there,
and 8 GB of memory while its town is made. The engines' own figures (`engines.py`) stand below where that file
is there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figure import Figure, table

HOMES = (10_000, 100_000, 1_000_000)
MILLION_S, AIM_S, MILLION_MB = 360.0, 180.0, 3000.0
GROWTH, AGAIN = 1.2, 0.1
READ_MB = 1200.0
LIBRARIES_MB = 330.0
"""What the process holds before it reads anything."""
NEWPORT = Path(__file__).resolve().parents[2] / "shared" / "data" / "newport_news_va"
RATES = {"first": 0.2, "again": 0.3}


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
    """Do one case here and print what it took as JSON: `read`, `first` or `again`."""
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
        if name == "first":
            shutil.rmtree(Path(os.environ["DOORVIEW_CACHE"]) / KIND, ignore_errors=True)
        start = time.perf_counter()
        result = run_tables_only(study, folder / f"out-{name}", fresh=True, progress=silent)
        seconds = time.perf_counter() - start
        stages = {stage: round(spent, 2) for stage, spent in result.stages.seconds.items()}
        took = {"seconds": seconds, "doors": len(result.doors), "stages": stages}
    took["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(json.dumps(took))


def apart(name: str, source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Do one case in a fresh process and return what it took."""
    command = [sys.executable, __file__, "--case", name, "--source", json.dumps(source), "--folder", str(folder)]
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "DOORVIEW_CACHE": str(folder / "cache")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {found}", file=sys.stderr)
    return found


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
    if (Path(__file__).parent / "engines.py").exists():
        figures += importlib.import_module("engines").run()
    return figures


def main() -> int:
    """Measure and print one table; exit 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("homes", nargs="*", type=int)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "doorview-large")
    parser.add_argument("--newport", action="store_true")
    parser.add_argument("--case", choices=("read", "first", "again"), help=argparse.SUPPRESS)
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
