"""Three quarters of attached homes: terraces with alleys, the old centre, and blocks of flats beside a park."""

from __future__ import annotations

from doorview.demo.dice import Dice
from doorview.demo.lots import Numbers, Suburb, block, house_row, row_frames, terrace_row
from doorview.demo.sheet import XY, Area, Building, Door, Frame, Line, Multipolygon, Sheet, Tags
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
    rectangle,
    sidewalks,
    street,
)

__all__ = ["centre", "park", "terraces"]

_SHOPS = ("bakery", "books", "florist", "hardware", "greengrocer", "shoes", "hairdresser", "bicycle", "toys")
_NARROW_M = 7.0
_MAIN_M = 8.0
_DUAL_AXIS_M = ACROSS_M - DUAL_OFFSET_M


def terraces(sheet: Sheet, dice: Dice, names: tuple[str, ...], border: Border) -> None:
    """Lay out rows of terraces close to the street, back to back, with an alley behind."""
    rows, alleys = (78.0, 150.0, 222.0), (42.0, 114.0, 186.0, 258.0)
    looks: tuple[Tags, ...] = (
        {"highway": "residential", "sidewalk": "both", "oneway": "yes", "lanes": "1", "width": "7"},
        {"highway": "living_street", "width": "7.5"},
        {"highway": "residential", "sidewalk": "separate", "width": "7"},
    )
    for y, name, look in zip(rows, names[:3], looks, strict=True):
        street(sheet, [(0.0, y), (WIDE_M, y)], name, look, half_m=_NARROW_M)
    crossings = [(0.0, 8.0), (164.0, 176.0), (WIDE_M - 8.0, WIDE_M)]
    sidewalks(sheet, rows[2], 5.2, crossings, {"width": "2"})
    both: Tags = {"highway": "residential", "sidewalk": "both"}
    street(sheet, [(170.0, 0.0), (170.0, HIGH_M)], names[3], both, half_m=_NARROW_M)
    for y in alleys:
        sheet.ways.append(Line([(0.0, y), (WIDE_M, y)], {"highway": "service", "service": "alley"}, clear_m=2.25))
    fronts = [
        (ACROSS_M, True, border.below),
        *((y - _NARROW_M, False, name) for y, name in zip(rows, names[:3], strict=True)),
        *((y + _NARROW_M, True, name) for y, name in zip(rows, names[:3], strict=True)),
        (HIGH_M - ACROSS_M, False, border.above),
    ]
    for y, left, name in fronts:
        for column, (x0, x1) in enumerate(((UP_M, 163.0), (177.0, WIDE_M - UP_M))):
            numbers = Numbers(name, 100 * (column + 1) + (2 if left else 1), 2)
            terrace_row(sheet, dice, (x0, y), (x1, y), left, 26.75, numbers)


