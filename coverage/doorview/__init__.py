"""Doorbell cameras and public space: how much of a city do they see, and how does that change as more homes own one.

The whole public API stands in `__all__`; a name is loaded when it is first used, so that importing costs nothing.

>>> import doorview as dv
>>> city = dv.City.from_extract("town.osm.pbf")  # doctest: +SKIP
>>> result = dv.estimate(city, levels=["observe"], rates=[0.05, 0.2])  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from doorview.city.doors import find_doors
    from doorview.city.ground import public_space
    from doorview.city.model import City
    from doorview.city.obstacles import find_obstacles
    from doorview.errors import DoorviewError
    from doorview.overlays.alerts import alerts
    from doorview.overlays.least_in_view import least_in_view, trade_off
    from doorview.overlays.routes import shortest_routes
    from doorview.overlays.walking_graph import walking_graph
    from doorview.sight.api import camera, level, viewsheds, visible_area
    from doorview.sight.fit import fit_camera
    from doorview.sight.points import sees
    from doorview.study.audit import audit_form, compare_audit
    from doorview.study.cities import run_cities
    from doorview.study.fairness import fairness
    from doorview.study.on_foot import route
    from doorview.study.pipeline import estimate, run
    from doorview.study.private_ground_run import private_ground
    from doorview.study.tracks import track_exposure

__all__ = [
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
]
__version__ = "0.1.0"

_HOMES = {
    "City": "doorview.city.model",
    "DoorviewError": "doorview.errors",
    "alerts": "doorview.overlays.alerts",
    "audit_form": "doorview.study.audit",
    "camera": "doorview.sight.api",
    "compare_audit": "doorview.study.audit",
    "estimate": "doorview.study.pipeline",
    "fairness": "doorview.study.fairness",
    "find_doors": "doorview.city.doors",
    "find_obstacles": "doorview.city.obstacles",
    "fit_camera": "doorview.sight.fit",
    "least_in_view": "doorview.overlays.least_in_view",
    "level": "doorview.sight.api",
    "private_ground": "doorview.study.private_ground_run",
    "public_space": "doorview.city.ground",
    "route": "doorview.study.on_foot",
    "run": "doorview.study.pipeline",
    "run_cities": "doorview.study.cities",
    "sees": "doorview.sight.points",
    "shortest_routes": "doorview.overlays.routes",
    "track_exposure": "doorview.study.tracks",
    "trade_off": "doorview.overlays.least_in_view",
    "viewsheds": "doorview.sight.api",
    "visible_area": "doorview.sight.api",
    "walking_graph": "doorview.overlays.walking_graph",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first used (PEP 562)."""
    if name not in _HOMES:
        from doorview.errors import nearest_name

        near = nearest_name(name, __all__)
        hint = f". Did you mean '{near}'?" if near else ""
        raise AttributeError(f"module 'doorview' has no attribute '{name}'{hint}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
