"""The doors to a `Study`: a file, a dictionary of the same form, the arguments of ``doorview estimate``.

All three check the same, and every fault is listed at once. What a study may say stands in `study.sections`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from doorview.errors import InputError, MissingFileError, StudyError
from doorview.sight.camera import READINGS, CameraModel, catalogue
from doorview.sight.levels import DEFAULT_LEVELS, LEVEL_NAMES
from doorview.study.alerts_section import alerts_faults
from doorview.study.doors_section import doors_faults
from doorview.study.drivers_section import drivers_faults
from doorview.study.fairness_section import fairness_faults
from doorview.study.incidents_section import incidents_faults, recognised
from doorview.study.partnership_section import partnership_faults
from doorview.study.private_ground_section import private_ground_faults
from doorview.study.routes_section import end_of, routes_faults
from doorview.study.scenario_faults import hint, scenario_faults, with_bases
from doorview.study.sections import (
    BUILTIN_SCENARIOS,
    DEFAULT_CAMERA,
    SECTIONS,
    CameraSection,
    OwnCamera,
    Scenario,
    Study,
    zoning_name,
)
from doorview.study.tables_only import tables_only_faults

__all__ = [
    "DEFAULT_CAMERA",
    "DEFAULT_LEVELS",
    "Scenario",
    "Study",
    "load_study",
    "scenario_name",
    "study_from_arguments",
    "study_from_dict",
]

EXTRACT_ENDINGS = (".pbf", ".osm", ".osm.gz", ".osm.bz2")
_SCENARIO_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SHARES = (
    "rate",
    "elsewhere",
    "app_share",
    "take_up",
    "bought_anyway",
    "strings",
    "response",
    "lapsed",
    "agrees",
    "active",
    "app_share_of_owners",
    "app_share_start",
    "start_rate",
    "ceiling",
    "reach",
    "monthly_share",
    "decay",
    "qualifying",
    "already_own",
    "would_have_bought",
)
_WORDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": 'text in "quotes"',
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
}
"""Plain words for pydantic's commonest errors."""
_WHY = {
    "correlation": ": at 1 all homes that are alike would own one or none would",
    "distance_m": ": what is known of neighbours' influence reaches 100 to 500 m",
    "strength": ": 1 is no influence",
}
_LARGEST_BYTES = 1 << 20
_ENDLESS_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){32}""")
"""A key of so many parts that the reader of TOML, whose time goes with their square, does not end."""
_OUTER = ("extract", "place", "address", "bbox")


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    MissingFileError
        There is no such file.
    StudyError
        It is no TOML, or holds faults; all of them are listed, and paths that lead nowhere too.
    """
    path = Path(path)
    if path.is_dir() and (path / "study.toml").is_file():
        raise InputError(f"'{path}' is a folder. Give the study file in it: doorview run '{path / 'study.toml'}'")
    if path.name.lower().endswith(EXTRACT_ENDINGS):
        raise InputError(f"'{path}' is an OSM file, no study file. Run it with: doorview estimate '{path}'")
    if not path.is_file():
        raise MissingFileError(
            f"no study file '{path}'. Write one with: doorview new PLACE-OR-FILE --out '{path}', "
            "or try the demo town: doorview demo demo"
        )
    raw = _toml(path)
    study = study_from_dict(raw, where=str(path), folder=path.parent, name=path.parent.absolute().name)
    study._file = path.absolute()  # noqa: SLF001 - private, so that it is no key of the file
    return study


