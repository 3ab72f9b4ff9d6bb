"""The process that meets hostile input: it takes cases from standard input, one a line, and answers how each ended.

A case is JSON: ``kind`` and ``file``, an absolute path in a sandbox whose ``out`` is the only place to write into.
An answer has one key: ``fine``, ``refused`` (with the message) or ``fault`` (with the traceback). A process that is
killed, or does not answer in time, is the parent's to judge.
"""

from __future__ import annotations

import faulthandler
import json
import resource
import sys
import traceback
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

MEMORY_BYTES = 1_500_000_000
"""What a case may take beyond what the libraries take already; the largest case is a few MB."""


def study(file: Path) -> None:
    from doorview.study.schema import load_study
    from doorview.study.zone_faults import zone_faults

    zone_faults(load_study(file))


def extract(file: Path) -> None:
    import doorview as dv

    city = dv.City.from_extract(file)
    doors = dv.find_doors(city)
    dv.public_space(city, doors)
    dv.find_obstacles(city, kinds="all", trees=True, openings=True)


def whole(file: Path) -> None:
    """Run a study on an extract, from reading to run.json, in few cells and without pictures."""
    from doorview.study.pipeline import run_study
    from doorview.study.schema import study_from_dict

    raw = {
        "place": {"extract": str(file)},
        "camera": {"levels": ["detect"]},
        "coverage": {"cell_m": 2.0, "range_curve": False, "obstacles": "all", "trees": True, "openings": True},
        "known": {"osm": True},
        "drivers": {"ranges": 0},
        "ownership": {"replicates": 64},
        "output": {"maps": False, "qgis": False},
    }
    run_study(study_from_dict(raw, name="fuzz"), file.parent.parent / "out" / "run", fresh=True)


def layer(file: Path) -> None:
    import doorview as dv

    streets = file.parent / "streets.geojson"
    city = dv.City.from_layers(buildings=file, streets=streets, country="us")
    dv.public_space(city, dv.find_doors(city))


def zones(file: Path) -> None:
    import shapely

    from doorview.study.schema import study_from_dict
    from doorview.study.zone_faults import zone_faults
    from doorview.study.zones import read_zones

    raw = {"zones": [{"file": str(file), "id": "id", "name": "name", "dwellings": "homes"}]}
    asked = study_from_dict(raw, needs_place=False)
    zone_faults(asked)
    read_zones(asked.zones, _crs(), shapely.box(3.4e5, 4.3e6, 3.6e5, 4.4e6))


def incidents(file: Path) -> None:
    from doorview.overlays.incidents import read_incidents
    from doorview.study.incidents_section import recognised

    columns = recognised(file) if file.suffix == ".csv" else {}
    read_incidents(file, _crs(), **{"date_order": "month_first", **columns})


def cameras(file: Path) -> None:
    from doorview.city.own_cameras import read_own_cameras

    read_own_cameras(file)


def cities(file: Path) -> None:
    from doorview.study.cities_table import Choices, read_cities

    read_cities(file, Choices())


def terrain(file: Path) -> None:
    from doorview.sight.rasters import read_terrain

    read_terrain(file, (340_200.0, 4_359_600.0, 341_000.0, 4_360_500.0), "EPSG:32618")


class _Look(HTMLParser):
    """What a browser finds on a page: kinds of elements and attributes, and what no text from data may bring in."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.kinds: set[tuple[str, str]] = set()
        self.scripts = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.kinds |= {(tag, ""), *((tag, name) for name, _ in attrs)}
        for name, value in attrs:
            if name in ("src", "href", "action", "data") and not str(value).startswith(("data:", "#")):
                raise AssertionError(f"<{tag} {name}={value!r}> leads elsewhere")


_GOOD: dict[str, _Look] = {}
"""Pages of sound runs, by their names: no others may have kinds of elements or attributes that these lack."""


def _safe(page: Path, kind: str) -> None:
    """Raise unless a page holds only what pages of sound runs hold; the first ones are those."""
    found = _Look(page.read_text(encoding="utf-8"))
    known = _GOOD.get(page.name)
    if page.parent.name.startswith("good-"):
        if known is not None:
            found.kinds |= known.kinds
        _GOOD[page.name] = found
    elif known is None or found.kinds - known.kinds or found.scripts != known.scripts:
        added = found.kinds - known.kinds if known else found.kinds
        raise AssertionError(f"{page.name} of a {kind} holds {sorted(added)} and {found.scripts} scripts")


def explorer(folder: Path) -> None:
    from doorview.show.explorer.build import write_explorer

    written = write_explorer(folder)
    for page in (written.full, written.light):
        assert page is not None
        _safe(page, "explorer")


def briefing(folder: Path) -> None:
    from doorview.show.briefing.write import write_briefing

    write_briefing(folder)
    _safe(folder / "briefing.html", "briefing")
    assert (folder / "briefing.pdf").read_bytes().startswith(b"%PDF-")


def _crs() -> Any:
    from pyproj import CRS

    return CRS("EPSG:32618")


KINDS: dict[str, Callable[[Path], None]] = {
    item.__name__: item
    for item in (study, extract, whole, layer, zones, incidents, cameras, cities, terrain, explorer, briefing)
}


def answer(case: dict[str, Any]) -> dict[str, str]:
    from doorview.errors import DoorviewError

    try:
        KINDS[case["kind"]](Path(case["file"]))
    except DoorviewError as fault:
        return {"refused": str(fault)}
    except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
        return {"fault": traceback.format_exc()[-6000:]}
    return {"fine": ""}


def main() -> None:
    seconds = float(sys.argv[1])
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    for line in sys.stdin:
        case = json.loads(line)
        if case["kind"] == "limit":  # all is loaded and compiled by now
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            most = pages * resource.getpagesize() + MEMORY_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            said = {"fine": ""}
        else:
            faulthandler.dump_traceback_later(seconds, exit=True)
            said = answer(case)
            faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
