"""Execute the notebooks and keep what they show: run ``python docs/refresh_notebooks.py [NAME ...]`` from anywhere.

What differs from one execution to the next is left out, pictures are made small, and a path of this machine in any
output is a fault. The documentation shows these outputs and executes nothing.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = "skip-execution"
WIDEST = 1000
COLOURS = 96
MOST_BYTES = 400_000
SECONDS = re.compile(r"\b\d+\.\d+ s\b")


def small(png: str) -> str:
    """Return a PNG, in base64 both, at most `WIDEST` pixels wide and with `COLOURS` colours."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return base64.b64encode(out.getvalue()).decode("ascii")


def tidy(book: nbformat.NotebookNode) -> None:
    """Make pictures small; drop what the kernel notes of time, and words on standard error."""
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = SECONDS.sub("… s", output.text)
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = small(data["image/png"])
        if cell.cell_type == "code":
            cell.outputs = [item for item in cell.outputs if item.get("name") != "stderr"]
    book.metadata = {"kernelspec": book.metadata["kernelspec"], "language_info": {"name": "python"}}


def faults(book: nbformat.NotebookNode, name: str) -> list[str]:
    """Return what must not be published: paths of this machine, errors, and files that are too large."""
    text = nbformat.writes(book)
    found = [f"{name}: an output holds the path {path}" for path in (tempfile.gettempdir(), str(ROOT), str(Path.home()))
             if len(path) > 1 and path + "/" in text]  # fmt: skip
    if len(text) > MOST_BYTES * 3:
        found.append(f"{name}: {len(text):,} bytes, over {MOST_BYTES * 3:,}")
    return found


def main(names: list[str]) -> int:
    """Execute the notebooks named (default: all) and write them in place."""
    os.environ["DOORVIEW_PROGRESS"] = "off"
    wrong: list[str] = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        book = nbformat.read(path, as_version=4)
        began = time.perf_counter()
        NotebookClient(
            book,
            timeout=300,
            kernel_name="python3",
            skip_cells_with_tag=SKIPPED,
            resources={"metadata": {"path": path.parent}},
        ).execute()
        tidy(book)
        wrong += faults(book, path.name)
        nbformat.write(book, path)
        sys.stdout.write(f"{path.name}: {time.perf_counter() - began:.0f} s, {path.stat().st_size:,} bytes\n")
    for words in wrong:
        sys.stderr.write(f"{words}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