def _toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file says. Raises InputError or StudyError for one that is none, or that would not end."""
    try:
        content = path.read_bytes() if path.stat().st_size <= _LARGEST_BYTES else None
    except OSError as fault:
        raise InputError(f"the study file '{path}' cannot be read ({fault.strerror}); check its permissions") from fault
    if content is None:
        raise StudyError(str(path), [f"larger than {_LARGEST_BYTES >> 20} MiB: this is no study file"])
    wrong: str
    cause: Exception | None = None
    try:
        text = content.decode("utf-8-sig")
        if not _ENDLESS_KEY.search(text):
            return tomllib.loads(text)
        wrong = "a key of more than 32 parts; a study's have three at most"
    except UnicodeDecodeError as fault:
        wrong, cause = f"byte {fault.start} is not UTF-8; save the file as UTF-8", fault
    except RecursionError as fault:
        wrong, cause = "values nested hundreds deep; no value of a study is", fault
    except ValueError as fault:  # TOMLDecodeError, and a number of thousands of digits
        hint = "; in \"...\" a backslash must be doubled, in '...' not" if "\\" in str(fault) else ""
        wrong, cause = f"not valid TOML: {fault}{hint}", fault
    raise StudyError(str(path), [wrong]) from cause


def study_from_dict(
    raw: Mapping[str, Any],
    *,
    where: str = "study",
    folder: str | Path = ".",
    name: str | None = None,
    needs_place: bool = True,
) -> Study:
    """Check a dictionary of the form of a study file and return the `Study`.

    `where` stands at the head of the error; relative paths count from `folder`; `name` is taken where the study
    gives none; without `needs_place` the study may say nowhere, for callers who hold a city. A single ``[zones]``
    table is read as one zoning, and every scenario gets the values of its base.

    Raises
    ------
    StudyError
        With every fault of the study.
    """
    data: dict[str, Any] = dict(raw)
    faults: list[str] = []
    if isinstance(data.get("zones"), Mapping):
        data["zones"] = [data["zones"]]
    if "scenarios" in data:
        data["scenarios"], more = with_bases(data["scenarios"])
        faults += more
    if name and isinstance(data.get("study", {}), Mapping):
        data["study"] = {"name": name, **data.get("study", {})}
    study: Study | None = None
    try:
        study = Study.model_validate(data, context={"folder": Path(folder)})
    except ValidationError as errors:
        faults += [_fault_text(error) for error in errors.errors(include_url=False) if not _inherited(error, raw)]
    faults += _cross_faults(data, needs_place=needs_place)
    if faults or study is None:
        raise StudyError(where, dict.fromkeys(faults))
    own = {name: section.camera_model(name) for name, section in study.cameras.items()}
    return study.model_copy(
        update={
            "ownership": study.ownership.model_copy(update={"rates": tuple(sorted(set(study.ownership.rates)))}),
            "camera": study.camera.with_own(own),
        }
    )


def _inherited(error: Any, raw: Mapping[str, Any]) -> bool:
    """Say whether a fault of a scenario lies in what another states, where it is told of already."""
    loc = error["loc"]
    if len(loc) < 3 or loc[0] != "scenarios" or error["type"] == "missing":
        return False
    own, scenarios = raw["scenarios"][loc[1]], raw["scenarios"]
    base = own.get("based_on")
    return loc[2] not in own and isinstance(base, str) and base in scenarios


def study_from_arguments(
    source: str | Path,
    *,
    name: str | None = None,
    camera: str | None = None,
    levels: Iterable[str] | None = None,
    rates: Iterable[float] | None = None,
    obstacles: str | None = None,
    near_m: float | None = None,
    threads: int | None = None,
    boundary: str | Path | None = None,
    zones: Iterable[str | Path] = (),
    cell_m: float | None = None,
    country: str | None = None,
    crs: str | None = None,
    units: str | None = None,
    known: bool | None = None,
    thefts: str | Path | None = None,
    tables_only: bool = False,
    routes: Iterable[Sequence[str]] = (),
) -> Study:
    """Return the study of ``doorview estimate``: a place or file, and a few choices; the rest by default.

    `source` is the path of an OSM file, a bounding box ``"west,south,east,north"`` [degrees], or a place name.
    Each of `rates` becomes a scenario of independent ownership and joins the steps of the curve. `known` asks for the
    cameras that OpenStreetMap maps. `thefts` is a file of reported incidents: its columns must be called lon, lat, date
    and category, or fit one preset alone. `tables_only` takes the city part by part. `routes` are ways on foot, each
    (origin, destination): the name of a place, or ``"latitude,longitude"``.

    Raises
    ------
    MissingFileError
        `source` is spelled like a file and is not there.
    InputError
        `source` is a file of another kind.
    StudyError
        Anything else, all faults at once.
    """
    place, own_name = _place_of(source)
    given: dict[str, dict[str, Any]] = {
        "study": {"name": name or own_name},
        "place": {
            **place,
            "boundary": None if boundary is None else str(boundary),
            "country": country,
            "crs": crs,
        },
        "camera": {"model": camera, "levels": None if levels is None else list(levels)},
        "public_space": {"near_home_m": None if near_m is None else float(near_m)},
        "coverage": {"cell_m": cell_m, "obstacles": obstacles, "threads": threads},
        "known": {"osm": known or None},
        "output": {"units": units, "tables_only": tables_only or None},
    }
    raw: dict[str, Any] = {
        section: {key: value for key, value in values.items() if value is not None} for section, values in given.items()
    }
    raw["zones"] = [{"file": str(file)} for file in zones]
    if thefts is not None:
        raw["incidents"] = {"file": str(thefts), **recognised(thefts)}
    ways = [[end_of(str(end)) for end in pair] for pair in routes]
    if ways:
        raw["routes"] = {"way": [{"origin": one, "destination": two} for one, two in ways], "street_exposure": False}
    if rates is not None:
        rates = list(rates)
        raw["scenarios"] = {scenario_name(rate): {"rate": float(rate)} for rate in rates}
        raw["ownership"] = {"rates": sorted({step / 100 for step in range(101)} | {r for r in rates if 0 <= r <= 1})}
    return study_from_dict(raw, where=f"arguments for {source}")


def scenario_name(rate: float) -> str:
    """Return the name of independent ownership at a rate: 0.05 gives ``independent_05``, 0.125 ``independent_12_5``."""
    percent = f"{round(100 * rate, 6):g}"
    whole, _, part = percent.partition(".")
    return f"independent_{whole.zfill(2)}{'_' + part if part else ''}"


def _place_of(source: str | Path) -> tuple[dict[str, Any], str]:
    """Return the ``[place]`` table that a source on the command line means, and a name for the study."""
    text = str(source).strip()
    path = Path(text).expanduser()
    looks_like_a_file = isinstance(source, Path) or path.suffix.lower() in {
        *(".pbf", ".osm", ".gz", ".bz2", ".toml"),
        *(".gpkg", ".geojson", ".json", ".shp", ".parquet", ".zip"),
    }
    if not text:
        raise InputError("an empty place: give a place name or an OSM file, as in: doorview estimate city.osm.pbf")
    if path.is_file() or looks_like_a_file:
        if not path.exists():
            raise MissingFileError(f"no such file '{path}'. Give the path of an .osm.pbf or .osm file that is there")
        if path.suffix.lower() == ".toml":
            raise InputError(f"'{path}' is a study file. Run it with: doorview run '{path}'")
        if not path.name.lower().endswith(EXTRACT_ENDINGS):
            raise InputError(
                f"'{path}' is no OSM file (.osm.pbf, .osm, .osm.gz, .osm.bz2), and only those hold a whole city. "
                "Name own layers under [place.layers] of a study file and run it with: doorview run study.toml"
            )
        stem = path.name
        for ending in (".osm.pbf", ".osm.gz", ".osm.bz2", ".pbf", ".osm"):
            if stem.lower().endswith(ending):
                stem = stem[: -len(ending)]
                break
        return {"extract": str(path.absolute())}, stem or "city"
    if path.is_dir():
        raise InputError(f"'{path}' is a folder. Give an OSM file in it, as in: doorview estimate city.osm.pbf")
    numbers = text.split(",")
    if len(numbers) == 4 and all(re.fullmatch(r"\s*-?\d+(\.\d*)?\s*", number) for number in numbers):
        return {"bbox": [float(number) for number in numbers]}, "bbox"
    return {"place": text}, text.split(",")[0].strip() or "place"


def _cross_faults(data: Mapping[str, Any], *, needs_place: bool = True) -> list[str]:
    """Return the faults that no single field shows; a wrong type is pydantic's to refuse, and passed over here."""
    place, camera = data.get("place", {}), data.get("camera", {})
    faults: list[str] = []
    if isinstance(place, Mapping) and (needs_place or place):
        faults += _place_faults(place)
    output = data.get("output", {})
    if "terrain" in data and isinstance(output, Mapping) and output.get("viewsheds") is True:
        faults.append(
            "output.viewsheds: these polygons are of flat ground, and [terrain] says that it is not; leave one of both "
            "out (seen_by_LEVEL.tif is cut by terrain)"
        )
    own, more = _own_cameras(data.get("cameras", {}))
    faults += more
    if isinstance(camera, Mapping):
        faults += _camera_faults(camera, own)
    faults += doors_faults(data.get("doors"))
    faults += _known_faults(data.get("known"), [*own, *catalogue()])
    scenarios = data.get("scenarios", {})
    known = data.get("scenarios", BUILTIN_SCENARIOS)
    faults += drivers_faults(data.get("drivers"), known if isinstance(known, Mapping) else None)
    if "scenarios" in data and scenarios == {}:
        faults.append("scenarios: empty; leave the section out for the built-in ones, or add [scenarios.NAME]")
    for name in scenarios if isinstance(scenarios, Mapping) else ():
        if not _SCENARIO_NAME.fullmatch(name):
            faults.append(f"scenarios: the name '{name}' must be letters, digits, '-' and '_' (it names files)")
    names = _zoning_names(data)
    levels = camera.get("levels", DEFAULT_LEVELS) if isinstance(camera, Mapping) else ()
    levels = [item for item in levels if isinstance(item, str)] if isinstance(levels, list | tuple) else []
    faults += scenario_faults(scenarios if isinstance(scenarios, Mapping) else {}, names, levels)
    faults += partnership_faults(data.get("partnership"), names)
    asked = data.get("scenarios", BUILTIN_SCENARIOS)
    faults += alerts_faults(data.get("alerts"), asked if isinstance(asked, Mapping) else {})
    faults += private_ground_faults(
        data.get("private_ground"), place.get("layers") if isinstance(place, Mapping) else None
    )
    faults += routes_faults(data.get("routes"), asked if isinstance(asked, Mapping) else {}, levels)
    faults += incidents_faults(data.get("incidents"), names, coverage=data.get("coverage"))
    faults += fairness_faults(
        data.get("fairness"), names, asked if isinstance(asked, Mapping) else {}, incidents="incidents" in data
    )
    faults += tables_only_faults(data)
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.append(f"zones: two sets of zones are named '{name}'; tell them apart with zoning = '...'")
    if "all" in names:
        faults.append(
            "zones: 'all' stands for the whole place in tables; give the set another name with zoning = '...'"
        )
    return faults


