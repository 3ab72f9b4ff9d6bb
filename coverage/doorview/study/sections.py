"""The sections of a study file: what it may say, with types, defaults and meaning.

The description of a field is its reference: `docs/study.md` is written from here by `study.reference`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from doorview.errors import InputError
from doorview.study.alerts_section import AlertsSection
from doorview.study.attributes_section import AttributeSection
from doorview.study.camera_sections import DEFAULT_CAMERA, CameraSection, OwnCamera
from doorview.study.doors_section import DoorsSection
from doorview.study.drivers_section import DriversSection
from doorview.study.fairness_section import FairnessSection
from doorview.study.fields import NAMED_LAYER, CrsText, FilePath, LayerPath, MetreCrsText
from doorview.study.incidents_section import IncidentsSection
from doorview.study.partnership_section import PartnershipSection
from doorview.study.private_ground_section import PrivateGroundSection
from doorview.study.routes_section import RoutesSection, Way
from doorview.study.scenario_sections import (
    BUILTIN_SCENARIOS,
    OwnershipSection,
    ProgrammeSection,
    RulesSection,
    Scenario,
    StagesSection,
)

__all__ = [
    "BUILTIN_SCENARIOS",
    "DEFAULT_CAMERA",
    "SECTIONS",
    "AlertsSection",
    "AttributeSection",
    "CameraSection",
    "CoverageSection",
    "DoorsSection",
    "DriversSection",
    "FairnessSection",
    "KnownSection",
    "Layers",
    "OutputSection",
    "OwnCamera",
    "OwnershipSection",
    "PartnershipSection",
    "Place",
    "PrivateGroundSection",
    "PublicSpaceSection",
    "RoutesSection",
    "Scenario",
    "Study",
    "StudySection",
    "TerrainSection",
    "Zoning",
    "folder_of",
    "zoning_name",
]

_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
Rate = Annotated[float, Field(ge=0.0, le=1.0)]
Metres = Annotated[float, Field(ge=0.0)]
Text = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    """What all parts of a study share: frozen, strict types, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def zoning_name(file: str) -> str:
    """Return the name of a set of zones by its file: the layer where one is named, else the file without its ending."""
    named = NAMED_LAYER.fullmatch(file)
    return named[3] if named else Path(file).stem


def folder_of(name: str) -> str:
    """Return a name as the name of a folder, on any system: letters of any script stay, and it leads nowhere else."""
    folder = re.sub(r"[^\w.-]+", "-", name)[:80].strip("-.") or "study"
    return f"{folder}-study" if _DEVICES.fullmatch(folder) else folder


class StudySection(_Section):
    """What the study is."""

    name: Text = Field("study", description="Name of the study: titles, and the folder `out/NAME/`.")
    seed: int = Field(0, ge=0, description="Seed of everything random; the same seed gives the same bytes.")
    fictional: bool = Field(False, description="The place does not exist; every map and page then says so.")
    label: Text | None = Field(None, description="A line under the title of every map and page.")


class Layers(_Section):
    """Own layers: GeoPackage (`file.gpkg:layer`), GeoParquet, GeoJSON, Shapefile; the rest is the extract's."""

    buildings: LayerPath | None = Field(None, description="Building outlines: polygons.")
    streets: LayerPath | None = Field(None, description="Streets: lines.")
    public_space: LayerPath | None = Field(None, description="Other ground that anyone may enter: polygons.")
    parcels: LayerPath | None = Field(
        None, description="Land parcels: polygons; street space is what lies outside them."
    )
    addresses: LayerPath | None = Field(None, description="Address points.")
    entrances: LayerPath | None = Field(None, description="Entrances: points.")


