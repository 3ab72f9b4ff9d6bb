"""The briefing as files: briefing.html, which needs no network, and briefing.pdf, tagged, the same bytes each time."""

from __future__ import annotations

import base64
import json
import re
import shutil
import struct
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from doorview.errors import DoorviewError, InputError, MissingFileError, OutputError
from doorview.show.briefing.book import Content
from doorview.show.briefing.content import briefing_content
from doorview.show.briefing.tables import read_run
from doorview.show.briefing.words import load_words
from doorview.show.files import replacing
from doorview.show.finished import telling_damage
from doorview.show.text import Units

__all__ = ["briefing_html", "briefing_pdf", "write_briefing"]

FACES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSans-BoldOblique.ttf")
"""Of matplotlib, which maps are drawn with: one open font with wide cover that is there already."""
STANDARD: Literal["ua-1"] = "ua-1"
_BOX = "\u25a1"
_LONG_WORD = re.compile(r"[^\s\u00a0]{19,}")
_MAY_BREAK = "\u200b"  # a space without width
_MOST_LOGO = 8 << 20
_MOST_PIXELS = 100_000_000
_KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}


def write_briefing(
    folder: str | Path,
    *,
    title: str | None = None,
    logo: str | Path | None = None,
    language: str = "en",
    units: Units | None = None,
) -> list[str]:
    """Write briefing.html and briefing.pdf into a finished run's folder, each whole or not at all.

    Returns
    -------
    list of str
        What a reader has to know: letters that the PDF's font lacks. Mostly empty.

    Raises
    ------
    InputError, MissingFileError
        If the folder holds no finished run of this version, or the logo is no picture.
    OutputError
        If the folder cannot be written.
    """
    path = Path(folder)
    try:
        with telling_damage(path, "the briefing"):
            content = briefing_content(
                read_run(path), language=language, units=units, title=title, logo=_logo(logo) if logo else None
            )
            for picture in content.images.values():
                _refuse_bomb(picture)
            page = briefing_html(content).encode("utf-8")
            pdf, missing = briefing_pdf(content)
    except OSError as fault:
        if isinstance(fault, DoorviewError):
            raise
        raise InputError(
            f"the briefing of '{path}' cannot be made: {fault.strerror or fault} ({fault.filename}). Make the files of "
            "the run readable, or make the run anew"
        ) from fault
    try:
        for name, data in (("briefing.html", page), ("briefing.pdf", pdf)):
            with replacing(path / name) as temporary:
                temporary.write_bytes(data)
    except OSError as fault:
        raise OutputError(
            f"the briefing cannot be written into '{path}': {fault.strerror or fault}. Make the folder writable, or "
            "copy the run to one that is"
        ) from fault
    return [load_words(language)("page.missing", letters=missing)] if missing else []


def _logo(logo: str | Path) -> Path:
    path = Path(logo)
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
        size = path.stat().st_size
    except OSError as fault:
        raise MissingFileError(
            f"the logo '{path}' cannot be read: {fault.strerror}. Give a PNG or JPEG file"
        ) from fault
    if not any(start.startswith(mark) for mark in _KINDS) or size > _MOST_LOGO:
        raise InputError(f"the logo '{path}' is no PNG or JPEG file of at most 8 MiB: convert it to one")
    _refuse_bomb(path)
    return path


def _refuse_bomb(path: Path) -> None:
    """Refuse a PNG of more pixels than could be drawn: a few bytes may hold them."""
    with path.open("rb") as stream:
        start = stream.read(24)
    if start.startswith(b"\x89PNG") and len(start) == 24:
        width, height = struct.unpack(">II", start[16:])
        if width * height > _MOST_PIXELS:
            raise InputError(
                f"the picture '{path}' has {width:,} by {height:,} pixels; {_MOST_PIXELS:,} are the most. Make it "
                "smaller, or make the run anew"
            )


def _kind(path: Path) -> str:
    start = path.read_bytes()[:16]
    return next((kind for mark, kind in _KINDS.items() if start.startswith(mark)), "png")


def _inline(path: Path) -> str:
    kind = "jpeg" if _kind(path) == "jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _breakable(text: str) -> str:
    """Return text whose very long words may be broken anywhere near the end of a line: no cell is as wide as they."""
    return _LONG_WORD.sub(lambda word: _MAY_BREAK.join(re.findall(r".{1,8}", word[0])), text)


def briefing_html(content: Content) -> str:
    """Return the briefing as one HTML page that asks nothing of a network and runs no script."""
    import jinja2

    text = resources.files("doorview.show.briefing").joinpath("page.html").read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
    images = {name: _inline(path) for name, path in content.images.items()}
    return page.render(c=content, images=images, logo=_inline(content.logo) if content.logo else None) + "\n"


def briefing_pdf(content: Content) -> tuple[bytes, str]:
    """Return the briefing as a tagged PDF (PDF/UA-1), and the letters that its font lacks, shown as a box.

    Raises
    ------
    OutputError
        If the PDF cannot be set, as when a picture is damaged.
    """
    import matplotlib as mpl
    import typst
    from matplotlib.ft2font import FT2Font

    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    known = set.intersection(*(set(FT2Font(str(fonts / name)).get_charmap()) for name in FACES[:2])) | {0x0A}
    missing: dict[str, None] = {}

    def drawable(value: Any) -> Any:
        if isinstance(value, str):
            missing.update(dict.fromkeys(char for char in value if ord(char) not in known))
            return _breakable("".join(char if ord(char) in known else _BOX for char in value))
        if isinstance(value, list):
            return [drawable(item) for item in value]
        if isinstance(value, dict):
            return {key: item if key == "file" else drawable(item) for key, item in value.items()}
        return value

    # A folder of its own: none of matplotlib's other fonts may be taken.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for face in FACES:
            shutil.copyfile(fonts / face, root / face)
        data: dict[str, Any] = drawable(
            {
                "title": content.title, "subtitle": content.subtitle, "footer": content.footer,
                "sections": content.sections, "logo_alt": content.logo_alt,
            }
        )  # fmt: skip
        data |= {"language": content.language, "letter": content.letter, "logo": None}
        if content.logo:
            data["logo"] = f"logo.{_kind(content.logo)}"
            shutil.copyfile(content.logo, root / data["logo"])
        if missing:
            letters = load_words(content.language)("page.missing", letters=_BOX)
            data["sections"][-2]["blocks"][0]["items"].append(letters)
        for file, path in content.images.items():
            shutil.copyfile(path, root / file)
        (root / "content.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        page = resources.files("doorview.show.briefing").joinpath("page.typ").read_text(encoding="utf-8")
        (root / "main.typ").write_text(page, encoding="utf-8")
        try:
            pdf = typst.compile(
                str(root / "main.typ"),
                root=str(root),
                font_paths=[name],
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=STANDARD,
                timestamp=0,
            )
        except (typst.TypstError, RuntimeError) as fault:
            raise OutputError(f"the briefing's PDF cannot be set: {fault}") from fault
    if not isinstance(pdf, bytes):
        raise OutputError("the briefing's PDF cannot be set: the typesetter gave nothing back")
    return pdf, "".join(missing)