def _zoning_names(data: Mapping[str, Any]) -> list[str]:
    """Return the names of the study's sets of zones."""
    zones = data.get("zones", [])
    return [
        str(zone.get("zoning") or zoning_name(str(zone.get("file", ""))))
        for zone in (zones if isinstance(zones, list) else [])
        if isinstance(zone, Mapping)
    ]


def _place_faults(place: Mapping[str, Any]) -> list[str]:
    faults = []
    given = [key for key in _OUTER if key in place]
    if not given and "layers" not in place:
        faults.append("place: says nowhere; give one of extract, place, address or bbox, or [place.layers]")
    if len(given) > 1:
        faults.append(f"place: {' and '.join(given)} contradict each other; keep one of them")
    if ("address" in place) != ("distance_m" in place):
        faults.append("place: address and distance_m belong together; give both, as in distance_m = 800.0")
    if "layers" in place and set(given) - {"extract"}:
        faults.append(f"place.layers: goes with an extract, not with {' and '.join(given)}; give the downloaded file")
    layers = place.get("layers")
    if isinstance(layers, Mapping) and not given:
        missing = [key for key in ("buildings", "streets") if key not in layers]
        if missing:
            faults.append(f"place.layers: {' and '.join(missing)} missing; add them, or an extract to take them from")
    box = place.get("bbox")
    if isinstance(box, list | tuple) and len(box) == 4 and all(isinstance(edge, int | float) for edge in box):
        west, south, east, north = box
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            faults.append(f"place.bbox: {list(box)} is no box; give [west, south, east, north] in degrees")
    return faults