class Place(_Section):
    """Where. One of `extract`, `place`, `address` and `bbox`, or `[place.layers]`, alone or with an `extract`."""

    extract: FilePath | None = Field(
        None, description="An OpenStreetMap file: `.osm.pbf`, `.osm`, `.osm.gz` or `.osm.bz2`, sorted or not."
    )
    place: Text | None = Field(
        None, description='A place name, such as `"Lakeland, Florida, USA"`; downloads its data.'
    )
    address: Text | None = Field(None, description="An address; downloads what lies within `distance_m` of it.")
    distance_m: float | None = Field(None, gt=0.0, description="With `address`: how far around it [m].")
    bbox: Annotated[tuple[float, float, float, float], Field(strict=False)] | None = Field(
        None, description="West, south, east and north [degrees]; downloads what lies inside."
    )
    layers: Layers | None = Field(None, description="Own layers, see `[place.layers]`.")
    boundary: LayerPath | None = Field(
        None,
        description="Polygons inside which shares are counted; what lies around still blocks and owns. "
        "`file.gpkg:layer` names a layer.",
    )
    country: Literal["us", "world", "auto"] = Field(
        "auto", description="Whose default widths of streets hold where nothing is tagged; `auto`: by where it lies."
    )
    crs: MetreCrsText | None = Field(
        None, description="Projected CRS in metres to compute in; left out: the local UTM zone."
    )


class Zoning(_Section):
    """One set of zones (tracts, districts, neighbourhoods); write `[[zones]]` once for each set."""

    file: LayerPath = Field(description="Polygons with one row per zone; `file.gpkg:layer` names a layer.")
    zoning: Text | None = Field(None, description="Name of the set in tables; left out: the file's name.")
    id: Text | None = Field(None, description="Column with the id of the zone; left out: the row number.")
    name: Text | None = Field(None, description="Column with the name of the zone; left out: its id.")
    dwellings: Text | None = Field(
        None, description="Column with your own count of dwellings (census, assessor), to check the doors against."
    )

    @property
    def set_name(self) -> str:
        """Name of the set in tables."""
        return self.zoning or zoning_name(str(self.file))


class PublicSpaceSection(_Section):
    """Widths of streets where nothing is tagged, and how near a home is near."""

    near_home_m: Metres = Field(50.0, description="Streets within this distance of a home make the headline [m].")
    lane_width_m: float | None = Field(
        None, gt=0.0, description="Width of a lane; left out: the country's default [m]."
    )
    sidewalk_width_m: float | None = Field(
        None, gt=0.0, description="Width of a sidewalk; left out: the country's default [m]."
    )


class TerrainSection(_Section):
    """Heights of the ground, where it is not flat. Left out, it is.

    Rasters of any kind, CRS and step that GDAL reads. They must cover the counted area and as far around it as cameras
    see. Doors, targets and walls stand on `ground`; what rises above sight lines hides.
    """

    ground: FilePath = Field(description="Terrain model (DEM): heights of the bare ground.")
    surface: FilePath | None = Field(
        None,
        description="Surface model (DSM, LiDAR first returns): canopies and roofs hide too; left out, "
        "the ground alone.",
    )
    units: Literal["m", "ft", "us-ft"] | None = Field(
        None, description="Unit of the ground's heights; left out: as the file says, metres if it says nothing."
    )
    surface_units: Literal["m", "ft", "us-ft"] | None = Field(None, description="The same for `surface`.")
    nodata: float | None = Field(
        None, description="Value of unknown heights in both files, where they do not say it or say it wrongly."
    )
    step_m: float | None = Field(
        None, ge=0.5, description="Distance of heights to compute with [m]; left out: each file's own."
    )
    missing_allowed: Rate = Field(
        0.0, description="Share of the place that may be without heights, as water often is; it is taken as flat."
    )
    clear_m: Metres = Field(
        1.0,
        description="Length of each sight line, from the camera on, that heights hide nothing of [m]: the house's own "
        "roof in a surface model.",
    )


