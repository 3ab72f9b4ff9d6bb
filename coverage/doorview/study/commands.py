"""The command line's words: every command and option, as `argparse` takes them. It loads nothing slow."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from doorview import __version__
from doorview.errors import nearest_name

__all__ = ["Parser", "build_parser"]


class Parser(argparse.ArgumentParser):
    """An argument parser that names the nearest right word for a wrong one."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and a message, with the nearest right word where a choice is wrong."""
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
    parser = Parser(
        prog="doorview",
        description="How much of a city's public space do doorbell cameras see? Simulated cameras at real front doors.",
        epilog="First steps: 'doorview demo demo', then 'doorview run demo/study.toml'. Or: 'doorview estimate "
        "my-city.osm.pbf'. In view is not recorded, recorded is not kept, kept is not shared.",
    )
    parser.add_argument("--version", action="version", version=f"doorview {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, text: str) -> Parser:
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
    _add_estimate_options(estimate)
    estimate.add_argument(
        "--thefts", metavar="FILE", help="reported thefts to lay over the coverage; they are the user's own data"
    )

    cities = command("cities", "run every city of a table, each in a folder of its own, and compare them in one table")
    cities.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="CSV with a row per city: name, one of extract, place and study; boundary, zones (parted by ;), country, "
        "crs and label where wanted; paths count from its folder",
    )
    _add_run_options(cities)
    _add_estimate_options(cities)
    cities.add_argument("--by-zone", action="store_true", help="zones in cities.csv too, not whole cities alone")
    cities.add_argument(
        "--no-maps", action="store_true", help="no rasters, maps and QGIS projects of the single cities"
    )

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

    cache = command("cache", "say what is kept for other runs, where, and how large it may become; or clear it")
    cache.add_argument("what", choices=("info", "clear"), nargs="?", default="info", help="info (default) or clear")

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
    parser.add_argument("--threads", type=int, metavar="N", help="threads at work here (default: one per core)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="use a Dask cluster of N processes on this machine instead of threads"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="use the Dask cluster whose scheduler is there, as in tcp://HOST:8786"
    )
    parser.add_argument(
        "--tables-only",
        action="store_true",
        help="write tables alone, the city taken part by part: for cities that do not fit into memory",
    )
    parser.add_argument("--fresh", action="store_true", help="begin anew instead of resuming unfinished work")
    parser.add_argument(
        "--profile", action="store_true", help="print what each stage cost; working/profile.txt has it by line"
    )


def _add_estimate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", metavar="NAME", help="camera model; 'doorview cameras' lists them")
    parser.add_argument("--levels", type=_words, metavar="LIST", help="levels, as in detect,observe,recognise")
    parser.add_argument(
        "--rates", type=_numbers, metavar="LIST", help="a scenario of independent owners per rate, as in 0.05,0.2,0.4"
    )
    parser.add_argument("--obstacles", choices=("buildings", "all"), help="what hides (default: buildings)")
    parser.add_argument("--near", type=float, metavar="M", help="how near a home is near [m] (default: 50)")
    parser.add_argument("--cell", type=float, metavar="M", help="edge of a grid cell [m] (default: 0.5)")
    parser.add_argument(
        "--known", action="store_true", help="count the cameras that OpenStreetMap maps too, beside the simulated ones"
    )
    parser.add_argument("--units", choices=("metric", "us"), help="units on maps and pages (default: metric)")