def _own_cameras(raw: object) -> tuple[dict[str, CameraModel | None], list[str]]:
    """Return the user's own camera models, None for one with faults, and the faults that no single field shows."""
    models: dict[str, CameraModel | None] = {}
    faults: list[str] = []
    for name, values in raw.items() if isinstance(raw, Mapping) else ():
        models[name] = None
        if not _SCENARIO_NAME.fullmatch(name):
            faults.append(f"cameras: the name '{name}' must be letters, digits, '-' and '_'")
        elif name in catalogue():
            faults.append(
                f"cameras.{name}: the catalogue has a camera of that name; choose another, or override its values "
                "under [camera]"
            )
        if not isinstance(values, Mapping):
            continue  # told of as a field's own fault
        base = values.get("based_on")
        if isinstance(base, str) and not _is_camera(base, catalogue()):
            near = hint(base, catalogue())
            faults.append(f"cameras.{name}.based_on: unknown camera '{base}'.{near} List them with: doorview cameras")
            continue
        try:
            models[name] = OwnCamera.model_validate(values).camera_model(name)
        except ValidationError:
            continue  # each of its faults is listed as a field's own
        except InputError as fault:
            faults.append(f"cameras.{name}: {fault}")
    return models, faults


def _is_camera(name: str, models: Iterable[str]) -> bool:
    """Return whether a name is a model's, with or without the reading of its field of view."""
    plain, plus, reading = name.partition("+")
    return plain in models and (not plus or reading in READINGS)