class CoverageSection(_Section):
    """How the coverage is computed."""

    cell_m: float = Field(0.5, ge=0.1, le=5.0, description="Edge of a grid cell [m]; smaller is finer and slower.")
    obstacles: Literal["buildings", "all"] = Field(
        "buildings", description="What hides: `buildings`, or `all` with walls, fences and hedges too."
    )
    parked_cars: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="Share of the places along kerbs where a car is parked, 1.5 m high, drawn by the seed; no source "
        "says how many: vary it.",
    )
    trees: bool = Field(False, description="Trunks of mapped trees and tree rows hide too.")
    tree_row_spacing_m: float | None = Field(
        None, ge=1.0, description="Distance between the trunks of a tree row [m]; left out: 8, see `obstacles.md`."
    )
    openings: bool = Field(
        False,
        description="Cut buildings open where passages and arcades run through them and parts begin above the eye.",
    )
    range_curve: bool = Field(True, description="Also write `range_curve.csv`: share against range from 2 to 40 m.")
    threads: int | None = Field(
        None, ge=1, description="Threads at work on this machine; left out: one per core. Changes no result."
    )


class KnownSection(_Section):
    """Cameras that are known to be there, counted beside the simulated ones and never mixed into their figures.

    Nothing is read unless asked for: OpenStreetMap maps few of the cameras that there are, and unevenly.
    """

    osm: bool = Field(False, description="The surveillance cameras that OpenStreetMap maps (`man_made=surveillance`).")
    file: FilePath | None = Field(
        None,
        description="Your own list: `.csv` with longitude and latitude, or `.gpkg` of points. It is never published: "
        "all that counts it lies in `working/`.",
    )
    layer: Text | None = Field(None, description="Layer of the `.gpkg`, where it holds several.")
    columns: dict[str, Text] | None = Field(
        None,
        description="Which column says what, as in `{lon = 'x', direction = 'heading'}`: `lon`, `lat`, `direction`, "
        "`height_m`, `field_of_view`, `range_m`; left out: the columns of these names.",
    )
    model: Text | None = Field(
        None,
        description="Camera assumed where nothing says a field of view or range, as OpenStreetMap never does: a name "
        "of the catalogue or of a `[cameras.NAME]`; left out: the one at the doors.",
    )
    height_m: float = Field(3.5, gt=0.0, description="Height above the ground assumed where nothing says one [m].")
    range_m: float | None = Field(
        None,
        gt=0.0,
        description="Range along the ground, at every level, of cameras that say none [m]; left out: what `model` "
        "reaches at each level.",
    )
    angle_means: Literal["width", "tilt"] | None = Field(
        None,
        description="What `camera:angle` is in the data: `width` of the view or `tilt` below the horizon. Mappers use "
        "it for both; left out: it says nothing.",
    )
    unknown_all_around: bool = Field(
        False,
        description="Cameras whose direction nobody says see all around: an upper bound. Else they are left out "
        "(domes see all around anyway).",
    )
    plate_readers: bool = Field(False, description="Number-plate readers, speed and red-light cameras too.")
    indoor: bool = Field(False, description="Cameras tagged as indoors too.")

    @property
    def asked(self) -> bool:
        """Whether any known cameras are asked for."""
        return self.osm or self.file is not None


class OutputSection(_Section):
    """What is written. Computing is in metres; these change only how it is shown."""

    crs: CrsText | None = Field(None, description="CRS of the layers written; left out: the one computed in.")
    units: Literal["metric", "us"] = Field("metric", description="`us`: feet, acres and miles on pages and maps.")
    tables_only: bool = Field(
        False,
        description="Write tables and run.json alone, the city taken part by part: for cities that do not fit into "
        "memory whole. The shares are the same to the last bit; `share_low` and `share_high` stay empty.",
    )
    rasters: bool = Field(True, description="Write `seen_by_LEVEL.tif`: doors that see each cell.")
    maps: bool = Field(True, description="Draw the maps.")
    svg: bool = Field(False, description="Write each picture as SVG too, beside its PNG in `maps/`; text stays text.")
    qgis: bool = Field(
        True, description="Write `map.qgz`, a QGIS project of all layers, and a style beside each raster."
    )
    viewsheds: bool = Field(False, description="Write `working/viewsheds.parquet`: one polygon per door and level.")
    briefing: bool = Field(False, description="Write `briefing.html` and `briefing.pdf`, a few pages for a council.")
    explorer: bool = Field(
        False, description="Write `explorer.html` and `explorer-light.html`, as `doorview explorer RUN` does later."
    )


