"""Make the README's picture and table anew from the demo town: run ``python docs/images/readme.py`` from anywhere."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pandas as pd
from PIL import Image

import doorview as dv
from doorview.show.style import BUILDING, GROUND, INK, PAGE, SHARE_COLOURS, rgb
from doorview.show.text import PLAIN_NAMES, distance, percent

ROOT = Path(__file__).resolve().parents[2]
LEVELS = ("detect", "observe", "recognise")
SCENARIOS = {"independent_05": "5%", "independent_20": "20%", "independent_40": "40%"}
START, END = "<!-- table:demo -->\n", "<!-- /table:demo -->"


def table(shares: pd.DataFrame, ranges_m: dict[str, float]) -> str:
    """Return the README's table in Markdown.

    Parameters
    ----------
    shares
        Rows of shares.csv of the demo town.
    ranges_m
        How far each level reaches [m].
    """
    rows = shares[
        (shares["space"] == "streets_near_homes") & (shares["zoning"] == "all") & (shares["measure"] == "area_m2")
    ].set_index(["scenario", "level"])["share_mean"]
    heads = [f"*{level}*: {PLAIN_NAMES[level]}, up to {distance(ranges_m[level], 'us')}" for level in LEVELS]
    lines = [["households with a camera", *heads], ["---"] * (1 + len(LEVELS))]
    lines += [
        [rate, *(percent(float(rows.loc[scenario, level])) for level in LEVELS)] for scenario, rate in SCENARIOS.items()
    ]
    words = (
        '\nEach column is a level, what "in view" means, and each figure the part of that ground that at least one\n'
        "camera has in view at that level, on average over which homes happen to own one.\n"
    )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("\u00a0", " ") + words


def placed(readme: str, rows: str) -> str:
    """Return the README's text with the table between its markers."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return f"{before}{START}{rows}{END}{after}"


def small(source: Path, target: Path) -> None:
    """Write a picture 1500 pixels wide in few colours, those of the legend as they are: the README loads fast."""
    exact = [rgb(colour) for colour in (*SHARE_COLOURS, BUILDING, PAGE, INK, *GROUND.values())]
    with Image.open(source) as image:
        size = 1500, round(1500 * image.height / image.width)
        reduced = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    values = reduced.quantize(128).getpalette() or []
    found = zip(values[::3], values[1::3], values[2::3], strict=True)
    # A colour beside one of the legend's would take its place.
    others = [colour for colour in found if min(math.dist(colour, one) for one in exact) > 12]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in (*exact, *others) for value in colour])
    reduced.quantize(palette=palette, dither=Image.Dither.NONE).save(target, optimize=True)


def main() -> None:
    """Run the demo town and write picture and table."""
    with tempfile.TemporaryDirectory(prefix="doorview-") as folder:
        result = dv.run(ROOT / "data" / "demo" / "study.toml", Path(folder) / "demo")
        shown = result.map(Path(folder) / "map.png")
        small(shown, Path(__file__).with_name("demo.png"))
    ranges = {name: item.range_m for name, item in result.levels.items()}
    readme = ROOT / "README.md"
    readme.write_text(
        placed(readme.read_text(encoding="utf-8"), table(result.shares, ranges)), encoding="utf-8", newline="\n"
    )


if __name__ == "__main__":
    main()
