"""The explorer of a city of 27,567 buildings in headless Chromium: size of the file, time until ready, a slider step.

A step is from the slider's input event until the second frame after it: all numbers follow and the map is drawn anew.
Median of 20. Then the same with ten times the block faces: the arrays of units, faces and doors tiled ten times over in
a folder of its own, so that a city of that size is stood in for by ten copies in rows of four, all in the picture.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figure import Figure, MissingDataError, data_file, doorview_command, table

EXTRACT = ("baltimore_county_md", "reisterstown_sorted.osm.pbf")
STEPS = 20
TIMES = 10
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync")  # fmt: skip
READY = "() => window.dv && dv.map && dv.state && document.querySelector('#portal h2')"
STEP = """async (rate) => {
  const slider = document.querySelector("[data-control=rate]");
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  await frame();
  const start = performance.now();
  slider.value = String(Number(slider.max) > 1 ? rate * 100 : rate);
  slider.dispatchEvent(new Event("input", {bubbles: true}));
  await frame();
  await frame();
  if (Math.abs(dv.state.rate - rate) > 1e-9) throw new Error("the page did not follow the slider");
  return performance.now() - start;
}"""


def command(*arguments: str, cache: Path) -> None:
    """Run doorview in a fresh process."""
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "DOORVIEW_CACHE": str(cache)}
    done = subprocess.run(
        [*doorview_command(), *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"doorview {arguments[0]} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        )


def measured(browser: object, page_file: Path) -> tuple[float, float]:
    """Return seconds until the page is ready, median of 3 openings, and the median step [ms]."""
    opened = []
    for _ in range(3):
        page = browser.new_page(viewport={"width": 1280, "height": 900})  # type: ignore[attr-defined]
        start = time.perf_counter()
        page.goto(page_file.resolve().as_uri())
        page.wait_for_function(READY)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        opened.append(time.perf_counter() - start)
        steps = [page.evaluate(STEP, round(0.02 + 0.04 * number, 2)) for number in range(STEPS)]
        page.close()
    return statistics.median(opened), statistics.median(steps)


def tiled(folder: Path) -> None:
    """Make the explorer's arrays of a run `TIMES` as large: copies of all units, `wide` apart."""
    path = folder / "working" / "explorer.npz"
    header = json.loads((folder / "working" / "explorer.json").read_text(encoding="utf-8"))
    with np.load(path) as held:
        arrays = {name: held[name] for name in held.files}
    units = len(arrays["unit_homes"])
    groups = int((arrays["unit_zoning"] < 0).sum())
    wide = int(np.ptp(arrays["ring_xy"].reshape(-1, 2)[:, 0])) + 10_000
    by_group = np.concatenate([np.tile(np.arange(groups), TIMES), np.arange(groups, units)])
    out = dict(arrays)
    for name in ("public_cells", "unit_homes", "unit_doors", "unit_length_m", "unit_name", "unit_zoning"):
        out[name] = arrays[name][by_group]
    for name in ("knot_share", "fixed_unit_share", "knot_bells", "fixed_bells"):
        if name in arrays and arrays[name].ndim > 1 and arrays[name].shape[1] == units:
            out[name] = arrays[name][:, by_group]
    out["hist_start"], picked = ragged(arrays["hist_start"], by_group, len(arrays["hist_start"]) // units)
    out["hist_k"], out["hist_amount"] = arrays["hist_k"][picked], arrays["hist_amount"][picked]
    for start, xy in (("face_start", "face_xy"), ("ring_start", "ring_xy"), ("green_start", "green_xy")):
        if start in arrays:
            out[start], out[xy] = copies(arrays[start], arrays[xy], wide)
    out["face_name"] = np.tile(arrays["face_name"], TIMES)
    shift = np.repeat(np.arange(TIMES), len(arrays["face_unit"])) * groups
    faces = np.tile(arrays["face_unit"], TIMES)
    out["face_unit"] = np.where(faces >= 0, faces + shift, -1).astype(np.int32)
    if "zone_ring_unit" in arrays:
        out["zone_ring_unit"] = arrays["zone_ring_unit"] + (TIMES - 1) * groups
    if "door_xy" in arrays:
        doors = len(arrays["door_xy"])
        out["door_xy"] = moved(arrays["door_xy"], wide)
        for name in ("door_heading", "door_lens_m", "door_model", "door_dwellings", "door_u"):
            if name in arrays:
                out[name] = np.tile(arrays[name], TIMES)
        unit = np.tile(arrays["door_unit"], TIMES)
        out["door_unit"] = np.where(unit >= 0, unit + np.repeat(np.arange(TIMES), doors) * groups, -1).astype(np.int32)
    header["title"] = f"{header['title']}, {TIMES} times"
    np.savez(path, **out)
    (folder / "working" / "explorer.json").write_text(json.dumps(header), encoding="utf-8")


def ragged(start: np.ndarray, order: np.ndarray, lists: int) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and items of units in `order`, each of `lists` lists."""
    first = start[:-1].reshape(-1, lists)[order].ravel().astype(np.int64)
    last = start[1:].reshape(-1, lists)[order].ravel().astype(np.int64)
    lengths = last - first
    begun = np.concatenate([[0], np.cumsum(lengths)])
    picked = np.arange(begun[-1]) + np.repeat(first - begun[:-1], lengths)
    return begun.astype(start.dtype), picked


def moved(xy: np.ndarray, wide: int) -> np.ndarray:
    """Return copies of coordinates [cm], `wide` apart in rows of four, so that all are in the picture at once."""
    pairs = xy.reshape(-1, 2)
    return np.concatenate(
        [pairs + np.array([number % 4 * wide, number // 4 * wide]) for number in range(TIMES)]
    ).astype(xy.dtype)


def copies(start: np.ndarray, xy: np.ndarray, wide: int) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of lines or rings side by side."""
    lengths = np.tile(np.diff(start.astype(np.int64)), TIMES)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(start.dtype), moved(xy, wide)


def run() -> list[Figure]:
    """Measure; see the module."""
    extract = data_file(*EXTRACT)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise MissingDataError("no Chromium on this machine: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as absent:
        raise MissingDataError("playwright is not installed: pip install doorview[test]") from absent
    figures = []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder, cache = Path(scratch) / "out", Path(scratch) / "cache"
        command("estimate", str(extract), "--out", str(folder), cache=cache)
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        for times, name, megabytes, milliseconds in ((1, "explorer", 10, 100), (TIMES, "explorer x 10", 40, 400)):
            if times > 1:
                tiled(folder)
            start = time.perf_counter()
            command("explorer", str(folder), cache=cache)
            built = time.perf_counter() - start
            size = (folder / "explorer.html").stat().st_size / 1e6
            light = (folder / "explorer-light.html").stat().st_size / 1e6
            ready, step = measured(browser, folder / "explorer.html")
            figures += [
                Figure(f"{name}: file", f"{size:.1f} MB", "", "", f"<= {megabytes} MB", size <= megabytes),
                Figure(f"{name}: slider step", f"{step:.0f} ms", "", "", f"<= {milliseconds} ms", step <= milliseconds),
            ]
            if times == 1:
                figures += [
                    Figure(f"{name}: ready", f"{ready:.2f} s", "", "", "<= 2 s", ready <= 2.0),
                    Figure(f"{name}: light file", f"{light:.1f} MB", "", "", "< 5 MB", light < 5.0),
                    Figure(f"{name}: built", f"{built:.1f} s"),
                ]
            else:
                figures.append(Figure(f"{name}: ready", f"{ready:.2f} s"))
        browser.close()
    return figures


if __name__ == "__main__":
    try:
        print(table(run()))
    except MissingDataError as missing:
        print(f"skipped: {missing}")
