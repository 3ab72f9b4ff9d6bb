"""Three quarters of detached houses: a grid, cul-de-sacs off a winding street, and crescents along a creek."""

from __future__ import annotations

import math

from doorview.demo.dice import Dice
from doorview.demo.lots import Numbers, Suburb, detached, frames_on_curve, house_row, row_frames
from doorview.demo.sheet import XY, Area, Frame, Line, Sheet, Tags
from doorview.demo.streets import (
    ACROSS_M,
    DUAL_OFFSET_M,
    HIGH_M,
    LOCAL_M,
    UP_M,
    WIDE_M,
    Border,
    arc,
    carriageway,
    footway,
    street,
)

__all__ = ["closes", "creek", "grid"]

_DUAL_AXIS_M = ACROSS_M - DUAL_OFFSET_M
"""From the property line to the nearer carriageway of the dual one [m]."""


def grid(sheet: Sheet, dice: Dice, names: tuple[str, ...], border: Border) -> None:
    """Lay out straight streets with small post-war lots. The street names `border` lie below and above."""
    sheet.guides.append(carriageway(HIGH_M, -1))
    rows = (77.75, 150.0, 222.25)
    walks: tuple[Tags, ...] = ({"sidewalk": "both"}, {"sidewalk": "right", "width": "9"}, {"sidewalk": "both"})
    for y, name, walk in zip(rows, names[:3], walks, strict=True):
        street(sheet, [(0.0, y), (WIDE_M, y)], name, {"highway": "residential", **walk})
    for x, name in zip((113.0, 227.0), names[3:], strict=True):
        street(sheet, [(x, 0.0), (x, HIGH_M)], name, {"highway": "residential", "sidewalk": "both", "width": "8.5"})
    columns = ((UP_M, 105.5), (120.5, 219.5), (234.5, WIDE_M - UP_M))
    fronts = [
        (ACROSS_M, True, border.below, ACROSS_M),
        *((y - LOCAL_M, False, name, LOCAL_M) for y, name in zip(rows, names[:3], strict=True)),
        *((y + LOCAL_M, True, name, LOCAL_M) for y, name in zip(rows, names[:3], strict=True)),
        (HIGH_M - ACROSS_M, False, border.above, _DUAL_AXIS_M),
    ]
    for y, left, name, axis in fronts:
        look = Suburb(depth_m=28.5, axis_m=axis)
        for column, (x0, x1) in enumerate(columns):
            numbers = Numbers(name, 100 * (column + 1) + (2 if left else 1))
            house_row(sheet, dice, row_frames((x0, y), (x1, y), left, look.lot_m, dice), look, numbers)


def closes(sheet: Sheet, dice: Dice, names: tuple[str, ...], border: Border) -> None:
    """Lay out cul-de-sacs on both sides of a winding street, with a wall along the street above."""
    stems = [(70.0, 236.0), (170.0, 236.0), (270.0, 236.0), (120.0, 80.0), (220.0, 80.0)]
    places = sorted({*(k * WIDE_M / 34 for k in range(35)), *(x for x, _ in stems)})
    axis = [(x, 150.0 + 16.0 * math.sin(2 * math.pi * x / WIDE_M)) for x in places]
    height = dict(axis)
    street(sheet, axis, names[0], {"highway": "tertiary", "sidewalk": "left", "lanes": "2"}, half_m=9.0)
    look = Suburb(depth_m=32.0, axis_m=LOCAL_M, sheds=0.4, fences=0.25)
    for (x, top), name in zip(stems, names[1:], strict=True):
        _close(sheet, dice, (x, height[x]), (x + dice.uniform(-7.0, 7.0), top), name, look, private=name == names[-1])
    wide = Suburb(depth_m=30.0, axis_m=9.0, sheds=0.4, fences=0.25)
    for left in (True, False):
        numbers = Numbers(names[0], 102 if left else 101)
        house_row(sheet, dice, frames_on_curve(axis, left, 9.0, 18.5, (26.0, 26.0)), wide, numbers)
    edge = Suburb(depth_m=30.0, axis_m=ACROSS_M, lot_m=(17.0, 21.0))
    frames = row_frames((UP_M, ACROSS_M), (WIDE_M - UP_M, ACROSS_M), True, edge.lot_m, dice)
    house_row(sheet, dice, frames, edge, Numbers(border.below, 102))
    _sides(sheet, dice, [(50.0, 140.0), (160.0, 284.0)], border)
    y = HIGH_M - ACROSS_M - 0.3
    wall = {"barrier": "wall", "height": "2.4", "material": "brick"}
    sheet.barriers += [Line([(UP_M + 1, y), (168.0, y)], wall), Line([(172.0, y), (WIDE_M - UP_M - 1, y)], dict(wall))]


