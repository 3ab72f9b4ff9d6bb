"""What the United States would take, on paper: measured cost of one city, times homes, with prices as parameters.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/united_states.py [--write]

Prints docs/cost-us.md; `--write` writes it. Nothing is measured here: what was measured is read from the table of
docs/scale.md, every other input stands below with its source.
"""
# ruff: noqa: E501 - lines of a page, with their numbers in them

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cost-us.md"
SCALE = PAGE.with_name("scale.md")
THREADS = 2
"""Threads that cover in the table of docs/scale.md; all else runs on one."""


@dataclass(frozen=True)
class Input:
    """A number that the estimate rests on, what it is, and where it comes from."""

    value: float
    what: str
    source: str


ASSUMED = "assumption"
MEASURED = "measured"


def measured(text: str) -> dict[str, float]:
    """Return what docs/scale.md says of a million homes [s, GB, bytes], and of the memory of 10,000."""

    def row(name: str) -> list[str]:
        found = re.search(rf"^\| {re.escape(name)}(?:,[^|]*)? \|(.*)\|$", text, re.MULTILINE)
        if found is None:
            raise ValueError(f"the table of {SCALE.name} has no row '{name}'")
        return [cell.strip() for cell in found[1].split("|")]

    def number(cell: str, unit: str) -> float:
        found = re.search(rf"([\d.,]+) ?{unit}", cell)
        if found is None:
            raise ValueError(f"'{cell}' in the table of {SCALE.name} holds no number of '{unit}'")
        return float(found[1].replace(",", ""))

    kept = re.search(r"million homes are (\d+) MB of city and (\d+) MB of counts", " ".join(text.split()))
    if kept is None:
        raise ValueError(f"{SCALE.name} does not say what a million homes take on disk")
    read, memory = row("before: reading the extract")[-1], row("peak memory")
    return {
        "doors": number(row("doors")[-1], ""),
        "covering_s": number(row("seeing and covering")[-1], "s"),
        "all_s": number(row("all")[-1], "s"),
        "read_s": number(read, "s"),
        "read_gb": number(read, "GB"),
        "peak_gb": number(memory[-1], "GB"),
        "small_gb": number(memory[0], "GB"),
        "city_bytes": float(kept[1]),
        "counts_bytes": float(kept[2]),
    }


_M = measured(SCALE.read_text(encoding="utf-8"))
MILLION = f"{MEASURED}: a million homes of the demo's generator, {_M['doors']:,.0f} doors, three levels, tables only (docs/scale.md)"
INPUTS: dict[str, Input] = {
    "homes": Input(140e6, "homes in the United States", f"{ASSUMED}: a round figure for the housing units of 2020"),
    "doors_per_home": Input(
        1.0,
        "doors per home",
        f"{ASSUMED}: the most there can be; flats share doors ({_M['doors'] / 1e6:.2f} in the measured town)",
    ),
    "covering_ms": Input(
        1e3 * THREADS * _M["covering_s"] / _M["doors"],
        "core ms of covering per door",
        f"{MILLION}: {_M['covering_s']:g} s on {THREADS} threads",
    ),
    "rest_ms": Input(
        1e3 * (_M["all_s"] - _M["covering_s"]) / _M["doors"],
        "core ms per door of all else after reading",
        f"{MILLION}: {_M['all_s']:g} s in all, the rest on one",
    ),
    "read_ms": Input(
        1e3 * _M["read_s"] / 1e6,
        "core ms of reading per home",
        f"{MILLION}: {_M['read_s']:g} s from .osm.pbf to the cache",
    ),
    "start_s": Input(
        3.0, "core s to start a city", f"{MEASURED}: libraries and kernels loaded, and a small town's tables"
    ),
    "cities": Input(3_143, "cities: one for each county", f"{ASSUMED}: counties and their equivalents"),
    "memory_gb": Input(
        _M["small_gb"], "GB of memory, however small the city", f"{MEASURED}: a town of 10,000 homes (docs/scale.md)"
    ),
    "memory_mb_per_1000": Input(
        max(_M["read_gb"], _M["peak_gb"]) - _M["small_gb"],
        "MB of memory per 1,000 homes",
        f"{MILLION}: {_M['read_gb']:g} GB while it is read, {_M['peak_gb']:g} GB after",
    ),
    "largest": Input(3.7e6, "homes in the largest county", f"{ASSUMED}: Los Angeles County"),
    "tables_kb": Input(400, "kB of tables per county", f"{MEASURED}: a town of 8,000 homes, without zones"),
    "kept_bytes": Input(
        _M["city_bytes"] + _M["counts_bytes"],
        "bytes kept in the cache per home",
        f"{MILLION}: the read town {_M['city_bytes']:g}, its counts {_M['counts_bytes']:g}",
    ),
    "osm_gb": Input(11, "GB of OpenStreetMap data", f"{ASSUMED}: extract of the United States, .osm.pbf"),
    "osm_nodes": Input(1.5e9, "nodes in it", f"{ASSUMED}"),
    "slow": Input(
        3.0,
        "times slower than measured",
        f"{ASSUMED}: real footprints have more corners (covering Reisterstown took 0.68 core ms per door), rented cores are shared",
    ),
    "core_hour": Input(0.05, "US dollars per core hour", f"{ASSUMED}, November 2026: an ordinary rented machine"),
    "spot": Input(0.02, "US dollars per core hour of machines that may be taken away", f"{ASSUMED}, November 2026"),
    "gb_month": Input(0.03, "US dollars per GB and month of disk", f"{ASSUMED}, November 2026"),
    "machine": Input(32, "cores of the one rented machine", ASSUMED),
    "cluster": Input(10, "such machines in the cluster", ASSUMED),
    "idle": Input(0.25, "part of a cluster's time that is waiting: starting, the last counties", ASSUMED),
}


