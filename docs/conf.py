"""Sphinx settings of the documentation. `make docs` builds it; nothing is fetched and no notebook is run."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROOMS = {
    "city": "Where: a place, a file or own layers become doors, obstacles and ground by class.",
    "sight": "One camera: what it sees at a level, exactly.",
    "ownership": "Who owns a camera: chances of sets of doors, and drawn owners. Knows no ground and no views.",
    "share": "Together: tiles, sets of doors that see a spot, shares and the curve.",
    "overlays": "Laid over: reported thefts, alerts, whose land is in view.",
    "show": "To look at: maps, tables, layers, the run's folder. Computes no share.",
    "study": "One file that says what to do, and the pipeline behind `dv.run` and `dv.estimate`.",
}

ON_API_PAGE = {"Result", "TrackResult", "WalkResult"}
"""Documented there, though it stands in a room."""

ARRAY = re.compile(
    r"~?(?:numpy\.)?ndarray\[~?tuple\[~?(?:typing\.)?Any, \.\.\.\], "
    r"~?(?:numpy\.)?dtype\[~?(?:numpy\.)?(\w+)\]\]"
)
NAMES = re.compile(r"^:ivar \w+(?:, \w+)+:")
ARRAY_LIKE = re.compile(r"~?[\w.]*_Buffer \| .*?_NestedSequence\[complex \| bytes \| str\]")

project = "doorview"
author = "The doorview contributors"
project_copyright = "The doorview contributors"
release = version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
nb_execution_mode = "off"  # the notebooks are stored with their outputs, which the tests make
nb_merge_streams = True
suppress_warnings = ["ref.python"]  # annotations name a class by its last word, which two modules may have
default_role = "code"  # docstrings name things in single backquotes

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = True
napoleon_google_docstring = True  # some name their sections so
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

nitpicky = True
# Names of other packages, of annotations and of plain words in docstrings have no page here; everything else must.
nitpick_ignore_regex = [("py:.*", r"(?!doorview\.).*"), ("py:class", r"doorview\..*\.(_\w+|[A-Z]\w*)")]

html_theme = "furo"
html_title = f"doorview {release}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["doorview.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}


def write_rooms(folder: Path) -> None:
    """Write one page for each room that documents every public name of its modules."""
    pages = {}
    for room, text in ROOMS.items():
        package = importlib.import_module(f"doorview.{room}")
        lines = [f"# `doorview.{room}`", "", text, ""]
        for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
            name = f"doorview.{room}.{found.name}"
            if found.ispkg:
                continue
            module = importlib.import_module(name)
            own = [item for item in getattr(module, "__all__", []) if _is_own(module, item) and item not in ON_API_PAGE]
            if own:
                lines += [f"## `{found.name}`", "", "```{eval-rst}", f".. automodule:: {name}"]
                lines += [f"   :members: {', '.join(own)}", "```", ""]
        pages[f"{room}.md"] = "\n".join(lines)
    _renew(folder, pages)


def _is_own(module: Any, name: str) -> bool:
    """Tell whether a name is documented where it stands: not one that another module made."""
    value = getattr(module, name)
    return getattr(value, "__module__", module.__name__) == module.__name__


def copy_notebooks(folder: Path) -> None:
    """Copy the notebooks in among the sources, with their links to these pages."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    _renew(folder, {path.name: path.read_text(encoding="utf-8").replace("](../docs/", "](../") for path in paths})


def _renew(folder: Path, pages: dict[str, str]) -> None:
    """Make a folder hold these pages and no others; what is as it was stays, so that it is not built again."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _inline_math(self: Any, node: nodes.math) -> None:
    self.body.append(tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _block_math(self: Any, node: nodes.math_block) -> None:
    self.body.append(f'<div class="equation">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def _literal_drawings(_app: Sphinx, what: str, _name: str, _of: Any, _options: Any, lines: list[str]) -> None:
    """Show the drawings in the docstrings of modules, blocks indented by four or more, as they are."""
    if what != "module":
        return
    inside, before, shown = False, "", []
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if indented and not inside and number and not lines[number - 1].strip():
            if not before.endswith("::"):
                shown += ["::", ""]
            inside = True
        elif line.strip() and not indented:
            inside = False
        before = line.rstrip() or before
        shown.append(line)
    lines[:] = shown


def _joined_names(_app: Sphinx, _what: str, _name: str, _of: Any, _options: Any, lines: list[str]) -> None:
    """Keep several attributes of one entry together: after a blank Sphinx takes the last for the name of all."""
    lines[:] = [NAMES.sub(lambda found: found[0].replace(", ", ",\u200b"), line) for line in lines]


def _short_types(
    _app: Sphinx, _what: str, _name: str, _of: Any, _options: Any, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Write numpy's types as the code does: NDArray[float64], ArrayLike."""
    return tuple(text and ARRAY.sub(r"NDArray[\1]", ARRAY_LIKE.sub("ArrayLike", text)) for text in (signature, result))


def setup(app: Sphinx) -> None:
    """Write the pages that are made, and show equations as MathML, which browsers draw without a script."""
    write_rooms(HERE / "_rooms")
    copy_notebooks(HERE / "_notebooks")
    app.connect("autodoc-process-docstring", _literal_drawings, priority=100)
    app.connect("autodoc-process-docstring", _joined_names, priority=900)
    app.connect("autodoc-process-signature", _short_types)
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))