def _close(sheet: Sheet, dice: Dice, start: XY, end: XY, name: str, look: Suburb, private: bool) -> None:
    """Put down one cul-de-sac with houses along it and around its turning circle."""
    tags: Tags = {"highway": "residential", "sidewalk": "no"}
    if private:
        tags["access"] = "private"
    bend = (start[0], start[1] + 0.4 * (end[1] - start[1]))
    street(sheet, [start, bend, end], name, tags)
    sheet.nodes.append((end, {"highway": "turning_circle"}))
    if private:
        sheet.nodes.append((bend, {"barrier": "gate", "access": "private"}))
    numbers = (Numbers(name, 1, 2), Numbers(name, 2, 2))
    for left in (True, False):
        house_row(sheet, dice, frames_on_curve([bend, end], left, LOCAL_M, 17.5, (2.0, 14.0)), look, numbers[left])
    way = math.hypot(end[0] - bend[0], end[1] - bend[1])
    fx, fy = (end[0] - bend[0]) / way, (end[1] - bend[1]) / way
    round_end = Suburb(
        depth_m=26.0, axis_m=12.5, setback_m=(6.5, 8.0), sheds=0.2, hedges=0.1, fences=0.0, at_turning_circle=True
    )
    for k, turn in enumerate((-108.0, -54.0, 0.0, 54.0, 108.0)):
        angle = math.radians(turn)
        nx, ny = fx * math.cos(angle) - fy * math.sin(angle), fx * math.sin(angle) + fy * math.cos(angle)
        frame = Frame(end[0] + 12.5 * nx, end[1] + 12.5 * ny, ny, -nx, nx, ny)
        detached(sheet, dice, frame, 16.5, round_end, numbers[k % 2])


def _sides(sheet: Sheet, dice: Dice, spans: list[XY], border: Border) -> None:
    """Put houses along the border streets on the left and on the right, where they find room."""
    look = Suburb(depth_m=26.0, axis_m=UP_M, lot_m=(17.0, 20.0), setback_m=(6.0, 7.5))
    for x, left, name in ((UP_M, False, border.left), (WIDE_M - UP_M, True, border.right)):
        for low, high in spans:
            numbers = Numbers(name, 2 * int(low) + (1 if left else 2))
            house_row(sheet, dice, row_frames((x, low), (x, high), left, look.lot_m, dice), look, numbers)


def creek(sheet: Sheet, dice: Dice, names: tuple[str, ...], border: Border) -> None:
    """Lay out two crescents on either side of a creek with a green along it; a road crosses it by a bridge."""
    places = [24.0 + 8.0 * k for k in range(33)]
    stream = [(x, _creek_y(x)) for x in places]
    sheet.ways.append(Line(stream, {"waterway": "stream", "name": "Otter Creek", "width": "3"}, clear_m=8.0))
    sheet.nodes.append((stream[0], {"natural": "spring"}))
    pond = arc(296.0, _creek_y(296.0), (20.0, 13.0), (0.0, 345.0), 23)
    sheet.areas.append(Area(pond, {"natural": "water", "water": "pond"}, solid=True))
    bank = [UP_M + 10.0 * k for k in range(33)]
    green = [(x, _creek_y(x) - 24.0) for x in bank] + [(x, _creek_y(x) + 24.0) for x in reversed(bank)]
    sheet.areas.append(Area(green, {"leisure": "park", "name": "Otter Creek Green"}, solid=True))
    path = [(x, _creek_y(x) + 17.5) for x in (0.0, *places[:-1], WIDE_M)]
    footway(sheet, path, {"surface": "gravel", "width": "2"})
    x, y = 170.0, _creek_y(170.0)
    road: Tags = {"highway": "tertiary", "sidewalk": "both", "lanes": "2"}
    street(sheet, [(x, 0.0), (x, y - 8.0)], names[0], road, half_m=8.5)
    street(sheet, [(x, y - 8.0), (x, y + 8.0)], names[0], {**road, "bridge": "yes", "layer": "1"}, half_m=8.5)
    street(sheet, [(x, y + 8.0), (x, HIGH_M)], names[0], road, half_m=8.5)
    look = Suburb(depth_m=30.0, axis_m=LOCAL_M, lot_m=(17.0, 20.0), sheds=0.35, hedges=0.25)
    for upper, name in ((False, names[1]), (True, names[2])):
        bow = [(60.0, 0.0), (60.0, 30.0), *arc(96.0, 42.0, (36.0, 36.0), (180.0, 90.0), 8)]
        bow += [(170.0, 78.0), *arc(244.0, 42.0, (36.0, 36.0), (90.0, 0.0), 8), (280.0, 30.0), (280.0, 0.0)]
        axis = [(px, HIGH_M - py) for px, py in bow] if upper else bow
        street(sheet, axis, name, {"highway": "residential"})
        for left in (True, False):
            numbers = Numbers(name, 2 if left else 1)
            house_row(sheet, dice, frames_on_curve(axis, left, LOCAL_M, 18.0, (24.0, 24.0)), look, numbers)
        edge = Suburb(depth_m=28.0, axis_m=ACROSS_M, lot_m=(17.0, 20.0))
        at = HIGH_M - ACROSS_M if upper else ACROSS_M
        for x0, x1, base in ((UP_M, 51.0, 2), (69.0, 160.0, 102), (180.0, 271.0, 202), (289.0, WIDE_M - UP_M, 302)):
            numbers = Numbers(border.above if upper else border.below, base - upper)
            house_row(sheet, dice, row_frames((x0, at), (x1, at), not upper, edge.lot_m, dice), edge, numbers)
    _sides(sheet, dice, [(46.0, 116.0), (184.0, 254.0)], border)


def _creek_y(x: float) -> float:
    return 150.0 + 11.0 * math.sin(2 * math.pi * x / 210.0)
