"""The explorer page of a run: its folder is read, one self-contained HTML file comes out.

Nothing else is read, and the page asks no network: a Content-Security-Policy allows the page's own scripts and styles
by their hashes and nothing more. Only where online tiles are asked for may it fetch pictures from that one host.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from doorview.errors import InputError, OutputError
from doorview.show.explorer.heat import heat_layers
from doorview.show.explorer.online import tile_fit
from doorview.show.explorer.pack import Arrays, header_text, light_content, packed, without_spaces
from doorview.show.files import replacing, sha256
from doorview.show.finished import CHECKSUMS, checksum_of, read_facts, read_json, telling_damage
from doorview.show.run_folder import is_run

__all__ = ["FORMAT", "LIGHT_BYTES", "Written", "page_of", "read_tables", "write_explorer", "write_pages"]

FORMAT = 1
LIGHT_BYTES = 5_000_000
"""A light page is smaller: mail filters often stop what is larger."""
FEW_SPACES = 2
"""Spaces that a light page keeps where all of them would make it too large: the headline's, and all public ground."""
ORDER = (
    *("vendor/leaflet.js", "data.js", "numbers.js", "sight.js", "state.js", "map.js", "layers.js", "controls.js"),
    *("curve.js", "table.js", "asked.js", "portal.js", "request.js", "spot.js", "people.js"),
)
LAST = "main.js"
MARK = re.compile(r"<!--dv:([a-z]+)-->")
"""Places in page.html that are filled in."""
PARTS = ("working/explorer.npz", "working/explorer.json")
AGAIN = "Run the study again with this version: doorview run STUDY."


@dataclass(frozen=True)
class Written:
    """The files that were written, and what was left out to keep the light one small."""

    full: Path | None
    light: Path
    left_out: str = ""


def write_explorer(run: str | os.PathLike[str], *, light_only: bool = False, tiles: str | None = None) -> Written:
    """Write explorer.html and explorer-light.html into a run's folder, each whole or not at all.

    Parameters
    ----------
    run
        Folder of a finished run.
    light_only
        Write the light page alone.
    tiles
        Address of online map tiles with {z}, {x} and {y}, for the background of the full page; it then speaks to that
        host, and says so. None: no network.

    Raises
    ------
    InputError
        If the folder is no finished run of this version, lacks parts, or the address of tiles cannot be used.
    OutputError
        If the pages cannot be written.

    """
    folder = Path(run)
    _check_run(folder)
    return write_pages(folder, light_only=light_only, tiles=tiles)


def write_pages(folder: Path, *, light_only: bool = False, tiles: str | None = None) -> Written:
    """Do what `write_explorer` says, in a folder that may still be written: nothing but the tables is asked for."""
    header, arrays = _tables(folder)
    host = None if tiles is None else _tile_host(tiles)
    full, light = folder / "explorer.html", folder / "explorer-light.html"
    pages: dict[Path, str] = {}
    # Both are made before one is written: of a run that is refused both stay as they were.
    with telling_damage(folder, "the explorer"):
        if not light_only:
            said, more = heat_layers(folder, header)
            online = {} if tiles is None else {"tiles": {"url": tiles, "host": host, **_tile_fit(header, arrays)}}
            pages[full] = page_of({**header, "heat": said, **online}, {**arrays, **more}, tile_host=host)
        pages[light], left_out = light_page(header, arrays)
        written = {path: text.encode("utf-8") for path, text in pages.items()}
    try:
        for path, data in written.items():
            with replacing(path) as part:
                part.write_bytes(data)
    except OSError as fault:
        why = fault.strerror or type(fault).__name__
        raise OutputError(f"the explorer could not be written into '{folder}' ({why}): make room there.") from fault
    return Written(None if light_only else full, light, left_out)


