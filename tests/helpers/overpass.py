"""A local Overpass- and Nominatim-compatible endpoint on 127.0.0.1, fed from an OSM file, with faults to switch on.

It understands the queries that OSMnx words, ``(node|way|relation)['key'='value'](poly:'lat lon ...');(._;>;);``, and
no others. An object matches if it lies in the polygon as Overpass means it: a node inside, a way with a point of its
line inside, a relation with a matching member. Ways come with their nodes, relations with their ways and those ways'
nodes.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlparse

import osmium
import shapely

DATE = "2016-05-17T08:30:00Z"

STATUS = {
    "free": "Connected as: 1\nCurrent time: 2016-05-17T08:31:00Z\nAnnounced endpoint: none\nRate limit: 2\n2 slots "
    "available now.\n",
    "slot": "Connected as: 1\nCurrent time: 2016-05-17T08:31:00Z\nAnnounced endpoint: none\nRate limit: 2\n"
    "Slot available after: 2016-05-17T09:31:00Z, in 3600 seconds.\n",
    "running": "Connected as: 1\nCurrent time: 2016-05-17T08:31:00Z\nAnnounced endpoint: none\nRate limit: 2\n"
    "Currently running queries (pid, space limit, time limit, start time):\n",
    "garbage": "<html><body>Nothing here</body></html>",
}

_HTML = (
    "<html><head><title>Welcome</title></head><body><h1>Please log in to the \x1b[31mguest network</h1></body></html>"
)


def faulty(name: str, whole: dict[str, Any]) -> tuple[int, str, str]:
    """Return status, content type and body of a fault; `whole` is the right answer."""
    part = {**whole, "elements": whole.get("elements", [])[:4]}
    remark = 'runtime error: Query {} in "query" at line 1 after 180 seconds.'
    answers: dict[str, tuple[int, str, str]] = {
        "429": (429, "text/html", "<html><body>Too many requests</body></html>"),
        "504": (504, "text/html", "<html><body>The server is probably too busy</body></html>"),
        "json_500": (500, "application/json", '{"error": "internal"}'),
        "400": (400, "text/html", "<html><body>Error: parse error</body></html>"),
        "html": (200, "text/html", _HTML),
        "nothing": (200, "application/json", ""),
        "empty": (200, "application/json", json.dumps({**whole, "elements": []})),
        "no_elements": (200, "application/json", '{"version": 0.6}'),
        "list": (200, "application/json", "[1, 2]"),
        "cut": (200, "application/json", json.dumps(whole)[: len(json.dumps(whole)) // 2]),
        "timed_out": (200, "application/json", json.dumps({**part, "remark": remark.format("timed out")})),
        "no_memory": (200, "application/json", json.dumps({**part, "remark": remark.format("run out of memory")})),
        "dispatcher": (
            200,
            "application/json",
            json.dumps({**part, "remark": "runtime error: open64: 0 Success dispatcher"}),
        ),
        "bad_element": (
            200,
            "application/json",
            json.dumps({**whole, "elements": [{"type": "node", "id": "x", "lat": None}]}),
        ),
    }
    return answers[name]


class LocalOverpass:
    """The endpoint; use it as a context manager.

    `places` maps a query text to the list of results that the geocoder gives. `faults` is used up from the front, one
    per query (None: answer rightly), `always` is the fault of every query after that. `geocoder_fault` and `status`
    likewise for the other two services; ``hang`` answers nothing until the server ends, ``drop`` closes the
    connection.
    """

    def __init__(self, osm_file: Path, places: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
        self.places = dict(places or {})
        self.faults: list[str | None] = []
        self.always: str | None = None
        self.geocoder_fault: str | None = None
        self.status = "free"
        self.too_large_above_degrees2: float | None = None
        self.queries: list[str] = []
        self.asked: list[str] = []
        self._data = _Data(osm_file)
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def overpass(self, query: str) -> tuple[int, str, str] | None:
        """Answer a query; None means that the connection is closed without an answer."""
        self.queries.append(query)
        fault = self.faults.pop(0) if self.faults else self.always
        components, polygon = _parsed(query)
        if self.too_large_above_degrees2 is not None and polygon.area > self.too_large_above_degrees2:
            fault = "timed_out"
        if fault == "hang":
            self._ended.wait(20)
        if fault in ("hang", "drop"):
            return None
        whole = {
            "version": 0.6,
            "osm3s": {"timestamp_osm_base": DATE},
            "elements": self._data.within(polygon, components),
        }
        return faulty(fault, whole) if fault else (200, "application/json", json.dumps(whole))

    def nominatim(self, text: str) -> tuple[int, str, str] | None:
        if self.geocoder_fault == "hang":
            self._ended.wait(20)
        if self.geocoder_fault in ("hang", "drop"):
            return None
        if self.geocoder_fault:
            return faulty(self.geocoder_fault, {})
        return 200, "application/json", json.dumps(self.places.get(text, []))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.asked.append(self.path)
                url = urlparse(self.path)
                if url.path == "/api/status":
                    if endpoint.status == "hang":
                        endpoint._ended.wait(20)
                        return
                    self._send((200, "text/plain", STATUS[endpoint.status]))
                elif url.path == "/search":
                    self._send(endpoint.nominatim(parse_qs(url.query).get("q", [""])[0]))
                else:
                    self._send((404, "text/plain", "no such page"))

            def do_POST(self) -> None:
                endpoint.asked.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._send(endpoint.overpass(parse_qs(body)["data"][0]))

            def _send(self, answer: tuple[int, str, str] | None) -> None:
                if answer is None:
                    self.close_connection = True
                    return
                status, content_type, text = answer
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
                """Keep the tests' output quiet."""

        return Handler


