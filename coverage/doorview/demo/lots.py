"""Houses on their lots: detached houses with garages, sheds, hedges and fences; rows of terraces; larger blocks.

Sizes follow American practice: detached fronts stand 6 to 9 m behind the property line, as sampled zoning codes ask for
(20 to 30 ft); terraces stand 0 to 3 m behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from doorview.demo.dice import Dice
from doorview.demo.sheet import XY, Building, Door, Frame, Line, Sheet, Tags

__all__ = [
    "Numbers",
    "Suburb",
    "along",
    "block",
    "detached",
    "frames_on_curve",
    "house_row",
    "row_frames",
    "terrace_row",
]


@dataclass(slots=True)
class Numbers:
    """House numbers of one side of a street: the next one, counted on in twos and threes of the same parity."""

    street: str
    upcoming: int
    step: int = 4

    def take(self) -> str:
        """Return the next house number."""
        number = self.upcoming
        self.upcoming += self.step
        return str(number)


@dataclass(frozen=True, slots=True)
class Suburb:
    """How the detached houses of a street look.

    `depth_m` of the lot, `axis_m` from the property line to the street's middle, `setback_m` from the property line to
    the front wall, and the shares of houses with this or that.
    """

    depth_m: float
    axis_m: float
    setback_m: tuple[float, float] = (6.0, 9.0)
    lot_m: tuple[float, float] = (15.0, 18.0)
    sheds: float = 0.3
    hedges: float = 0.14
    fences: float = 0.4
    at_turning_circle: bool = False


def along(frame: Frame, s: float) -> Frame:
    """Return `frame` moved `s` metres along its street."""
    x, y = frame.at(s, 0.0)
    return Frame(x, y, frame.ux, frame.uy, frame.nx, frame.ny)


def row_frames(start: XY, end: XY, left: bool, lot_m: tuple[float, float], dice: Dice) -> list[tuple[Frame, float]]:
    """Divide a straight property line from `start` to `end` into lots on its left or right side.

    Returns the frame and the width [m] of each lot.
    """
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    ux, uy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    nx, ny = (-uy, ux) if left else (uy, -ux)
    widths: list[float] = []
    while True:
        width = dice.uniform(*lot_m)
        if sum(widths) + width > length:
            break
        widths.append(width)
    if not widths:
        return []
    scale = min(length / sum(widths), 1.12)
    frames, s = [], (length - scale * sum(widths)) / 2
    for width in widths:
        middle = s + scale * width / 2
        frames.append((Frame(start[0] + middle * ux, start[1] + middle * uy, ux, uy, nx, ny), scale * width))
        s += scale * width
    return frames


def frames_on_curve(
    axis: list[XY], left: bool, offset_m: float, lot_m: float, skip_m: tuple[float, float] = (0.0, 0.0)
) -> list[tuple[Frame, float]]:
    """Divide one side of a curved street into lots of one width, each turned to the street's local direction.

    `offset_m` lies between the street's middle and the property line; the first and last `skip_m` metres stay free.
    """
    points = np.asarray(axis, dtype=np.float64)
    steps = np.diff(points, axis=0)
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    first, last = skip_m[0], float(reach[-1]) - skip_m[1]
    count = int((last - first) // lot_m)
    frames = []
    for k in range(count):
        s = first + ((last - first) - count * lot_m) / 2 + (k + 0.5) * lot_m
        low, high = s - lot_m / 2, s + lot_m / 2
        x, y = (float(np.interp(s, reach, points[:, axis_])) for axis_ in (0, 1))
        dx = float(np.interp(high, reach, points[:, 0]) - np.interp(low, reach, points[:, 0]))
        dy = float(np.interp(high, reach, points[:, 1]) - np.interp(low, reach, points[:, 1]))
        norm = math.hypot(dx, dy)
        ux, uy = dx / norm, dy / norm
        nx, ny = (-uy, ux) if left else (uy, -ux)
        frames.append((Frame(x + offset_m * nx, y + offset_m * ny, ux, uy, nx, ny), lot_m))
    return frames


def house_row(sheet: Sheet, dice: Dice, frames: list[tuple[Frame, float]], look: Suburb, numbers: Numbers) -> None:
    """Put a detached house on each lot."""
    for frame, width in frames:
        detached(sheet, dice, frame, width, look, numbers)


def detached(sheet: Sheet, dice: Dice, frame: Frame, width: float, look: Suburb, numbers: Numbers) -> None:
    """Put one detached house on a lot, with what stands around it."""
    lot = sheet.next_lot()
    setback = dice.uniform(*look.setback_m)
    deep = dice.uniform(8.5, 11.0)
    sort = dice.random()
    hand = 1.0 if dice.chance(0.5) else -1.0
    room = width >= 14.5 and look.depth_m > setback + deep + 9.5 and not look.at_turning_circle
    rear_garage = sort > 0.62 and room
    wide = min(width - (6.2 if rear_garage else 3.2), dice.uniform(9.5, 13.5))
    middle = -hand * (width / 2 - 1.4 - wide / 2) if rear_garage else dice.uniform(-0.4, 0.4)
    drive: tuple[float, float] | None = None
    low, high = middle - wide / 2, middle + wide / 2
    if sort < 0.5 and wide > 9.0:
        garage, ahead = dice.uniform(3.4, min(6.0, wide - 5.0)), dice.uniform(1.2, 2.6)
        ring, door_s = _with_garage(low, high, setback, deep, garage, ahead, hand, dice)
        drive = (high - garage / 2 if hand > 0 else low + garage / 2, setback - ahead)
    else:
        ring = [(low, setback), (high, setback), (high, setback + deep), (low, setback + deep)]
        door_s = middle + wide * dice.uniform(-0.22, 0.22)
        if rear_garage:
            at, far = hand * (width / 2 - 2.1), setback + deep + dice.uniform(2.0, 4.0)
            box = [(at - 1.7, far), (at + 1.7, far), (at + 1.7, far + 5.8), (at - 1.7, far + 5.8)]
            sheet.buildings.append(Building(frame.many(box), {"building": "garage"}, lot=lot))
            drive = (at, far)
    _finish_house(sheet, dice, frame, lot, ring, (door_s, setback), numbers)
    if drive is not None:
        end_s = 0.0 if look.at_turning_circle else drive[0]
        way = [frame.at(drive[0], drive[1] - 0.1), frame.at(end_s, -look.axis_m)]
        sheet.ways.append(Line(way, {"highway": "service", "service": "driveway"}, lot=lot))
    _yard(sheet, dice, frame, width, lot, setback, deep, look, drive is not None, hand)


def _with_garage(
    low: float, high: float, setback: float, deep: float, garage: float, ahead: float, hand: float, dice: Dice
) -> tuple[list[XY], float]:
    """Return the outline of a house whose garage stands forward on one side, and where its front door is along s."""
    back = setback + deep
    if hand > 0:
        cut = high - garage
        ring = [
            (low, setback),
            (cut, setback),
            (cut, setback - ahead),
            (high, setback - ahead),
            (high, back),
            (low, back),
        ]
        return ring, low + (cut - low) * dice.uniform(0.45, 0.7)
    cut = low + garage
    ring = [(low, setback - ahead), (cut, setback - ahead), (cut, setback), (high, setback), (high, back), (low, back)]
    return ring, cut + (high - cut) * dice.uniform(0.3, 0.55)


def _finish_house(
    sheet: Sheet, dice: Dice, frame: Frame, lot: int, ring: list[XY], door_st: XY, numbers: Numbers
) -> None:
    sort = dice.random()
    tags: Tags = {"building": "house" if sort < 0.78 else "detached" if sort < 0.93 else "yes"}
    if dice.chance(0.55):
        tags["building:levels"] = "1" if dice.chance(0.45) else "2"
    if dice.chance(0.12):
        tags["height"] = dice.pick(("5.5", "6.5", "7 m", "23 ft"))
    x, y = frame.at(*door_st)
    door = Door(x, y, frame.heading, street=numbers.street)
    building = Building(frame.many(ring), tags, [door], lot=lot)
    number, known = numbers.take(), dice.random()
    if dice.chance(0.02):
        number += "A"
    address = {"addr:housenumber": number, "addr:street": numbers.street}
    if known < 0.86 or tags["building"] == "yes":
        tags.update(address)
        door.shown = "address"
    elif known < 0.93:
        building.notes.append((frame.at(door_st[0], door_st[1] + 1.5), address))
        door.shown = "address"
    sheet.buildings.append(building)


def _yard(
    sheet: Sheet,
    dice: Dice,
    frame: Frame,
    width: float,
    lot: int,
    setback: float,
    deep: float,
    look: Suburb,
    drive: bool,
    hand: float,
) -> None:
    """Put sheds, hedges and fences on a lot."""
    half, back = width / 2, look.depth_m
    if dice.chance(look.sheds) and back > setback + deep + 6:
        s, t, w = -hand * (half - 2.6), back - 1.0, dice.uniform(2.2, 3.2)
        box = [(s - w / 2, t - 2.4), (s + w / 2, t - 2.4), (s + w / 2, t), (s - w / 2, t)]
        kind = "shed" if dice.chance(0.7) else "yes"
        sheet.buildings.append(Building(frame.many(box), {"building": kind}, lot=lot))
    if dice.chance(look.hedges):
        tags = {"barrier": "hedge"}
        if dice.chance(0.75):
            tags["height"] = dice.pick(("0.9", "1.2", "1.6", "2"))
        ends = (-half + 0.6, half - 6.8) if hand > 0 else (-half + 6.8, half - 0.6)
        ends = ends if drive else (-half + 0.6, -1.5)
        sheet.barriers.append(Line(frame.many([(ends[0], 0.5), (ends[1], 0.5)]), tags, lot=lot))
    if dice.chance(look.fences):
        tags = {"barrier": "fence"}
        if dice.chance(0.6):
            tags["height"] = dice.pick(("1.2", "1.8", "6 ft"))
        side, edge = setback + deep * 0.6, half - 0.1
        fence = [(-hand * edge, side), (-hand * edge, back - 0.2), (hand * edge, back - 0.2)]
        sheet.barriers.append(Line(frame.many(fence), tags, lot=lot))


def terrace_row(sheet: Sheet, dice: Dice, start: XY, end: XY, left: bool, depth_m: float, numbers: Numbers) -> None:
    """Fill a straight property line with groups of terraced houses, 0 to 3 m behind it.

    Some groups are one building with an entrance per home, some carry their numbers on address nodes, some are
    houses of two flats, and some have walls around their yards. `depth_m` reaches to the alley.
    """
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    ux, uy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    nx, ny = (-uy, ux) if left else (uy, -ux)
    frame = Frame(start[0], start[1], ux, uy, nx, ny)
    s = dice.uniform(0.0, 1.0)
    while True:
        wide, count = dice.uniform(5.2, 6.3), dice.whole(5, 9)
        count = min(count, int((length - s) // wide))
        if count < 2:
            return
        _terrace_group(sheet, dice, along(frame, s), wide, count, depth_m, numbers)
        s += count * wide + dice.uniform(1.6, 3.2)


def _terrace_group(
    sheet: Sheet, dice: Dice, frame: Frame, wide: float, count: int, depth_m: float, numbers: Numbers
) -> None:
    setback, deep = dice.uniform(0.0, 3.0), dice.uniform(9.6, 11.2)
    back, group = setback + deep, sheet.next_lot()
    tags: Tags = {"building": "terrace", "building:levels": dice.pick(("2", "2", "3"))}
    if dice.chance(0.3):
        tags["height"] = dice.pick(("7.5", "9", "10.5"))
    sort = dice.random()
    as_one, by_node, two_flats = sort < 0.2, 0.2 <= sort < 0.4, 0.4 <= sort < 0.52
    doors = [
        (k * wide + (1.3 if k % 2 else wide - 1.3), {"addr:housenumber": numbers.take(), "addr:street": numbers.street})
        for k in range(count)
    ]
    heading = frame.heading
    if as_one:
        ring = [(0.0, setback), *((at, setback) for at, _ in doors), (count * wide, setback)]
        ring += [(count * wide, back), (0.0, back)]
        found = []
        for at, address in doors:
            entrance = {"entrance": "main", **address}
            found.append(Door(*frame.at(at, setback), heading, 1, "entrance", numbers.street, entrance))
        sheet.buildings.append(Building(frame.many(ring), tags, found, group=group))
    else:
        for k, (at, address) in enumerate(doors):
            low, high = k * wide, (k + 1) * wide
            ring = [(low, setback), (high, setback), (high, back), (low, back)]
            door = Door(*frame.at(at, setback), heading, 1, "address", numbers.street)
            own = dict(tags)
            building = Building(frame.many(ring), own, [door], group=group)
            if two_flats:
                door.dwellings = 2
            if by_node:
                building.notes.append((frame.at(at, setback + 1.0), address))
            else:
                own.update(address)
            sheet.buildings.append(building)
    _behind_terrace(sheet, dice, frame, wide, count, back, depth_m)


def _behind_terrace(
    sheet: Sheet, dice: Dice, frame: Frame, wide: float, count: int, back: float, depth_m: float
) -> None:
    """Put walls around the yards of a terrace, or garages along its alley."""
    sort = dice.random()
    end, length = depth_m - 0.4, count * wide
    if sort < 0.42:
        tags = {"barrier": "wall", "height": dice.pick(("1.8", "2", "2.2"))}
        sheet.barriers.append(Line(frame.many([(0.0, back), (0.0, end), (length, end), (length, back)]), tags))
        for k in range(1, count):
            sheet.barriers.append(Line(frame.many([(k * wide, back), (k * wide, end)]), dict(tags)))
    elif sort < 0.75:
        for k in range(0, count, 2):
            s = k * wide + 0.6
            box = [(s, end - 5.4), (s + 3.2, end - 5.4), (s + 3.2, end - 0.2), (s, end - 0.2)]
            sheet.buildings.append(Building(frame.many(box), {"building": "garage"}))


def block(
    frame: Frame,
    size: tuple[float, float],
    tags: Tags,
    entrances: list[tuple[float, str]],
    flats: int,
    street: str,
    group: int = -1,
) -> Building:
    """Return a rectangular building of several homes with its entrances on the front.

    Parameters
    ----------
    frame
        Axes at the middle of its front wall.
    size
        Width along the street and depth [m].
    tags
        Tags of the outline; the homes are added as `building:flats` when the town is finished.
    entrances
        Place along the front [m from the middle] and value of `entrance`; those of shops lead to no home.
    flats
        Homes behind each entrance that is not a shop's.
    """
    wide, deep = size
    places = sorted(entrances)
    ring = [(-wide / 2, 0.0), *((s, 0.0) for s, _ in places), (wide / 2, 0.0), (wide / 2, deep), (-wide / 2, deep)]
    doors, notes = [], []
    for s, kind in places:
        if kind == "shop":
            notes.append((frame.at(s, 0.0), {"entrance": "shop"}))
        else:
            own = {"entrance": kind}
            doors.append(Door(*frame.at(s, 0.0), frame.heading, flats, "entrance", street, own))
    return Building(frame.many(ring), tags, doors, group=group, notes=notes)
