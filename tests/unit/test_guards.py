"""Guards: rules of the layout that nobody should have to remember."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import doorview

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "coverage"
PACKAGE = SOURCE / "doorview"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("city", "sight", "ownership", "share", "overlays", "show", "study", "cli")
"""In the order of docs/architecture.md; a room imports only from rooms before it."""
OPEN_TO_ALL = {"errors", "kernel_cache", "threads", "__version__"}
DEMO_READERS = {"cli.py", "study/new.py"}


def run(code: str, *, safe_path: bool = True, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a line of Python in a fresh process from a folder."""
    flags = ["-P"] if safe_path else []
    return subprocess.run([sys.executable, *flags, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every module that a file imports, as ``doorview.room.module``, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for item in node.names:
                yield item.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                package = path.relative_to(SOURCE).with_suffix("").parts[: -node.level]
                base = ".".join((*package, *filter(None, [node.module])))
            else:
                base = node.module or ""
            if base == "doorview":
                for item in node.names:
                    yield f"{base}.{item.name}", node.lineno
            else:
                yield base, node.lineno


def test_the_source_root_is_no_package():
    assert PACKAGE.is_dir()
    assert not (SOURCE / "__init__.py").exists()


def test_nothing_that_pytest_or_jupyter_reads_lies_at_the_root():
    assert not list(ROOT.glob("*.py"))
    assert not list(ROOT.glob("*.ipynb"))


@pytest.mark.parametrize("safe_path", [True, False])
def test_the_folder_does_not_shadow_coverage_py(safe_path):
    found = run("import coverage; print(coverage.__version__, coverage.Coverage)", safe_path=safe_path)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("safe_path", [True, False])
def test_numba_imports_from_the_root(safe_path):
    found = run("import numba, numba.core.dispatcher", safe_path=safe_path)
    assert found.returncode == 0, found.stderr


def test_the_command_line_loads_nothing_slow():
    slow = ["geopandas", "numba", "pandas", "pydantic", "shapely", "matplotlib", "osmnx", "numpy", "osmium", "pyproj"]
    code = (
        "import sys, doorview.cli; doorview.cli.build_parser().format_help();"
        f"print([name for name in {slow} if name in sys.modules])"
    )
    found = run(f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {code}")
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[]"


def test_the_api_is_on_one_screen_and_every_name_is_there():
    assert len(doorview.__all__) <= 32
    assert set(doorview.__all__) <= set(dir(doorview))
    assert set(doorview._HOMES) == set(doorview.__all__)
    for name in doorview.__all__:
        assert getattr(doorview, name).__name__ == name


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(AttributeError, match="Did you mean 'viewsheds'"):
        _ = doorview.viewshed


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == doorview.__version__
    assert f"\nversion: {doorview.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## [{doorview.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_has_a_floor_a_reason_and_a_pin():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("\ndependencies = [", 1)[1].split("\n]", 1)[0].strip().splitlines()
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    for line in block:
        found = re.fullmatch(r'  "([a-z0-9-]+)>=[\d.]+",  # \w.+', f"  {line.strip()}")
        assert found, f"no floor or reason: {line}"
        assert f"\n{found[1]}==" in pins


def test_constraints_hold_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|[A-Za-z0-9_.-]+==[\w.+!-]+", line) for line in lines)


# --- rooms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_from_rooms_above_it(path):
    place = path.relative_to(PACKAGE)
    own = place.parts[0].removesuffix(".py")
    for name, line in imports_of(path):
        parts = name.split(".")
        if parts[0] != "doorview" or own == "__init__":
            continue
        target = parts[1] if len(parts) > 1 else "__init__"
        where = f"{place}:{line} imports {name}"
        if target in OPEN_TO_ALL or target == own:
            continue
        if target == "demo":
            assert place.as_posix() in DEMO_READERS, where
        elif own == "demo":
            assert target in ("city", "study"), where
        else:
            assert own in ROOMS, f"{place} stands in no room"
            assert target in ROOMS[: ROOMS.index(own)], where


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if "kernels" in path.relative_to(PACKAGE).parts],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_kernels_know_numba_numpy_and_each_other(path):
    # The three of the standard library give annotations and pi: no data, no files.
    allowed = {"numba", "numpy", "__future__", "math", "typing"}
    if path.name == "__init__.py":
        # Before any kernel is compiled or read back: see kernel_cache.
        allowed |= {"pathlib", "doorview.kernel_cache"}
    for name, line in imports_of(path):
        parts = name.split(".")
        kernels = parts[0] == "doorview" and len(parts) > 2 and parts[2] == "kernels"
        known = parts[0] in allowed or name.rpartition(".")[0] in allowed or name in allowed
        assert known or kernels, f"{path.name}:{line} imports {name}"


def test_what_threads_run_asks_geos_nothing():
    # A prepared shape used by two threads at once ended a run with a segmentation fault.
    for name, line in imports_of(PACKAGE / "share" / "tiles.py"):
        assert name.split(".")[0] not in {"shapely", "geopandas", "pyproj"}, f"tiles.py:{line} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_stays_readable(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600
    tree = ast.parse(text)
    if tree.body:
        assert ast.get_docstring(tree), "no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = [item.id for item in ast.walk(node.type) if isinstance(item, ast.Name)] if node.type else ["all"]
            tidies = any(isinstance(item, ast.Raise) and item.exc is None for item in node.body)  # and raises again
            wide = {"Exception", "BaseException", "all"} & set(caught)
            assert not wide or tidies, f"line {node.lineno} catches everything"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert path.name == "cli.py", f"line {node.lineno} prints; only the command line does"


# --- what is in the repository -------------------------------------------------------------------------------------


def repository_files() -> list[Path]:
    """Return the text files of the checkout: those that git would take, or all of an unpacked release."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name.decode("utf-8") for name in listed.stdout.split(b"\0") if name]
    else:
        skip = {".venv", "out", "dist", "build", ".git", "__pycache__"}
        paths = [path for path in ROOT.rglob("*") if not skip & set(path.relative_to(ROOT).parts)]
    binary = {".pbf", ".png", ".npz", ".gpkg", ".parquet", ".tif", ".gz", ".bz2"}
    return sorted(path for path in paths if path.is_file() and path.suffix not in binary)


def test_no_file_names_a_path_of_one_machine_or_a_package_index():
    # Written in pieces, so that this file does not hold what it looks for.
    folders = re.compile(r"(^|[^A-Za-z0-9_.])/(" + "work|farm|root|home/[a-z]+|Users/[a-z]+" + ")/")
    hosts = re.compile("|".join(["py" + "pi\\.org", "python" + "hosted", "index" + "-url", "find" + "-links"]))
    wrong = []
    for path in repository_files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if folders.search(line) or hosts.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not wrong, "\n".join(wrong)


def test_notebooks_hold_what_they_show_and_no_fault():
    # The documentation shows these outputs and executes nothing; tests/unit/test_notebooks.py looks at them.
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        assert outputs, f"{path.name} shows nothing: make notebooks-refresh"
        assert not [output for output in outputs if output["output_type"] == "error"], f"{path.name} failed"
