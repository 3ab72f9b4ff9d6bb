"""The public API: one screen of names, loaded when first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import doorview as dv
from doorview.city.model import City
from doorview.study.pipeline import estimate

NAMES = {
    "City",
    "DoorviewError",
    "alerts",
    "audit_form",
    "camera",
    "compare_audit",
    "estimate",
    "fairness",
    "find_doors",
    "find_obstacles",
    "fit_camera",
    "least_in_view",
    "level",
    "private_ground",
    "public_space",
    "route",
    "run",
    "run_cities",
    "sees",
    "shortest_routes",
    "track_exposure",
    "trade_off",
    "viewsheds",
    "visible_area",
    "walking_graph",
}


def test_the_names_are_those_that_a_researcher_would_guess():
    assert set(dv.__all__) == NAMES
    assert set(dir(dv)) >= NAMES
    for name in NAMES:
        found = getattr(dv, name)
        assert (found.__doc__ or "").strip(), name


def test_names_are_the_things_themselves():
    assert dv.City is City
    assert dv.estimate is estimate


def test_a_wrong_name_is_refused_with_the_nearest():
    with pytest.raises(AttributeError, match="Did you mean 'viewsheds'"):
        _ = dv.viewshed
    with pytest.raises(ImportError):
        from doorview import nothing_at_all  # noqa: F401


@pytest.mark.parametrize("code", ["import doorview.cli", "import doorview; doorview.DoorviewError"])
def test_importing_loads_nothing_slow(code):
    slow = ["numpy", "pandas", "geopandas", "numba", "shapely", "matplotlib", "osmnx", "pydantic"]
    check = f"{code}; import sys; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_slow():
    code = (
        "import sys, atexit; from doorview.cli import main\n"
        "atexit.register(lambda: print([n for n in ('numpy', 'pandas', 'geopandas', 'numba') if n in sys.modules]))\n"
        "main(['estimate', '--help'])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_every_error_of_the_user_is_a_doorview_error_with_a_builtin_parent():
    for call, builtin in (
        (lambda: dv.camera("kodak"), KeyError),
        (lambda: dv.City.from_extract("nope.osm.pbf"), FileNotFoundError),
        (lambda: dv.run("nope.toml"), FileNotFoundError),
    ):
        with pytest.raises(dv.DoorviewError) as caught:
            call()
        assert isinstance(caught.value, builtin)
        assert "\n" not in str(caught.value)
