"""The process that meets hostile input: it takes cases from standard input, one a line, and answers how each ended.

A case is JSON: ``kind`` and ``file``, an absolute path in a sandbox whose ``out`` is the only place to write into.
An answer has one key: ``fine``, ``refused`` (with the message) or ``fault`` (with the traceback). A process that is
killed, or does not answer in time, is the parent's to judge.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import json
import resource
import shutil
import sys
import traceback
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

MOST_LEFT = 12
"""Open files and threads more than at first that are no leak: libraries open data of their own when first asked."""
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


def pairs(file: Path) -> None:
    from types import SimpleNamespace

    from doorview.study.routes_ends import routes_plan
    from doorview.study.routes_section import RoutesSection

    study = SimpleNamespace(routes=RoutesSection(pairs=file))
    routes_plan(SimpleNamespace(study=study, city=_city(file)))  # type: ignore[arg-type]


def weights(file: Path) -> None:
    import numpy as np

    from doorview.overlays.people import people_on_faces, read_people

    shapes, numbers = read_people(file, "people", _crs())
    faces = _ground(file).faces
    people_on_faces(shapes, numbers.values, faces, np.ones(len(faces), bool))


def attributes(file: Path) -> None:
    import shapely

    from doorview.overlays.zone_attributes import zone_attribute
    from doorview.study.schema import study_from_dict
    from doorview.study.zone_faults import zone_faults
    from doorview.study.zones import COLUMN, read_zones

    asked = [
        {"zoning": "z", "column": name, "kind": kind} for name, kind in (("income", "number"), ("kind", "category"))
    ]
    raw = {"zones": [{"file": str(file), "zoning": "z", "id": "id"}], "fairness": {"attributes": asked}}
    study = study_from_dict(raw, needs_place=False)
    zone_faults(study)
    assert study.fairness is not None
    columns = [item.column for item in study.fairness.attributes]
    found, _ = read_zones(study.zones, _crs(), shapely.box(3.4e5, 4.3e6, 3.6e5, 4.4e6), columns={"z": columns})
    assert found is not None
    for item in study.fairness.attributes:
        zone_attribute(found[COLUMN + item.column].tolist(), found["zone"].tolist(), item.kind, item.column).notes()


def track(file: Path) -> None:
    import doorview as dv

    found = dv.track_exposure(_city(file), file, levels=["detect"], doors=_doors(file), replicates=64)
    assert len(found.said()) < 1000
    out = file.parent.parent / "out" / "track"
    shutil.rmtree(out, ignore_errors=True)
    found.write(out)


@functools.cache
def _city_in(folder: Path) -> Any:
    import doorview as dv

    city = dv.City.from_extract(folder / "tiny.osm.pbf")
    doors = dv.find_doors(city)
    return city, doors, dv.public_space(city, doors)


def _city(file: Path) -> Any:
    return _city_in(file.parent)[0]


def _doors(file: Path) -> Any:
    return _city_in(file.parent)[1]


def _ground(file: Path) -> Any:
    return _city_in(file.parent)[2]


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


KINDS_OF_CASES = (
    *(study, extract, whole, layer, zones, incidents, cameras, cities, terrain, explorer, briefing),
    *(pairs, weights, attributes, track),
)
KINDS: dict[str, Callable[[Path], None]] = {item.__name__: item for item in KINDS_OF_CASES}


def answer(case: dict[str, Any]) -> dict[str, str]:
    from doorview.errors import DoorviewError

    try:
        KINDS[case["kind"]](Path(case["file"]))
    except DoorviewError as fault:
        return {"refused": str(fault)}
    except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
        return {"fault": traceback.format_exc()[-6000:]}
    return {"fine": ""}


def _held() -> tuple[int, int]:
    """Return how many files this process has open, and how many threads run.

    Without damaged .osm.pbf files: libosmium's reader, by itself too, leaves open each one that is cut off or has no
    sound head (osmium.FileProcessor on such a file, and nothing else, shows it).
    """
    gc.collect()  # what a traceback held goes when it does
    files = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them
            files += ".osm.pbf" not in str(link.readlink())
    return files, len(list(Path("/proc/self/task").iterdir()))


def main() -> None:
    seconds = float(sys.argv[1])
    least = (10**6, 10**6)
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    for line in sys.stdin:
        case = json.loads(line)
        if case["kind"] == "limit":  # all is loaded and compiled by now
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            most = pages * resource.getpagesize() + MEMORY_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            least = _held()
            said = {"fine": ""}
        else:
            faulthandler.dump_traceback_later(seconds, exit=True)
            said = answer(case)
            faulthandler.cancel_dump_traceback_later()
            now = _held() if least[0] < 10**6 else least
            if any(many > few + MOST_LEFT for many, few in zip(now, least, strict=True)):
                said = {"fault": f"files open and threads: {least} at first, {now} now"}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
