"""A finished run's folder with figures made by hand, for tests of what is written from one."""

from __future__ import annotations

import csv
import json
import struct
import zlib
from pathlib import Path
from typing import Any

LEVELS = {"detect": 28.4, "observe": 11.4, "recognise": 5.7}
SHARES = {"detect": 0.366, "observe": 0.0789, "recognise": 0.0156}
SPACE = "streets_near_homes"


def png(width: int = 40, height: int = 30, colour: tuple[int, int, int] = (40, 80, 120)) -> bytes:
    """Return a PNG of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a table as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def small_run(
    folder: Path, *, label: str | None = None, zones: tuple[str, ...] = ("North", "South"), everything: bool = True
) -> Path:
    """Write a run's folder; without `everything`, one without zones, thefts, ranges, programme and pictures."""
    folder.mkdir(parents=True)
    scenarios: dict[str, dict[str, Any]] = {"independent_20": {"process": "independent", "rate": 0.2, "label": label}}
    if everything:
        programme = {"number": 59}
        scenarios["given"] = {"process": "independent", "rate": 0.2, "label": "Given", "programme": programme}
    facts = {
        "doorview": "doorview-run", "schema_version": 1, "name": "small_town", "fictional": False, "seed": 7,
        "inputs": {"data_date": "2024-03-03", "attribution": "\u00a9 OpenStreetMap contributors"},
        "settings": {
            "study": {"label": None}, "output": {"units": "metric"}, "public_space": {"near_home_m": 50.0},
            "scenarios": scenarios, "incidents": {"file": "thefts.csv"} if everything else None,
        },
        "camera": {"label": "A camera", "values": {"pixels": {"value": 1920, "mark": "M", "source": "-"}}},
        "levels": {name: {"plain": name, "range_m": reach} for name, reach in LEVELS.items()},
        "scenarios": {name: name for name in scenarios},
        "shown_on_maps": {"scenario": "independent_20", "level": "detect"},
        "counted": {"doors": 812, "dwellings": 1432, "lost_at_the_edge_m2": 25_000.0},
        "obstacles": "Obstacles: buildings only.", "licences": {"city.gpkg": "ODbL 1.0"},
        "versions": {"doorview": "0.1.0"}, "fairness": {"people": {"column": "pupils"}},
        **({"routes": {"shown": {"scenario": "independent_20", "level": "detect"}}} if everything else {}),
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    places = [("all", "all"), *(("district", zone) for zone in zones if everything)]
    shares = [
        {
            "scenario": scenario, "level": level, "zoning": zoning, "zone": zone, "space": SPACE, "measure": "area_m2",
            "share_mean": share * (1 + 0.01 * n), "share_p05": share * 0.9 if everything else "",
            "share_p95": share * 1.1 if everything else "", "share_low": share * 0.5 if everything else "",
            "share_high": share * 1.3 if everything else "",
        }
        for scenario in scenarios for level, share in SHARES.items() for n, (zoning, zone) in enumerate(places)
    ]  # fmt: skip
    write_table(folder / "shares.csv", shares)
    if not everything:
        return folder
    whole = {"zoning": "all", "zone": "all", "space": SPACE}
    curve = [
        {"level": level, **whole, "measure": "area_m2", "rate": rate, "share_mean": share * rate * 4}
        for level, share in SHARES.items() for rate in (0.0, 0.1, 0.2, 0.5)
    ]  # fmt: skip
    write_table(folder / "curve.csv", curve)
    change = [
        {
            "scenario": "given", "against": "independent_20", "level": level, **whole, "cameras_added": 30.2,
            "change_mean": share / 9, "change_p05": share / 12, "change_p95": share / 8, "cost": 6136.0,
            "cost_per_camera_added": 203.1,
        }
        for level, share in SHARES.items()
    ]  # fmt: skip
    write_table(folder / "change.csv", change)
    factors = [("range", "times the level's range", 0.8, 1.2, 0.6), ("recess", "share of homes", 0.0, 0.5, 0.2)]
    factors += [("barrier_height", "m", 0.9, 1.8, 0.01), ("rate", "share of households", 0.18, 0.27, 0.3)]
    factors += [("wedge", "share of doors", 0.0, 0.3, 0.05), ("planting", "share of homes", 0.0, 0.3, 0.08)]
    drivers = [
        {
            "level": level, "factor": name, "low": low, "high": high, "share_low": share * (1 - swing / 2),
            "share_high": share * (1 + swing / 2), "share_mean": share, "scenario": "independent_20", "space": SPACE,
            "measure": "area_m2", "label": name, "unit": unit,
        }
        for level, share in SHARES.items() for name, unit, low, high, swing in factors
    ]  # fmt: skip
    write_table(folder / "drivers.csv", drivers)
    stages = [
        {
            "scenario": "independent_20", "level": level, **whole, "measure": "area_m2", "in_view": share,
            "recorded": share * 0.9, "kept": share * 0.8, "shared": share * 0.3,
        }
        for level, share in SHARES.items()
    ]  # fmt: skip
    write_table(folder / "stages.csv", stages)
    seen = [
        {
            "level": level, "scenario": "independent_20", "of": "another door", "incidents": 144, "in_view": share,
            "in_view_least": share / 2, "in_view_most": share * 1.2, "random_low": share * 0.7,
            "random_high": share * 1.1,
        }
        for level, share in SHARES.items()
    ]  # fmt: skip
    write_table(folder / "incidents_in_view.csv", seen)
    spots = [
        {
            "class": kind, "window": "12 months", "hot_spots": 1, "area_km2": 0.2, "level": level,
            "scenario": "independent_20", "public_m2": 9000.0, "in_view": share * factor,
        }
        for kind, factor in (("hot spot", 1.2), ("former", 0.5)) for level, share in SHARES.items()
    ]  # fmt: skip
    write_table(folder / "hotspots.csv", spots)
    fair = [
        {
            "scenario": scenario, "level": level, "zoning": "district", "zone": zone, "space": SPACE,
            "share_mean": share * (1 + 0.01 * n), "share_inside_only": share * 0.7, "share_both": share * 0.1,
            "share_outside_only": share * (0.2 + 0.01 * n),
        }
        for scenario in scenarios for level, share in SHARES.items() for n, zone in enumerate(zones, start=1)
    ]  # fmt: skip
    fair.append({**fair[0], "zone": "empty", **{name: "" for name in fair[0] if name.startswith("share_")}})
    fair.append({**fair[0], "zoning": "block_faces", "zone": "17"})
    write_table(folder / "fairness.csv", fair)
    moves = ("more", "open", "less", "same")
    moved = [
        {
            "scenario": "given", "against": "independent_20", "level": level, "zoning": "district", "zone": zone,
            "space": SPACE, "change_mean": share * (0.1 - 0.05 * n), "in_view": moves[n % 4],
        }
        for level, share in SHARES.items() for n, zone in enumerate(zones)
    ]  # fmt: skip
    write_table(folder / "fairness_change.csv", moved)
    people = [
        {
            "scenario": "independent_20", "level": level, "zoning": "district", "zone": "all", "space": "streets",
            "people": 812.0, "share_by_people": share * 1.1, "share_mean": share,
        }
        for level, share in SHARES.items()
    ]  # fmt: skip
    write_table(folder / "fairness_by_people.csv", people)
    ways = [
        {
            "route": "Hill to Mill", "kind": kind, "scenario": "independent_20", "level": level, "status": "found",
            "length_m": length, "share_in_view_mean": share * part, "p_unseen": 0.5 * part,
        }
        for kind, length, part in (("shortest", 640.0, 1.0), ("least_in_view", 812.0, 0.7))
        for level, share in SHARES.items()
    ]  # fmt: skip
    write_table(folder / "routes.csv", ways)
    homes = [
        {
            "destination": "school", "scenario": "independent_20", "level": level, "measure": measure, "homes": 1432,
            "mean": value,
        }
        for level, share in SHARES.items() for measure, value in (("length_m", 512.0), ("share_in_view_mean", share))
    ]  # fmt: skip
    write_table(folder / "routes_homes.csv", homes)
    (folder / "maps").mkdir()
    for name in ("in_view_detect_independent_20.png", "curve.png", "hotspots.png"):
        (folder / "maps" / name).write_bytes(png())
    return folder
