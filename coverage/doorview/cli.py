"""The commands. Nothing slow is imported before a command needs it: `doorview --help` answers at once.

Exit codes: 0 done, 1 bad input (one message on standard error), 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from doorview import __version__
from doorview.errors import DoorviewError, InputError, OutputError, nearest_name
from doorview.study.progress import Progress, plain

if TYPE_CHECKING:
    from doorview.city.model import City
    from doorview.study.schema import Study

__all__ = ["Progress", "build_parser", "main"]

_WESTERN_BOX = re.compile(r"-[\d.]+(,-?[\d.]+){3}")


class _Parser(argparse.ArgumentParser):
    """An argument parser that names the nearest right word for a wrong one."""

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong:
            near = nearest_name(wrong[1], [word.strip(" '") for word in wrong[2].split(",")])
            message += f". Did you mean '{near}'?" if near else ""
        super().error(message)

    def refuse(self, extra: Sequence[str]) -> NoReturn:
        """End with exit code 2 over arguments that nothing takes."""
        known = [name for name in self._option_string_actions if name.startswith("--")]
        hints = [
            f"{word} (did you mean {near}?)" if near else word
            for word in extra
            for near in [nearest_name(word.partition("=")[0], known) if word.startswith("-") else None]
        ]
        self.error(f"unknown arguments: {' '.join(hints)}")


def _numbers(text: str) -> list[float]:
    """Return the numbers of a list such as ``0.05,0.2`` or ``0.05 0.2``."""
    try:
        return [float(word) for word in _words(text)]
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of numbers such as 0.05,0.2,0.4") from fault


def _words(text: str) -> list[str]:
    """Return the words of a list such as ``detect,observe`` or ``detect observe``."""
    words = [word for word in re.split(r"[,\s]+", text) if word]
    if not words:
        raise argparse.ArgumentTypeError("the list is empty; leave the option out for the default")
    return words


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="doorview",
        description="How much of a city's public space do doorbell cameras see? Simulated cameras at real front doors.",
        epilog="First steps: 'doorview demo demo', then 'doorview run demo/study.toml'. Or: 'doorview estimate "
        "my-city.osm.pbf'. In view is not recorded, recorded is not kept, kept is not shared.",
    )
    parser.add_argument("--version", action="version", version=f"doorview {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, text: str) -> _Parser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
        added.set_defaults(parser=added)
        return added

    new = command("new", "write a commented study file for a place or an OSM file, with what was found there")
    _add_source(new)
    new.add_argument("--out", type=Path, default=Path("study.toml"), metavar="FILE", help="study file to write")

    run = command("run", "do what a study file says")
    run.add_argument("study", type=Path, metavar="STUDY", help="the study file (study.toml)")
    _add_run_options(run)

    estimate = command("estimate", "estimate the coverage of a place or an OSM file, without a study file")
    _add_source(estimate)
    _add_run_options(estimate)
    estimate.add_argument("--camera", metavar="NAME", help="camera model; 'doorview cameras' lists them")
    estimate.add_argument("--levels", type=_words, metavar="LIST", help="levels, as in detect,observe,recognise")
    estimate.add_argument(
        "--rates", type=_numbers, metavar="LIST", help="a scenario of independent owners per rate, as in 0.05,0.2,0.4"
    )
    estimate.add_argument("--obstacles", choices=("buildings", "all"), help="what hides (default: buildings)")
    estimate.add_argument("--near", type=float, metavar="M", help="how near a home is near [m] (default: 50)")
    estimate.add_argument("--cell", type=float, metavar="M", help="edge of a grid cell [m] (default: 0.5)")
    estimate.add_argument(
        "--known", action="store_true", help="count the cameras that OpenStreetMap maps too, beside the simulated ones"
    )
    estimate.add_argument(
        "--thefts", metavar="FILE", help="reported thefts to lay over the coverage; they are the user's own data"
    )
    estimate.add_argument("--units", choices=("metric", "us"), help="units on maps and pages (default: metric)")

    check = command("check", "read a study file and list every fault in it, or say what it would do")
    check.add_argument("study", type=Path, metavar="STUDY", help="the study file")

    estimate.add_argument(
        "--route",
        nargs=2,
        action="append",
        metavar=("FROM", "TO"),
        help="a way on foot, told in routes.csv: names of places, or '[latitude,longitude]'; may be repeated",
    )
    demo = command("demo", "write the fictional demo town into a folder: map data, study file, districts, thefts")
    demo.add_argument("folder", type=Path, metavar="DIR", help="folder to write into")

    explorer = command("explorer", "make a run's explorer: one HTML file that anyone can open, without a network")
    explorer.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run, as in out/demo")
    explorer.add_argument("--light-only", action="store_true", help="write the page under 5 MB for mail alone")
    explorer.add_argument(
        "--tiles",
        metavar="URL",
        help="online map tiles below the map, as in https://HOST/{z}/{x}/{y}.png; the page then speaks to that host",
    )

    track = command("track", "tell when and where recorded walks (GPX) were in view of simulated doorbell cameras")
    track.add_argument("files", type=Path, nargs="+", metavar="FILE.gpx", help="recorded tracks, or folders of them")
    track.add_argument("--city", required=True, metavar="PLACE-OR-FILE", help="an OSM file or a place that holds them")
    track.add_argument("--rate", type=float, default=0.2, metavar="P", help="chance that a door owns (default: 0.2)")
    track.add_argument("--camera", metavar="NAME", help="camera model; 'doorview cameras' lists them")
    track.add_argument("--levels", type=_words, metavar="LIST", help="levels, as in detect,observe,recognise")
    track.add_argument("--clip", type=float, metavar="S", help="length of a clip [s], for the share recorded")
    track.add_argument("--out", type=Path, metavar="DIR", help="new folder for tables and a map; not for publishing")

    command("cameras", "list the camera models")

    briefing = command("briefing", "write a finished run's briefing: briefing.html and briefing.pdf in its folder")
    briefing.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run, such as out/demo")
    briefing.add_argument("--title", metavar="TEXT", help="title (default: the place)")
    briefing.add_argument("--logo", type=Path, metavar="FILE", help="a PNG or JPEG file to show at the top")
    briefing.add_argument("--language", choices=("en", "es"), default="en", help="language (default: en)")
    briefing.add_argument("--units", choices=("metric", "us"), help="units (default: those of the run)")
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="PLACE-OR-FILE",
        help="an OSM file (.osm.pbf, .osm, .osm.gz, .osm.bz2), a place name, or west,south,east,north in degrees "
        "(names and boxes are downloaded)",
    )
    parser.add_argument("--boundary", metavar="FILE", help="polygons inside which shares are counted")
    parser.add_argument(
        "--zones", metavar="FILE", action="append", default=[], help="polygons to report by; may be given again"
    )
    parser.add_argument("--country", choices=("us", "world"), help="whose street widths hold where none is tagged")
    parser.add_argument("--crs", metavar="CODE", help="projected CRS in metres (default: the local UTM zone)")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run (default: out/NAME)")
    parser.add_argument("--workers", type=int, metavar="N", help="cores at work (default: all of them)")
    parser.add_argument("--fresh", action="store_true", help="begin anew instead of resuming unfinished work")
    parser.add_argument("--profile", action="store_true", help="print what each stage cost")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    `arguments` are those of the command line if None. Usage errors leave through `SystemExit` with code 2.
    """
    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a letter of a street's name shows an escape rather than ending the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    words = sys.argv[1:] if arguments is None else list(arguments)
    # A box in the west begins with a minus, which argparse would take for an option but for a blank before it.
    options, extra = parser.parse_known_args([f" {word}" if _WESTERN_BOX.fullmatch(word) else word for word in words])
    if extra:
        options.parser.refuse(extra)
    handler = {
        "new": _new,
        "run": _run,
        "estimate": _estimate,
        "check": _check,
        "demo": _demo,
        "explorer": _explorer,
        "cameras": _cameras,
        "track": _track,
        "briefing": _briefing,
    }[options.command]
    try:
        handler(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has gone, as `doorview cameras | head` does: nothing is left to tell, now or at the
        # end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DoorviewError as fault:
        print(f"doorview: {plain(str(fault))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndoorview: interrupted. The same command resumes; --fresh begins anew", file=sys.stderr)
        return 130
    return 0


def _say(text: str = "") -> None:
    print(plain(text))


def _quoted(path: Path | str) -> str:
    """Return a path as one word of a command line."""
    text = str(path)
    return text if re.fullmatch(r"[\w./\\:+-]+", text) else f'"{text}"'


def _finish(study: Study, options: argparse.Namespace) -> None:
    """Run a study and say where the files are."""
    from doorview.study.pipeline import run_study

    folder = options.out or Path("out") / study.folder_name
    began = time.perf_counter()
    with Progress(sys.stderr).hearing() as progress:
        result = run_study(study, folder, fresh=options.fresh, progress=progress)
    # What people came for stands last, where a terminal stops scrolling.
    for lines in (result.notes(), result.headline(), result.essential()):
        for line in lines:
            _say(line)
        _say()
    for line in result.files():
        _say(line)
    _say(f"Done in {time.perf_counter() - began:.1f} s.")
    _say("Simulated. In view is not recorded, recorded is not kept, kept is not shared.")
    if options.profile:
        _profile(Path(str(result.folder)) / "run.json")


def _profile(run_json: Path) -> None:
    """Print what each stage of a finished run cost."""
    timings: dict[str, float] = json.loads(run_json.read_text(encoding="utf-8"))["timings"]
    _say()
    for stage, seconds in timings.items():
        _say(f"{seconds:9.2f} s  {stage}")


def _run(options: argparse.Namespace) -> None:
    from doorview.study.schema import load_study

    study = load_study(options.study)
    if options.workers is not None:
        study = study.with_workers(options.workers)
    _finish(study, options)


def _estimate(options: argparse.Namespace) -> None:
    from doorview.study.schema import study_from_arguments

    study = study_from_arguments(
        options.source,
        camera=options.camera,
        levels=options.levels,
        rates=options.rates,
        obstacles=options.obstacles,
        near_m=options.near,
        workers=options.workers,
        boundary=options.boundary,
        zones=options.zones,
        cell_m=options.cell,
        country=options.country,
        crs=options.crs,
        units=options.units,
        known=options.known,
        thefts=options.thefts,
        routes=options.route or (),
    )
    _finish(study, options)


def _explorer(options: argparse.Namespace) -> None:
    from doorview.show.explorer.build import write_explorer

    written = write_explorer(options.run, light_only=options.light_only, tiles=options.tiles)
    for path in (written.full, written.light):
        if path is not None:
            _say(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    if written.left_out:
        _say(written.left_out)
    if options.tiles:
        _say("With online tiles the page speaks to their host whenever it is opened; without --tiles to none.")
    _say("Simulated. In view is not recorded, recorded is not kept, kept is not shared.")


def _check(options: argparse.Namespace) -> None:
    from doorview.errors import StudyError
    from doorview.study.scenario_words import scenario_words
    from doorview.study.schema import load_study
    from doorview.study.zone_faults import zone_faults

    study = load_study(options.study)
    wrong, gaps = zone_faults(study)
    if wrong:
        raise StudyError(str(options.study), wrong)
    place = {key: value for key, value in study.settings()["place"].items() if value is not None}
    place["layers"] = [key for key, value in (place.get("layers") or {}).items() if value is not None]
    _say(f"{options.study}: no faults")
    _say(f"  study      {study.name}, seed {study.study.seed}{', fictional' if study.study.fictional else ''}")
    _say("  place      " + ", ".join(f"{key} {value}" for key, value in place.items() if value))
    for zoning in study.zones:
        _say(f"  zones      {zoning.set_name}: {zoning.file.name}")
    mix = study.camera.mix
    _say(f"  camera     {study.camera.model if mix is None else ', '.join(f'{s:g} {n}' for n, s in mix.items())}")
    _say(f"  levels     {', '.join(study.camera.levels)}")
    known = [*(["OpenStreetMap's"] if study.known.osm else []), *([study.known.file.name] if study.known.file else [])]
    if known:
        _say(f"  known      {', '.join(known)}")
    if study.partnership is not None:
        _say(f"  programme  {study.partnership.title()}, {study.partnership.months} months")
    if study.fairness is not None:
        zonings = study.fairness.zonings_of([zoning.set_name for zoning in study.zones])
        compared = [*zonings, *(["block faces"] if study.fairness.block_faces else [])]
        _say(f"  fairness   {', '.join(compared)}, by whose doors")
    if study.alerts is not None:
        _say(f"  alerts     within {study.alerts.radius:,.0f} m of {study.alerts.spots:,} spots on streets")
    if study.routes is not None:
        kinds = [f"all homes to the nearest {kind}" for kind in study.routes.all_homes_to]
        kinds += [study.routes.pairs.name] if study.routes.pairs else []
        _say(f"  routes     {', '.join([f'{len(study.routes.way)} by name', *kinds])}, on the {study.routes.side}")
    if study.incidents is not None:
        preset = f", preset {study.incidents.preset}" if study.incidents.preset else ""
        _say(f"  thefts     {study.incidents.file.name}{preset}")
    if study.private_ground is not None:
        _say(f"  private    land by {study.private_ground.lots or 'parcels where there are any, else a tessellation'}")
    for name, scenario in study.scenarios.items():
        _say(f"  scenario   {name}: {scenario_words(scenario)}")
    for gap in gaps:
        _say(f"  note       {gap}")
    _say(f"Run it with: doorview run {_quoted(options.study)}")


def _new(options: argparse.Namespace) -> None:
    from doorview.study.new import new_study_text, what_was_found
    from doorview.study.schema import study_from_arguments

    if options.out.exists():
        raise OutputError(
            f"'{options.out}' is there already and is not written over. Give another name with --out, or delete it"
        )
    if not options.out.absolute().parent.is_dir():
        raise OutputError(f"there is no folder '{options.out.absolute().parent}' to write the study file in; make it")
    study = study_from_arguments(
        options.source, boundary=options.boundary, zones=options.zones, country=options.country, crs=options.crs
    )
    city = _city_of(study)
    text = new_study_text(options.source, what_was_found(city, study, options.out.absolute().parent))
    try:
        options.out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as fault:
        raise OutputError(f"cannot write '{options.out}': {fault.strerror}. Give another place with --out") from fault
    _say(f"Wrote {options.out}. Read it, then: doorview run {_quoted(options.out)}")


def _city_of(study: Study) -> City:
    from doorview.study.read import read_city

    with Progress(sys.stderr).hearing() as progress:
        progress("reading the city")
        return read_city(study)


def _demo(options: argparse.Namespace) -> None:
    from doorview.demo.town import write_demo

    written = write_demo(options.folder)
    _say(f"A fictional town, {len(written)} files in {options.folder}:")
    for path in written:
        _say(f"  {path.name}")
    _say(f"Run it with: doorview run {_quoted(options.folder / 'study.toml')}")


def _track(options: argparse.Namespace) -> None:
    from doorview.overlays.gpx import read_gpx
    from doorview.study.schema import study_from_arguments
    from doorview.study.tracks import track_exposure

    recorded = read_gpx(options.files)
    city = _city_of(study_from_arguments(options.city, camera=options.camera, levels=options.levels))
    asked = {"levels": options.levels, "camera": options.camera}
    given = {key: value for key, value in asked.items() if value is not None}
    result = track_exposure(city, recorded, rate=options.rate, clip_s=options.clip, **given)
    for line in (*result.said(), *result.notes):
        _say(line)
    if options.out is not None:
        for path in result.write(options.out):
            _say(f"  {path}")
    _say("Simulated. In view is not recorded, recorded is not kept, kept is not shared.")


def _cameras(_options: argparse.Namespace) -> None:
    from doorview.sight.camera import catalogue
    from doorview.sight.levels import level

    models = catalogue()
    if not models:
        raise InputError("the camera catalogue is empty: the installation is damaged; install doorview again")
    width = max(len(name) for name in models)
    _say(f"{'name':{width}}  field of view   pixels  sensor reaches  lamps reach  camera")
    for name, model in models.items():
        view = f"{model.field_of_view_degrees:.4g} degrees"
        lamps = "unknown" if model.infrared_range_m is None else f"{model.infrared_range_m:g} m"
        _say(
            f"{name:{width}}  {view:13}  {model.pixels:>7}  {model.trigger_range_m:>12g} m  {lamps:>11}  {model.label}"
        )
    names = ("detect", "observe", "recognise")
    _say("\nSources confuse horizontal and diagonal fields of view. Each reading, in an open field:")
    _say(f"{'name':{width + 11}}  field of view  " + "  ".join(f"{name:>18}" for name in names))
    for model in models.values():
        readings = model.readings()
        for read in readings if len(readings) > 1 else ():
            found = [level(read, name) for name in names]
            sights = "  ".join(f"{item.range_m:5.1f} m {item.open_area_m2:7.1f} m2" for item in found)
            _say(f"{read.name:{width + 11}}  {read.field_of_view_degrees:5.4g} degrees  {sights}")
    _say("\nNot confirmed by a maker's own text:")
    for name, model in models.items():
        _say(f"{name:{width}}  {', '.join(model.unconfirmed()) or 'nothing'}")


def _briefing(options: argparse.Namespace) -> None:
    from doorview.show.briefing.write import write_briefing

    told = write_briefing(
        options.run, title=options.title, logo=options.logo, language=options.language, units=options.units
    )
    for line in told:
        _say(line)
    _say(f"Briefing: {options.run / 'briefing.pdf'} and {options.run / 'briefing.html'}")


if __name__ == "__main__":
    sys.exit(main())