class Study(_Section):
    """A whole study. Its attributes are the sections of the file."""

    study: StudySection = Field(default_factory=StudySection)
    place: Place = Field(default_factory=Place)
    zones: Annotated[tuple[Zoning, ...], Field(strict=False)] = Field(())
    camera: CameraSection = Field(default_factory=CameraSection)
    cameras: dict[str, OwnCamera] = Field(default_factory=dict)
    public_space: PublicSpaceSection = Field(default_factory=PublicSpaceSection)
    terrain: TerrainSection | None = Field(None)
    coverage: CoverageSection = Field(default_factory=CoverageSection)
    doors: DoorsSection = Field(default_factory=DoorsSection)
    known: KnownSection = Field(default_factory=KnownSection)
    ownership: OwnershipSection = Field(default_factory=OwnershipSection)
    drivers: DriversSection = Field(default_factory=DriversSection)
    scenarios: dict[str, Scenario] = Field(
        default_factory=lambda: {name: Scenario.model_validate(dict(raw)) for name, raw in BUILTIN_SCENARIOS.items()}
    )
    stages: StagesSection | None = Field(None)
    partnership: PartnershipSection | None = Field(None)
    alerts: AlertsSection | None = Field(None)
    incidents: IncidentsSection | None = Field(None)
    private_ground: PrivateGroundSection | None = Field(None)
    routes: RoutesSection | None = Field(None)
    fairness: FairnessSection | None = Field(None)
    output: OutputSection = Field(default_factory=OutputSection)
    _file: Path | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.study.name

    @property
    def folder_name(self) -> str:
        """Name of the study as the name of a folder, on any system: letters of any script stay."""
        return folder_of(self.name)

    @property
    def file(self) -> Path | None:
        """The study file that this was read from, or None."""
        return self._file

    def with_threads(self, threads: int) -> Study:
        """Return the study with another number of threads at work, which changes no result."""
        if threads < 1:
            raise InputError(f"{threads} threads cannot work; give 1 or more, as in --threads 2")
        return self.model_copy(update={"coverage": self.coverage.model_copy(update={"threads": threads})})

    def settings(self) -> dict[str, Any]:
        """Return the study as plain JSON values; files by their names alone, fit to publish (no path of a machine)."""

        def shown(value: Any) -> Any:
            if isinstance(value, BaseModel):
                return {name: shown(getattr(value, name)) for name in type(value).model_fields}
            if isinstance(value, Mapping):
                return {str(key): shown(item) for key, item in value.items()}
            if isinstance(value, tuple):
                return [shown(item) for item in value]
            return value.name if isinstance(value, Path) else value

        found = {name: shown(getattr(self, name)) for name in type(self).model_fields}
        if self.camera.mix is not None:
            found["camera"]["model"] = None  # the default, which hangs at no door
        return found


SECTIONS: dict[str, type[BaseModel]] = {
    "study": StudySection,
    "place": Place,
    "place.layers": Layers,
    "zones": Zoning,
    "camera": CameraSection,
    "cameras.NAME": OwnCamera,
    "public_space": PublicSpaceSection,
    "terrain": TerrainSection,
    "coverage": CoverageSection,
    "doors": DoorsSection,
    "known": KnownSection,
    "ownership": OwnershipSection,
    "scenarios": Scenario,
    "drivers": DriversSection,
    "scenarios.NAME.programme": ProgrammeSection,
    "scenarios.NAME.rules": RulesSection,
    "stages": StagesSection,
    "partnership": PartnershipSection,
    "alerts": AlertsSection,
    "incidents": IncidentsSection,
    "private_ground": PrivateGroundSection,
    "routes": RoutesSection,
    "routes.way": Way,
    "fairness": FairnessSection,
    "fairness.attributes": AttributeSection,
    "output": OutputSection,
}
"""The sections by the names that they have in the file."""