def centre(sheet: Sheet, dice: Dice, names: tuple[str, ...], border: Border) -> None:
    """Lay out the main street with flats above its shops, a square with the town hall, and streets around them."""
    sheet.guides.append(carriageway(0.0, 1))
    main: Tags = {"highway": "secondary", "sidewalk": "separate", "lanes": "2", "width": "10"}
    street(sheet, [(0.0, 150.0), (WIDE_M, 150.0)], names[0], main, half_m=_MAIN_M)
    crossings = [(0.0, 8.0), (107.0, 119.0), (221.0, 233.0), (WIDE_M - 8.0, WIDE_M)]
    sidewalks(sheet, 150.0, 6.5, crossings, {"width": "3"})
    back: Tags = {"highway": "residential", "sidewalk": "both", "width": "8.5"}
    for y, name in ((78.0, names[1]), (222.0, names[2])):
        street(sheet, [(0.0, y), (WIDE_M, y)], name, back, half_m=_NARROW_M)
    for x, name in ((113.0, names[3]), (227.0, names[4])):
        street(sheet, [(x, 0.0), (x, HIGH_M)], name, back, half_m=_NARROW_M)
    columns = ((UP_M, 106.0), (120.0, 220.0), (234.0, WIDE_M - UP_M))
    for column, (x0, x1) in enumerate(columns):
        base = 100 * (column + 1)
        _shops(sheet, dice, (x0, 142.0), (x1, 142.0), False, Numbers(names[0], base + 1, 2))
        if column != 1:
            _shops(sheet, dice, (x0, 158.0), (x1, 158.0), True, Numbers(names[0], base, 2))
            _walk_ups(sheet, dice, (x0, 85.0), (x1, 85.0), True, Numbers(names[1], base + 2))
            _walk_ups(sheet, dice, (x0, 215.0), (x1, 215.0), False, Numbers(names[2], base + 1))
        _walk_ups(sheet, dice, (x0, 229.0), (x1, 229.0), True, Numbers(names[2], base + 2))
        small = Suburb(28.0, _NARROW_M, setback_m=(3.5, 6.0), lot_m=(13.5, 15.5), sheds=0.2, fences=0.6)
        front = Suburb(28.0, _DUAL_AXIS_M, setback_m=(6.0, 8.0), lot_m=(14.5, 17.0))
        far = Suburb(28.0, ACROSS_M, setback_m=(6.0, 8.0), lot_m=(14.5, 17.0))
        house_row(sheet, dice, row_frames((x0, 71.0), (x1, 71.0), False, small.lot_m, dice), small,
                  Numbers(names[1], base + 1))  # fmt: skip
        house_row(sheet, dice, row_frames((x0, ACROSS_M), (x1, ACROSS_M), True, front.lot_m, dice), front,
                  Numbers(border.below, base + 2))  # fmt: skip
        top = HIGH_M - ACROSS_M
        house_row(sheet, dice, row_frames((x0, top), (x1, top), False, far.lot_m, dice), far,
                  Numbers(border.above, base + 1))  # fmt: skip
    _square(sheet, dice, names)
    _parking(sheet, (124.0, 89.0, 216.0, 119.0), [(132.0, 78.0), (132.0, 104.0), (208.0, 104.0), (208.0, 78.0)])


def _square(sheet: Sheet, dice: Dice, names: tuple[str, ...]) -> None:
    """Put the square, the town hall at its head and a shop on either side."""
    ring = rectangle(142.0, 158.0, 198.0, 196.0)
    sheet.areas.append(Area(ring, {"highway": "pedestrian", "area": "yes", "place": "square", "name": "Falls Square"}))
    footway(sheet, [(170.0, 156.5), (170.0, 197.4)], {}, clear_m=0.0)
    hall = [(150.0, 197.5), (170.0, 197.5), (190.0, 197.5), (190.0, 211.0), (150.0, 211.0)]
    notes: list[tuple[XY, Tags]] = [((170.0, 197.5), {"entrance": "main"})]
    tags = {"building": "civic", "amenity": "townhall", "name": 'Town Hall "The Pepperpot"', "height": "18"}
    sheet.buildings.append(Building(hall, tags, notes=notes))
    numbers = Numbers(names[0], 200, 2)
    _shops(sheet, dice, (120.0, 158.0), (141.0, 158.0), True, numbers)
    _shops(sheet, dice, (199.0, 158.0), (220.0, 158.0), True, numbers)


def _shops(sheet: Sheet, dice: Dice, start: XY, end: XY, left: bool, numbers: Numbers) -> None:
    """Fill a property line with attached buildings right at the sidewalk: shops below, flats above most of them."""
    group = sheet.next_lot()
    for frame, width in row_frames(start, end, left, (8.0, 14.0), dice):
        tall, deep = dice.whole(2, 4), dice.uniform(13.0, 17.0)
        tags: Tags = {"building:levels": str(tall), "shop": dice.pick(_SHOPS)}
        tags |= {"addr:housenumber": numbers.take(), "addr:street": numbers.street}
        if dice.chance(0.15):
            tags |= {"building": "retail", "building:levels": "1"}
            entrances = [(dice.uniform(-1.0, 1.0), "shop")]
        else:
            tags["building"] = dice.pick(("apartments", "apartments", "residential", "retail"))
            entrances = [(-width * 0.2, "shop"), (width * 0.33, "staircase")]
        flats = (tall - 1) * (1 if width < 11 else 2)
        sheet.buildings.append(block(frame, (width, deep), tags, entrances, max(1, flats), numbers.street, group))


