"""Finished runs' folders, and what is done to them: files taken away, cut, swapped, rewritten with hostile content."""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from mutations import TEXTS, mutated

from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_dict
from helpers.small_run import small_run
from helpers.tiny import halves, tiny_town

PAGES = {"explorer": {"explorer.html", "explorer-light.html"}, "briefing": {"briefing.html", "briefing.pdf"}}
"""What each command may write into a run's folder."""
READ = {
    "explorer": ("run.json", "working/explorer.json", "working/explorer.npz", "*.tif"),
    "briefing": ("run.json", "*.csv", "city.gpkg", "maps/*.png"),
}
"""What each command reads of it."""
HOSTILE = (
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\" onmouseover='alert(1)", "]]>--><!--",
    "<!--dv:script-->", "{{ c.title }}", '#read("/etc/passwd")', "javascript:alert(1)", "\u202e\u2066abc", "a\0b",
    "A" * 3000, "=cmd|' /C calc'!A0", "../../../etc/passwd", "\ud800", "", "\u2028",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, -1e308, float("nan"), float("inf"), 2**70, [], {}, [[]], {"a": 1}, [None] * 3, "x"),
    *(1.5, "0.2", "nan", [1e9, -1e9], {"": {}}),
)


def good_runs(folder: Path) -> dict[str, Path]:
    """Make three runs: of a tiny town, of another with other levels, and one by hand that has every table."""
    runs = {}
    for name, levels, west in (("tiny", ["observe", "detect"], "West"), ("other", ["detect"], "Left")):
        place = folder / f"{name}-in"
        place.mkdir(parents=True)
        tiny_town(place / "town.osm.pbf", street=f"{west} Street")
        halves(place / "halves.geojson", 11, 11, west_name=west)
        rng = np.random.default_rng(5)
        rows = [
            f"{-76.79 + x:.6f},{39.37 + y:.6f},2023-{1 + n % 12:02d}-1{n % 9}"
            for n, (x, y) in enumerate(rng.uniform((-0.002, -0.0008), (0.002, 0.0008), (80, 2)))
        ]
        (place / "thefts.csv").write_text("\n".join(["lon,lat,date", *rows]) + "\n")
        raw = {
            "study": {"name": name, "seed": 3},
            "place": {"extract": "town.osm.pbf"},
            "zones": [{"file": "halves.geojson", "id": "id", "name": "name"}],
            "camera": {"levels": levels},
            "coverage": {"range_curve": False, "cell_m": 1.0},
            "incidents": {"file": "thefts.csv"},
            "output": {"maps": False, "rasters": True, "explorer": True, "qgis": False},
            "drivers": {"ranges": 0},
        }
        run_study(study_from_dict(raw, folder=place), folder / name)
        runs[name] = folder / name
    runs["full"] = small_run(folder / "full")
    shutil.copyfile(runs["tiny"] / "city.gpkg", runs["full"] / "city.gpkg")
    return runs


def kinds_of(runs: dict[str, Path]) -> list[tuple[str, Path]]:
    """Return which command reads which run."""
    return [("explorer", runs["tiny"]), ("briefing", runs["full"]), ("briefing", runs["tiny"])]


def files_read(kind: str, run: Path) -> list[Path]:
    return sorted({path for pattern in READ[kind] for path in run.glob(pattern)})


def harmed(kind: str, run: Path, other: Path, place: Path, rng: random.Random) -> str:
    """Copy a run to a place, harm one to three of the files that are read, and say what was done."""
    shutil.copytree(run, place, copy_function=os.link)
    if rng.random() < 0.6:
        _unseal(place)
    files = [path.relative_to(run) for path in files_read(kind, run)]
    done = []
    weights = [4 if path.suffix == ".json" else 1 for path in files]
    for name in dict.fromkeys(rng.choices(files, weights, k=rng.choice((1, 1, 2, 3)))):
        path = place / name
        own = {".json": _json, ".csv": _csv, ".npz": _npz, ".tif": _tif, ".gpkg": _gpkg}.get(path.suffix)
        ways: list[Callable[..., Any]] = [_bytes, _bytes, _empty, _gone, _folder, _loop, _swapped, _of_another]
        way = own if own is not None and rng.random() < 0.7 else rng.choice(ways)
        done.append(f"{name} {way.__name__}")
        data = path.read_bytes()
        path.unlink()  # one name of a file of the good run
        made = way(data, rng, path, place, files, other / name)
        if isinstance(made, bytes):
            path.write_bytes(made)
    return ", ".join(done)