def light_page(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[str, str]:
    """Return the light page, and in words what was left out to keep it under `LIGHT_BYTES`."""
    small, kept = light_content(header, arrays)
    text = page_of(small, kept)
    if len(text.encode()) < LIGHT_BYTES or len(small["spaces"]) <= FEW_SPACES:
        return text, ""
    words = f"The light page holds the first {FEW_SPACES} kinds of ground alone, to stay small enough for mail."
    small, kept = without_spaces({**small, "notes": [*small["notes"], words]}, kept, FEW_SPACES)
    return page_of(small, kept), words


def _tile_host(url: str) -> str:
    """Return the origin of an address of tiles; refuse one that is no such address."""
    parts = urlsplit(url)
    fine = parts.scheme in ("https", "http") and re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", parts.netloc)
    if not fine or not all(mark in url for mark in ("{z}", "{x}", "{y}")) or re.search(r"[\s\"'<>;,]", url):
        raise InputError(
            f"'{url}' is no address of map tiles: give one that begins with https:// and holds {{z}}, {{x}} and {{y}}, "
            "as in --tiles https://tiles.example.org/{z}/{x}/{y}.png"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _tile_fit(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return where tiles lie: fitted over all streets and a fifth more around."""
    xy = np.asarray(arrays["face_xy"], dtype=np.float64) / 100.0
    low, high = xy.min(axis=0), xy.max(axis=0)
    around = 0.2 * (high - low)
    x0, y0 = header["origin"]
    (west, south), (east, north) = low - around, high + around
    box = (float(west), float(south), float(east), float(north))
    return tile_fit(str(header["crs"]), (float(x0), float(y0)), box)


# --- reading the run -------------------------------------------------------------------------------------------------


def read_tables(folder: Path) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays of a finished run.

    Raises
    ------
    InputError
        With what is missing or wrong, and how to mend it.

    """
    _check_run(folder)
    return _tables(folder)


def _tables(folder: Path) -> tuple[dict[str, Any], Arrays]:
    missing = [name for name in PARTS if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"the run '{folder}' lacks {' and '.join(missing)}: it is of an older doorview, or its folder working/ was "
            f"taken away. {AGAIN}"
        )
    header = read_json(folder / PARTS[1])
    try:
        # Opened here, because numpy leaves a damaged file open.
        with (folder / PARTS[0]).open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as fault:
        raise InputError(f"the run '{folder}' holds damaged data for the explorer ({fault}). {AGAIN}") from fault
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else None
        raise InputError(
            f"the run '{folder}' holds data for the explorer in format {found!r}, and this doorview reads {FORMAT}. "
            f"{AGAIN}"
        )
    sums = header.pop(CHECKSUMS, None)
    if sums is not None:
        _check_sums(folder, header, sums)
    return header, arrays


def _check_sums(folder: Path, header: Mapping[str, Any], sums: Any) -> None:
    """Refuse data that are not as the run of this folder wrote them."""
    there = {"header": checksum_of(header), "explorer.npz": sha256(folder / PARTS[0])}
    if (folder / "shares.csv").is_file():
        there["shares.csv"] = sha256(folder / "shares.csv")
    wrong = [name for name, found in there.items() if not isinstance(sums, dict) or sums.get(name) != found]
    if wrong:
        names = {"header": "explorer.json"}
        raise InputError(
            f"the run '{folder}' holds damaged data for the explorer, or another run's: "
            f"{', '.join(names.get(name, name) for name in wrong)} not as it was written. {AGAIN}"
        )


def _check_run(folder: Path) -> None:
    """Refuse a folder that is no finished run of this schema."""
    partial = folder.with_name(folder.name + ".partial")
    if not folder.is_dir():
        unfinished = f" '{partial}' is the work of an unfinished run: finish it first." if partial.is_dir() else ""
        raise InputError(f"there is no folder '{folder}'.{unfinished} Give the folder of a run, as in out/demo.")
    if folder.name.endswith(".partial"):
        raise InputError(
            f"'{folder}' is the work of an unfinished run: run the same command again to finish it, then give its "
            f"folder, '{folder.with_name(folder.name.removesuffix('.partial'))}'."
        )
    if not is_run(folder):
        raise InputError(
            f"the folder '{folder}' lacks run.json, or it is not one of doorview: it is no finished run. Give the "
            "folder that 'doorview run' or 'doorview estimate' wrote."
        )
    read_facts(folder, "the explorer")


# --- the page --------------------------------------------------------------------------------------------------------


def page_of(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, tile_host: str | None = None) -> str:
    """Return the page of a header and its arrays."""
    data, table = packed(arrays)
    sources = resources.files("doorview.show.explorer").joinpath("page")
    names = _names(sources)
    scripts = [_script(sources, name) for name in names if name.endswith(".js")]
    styles = [_style(sources, name) for name in names if name.endswith(".css")]
    policy = (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; "
        f"img-src data: blob:{f' {tile_host}' if tile_host else ''}; base-uri 'none'; form-action 'none'"
    )
    licence = sources.joinpath("vendor").joinpath("LICENSE")
    data_elements = [
        f'<script type="application/json" id="dv-header">{header_text({**header, "arrays": table})}</script>',
        f'<script type="text/plain" id="dv-data">{data}</script>',
    ]
    if licence.is_file():
        text = html.escape(licence.read_text(encoding="utf-8"), quote=False)
        data_elements.append(f'<script type="text/plain" id="dv-leaflet-licence">{text}</script>')
    parts = {
        "csp": f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy, quote=False)}">\n'
        '<meta name="referrer" content="no-referrer">',
        "title": html.escape(f"{header['title']} - simulated doorbell coverage"),
        "style": "\n".join(f"<style>{text}</style>" for text in styles),
        "data": "\n".join(data_elements),
        "script": "\n".join(f"<script>{text}</script>" for text in scripts),
    }
    page = _text(sources, "page.html")
    found = MARK.findall(page)
    if sorted(found) != sorted(parts):
        raise ValueError(f"explorer/page/page.html must hold {sorted(parts)} once each as <!--dv:NAME-->, not {found}")
    # In one go, so that no text from the data is taken for a place.
    return MARK.sub(lambda mark: parts[mark[1]], page)


def _names(sources: Any) -> list[str]:
    """Return the page's sources: styles, then scripts, those of the vendors first and what starts the page last."""
    own = sorted(item.name for item in sources.iterdir() if item.name.endswith((".js", ".css")))
    vendor = sources.joinpath("vendor")
    if vendor.is_dir():
        own += sorted(f"vendor/{item.name}" for item in vendor.iterdir() if item.name.endswith((".js", ".css")))
    css = sorted((name for name in own if name.endswith(".css")), key=lambda name: ("/" not in name, name))
    known = [name for name in ORDER if name in own]
    others = [name for name in own if name.endswith(".js") and name not in ORDER and name != LAST]
    return [*css, *known, *others, *([LAST] if LAST in own else [])]


def _text(sources: Any, name: str) -> str:
    return str(sources.joinpath(*name.split("/")).read_text(encoding="utf-8"))


def _script(sources: Any, name: str) -> str:
    """Return a script; refuse what would end its element early."""
    text = _text(sources, name)
    if re.search(r"</script|<!--", text, re.IGNORECASE):
        raise ValueError(f"explorer/page/{name} holds '</script' or '<!--', which would end or hide it in the page")
    return text


def _style(sources: Any, name: str) -> str:
    """Return a style sheet; refuse what would end its element early."""
    text = _text(sources, name)
    if re.search(r"</style", text, re.IGNORECASE):
        raise ValueError(f"explorer/page/{name} holds '</style', which would end it in the page")
    return text


def _hashes(texts: list[str]) -> str:
    found = [base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") for text in texts]
    return " ".join(f"'sha256-{item}'" for item in found) or "'none'"