def _walk_ups(sheet: Sheet, dice: Dice, start: XY, end: XY, left: bool, numbers: Numbers) -> None:
    """Put small three-storey blocks of flats, each with one staircase, a little behind the property line."""
    for frame, width in row_frames(start, end, left, (18.0, 22.0), dice):
        setback, deep = dice.uniform(2.5, 4.0), dice.uniform(12.0, 14.0)
        x, y = frame.at(0.0, setback)
        own = Frame(x, y, frame.ux, frame.uy, frame.nx, frame.ny)
        tags: Tags = {"building": "apartments", "building:levels": "3"}
        tags |= {"addr:housenumber": numbers.take(), "addr:street": numbers.street}
        sheet.buildings.append(block(own, (width - 5.0, deep), tags, [(0.0, "staircase")], 6, numbers.street))


def _parking(sheet: Sheet, box: tuple[float, float, float, float], aisle: list[XY]) -> None:
    """Put a parking lot with its aisle."""
    sheet.areas.append(Area(rectangle(*box), {"amenity": "parking", "parking": "surface"}, solid=True))
    sheet.ways.append(Line(aisle, {"highway": "service", "service": "parking_aisle"}, clear_m=3.0))


def park(sheet: Sheet, dice: Dice, names: tuple[str, ...], border: Border) -> None:
    """Lay out a park with a pond and a playground, a school, two courtyard blocks, slabs and point blocks."""
    x = 170.0
    tags: Tags = {"highway": "residential", "sidewalk": "both"}
    street(sheet, [(x, 0.0), (x, HIGH_M)], names[0], tags)
    street(sheet, [(x, 150.0), (WIDE_M, 150.0)], names[1], {**tags, "sidewalk": "left", "width": "30 ft"})
    _green(sheet)
    _school(sheet)
    for x0, x1 in ((184.0, 250.0), (264.0, 326.0)):
        _courtyard(sheet, dice, (x0, 70.0, x1, 137.0), names)
    numbers = Numbers(border.below, 102)
    for middle in (215.0, 289.0):
        frame = Frame(middle, ACROSS_M + dice.uniform(5.0, 7.0), 1.0, 0.0, 0.0, 1.0)
        own: Tags = {"building": "apartments", "building:levels": "4", "height": "13"}
        own |= {"addr:housenumber": numbers.take(), "addr:street": numbers.street}
        doors = [(-20.0, "staircase"), (0.0, "staircase"), (20.0, "staircase")]
        sheet.buildings.append(block(frame, (60.0, 13.0), own, doors, 8, numbers.street))
    numbers = Numbers(names[0], 201)
    for y in (182.0, 222.0, 262.0):
        frame = Frame(x + LOCAL_M + dice.uniform(6.0, 9.0), y, 0.0, 1.0, 1.0, 0.0)
        own = {"building": "apartments", "building:levels": "8", "height": "26"}
        own |= {"addr:housenumber": numbers.take(), "addr:street": numbers.street}
        sheet.buildings.append(block(frame, (22.0, 22.0), own, [(0.0, "main")], 32, numbers.street))
    _parking(sheet, (184.0, 40.0, 326.0, 62.0), [(x, 51.0), (322.0, 51.0)])