@dataclass(frozen=True)
class Cost:
    """What all of it takes."""

    core_hours: float
    covering_part: float
    machine_hours: float
    machine_dollars: float
    cluster_hours: float
    cluster_dollars: float
    largest_gb: float
    machine_gb: float
    largest_hours: float
    tables_gb: float
    kept_gb: float
    disk_dollars: float
    whole_index_gb: float
    whole_gb: float


def cost(inputs: dict[str, Input]) -> Cost:
    """Return what the inputs amount to."""
    x = {name: item.value for name, item in inputs.items()}
    covering = x["homes"] * x["doors_per_home"] * x["covering_ms"] / 1e3
    doors = x["homes"] * x["doors_per_home"]
    rest = (x["homes"] * x["read_ms"] + doors * x["rest_ms"]) / 1e3 + x["cities"] * x["start_s"]
    hours = x["slow"] * (covering + rest) / 3600
    per_home = x["slow"] * (x["doors_per_home"] * (x["covering_ms"] + x["rest_ms"]) + x["read_ms"]) / 1e3
    largest, usual = (
        x["memory_gb"] + homes / 1e6 * x["memory_mb_per_1000"] for homes in (x["largest"], x["homes"] / x["cities"])
    )
    kept = x["homes"] * x["kept_bytes"] / 1e9
    cluster = hours / (x["machine"] * x["cluster"]) / (1 - x["idle"])
    return Cost(
        core_hours=hours,
        covering_part=covering / (covering + rest),
        machine_hours=hours / x["machine"],
        machine_dollars=hours * x["core_hour"],
        cluster_hours=cluster,
        cluster_dollars=cluster * x["machine"] * x["cluster"] * x["spot"],
        largest_gb=largest,
        machine_gb=largest + (x["machine"] - 1) * usual,
        largest_hours=x["largest"] * per_home / 3600,
        tables_gb=x["cities"] * x["tables_kb"] / 1e6,
        kept_gb=kept,
        disk_dollars=(kept + x["osm_gb"]) * x["gb_month"],
        whole_index_gb=x["osm_nodes"] * 16 / 1e9,
        whole_gb=x["memory_gb"] + x["homes"] / 1e3 * x["memory_mb_per_1000"] / 1e3,
    )


