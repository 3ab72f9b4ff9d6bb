"""The folder that ``doorview demo`` writes."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from doorview.demo.names import ATTRIBUTION, FICTIONAL
from doorview.demo.writer import write_extract
from doorview.errors import OutputError

if TYPE_CHECKING:
    from doorview.demo.town import Town

__all__ = ["FILES", "write_folder"]

FILES = ("demo.osm.pbf", "study.toml", "districts.geojson", "thefts.csv", "truth_doors.csv", "README.md")
_DECIMALS = 7

DOORS_PER_GIFT = 14
_STUDY = """\
# The demo study: everything that doorview can do, on a town that does not exist.
# Run it with:  doorview run study.toml
# Paths count from the folder of this file.

[study]
name = "demo"
seed = 20260101
fictional = true                      # every map and page says so
label = "{label}: a made-up town, no real place"

[place]
extract = "demo.osm.pbf"
country = "us"                        # whose default street widths hold where nothing is tagged

[[zones]]                             # once for each set of zones
file = "districts.geojson"
zoning = "district"
id = "id"
name = "name"
dwellings = "dwellings"               # an (invented) census count, to check the doors against

[camera]
model = "ring-video-doorbell-wired"   # doorview cameras lists them
levels = ["trigger", "recognise", "observe", "detect"]
target_height_m = 1.5                 # an adult's face

[public_space]
near_home_m = 50.0                    # streets this near to a home make the headline

[coverage]
cell_m = 0.5
obstacles = "all"                     # walls, fences and hedges hide too, not buildings alone
range_curve = true

[ownership]
shared_doors = "one"                  # a shared door has a camera with the chance of a single home

[scenarios.independent_05]
process = "independent"
rate = 0.05
label = "1 home in 20"

[scenarios.independent_20]
based_on = "independent_05"           # as above, but for what is said here
rate = 0.20
label = "1 home in 5"

[scenarios.independent_40]
based_on = "independent_05"
rate = 0.40
label = "2 homes in 5"

[scenarios.clustered_20]
based_on = "independent_20"
process = "clustered"                 # homes on one block are alike
strength = 1.5                        # 1.5 times as likely to own one where a home on the block does (made up)
label = "1 home in 5, in clusters"

[scenarios.giveaway]
based_on = "independent_20"
label = "1 home in 5, and {given} doorbells given away"

[scenarios.giveaway.programme]        # against independent_20 in change.csv
number = {given}
to = "zones_in_order"                 # first the district with the most reported thefts, then the next
zoning = "district"
zones = [{zones}]
take_up = 0.8                         # these four are made up: programmes seldom tell
bought_anyway = 0.2
strings = 1.0                         # owners owe footage on request, as in Akron in 2023
city_cost = 130.0

[scenarios.privacy_zones]
based_on = "independent_20"
label = "1 home in 5, with privacy zones"

[scenarios.privacy_zones.rules]
privacy_zone_m = 2.0                  # black out what lies over 2 m beyond the property line

[stages]                              # in view is not recorded, recorded is not kept: all made up
active = 0.9
retention_days = 30.0
asked_after_days = 3.0
agrees = 0.3

[partnership]                         # a police deal by month, beside the same months without it
preset = "lakeland_2018"              # as it was offered in a real city; not what happened there
reach = 0.2                           # no source gives these: vary them
ceiling = 0.5

[alerts]                              # whom an incident's alert reaches, beside who could have it in view
radius_miles = 0.5
app_share = 0.2                       # made up: no source gives it

{routes}
[incidents]                           # reported thefts laid over the coverage: invented here
file = "thefts.csv"
preset = "demo"
zoning = "district"
hold_out_from = "2025-07-01"          # do heat maps of what was reported before tell where later ones are?
ratios = true                         # the last 60 days over the months before, and thefts over dwellings

[fairness]                            # who is in view, by district and block, and from whose doors
weight = "dwellings"                  # and the share by people: here by the census of homes

[[fairness.attributes]]               # shares beside an attribute of districts, invented here
zoning = "district"
column = "median_income"
kind = "number"
label = "Median household income (invented)"
unit = "dollars"
gradient = 0.1                        # assumed, not found: a tenth more owners per standard deviation of income
[private_ground]                      # whose ground cameras see; neighbours' front yards and facades
lots = "tessellation"                 # there are no parcels: each building has what lies nearest to it

[drivers]
sobol = true                          # which assumption moves the answer most, at each level

