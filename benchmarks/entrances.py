"""Tagged entrances hidden and found again, by city and rule. Run: python benchmarks/entrances.py [FOLDER OF CITIES]."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from doorview.city.doors_again import errors_by_rule, find_entrances_again
from doorview.city.model import City

CITIES = {
    "Monaco": "monaco/monaco_20250206.osm.pbf",
    "Las Palmas": "las_palmas/las_palmas_20230221.osm.pbf",
    "Liechtenstein": "liechtenstein/liechtenstein-20240303.osm.pbf",
}
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def table(folder: Path) -> pd.DataFrame:
    """Errors of every city there, by the set of entrances (of homes, of all buildings) and the rule."""
    parts = {}
    for name, file in CITIES.items():
        if not (folder / file).exists():
            continue
        city = City.from_extract(folder / file)
        for of in ("homes", "all"):
            parts[name, of] = errors_by_rule(find_entrances_again(city, of=of).errors)
    return pd.concat(parts, names=["city", "entrances of"]) if parts else pd.DataFrame()


def main() -> int:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    found = table(folder)
    if not len(found):
        print(f"no real cities in {folder}: give the folder that holds {', '.join(CITIES.values())}")
        return 1
    print(found.round(2).to_string())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