def page(inputs: dict[str, Input]) -> str:
    """Return docs/cost-us.md."""
    x, c = {name: item.value for name, item in inputs.items()}, cost(inputs)
    rows = "\n".join(f"| {item.what} | {item.value:,.4g} | {item.source} |" for item in inputs.values())
    return f"""# What the United States would take

On paper, from the measured cost of cities: nobody has run it. Written by `benchmarks/united_states.py`, where every number can be changed.
Prices have no source: they are parameters.

| | one rented machine of {x["machine"]:,.0f} cores | a cluster of {x["cluster"]:,.0f} of them |
|---|---|---|
| core hours | {c.core_hours:,.0f} | {c.core_hours:,.0f}, and {x["idle"]:.0%} of waiting |
| hours | {c.machine_hours:,.1f} | {c.cluster_hours:,.1f} |
| US dollars | {c.machine_dollars:,.1f} | {c.cluster_dollars:,.1f}, on machines that may be taken away |
| memory | {c.machine_gb:,.0f} GB: {x["machine"]:,.0f} counties at a time, the largest {c.largest_gb:,.0f} GB | the same on each |
| disk | {c.kept_gb + x["osm_gb"]:,.0f} GB: the map data {x["osm_gb"]:,.0f}, what is kept for other scenarios {c.kept_gb:,.0f}, tables {c.tables_gb:,.1f} | the same |
| disk, US dollars a month | {c.disk_dollars:,.1f} | {c.disk_dollars:,.1f} |

So the computing costs less than an hour of the person who starts it. Three levels, cells of 0.5 m, the whole curve of ownership, a table for each county; without rasters, maps
and the range over assumptions, which multiply time and disk.

## The arithmetic

- Covering: {x["homes"]:,.0f} homes x {x["doors_per_home"]:g} doors x {x["covering_ms"]:.3g} ms = {x["homes"] * x["doors_per_home"] * x["covering_ms"] / 3.6e6:,.0f} core hours.
- Reading: {x["homes"]:,.0f} homes x {x["read_ms"]:.3g} ms = {x["homes"] * x["read_ms"] / 3.6e6:,.0f} core hours.
- All else: {x["homes"]:,.0f} homes x {x["doors_per_home"]:g} doors x {x["rest_ms"]:.3g} ms + {x["cities"]:,.0f} starts x {x["start_s"]:g} s = {(x["homes"] * x["doors_per_home"] * x["rest_ms"] / 1e3 + x["cities"] * x["start_s"]) / 3600:,.0f} core hours.
- Times {x["slow"]:g} for what was not measured: {c.core_hours:,.0f} core hours. Covering is {c.covering_part:.0%} of it.
- One machine: {c.core_hours:,.0f} / {x["machine"]:,.0f} cores = {c.machine_hours:,.1f} hours, x {x["machine"]:,.0f} x {x["core_hour"]:g} dollars = {c.machine_dollars:,.1f} dollars.
- Cluster: {c.core_hours:,.0f} / ({x["machine"]:,.0f} x {x["cluster"]:,.0f}) / (1 - {x["idle"]:g}) = {c.cluster_hours:,.1f} hours, x {x["machine"] * x["cluster"]:,.0f} cores x {x["spot"]:g} dollars = {c.cluster_dollars:,.1f} dollars.
- Memory of a county: {x["memory_gb"]:g} GB + {x["memory_mb_per_1000"]:.3g} MB per 1,000 homes; {x["largest"]:,.0f} homes: {c.largest_gb:,.0f} GB. A county at a time on each core, because reading uses one: the largest and {x["machine"] - 1:,.0f} of the usual size are {c.machine_gb:,.0f} GB.

## Where the first limit lies

**Reading, not seeing.** A run reads its extract in one process: the places of the whole country's nodes alone take {x["osm_nodes"]:,.0f} x 16 bytes = {c.whole_index_gb:,.0f} GB; all that is
held of it in one piece would be some {c.whole_gb:,.0f} GB. Parts and tiles do not grow with the city, but this does. So the country is cut first, into an extract for each county
with 150 m around it (`osmium extract`, with the county's boundary in the column `boundary`), and [run as many cities](howto-cities.md), as many commands at a time as there are cores, each with a part of the table. Then the limit is the largest county:
{c.largest_gb:,.0f} GB, and {c.largest_hours:,.1f} core hours, of which a cluster can take over the covering alone.

The second limit is the data: in much of the country OpenStreetMap has few addresses and not all buildings. Every door that is missing there is a figure
that is too low, whatever the machines cost.

## What it rests on

| what | value | from |
|---|---|---|
{rows}
"""


if __name__ == "__main__":
    text = page(INPUTS)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    sys.stdout.write(text)