def _camera_faults(raw: Mapping[str, Any], own: Mapping[str, CameraModel | None]) -> list[str]:
    faults = []
    levels = raw.get("levels", ())
    levels = [item for item in levels if isinstance(item, str)] if isinstance(levels, list | tuple) else []
    for item in dict.fromkeys(levels):
        if item not in LEVEL_NAMES:
            faults.append(f"camera.levels: unknown level '{item}'.{hint(item, LEVEL_NAMES)}")
        elif levels.count(item) > 1:
            faults.append(f"camera.levels: '{item}' is given {levels.count(item)} times; keep one")
    model, mix = raw.get("model", DEFAULT_CAMERA), raw.get("mix")
    known = [*own, *catalogue()]
    if isinstance(model, str) and not _is_camera(model, known):
        near = hint(model, known)
        faults.append(f"camera.model: unknown camera '{model}'.{near} List them with: doorview cameras")
    if isinstance(mix, Mapping):
        faults += _mix_faults(raw, mix, known)
    names = list(mix) if isinstance(mix, Mapping) else [model]
    if faults or any(isinstance(name, str) and own.get(name.partition("+")[0], True) is None for name in names):
        return faults
    try:
        section = CameraSection.model_validate(raw).with_own({key: item for key, item in own.items() if item})
        chosen = section.chosen_levels()
    except ValidationError:
        return []  # each of its faults is listed as a field's own
    except InputError as fault:
        return [f"camera: {fault}"]
    wrong = [item.name for item in chosen if section.edition and item.edition not in ("maker", section.edition)]
    if wrong:
        faults.append(f"camera.edition: {', '.join(wrong)} not in the {section.edition} edition; leave one of both out")
    return faults


def _mix_faults(raw: Mapping[str, Any], mix: Mapping[str, Any], known: list[str]) -> list[str]:
    """Return the faults of ``[camera.mix]`` that no single share shows."""
    faults = []
    if "model" in raw:
        faults.append("camera: model and mix contradict each other; keep one of them")
    if not mix:
        faults.append("camera.mix: empty; give models and their shares, as in nest-hello = 0.4, or leave it out")
    for name in mix:
        if not _is_camera(name, known):
            near = hint(name, known)
            faults.append(f"camera.mix: unknown camera '{name}'.{near} List them with: doorview cameras")
    shares = [share for share in mix.values() if isinstance(share, int | float) and 0 < share <= 1]
    if mix and len(shares) == len(mix) and abs(sum(shares) - 1.0) > 1e-6:
        faults.append(f"camera.mix: the shares add up to {sum(shares):.6g}; they must add up to 1")
    return faults


