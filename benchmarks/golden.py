"""The golden figures: what an estimate of four real places gave when it was last looked at.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/golden.py            # compare, print every difference
    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/golden.py --write    # write tests/golden/figures.json anew

`tests/golden/test_golden.py` holds the code against the file. When a rule is changed on purpose, look at the maps
first, write the file anew, and say in the commit which figures moved and why.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import doorview as dv
from doorview.city.model import City

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FILE = Path(__file__).resolve().parents[1] / "tests" / "golden" / "figures.json"
PLACES = {
    "randallstown_2km": "baltimore_county_md/clip_randallstown_2km_sorted.osm.pbf",
    "greenwich_village": "nyc_greenwich_village/nyc_sorted.osm.pbf",
    "monaco": "monaco/monaco_20250206.osm.pbf",
    "liechtenstein": "liechtenstein/liechtenstein-20240303.osm.pbf",
}
LEVELS = ("trigger", "recognise", "observe", "detect")
RATES = (0.05, 0.2, 1.0)
HEADLINE = "streets_near_homes"

Figures = dict[str, float]


@cache
def figures(place: str) -> Figures:
    """Return the figures of one place by name; the part before the first colon says their kind."""
    result = dv.estimate(City.from_extract(DATA / PLACES[place]), levels=LEVELS, rates=RATES, range_curve=False)
    of_city = result.shares[result.shares["zone"] == "all"]
    found: Figures = {
        "count: doors": len(result.doors),
        "count: dwellings": int(result.doors["dwellings"].sum()),
        "count: doors that count": int(of_city["doors_inside"].iloc[0]),
        **{f"count: doors by {rule}": int(n) for rule, n in result.doors["found"].value_counts().sort_index().items()},
    }
    for level in LEVELS:
        curve = result.curve[(result.curve["level"] == level) & (result.curve["zone"] == "all")]
        headline = curve[(curve["space"] == HEADLINE) & (curve["measure"] == "area_m2")].set_index("rate")
        for rate in RATES:
            found[f"share: {level} at {100 * rate:g} %"] = float(headline["share_mean"].loc[rate])
    once = of_city[["space", "measure", "public_amount"]].drop_duplicates().sort_values(["measure", "space"])
    for row in once.itertuples():
        found[f"amount: {row.space} {row.measure}"] = float(row.public_amount)
    return found


def allowed(name: str, value: float, doors: float) -> float:
    """Return by how much a figure may differ.

    The same code gives the same bits, so what is allowed is what other versions of PROJ and GEOS may do:

    - counts come from tags: nothing;
    - amounts: such versions place points within well under a millimetre; 1 mm along both edges of a street some 10 m
      wide moves 2e-4 of it, and four counts (cells, samples) are granted to the smallest classes;
    - shares: the same, and three doors found on another wall, where two walls were as near to a street.
    """
    kind = name.partition(":")[0]
    if kind == "count":
        return 0.0
    if kind == "amount":
        return max(2e-4 * value, 2.0 if name.endswith("length_m") else 1.0)
    return value * (2e-4 + 3.0 / doors)


def differences(place: str, golden: Mapping[str, float], found: Mapping[str, float]) -> list[str]:
    """Return a line for every figure that is missing, new, or farther off than allowed."""
    lines = []
    for name in sorted({*golden, *found}):
        old, new = golden.get(name), found.get(name)
        if old is None or new is None:
            lines.append(f"{place}, {name}: golden {old}, found {new}")
        elif abs(new - old) > (may := allowed(name, old, golden["count: doors that count"])):
            lines.append(f"{place}, {name}: golden {old:.6g}, found {new:.6g}, {new - old:+.3g} (allowed {may:.2g})")
    return lines


def read_golden() -> dict[str, Figures]:
    """Return the golden figures of all places."""
    golden: dict[str, Figures] = json.loads(FILE.read_text(encoding="utf-8"))
    return golden


def main(arguments: list[str]) -> int:
    """Print the differences, or write the file; exit 1 if there are differences."""
    if not all((DATA / file).is_file() for file in PLACES.values()):
        print(f"no real cities in {DATA.name}/ beside the project: {', '.join(PLACES.values())}")
        return 2
    golden = read_golden() if FILE.is_file() else {}
    found = {place: figures(place) for place in PLACES}
    lines = [line for place in PLACES for line in differences(place, golden.get(place, {}), found[place])]
    print("\n".join(lines) if lines else "no differences")
    if "--write" in arguments:
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"written: {FILE.name}")
        return 0
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