def _parsed(query: str) -> tuple[set[tuple[str, str, str | None]], shapely.Polygon]:
    """Return {(type, key, value or None)} and the polygon of a query worded by OSMnx."""
    if not re.match(r"\[out:json\]\[timeout:\d+\];\(.*\);out;$", query):
        raise AssertionError(f"not a query that this endpoint knows: {query[:200]}")
    found = re.findall(r"\((node|way|relation)\['([^']+)'(?:='([^']*)')?\]\(poly:'([^']*)'\);\(\._;>;\);\);", query)
    polygons = {poly for *_, poly in found}
    if len(polygons) != 1:
        raise AssertionError(f"{len(polygons)} polygons in one query")
    numbers = [float(number) for number in polygons.pop().split()]
    ring = list(zip(numbers[1::2], numbers[0::2], strict=True))
    return {(kind, key, value or None) for kind, key, value, _ in found}, shapely.Polygon(ring)


class _Data:
    """An OSM file in memory."""

    def __init__(self, osm_file: Path) -> None:
        self.elements: dict[tuple[str, int], dict[str, Any]] = {}
        for thing in osmium.FileProcessor(str(osm_file)):
            tags = {tag.k: tag.v for tag in thing.tags}
            if thing.is_node():
                element = {"type": "node", "id": thing.id, "lat": thing.lat, "lon": thing.lon}
            elif thing.is_way():
                element = {"type": "way", "id": thing.id, "nodes": [node.ref for node in thing.nodes]}
            else:
                kinds = {"n": "node", "w": "way", "r": "relation"}
                members = [{"type": kinds[m.type], "ref": m.ref, "role": m.role} for m in thing.members]
                element = {"type": "relation", "id": thing.id, "members": members}
            if tags:
                element["tags"] = tags
            self.elements[element["type"], element["id"]] = element
        self.nodes = {osm_id: (e["lon"], e["lat"]) for (kind, osm_id), e in self.elements.items() if kind == "node"}

    def _line(self, way: dict[str, Any]) -> shapely.Geometry:
        points = [self.nodes[ref] for ref in way["nodes"] if ref in self.nodes]
        return shapely.LineString(points) if len(points) > 1 else shapely.MultiPoint(points)

    def within(self, polygon: shapely.Polygon, wanted: set[tuple[str, str, str | None]]) -> list[dict[str, Any]]:
        """Return what is asked for in the polygon and what that is made of, in no particular order."""
        keys = list(self.nodes)
        inside = shapely.intersects_xy(polygon, [self.nodes[k] for k in keys]) if keys else []
        near = {("node", osm_id) for osm_id, is_inside in zip(keys, inside, strict=True) if is_inside}
        ways = [key for key in self.elements if key[0] == "way"]
        lines = [self._line(self.elements[key]) for key in ways]
        near |= {key for key, hit in zip(ways, shapely.intersects(polygon, lines), strict=True) if hit}
        for key, element in self.elements.items():
            if key[0] == "relation" and any((m["type"], m["ref"]) in near for m in element["members"]):
                near.add(key)
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for key in near:
            tags = self.elements[key].get("tags", {})
            if any((key[0], k, None) in wanted or (key[0], k, v) in wanted for k, v in tags.items()):
                self._add(key, found)
        return list(found.values())

    def _add(self, key: tuple[str, int], found: dict[tuple[str, int], dict[str, Any]]) -> None:
        """Add an object and what it is made of (Overpass's ``>``: no relations of relations)."""
        element = self.elements.get(key)
        if element is None or key in found:
            return
        found[key] = element
        for ref in element.get("nodes", ()):
            self._add(("node", ref), found)
        for member in element.get("members", ()):
            if member["type"] != "relation":
                self._add((member["type"], member["ref"]), found)


def area_result(name: str, polygon: shapely.Geometry, importance: float = 0.5) -> dict[str, Any]:
    """Return a geocoder's result with an area."""
    west, south, east, north = polygon.bounds
    return {
        "place_id": 1,
        "osm_type": "relation",
        "osm_id": 1,
        "lat": str(polygon.centroid.y),
        "lon": str(polygon.centroid.x),
        "importance": importance,
        "display_name": name,
        "boundingbox": [str(south), str(north), str(west), str(east)],
        "geojson": shapely.geometry.mapping(polygon),
    }


__all__ = ["DATE", "STATUS", "LocalOverpass", "area_result"]