[output]
units = "us"                          # feet, acres and miles on pages; computing stays metric
rasters = true
maps = true
svg = true                            # each picture as SVG too, beside the PNG
viewsheds = true
briefing = true                       # a few pages for a council
explorer = true                       # explorer.html: one file that anyone can open
"""

_WAYS = (
    ("", "Tumbledown School", 'Town Hall "The Pepperpot"'),
    ("Otter Creek to the square", "Otter Creek Green", "Falls Square"),
)
"""Ways on foot that the study asks for: name (empty: its ends'), origin and destination."""

_README = """\
# {name}

**This town does not exist.** {attribution}. It stands on empty ground in Kansas only so that a local map projection and
the American street widths apply. Streets, homes, incomes and thefts are invented; any likeness is chance.

It was made by `doorview demo`, from seed {seed}: {homes} homes behind {doors} front doors, in {districts} districts.

| file | what |
|---|---|
| `demo.osm.pbf` | the town as an OpenStreetMap file: streets, buildings, addresses, entrances, walls, parks |
| `study.toml` | what to compute; run it with `doorview run study.toml` |
| `districts.geojson` | `id`, `name`, `dwellings` (census), `dwellings_planted` (built), `median_income`; invented |
| `thefts.csv` | {thefts} invented package thefts of 2024 and 2025: `lon`, `lat`, `date`, `category` |
| `truth_doors.csv` | every front door as planted, see below |

`truth_doors.csv` gives for each front door its place (`lon`, `lat`), its `heading` [degrees clockwise from grid north
of UTM zone 14], the homes behind it, its building, what tells of it in the extract, its street and its district.

The census of Otter Creek counts a third more homes than the map shows, as a census does where a map is out of date:
maps of shares hatch that district.

Thefts were planted thickly around these doors (standard distance about 45 m), the rest at random:

| lon | lat | thefts | district |
|---|---|---|---|
{clusters}

The files may be used under doorview's own licence (BSD-3-Clause): they hold no OpenStreetMap data.
"""


def write_folder(town: Town, folder: Path) -> list[Path]:
    """Write a town and its study into `folder`, made if absent; all files or none.

    Raises
    ------
    OutputError
        `folder` is a file, holds files that are none of the demo's, or cannot be written.
    """
    _refuse_foreign(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".doorview-demo-", dir=folder))
        try:
            _write_all(town, partial)
            for name in FILES:
                (partial / name).replace(folder / name)
        finally:
            shutil.rmtree(partial)
    except OSError as fault:
        raise OutputError(
            f"cannot write the demo town into '{folder}': {fault.strerror or fault}. "
            "Choose a folder that you may write: doorview demo DIR"
        ) from fault
    return [folder / name for name in FILES]


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"'{folder}' is a file, and the demo town needs a folder. Name another: doorview demo DIR")
    foreign = sorted(item.name for item in folder.iterdir() if item.name not in FILES) if folder.is_dir() else []
    if foreign:
        shown = ", ".join(f"'{name}'" for name in foreign[:3]) + (" ..." if len(foreign) > 3 else "")
        raise OutputError(
            f"'{folder}' holds {len(foreign)} file(s) that are not the demo's ({shown}), so nothing was "
            "written into it. Name a new or empty folder: doorview demo DIR"
        )


def _write_all(town: Town, folder: Path) -> None:
    write_extract(town, folder / "demo.osm.pbf")
    texts = {
        "study.toml": _study(town),
        "districts.geojson": _districts_text(town),
        "thefts.csv": _csv(town.thefts.assign(date=town.thefts["date"].dt.strftime("%Y-%m-%d"))),
        "truth_doors.csv": _csv(town.doors.drop(columns=["x", "y"])),
        "README.md": _readme(town),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _study(town: Town) -> str:
    """Return the study file; doorbells go first to the district with the most planted thefts."""
    planted = town.clusters.groupby("district")["thefts"].sum()
    order = planted.reindex(town.districts["name"], fill_value=0).to_numpy()
    districts = town.districts["id"].to_numpy()[np.argsort(-order, kind="stable")]
    zones = ", ".join(f'"{district}"' for district in districts)
    given = max(1, len(town.doors) // DOORS_PER_GIFT)
    return _STUDY.format(label=FICTIONAL, given=given, zones=zones, routes=_routes(town))


def _routes(town: Town) -> str:
    """Return the section on ways on foot: those whose ends the town has, each once."""
    tags = [*town.way_tags, *(relation.tags for relation in town.relations)]
    names = [item["name"] for item in tags if "name" in item]
    kinds = [kind for kind, key in (("school", "amenity"), ("park", "leisure")) if kind in {t.get(key) for t in tags}]
    asked = "[" + ", ".join(f'"{kind}"' for kind in kinds) + "]"
    lines = [
        "[routes]                              # ways on foot: how much of each is in view, of how many doorbells",
        f"all_homes_to = {asked}".ljust(38) + "# from every home to the nearest, told over all homes alone",
        "clip_s = 30.0                         # length of a clip: made up, makers differ",
        "",
    ]
    for label, origin, destination in _WAYS:
        if names.count(origin) == names.count(destination) == 1:
            lines += ["[[routes.way]]", *([f'name = "{label}"'] if label else [])]
            lines += [f"origin = '{origin}'", f"destination = '{destination}'", ""]
    return "\n".join(lines)


def _csv(table: pd.DataFrame) -> str:
    own = table.copy()
    for column in ("lon", "lat"):
        own[column] = own[column].map(lambda value: f"{value:.{_DECIMALS}f}")
    text: str = own.to_csv(index=False, lineterminator="\n")
    return text


def _districts_text(town: Town) -> str:
    """Return the districts as GeoJSON: longitude and latitude, one district a line."""
    features = []
    for row in town.districts.to_crs("EPSG:4326").itertuples(index=False):
        values = row._asdict()
        ring = [[round(x, _DECIMALS), round(y, _DECIMALS)] for x, y in values.pop("geometry").exterior.coords]
        properties = {**values, "fictional": True}
        feature = {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        features.append(json.dumps(feature, ensure_ascii=False))
    joined = ",\n".join(features)
    return f'{{"type": "FeatureCollection", "name": "districts", "features": [\n{joined}\n]}}\n'


def _readme(town: Town) -> str:
    rows = [
        f"| {row.lon:.5f} | {row.lat:.5f} | {row.thefts} | {row.district} |"
        for row in town.clusters[["lon", "lat", "thefts", "district"]].itertuples(index=False)
    ]
    return _README.format(
        name=FICTIONAL,
        attribution=ATTRIBUTION,
        seed=town.seed,
        homes=int(town.doors["dwellings"].sum()),
        doors=len(town.doors),
        districts=len(town.districts),
        thefts=len(town.thefts),
        clusters="\n".join(rows),
    )