def _known_faults(raw: object, models: Iterable[str]) -> list[str]:
    """Return the faults of ``[known]``; `models` are the names of cameras."""
    if not isinstance(raw, Mapping):
        return []
    faults = []
    listed, columns, model = raw.get("file") is not None, raw.get("columns"), raw.get("model")
    if raw and raw.get("osm", False) is False and not listed:
        faults.append("known: asks for no cameras; give osm = true, or file = 'cameras.csv', or leave the section out")
    faults += [
        f"known.{key}: says something of a file, and there is none; give file = 'cameras.csv'"
        for key in ("columns", "layer")
        if raw.get(key) and not listed
    ]
    if isinstance(columns, Mapping) and columns:
        from doorview.city.own_cameras import OWN_COLUMNS  # it loads geopandas, which few studies need to be read

        unknown = [str(name) for name in columns if name not in OWN_COLUMNS]
        faults += [f"known.columns: nothing is called '{name}'.{hint(name, OWN_COLUMNS)}" for name in unknown]
    if isinstance(model, str) and not _is_camera(model, list(models)):
        near = hint(model, models)
        faults.append(f"known.model: unknown camera '{model}'.{near} List them with: doorview cameras")
    return faults


def _section_of(location: list[int | str]) -> tuple[str, str]:
    """Return the section, by its name in `SECTIONS`, and the key that an error of pydantic's is at."""
    *parents, key = [str(part) for part in location if not isinstance(part, int)]
    section = {"scenarios": "scenarios", "cameras": "cameras.NAME"}.get(parents[0] if parents else "")
    if section == "scenarios" and len(parents) > 2:
        section = f"scenarios.NAME.{parents[2]}"
    return section or ".".join(parents), key


def _fault_text(error: ErrorDetails) -> str:
    """Return one of pydantic's errors as a line: where, what, and what would be right."""
    location = [part for part in error["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    where = ".".join(f"[{part + 1}]" if isinstance(part, int) else str(part) for part in location).replace(".[", "[")
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if where == "coverage.workers" and kind == "extra_forbidden":
        return f"{where}: is called threads now (--workers of the command makes a cluster of processes)"
    if kind == "extra_forbidden":
        section, key = _section_of(location)
        known = list(SECTIONS[section].model_fields if section else Study.model_fields)
        what = "key" if section else "section"
        return f"{where}: unknown {what}.{hint(key, known)}"
    if kind == "too_short":
        return f"{where}: empty; give at least one, or leave it out for the default"
    if kind == "missing":
        section, key = _section_of(location)
        field = SECTIONS[section].model_fields.get(key) if section in SECTIONS else None
        said = f": {field.description.rstrip('.')}" if field is not None and field.description else ""
        return f"{where}: missing; add it{said}"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"{where}: unknown value {value!r}.{hint(str(value), choices)}"
    if kind == "value_error":
        return f"{where}: {context['error']}"
    is_rate = (bool(location) and location[-1] in _SHARES) or location[:2] == ["ownership", "rates"]
    if is_rate and kind in ("greater_than_equal", "less_than_equal"):
        return f"{where}: {value!r} lies outside [0, 1]; a rate is a part of one: 5 % is 0.05"
    if kind in _WORDS:
        bounds = {key: f"{bound:g}" for key, bound in context.items() if isinstance(bound, int | float)}
        why = _WHY.get(str(location[-1]), "") if location[:1] == ["scenarios"] else ""
        return f"{where}: must be {_WORDS[kind].format(**bounds)}, got {value!r}{why}"
    return f"{where}: {error['msg']}, got {value!r}"
