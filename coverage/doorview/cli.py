"""The commands. Nothing slow is imported before a command needs it: `doorview --help` answers at once.

Exit codes: 0 done, 1 bad input (one message on standard error), 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from doorview.errors import DoorviewError, InputError, OutputError
from doorview.study.commands import build_parser
from doorview.study.progress import Progress, plain

if TYPE_CHECKING:
    from doorview.city.model import City
    from doorview.study.schema import Study

__all__ = ["Progress", "build_parser", "main"]

_WESTERN_BOX = re.compile(r"-[\d.]+(,-?[\d.]+){3}")


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
        "cities": _cities,
        "check": _check,
        "demo": _demo,
        "explorer": _explorer,
        "cameras": _cameras,
        "cache": _cache,
        "track": _track,
        "briefing": _briefing,
    }[options.command]
    try:
        with _ended_by_sigterm():
            handler(options)
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has gone, as `doorview cameras | head` does: nothing is left to tell, now or at the
        # end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DoorviewError as fault:
        return _ended(fault, str(fault), 1)
    except MemoryError as fault:
        return _ended(
            fault,
            "out of memory. Use fewer threads (--threads 1), a smaller boundary, or larger cells (--cell 1), and run "
            "again",
            1,
        )
    except _EndedError as fault:
        return _ended(fault, "ended by a signal (SIGTERM)", 143)
    except KeyboardInterrupt as fault:
        return _ended(fault, "interrupted", 130)
    return 0


def _ended(fault: BaseException, what: str, code: int) -> int:
    """Say what ended a command, and how to go on; return the exit code."""
    for text in (what, *getattr(fault, "__notes__", ())):
        print(f"doorview: {plain(text)}", file=sys.stderr)
    return code


class _EndedError(KeyboardInterrupt):
    """The system asked the process to end: as from the keyboard, nothing half-written is left."""


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end what is done inside in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_given: object) -> NoReturn:
        raise _EndedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    """Say how to go on where a run ended early and left finished tiles."""
    from doorview.show.run_folder import RunFolder

    try:
        yield
    except (DoorviewError, MemoryError, KeyboardInterrupt) as fault:
        unfinished = RunFolder(folder).unfinished
        kept = sum(1 for _ in unfinished.glob("*/*"))
        if kept:
            parts = "part of the work is" if kept == 1 else "parts of the work are"
            fault.add_note(
                f"{kept} finished {parts} kept in '{unfinished.parent}': the same command goes on from there, --fresh "
                "begins anew"
            )
        raise


def _say(text: str = "") -> None:
    print(plain(text))


def _quoted(path: Path | str) -> str:
    """Return a path as one word of a command line."""
    text = str(path)
    return text if re.fullmatch(r"[\w./\\:+-]+", text) else f'"{text}"'


def _finish(study: Study, options: argparse.Namespace) -> None:
    """Run a study and say where the files are."""
    from doorview.study.kernels_ahead import compiling_ahead
    from doorview.study.pipeline import run_study
    from doorview.study.work import check_engine

    check_engine(options.threads, options.workers, options.scheduler)
    folder = options.out or Path("out") / study.folder_name
    began = time.perf_counter()
    # Others than threads of this process compile for themselves.
    alone = options.threads if options.workers is None and options.scheduler is None else 1
    with compiling_ahead(alone), Progress(sys.stderr).hearing() as progress, _resumable(folder):
        result = run_study(
            study,
            folder,
            fresh=options.fresh,
            workers=options.workers,
            scheduler=options.scheduler,
            progress=progress,
            profile=options.profile,
        )
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
        _profile(Path(str(result.folder)))


def _profile(folder: Path) -> None:
    """Print what each stage of a finished run cost."""
    from doorview.study.profiling import stage_lines

    costs = json.loads((folder / "run.json").read_text(encoding="utf-8"))["costs"]
    for line in ("", *stage_lines(costs)):
        _say(line)
    if (folder / "working" / "profile.txt").is_file():
        _say(f"By line of code: {folder / 'working' / 'profile.txt'}")


def _run(options: argparse.Namespace) -> None:
    from doorview.study.schema import load_study
    from doorview.study.tables_only import with_tables_only

    study = load_study(options.study)
    if options.threads is not None:
        study = study.with_threads(options.threads)
    if options.tables_only:
        study = with_tables_only(study)
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
        threads=options.threads,
        boundary=options.boundary,
        zones=options.zones,
        cell_m=options.cell,
        country=options.country,
        crs=options.crs,
        units=options.units,
        known=options.known,
        thefts=options.thefts,
        tables_only=options.tables_only,
        routes=options.route or (),
    )
    _finish(study, options)


def _cities(options: argparse.Namespace) -> None:
    from doorview.study.cities import compare_cities
    from doorview.study.cities_child import Engine
    from doorview.study.cities_table import Choices
    from doorview.study.cities_words import cities_lines

    choices = Choices(
        camera=options.camera,
        levels=None if options.levels is None else tuple(options.levels),
        rates=None if options.rates is None else tuple(options.rates),
        obstacles=options.obstacles,
        near_m=options.near,
        cell_m=options.cell,
        known=options.known,
        units=options.units,
        without_maps=options.no_maps,
    )
    with Progress(sys.stderr).hearing() as progress:
        found = compare_cities(
            options.table,
            options.out or Path("out") / (options.table.stem or "cities"),
            choices,
            by_zone=options.by_zone,
            engine=Engine(options.threads, options.workers, options.scheduler),
            fresh=options.fresh,
            progress=progress,
        )
    for line in cities_lines(found):
        _say(line)
    if options.profile:
        for name in found.status.loc[found.status["status"] == "done", "folder"]:
            _say(f"\n{name}")
            _profile(found.folder / str(name))
    if found.failed:
        told = "\n".join(f"  {name}: {why}" for name, why in found.failed.items())
        raise InputError(
            f"{len(found.failed)} of {len(found.status)} cities failed; the others are finished. Mend these and run "
            f"the same command again: it does them alone.\n{told}"
        )


def _cache(options: argparse.Namespace) -> None:
    from doorview.show.tile_store import SIZE_SETTING, cache_facts, clear_cache

    facts = cache_facts()
    if facts.home is None:
        _say("The cache is off (DOORVIEW_CACHE=off): nothing is kept for other runs.")
        return
    if options.what == "clear":
        gone = clear_cache()
        _say(f"{facts.home}: {gone} thing{'' if gone == 1 else 's'} thrown away; runs make anew what they need.")
        return
    _say(str(facts.home))
    for kind, (number, size) in facts.kinds.items():
        _say(f"  {kind:10s} {number:8,} {size / 1e6:12,.1f} MB")
    _say(f"At most {facts.bound / 1e9:g} GB ({SIZE_SETTING}); DOORVIEW_CACHE names another folder, or off.")


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