def _green(sheet: Sheet) -> None:
    """Put the park: its outline is a relation of two lines around it, less the pond."""
    x0, y0, x1, y1 = UP_M, ACROSS_M, 162.0, HIGH_M - ACROSS_M
    pond = arc(88.0, 196.0, (34.0, 24.0), (0.0, 345.0), 23)
    outers = [[(x0, y0), (x1, y0), (x1, y1)], [(x1, y1), (x0, y1), (x0, y0)]]
    named: Tags = {"leisure": "park", "name": "Lantern Park"}
    sheet.multipolygons.append(Multipolygon(outers, [pond], named, {"natural": "water", "water": "pond"}))
    walk = {"surface": "paved", "width": "3"}
    ring = arc(88.0, 196.0, (44.0, 34.0), (270.0, -90.0), 36)
    footway(sheet, ring, {"surface": "gravel", "width": "2"})
    footway(sheet, [(88.0, 0.0), (88.0, 60.0), (84.0, 110.0), ring[0]], walk)
    footway(sheet, [(88.0, HIGH_M), ring[18]], walk)
    footway(sheet, [(0.0, 150.0), (40.0, 146.0), (84.0, 110.0)], walk)
    footway(sheet, [(84.0, 110.0), (130.0, 142.0), (170.0, 150.0)], walk)
    sheet.areas.append(Area(rectangle(30.0, 40.0, 64.0, 70.0), {"leisure": "playground", "name": "Kite Corner"}))
    fence = [(64.0, 58.0), (64.0, 70.0), (30.0, 70.0), (30.0, 40.0), (64.0, 40.0), (64.0, 54.0)]
    sheet.barriers.append(Line(fence, {"barrier": "fence", "height": "1"}))
    footway(sheet, [(64.0, 56.0), (88.0, 56.0)], {})
    sheet.areas.append(Area(rectangle(100.0, 34.0, 152.0, 78.0), {"leisure": "pitch", "sport": "soccer"}))
    sheet.buildings.append(Building(rectangle(136.0, 222.0, 143.0, 227.0), {"building": "service"}))
    hedge = {"barrier": "hedge", "height": "1.4"}
    for low, high in ((y0 + 1, 146.0), (154.0, y1 - 1)):
        sheet.barriers.append(Line([(x0 + 0.5, low), (x0 + 0.5, high)], dict(hedge)))
    sheet.barriers.append(Line([(x1 - 1, 160.0), (x1 - 1, 270.0)], {"barrier": "retaining_wall", "height": "0.8"}))
    sheet.nodes += [((24.0 + 13.0 * k, 262.0 + 4.0 * (k % 2)), {"natural": "tree"}) for k in range(9)]


def _school(sheet: Sheet) -> None:
    """Put the school in its fenced grounds."""
    x0, y0, x1, y1 = 222.0, 160.0, WIDE_M - UP_M - 1.0, HIGH_M - ACROSS_M - 1.0
    grounds = {"amenity": "school", "name": "Tumbledown School"}
    sheet.areas.append(Area(rectangle(x0, y0, x1, y1), grounds))
    wings = [(250.0, 176.0), (318.0, 176.0), (318.0, 216.0), (302.0, 216.0), (302.0, 192.0)]
    wings += [(266.0, 192.0), (266.0, 216.0), (250.0, 216.0)]
    sheet.buildings.append(Building(wings, {"building": "school", "building:levels": "2"}))
    sheet.areas.append(Area(rectangle(250.0, 228.0, 316.0, 274.0), {"leisure": "pitch", "access": "private"}))
    fence = [(290.0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0), (278.0, y0)]
    sheet.barriers.append(Line(fence, {"barrier": "fence", "height": "1.8"}))
    footway(sheet, [(284.0, 150.0), (284.0, 175.9)], {"access": "private"}, clear_m=0.0)


def _courtyard(sheet: Sheet, dice: Dice, box: tuple[float, float, float, float], names: tuple[str, ...]) -> None:
    """Put a block of flats around a courtyard, with a staircase on each of its four sides."""
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    shift = dice.uniform(-8.0, 8.0)
    doors = [(x + shift, y1, 0.0), (x1, y - shift, 90.0), (x - shift, y0, 180.0), (x0, y + shift, 270.0)]
    by_side = dict(zip((180.0, 90.0, 0.0, 270.0), ((doors[2],), (doors[1],), (doors[0],), (doors[3],)), strict=True))
    ring: list[XY] = []
    for corner, side in (((x0, y0), 180.0), ((x1, y0), 90.0), ((x1, y1), 0.0), ((x0, y1), 270.0)):
        ring += [corner, *((dx, dy) for dx, dy, _ in by_side[side])]
    tags: Tags = {"building": "apartments", "building:levels": "4", "name": f"{names[1].split()[0]} Court"}
    found = [Door(dx, dy, side, 14, "entrance", names[1], {"entrance": "staircase"}) for dx, dy, side in doors]
    court = rectangle(x0 + 13.0, y0 + 13.0, x1 - 13.0, y1 - 13.0)
    sheet.buildings.append(Building(ring, tags, found, holes=[court]))