def _unseal(place: Path) -> None:
    """Take the checksums away, as whoever changes a run on purpose would make them fit."""
    for name in ("run.json", "working/explorer.json"):
        path = place / name
        if path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            content.pop("checksums", None)
            path.unlink()
            path.write_text(json.dumps(content), encoding="utf-8")


# ---- whatever the file ----------------------------------------------------------------------------------------------


def _bytes(data: bytes, rng: random.Random, path: Path, *_: Any) -> bytes:
    path.write_bytes(data)
    made = mutated(path, rng) if data else b"\0"
    path.unlink()
    return made


def _empty(data: bytes, rng: random.Random, *_: Any) -> bytes:
    return data[: rng.choice((0, 1, len(data) // 2, max(len(data) - 1, 0)))]


def _gone(*_: Any) -> None:
    return None


def _folder(data: bytes, rng: random.Random, path: Path, *_: Any) -> None:
    path.mkdir()


def _loop(data: bytes, rng: random.Random, path: Path, *_: Any) -> None:
    match rng.randrange(3):
        case 0:
            path.symlink_to(path)
        case 1:
            path.symlink_to("/etc/passwd")
        case _:
            os.mkfifo(path)


def _swapped(data: bytes, rng: random.Random, path: Path, place: Path, files: list[Path], _: Path) -> bytes:
    there = [place / name for name in files if (place / name).is_file()]
    return rng.choice(there).read_bytes() if there else data


def _of_another(data: bytes, rng: random.Random, path: Path, place: Path, files: list[Path], other: Path) -> bytes:
    return other.read_bytes() if other.is_file() else b"{}"


# ---- sound files with unsound content -------------------------------------------------------------------------------


def _places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in JSON."""
    items = found.items() if isinstance(found, dict) else enumerate(found[:6]) if isinstance(found, list) else ()
    return [deep for name, value in items for deep in [(*path, name), *_places(value, (*path, name))]]


def _json(data: bytes, rng: random.Random, *_: Any) -> bytes:
    content = json.loads(data)
    for _ in range(rng.choice((1, 1, 2, 6))):
        places = _places(content)
        if not places:
            break
        # By depth first, so that the heads are hit as often as the many leaves.
        depth = rng.choice(sorted({len(place) for place in places}))
        *way, last = rng.choice([place for place in places if len(place) == depth])
        at: Any = content
        for step in way:
            at = at[step]
        match rng.randrange(5):
            case 0:
                at[last] = rng.choice(HOSTILE)
            case 1 | 2:
                at[last] = copy.deepcopy(rng.choice(VALUES))
            case 3:
                del at[last]
            case _ if isinstance(at, dict):
                at[rng.choice(HOSTILE)] = at.pop(last)
            case _:
                at.append(copy.deepcopy(at[last]))
    text = json.dumps(content)
    if rng.random() < 0.05:
        text = text[:-1] + ', "deep": ' + "[" * 20_000 + "]" * 20_000 + "}"
    return text.encode()


def _csv(data: bytes, rng: random.Random, *_: Any) -> bytes:
    rows = list(csv.reader(io.StringIO(data.decode())))
    texts = (*HOSTILE, *(text.decode("utf-8", "replace") for text in TEXTS), "12.5", "-0.5", "nan", "1e308", "\u0665")
    for _ in range(rng.choice((1, 1, 3))):
        row, column = rng.randrange(len(rows)), rng.randrange(max(len(rows[0]), 1))
        match rng.randrange(6):
            case 0 | 1 if column < len(rows[row]):
                rows[row][column] = rng.choice(texts)
            case 2:
                rows = [line[:column] + line[column + 1 :] for line in rows]
            case 3:
                rows[row] = rows[row] * 2
            case 4:
                rows[row] = rows[row][:column]
            case _:
                rows += rows[1:]
    into = io.StringIO()
    csv.writer(into, lineterminator="\n").writerows(rows)
    return into.getvalue().encode("utf-8", "surrogatepass")


def _npz(data: bytes, rng: random.Random, *_: Any) -> bytes:
    with np.load(io.BytesIO(data)) as held:
        arrays = {name: held[name] for name in held.files}
    for name in rng.sample(sorted(arrays), rng.choice((1, 1, 3))):
        values = arrays[name]
        match rng.randrange(7):
            case 0:
                del arrays[name]
            case 1:
                with np.errstate(invalid="ignore"):
                    arrays[name] = values.astype(rng.choice(("f8", "i8", "U3", "?", "c16")))
            case 2:
                arrays[name] = values[: len(values) // 2]
            case 3:
                arrays[name] = np.array([{"a": 1}, None], dtype=object)
            case 4:
                arrays[name] = np.full_like(values, rng.choice((0, 1, 250)))
            case 5:
                arrays[name] = values.reshape(-1)
            case _:
                arrays[f"{rng.choice(HOSTILE[:4])}"] = np.zeros(30_000_000, np.uint8)
    into = io.BytesIO()
    np.savez_compressed(into, **{name.replace("/", "_"): values for name, values in arrays.items()})
    return into.getvalue()


def _tif(data: bytes, rng: random.Random, path: Path, *_: Any) -> bytes:
    huge = f'<VRTDataset rasterXSize="{10**8}" rasterYSize="{10**8}"><VRTRasterBand dataType="Float64" band="1"/>'
    outside = (
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        "<SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand>"
    )
    match rng.randrange(4):
        case 0:
            return (rng.choice((huge, outside)) + "</VRTDataset>").encode()
        case 1:
            size = rng.choice((1, 3_000, 300_000))
            look = {
                "driver": "GTiff",
                "width": size,
                "height": size,
                "count": 1,
                "dtype": "uint16",
                "crs": "EPSG:32618",
            }
            with rasterio.MemoryFile() as file:
                with file.open(**look, tiled=True, sparse_ok=True, transform=rasterio.Affine(0.5, 0, 0, 0, -0.5, 0)):
                    pass
                return file.read()
        case 2:
            path.write_bytes(data)
            with rasterio.open(path, "r+") as to:
                steps = ((0, 0, 0, 0, 0, 0), (1e300, 0, 1e300, 0, -1e300, 1e300), (float("nan"), 0, 0, 0, 1, 0))
                to.transform = rasterio.Affine(*rng.choice(steps))
                to.update_tags(window=rng.choice(HOSTILE[:9]), not_shown=rng.choice(HOSTILE[:3]))
            made = path.read_bytes()
            path.unlink()
            return made
        case _:
            path.write_bytes(data)
            with rasterio.open(path, "r+") as to:
                to.write(np.full((1, to.height, to.width), rng.choice((255, 0)), to.dtypes[0]))
            made = path.read_bytes()
            path.unlink()
            return made


def _gpkg(data: bytes, rng: random.Random, *_: Any) -> bytes:
    with closing(sqlite3.connect(":memory:")) as base, base:
        base.deserialize(data)
        for (name,) in base.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            base.execute(f'drop trigger "{name}"')
        text = rng.choice(HOSTILE).replace("\0", "").encode("utf-8", "replace").decode()
        endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select 'a' as zoning, i as zone,"
        orders: tuple[tuple[str, tuple[Any, ...]], ...] = (
            ("update zones set name = ?", (text,)),
            ("update zones set name = ?", (rng.choice((b"\xff\xfe", 5, 1e308, None)),)),
            ("update zones set zone = ?, zoning = ?", (text, b"x")),
            ("alter table zones rename to z", ()),
            ("alter table zones rename column name to n", ()),
            ("delete from zones", ()),
        )
        for order, values in rng.sample(orders, rng.choice((1, 2))):
            try:
                base.execute(order, values)
            except sqlite3.Error:
                continue
        if rng.random() < 0.2:
            try:
                base.execute("alter table zones rename to z")
                base.execute(f"create view zones as {endless} 'b' as name from n")
            except sqlite3.Error:
                pass
        base.commit()
        return base.serialize()
