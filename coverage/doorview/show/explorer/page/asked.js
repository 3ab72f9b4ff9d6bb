/* Who would be asked for footage of an area, and who of them could have seen the spot. No DOM: runs in node too.

An area is {kind: "circle", x, y, r} or {kind: "polygon", xy: [[x, y], ...]}, in centimetres from the origin. */
(function (root) {
  "use strict";
  const dv = (root.dv = root.dv || {});
  const SQUARE_MILE = 1609.344 * 1609.344; // [m2]

  /* The tools that police had, each with its dates, its limits and where they are told of. `area` in square miles. */
  const presets = [
    {
      name: "community",
      label: "Community requests (2025 on)",
      dates: "Since 2025",
      area: null,
      minutes: null,
      words:
        "An agency sets an area, a time frame and a type of incident; owners inside the area are told in the app and " +
        "by e-mail. The police do not learn who did not answer. No limit of area or time is stated.",
      source: "Ring, “Community Request” (support page)",
    },
    {
      name: "public",
      label: "Public requests (June 2021 to January 2024, ended)",
      dates: "7 June 2021 to January 2024; ended",
      area: [0.025, 0.5],
      minutes: [15, 720],
      words:
        "A public post in the Neighbors app. The area had to be 0.025 to 0.5 square miles (0.065 to 1.295 km²) and " +
        "the time 15 minutes to 12 hours: this panel holds to both.",
      source: "Ring, “Request for Assistance - Policy”; end: Consumer Reports, January 2024",
    },
    {
      name: "email",
      label: "E-mail requests (to June 2021)",
      dates: "To June 2021; ended",
      area: [0, 0.5],
      minutes: [0, 720],
      words:
        "An officer drew an area and the company e-mailed the owners in it; after July 2019 officers were not told who " +
        "has a camera. In 2019: up to 12 hours of video from within half a square mile, and this panel holds to both.",
      source: "Press-Citizen, 6 September 2019; Washington Post, 19 November 2019",
    },
    {
      name: "map",
      label: "Map of doorbells (2018 to July 2019)",
      dates: "2018 to July 2019; ended",
      area: null,
      minutes: null,
      words:
        "Officers saw a map of the doorbells on a block, as density; zoomed in it drew light circles around single " +
        "locations. The company said that places were obscured. What follows is that map's area, asked as a whole.",
      source: "Digital Trends, 26 July 2019; CNET, 3 December 2019",
    },
  ];

  function areaM2(area) {
    if (area.kind === "circle") return (Math.PI * area.r * area.r) / 1e4;
    let twice = 0;
    const xy = area.xy;
    for (let i = 0; i < xy.length; i++) {
      const [x0, y0] = xy[i], [x1, y1] = xy[(i + 1) % xy.length];
      twice += (x0 - xy[0][0]) * (y1 - xy[0][1]) - (x1 - xy[0][0]) * (y0 - xy[0][1]);
    }
    return Math.abs(twice) / 2e4;
  }

  /* Whether a point lies in an area, by the even-odd rule. */
  function inside(area, x, y) {
    if (area.kind === "circle") return Math.hypot(x - area.x, y - area.y) <= area.r;
    let found = false;
    const xy = area.xy;
    for (let i = 0, j = xy.length - 1; i < xy.length; j = i++) {
      const [ax, ay] = xy[i], [bx, by] = xy[j];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) found = !found;
    }
    return found;
  }

  /* The middle of an area [cm]: of a circle its centre, of a polygon the centre of its mass. */
  function middle(area) {
    if (area.kind === "circle") return [area.x, area.y];
    const xy = area.xy, [ox, oy] = xy[0];
    let twice = 0, sx = 0, sy = 0;
    for (let i = 0; i < xy.length; i++) {
      const ax = xy[i][0] - ox, ay = xy[i][1] - oy;
      const bx = xy[(i + 1) % xy.length][0] - ox, by = xy[(i + 1) % xy.length][1] - oy;
      const cross = ax * by - bx * ay;
      twice += cross;
      sx += (ax + bx) * cross;
      sy += (ay + by) * cross;
    }
    if (twice === 0) return [ox, oy];
    return [Math.round(ox + sx / (3 * twice)), Math.round(oy + sy / (3 * twice))];
  }

  /* What is wrong with an area and a time window under a preset: sentences, none where nothing is. */
  function faults(preset, area, minutes) {
    const found = [];
    if (preset.area && area) {
      const miles = areaM2(area) / SQUARE_MILE;
      // A hair of tolerance: a circle of the very radius is meant to be let through.
      if (miles < preset.area[0] * 0.999) found.push(`The area is too small: at least ${preset.area[0]} square miles.`);
      if (miles > preset.area[1] * 1.001) found.push(`The area is too large: at most ${preset.area[1]} square miles.`);
    }
    if (preset.minutes) {
      if (minutes < preset.minutes[0]) found.push(`The time is too short: at least ${preset.minutes[0]} minutes.`);
      if (minutes > preset.minutes[1]) found.push(`The time is too long: at most ${preset.minutes[1] / 60} hours.`);
    }
    return found;
  }

  /* Share of a unit's doors that own a camera: the rate, or what the run counted there. */
  function ownership(header, arrays, rate, scenario) {
    const number = typeof scenario === "number" ? scenario : header.scenarios.findIndex((s) => s.name === scenario);
    const item = header.scenarios[number];
    if (item.bells === "binomial") return () => rate;
    const known = new Map();
    return (unit) => {
      if (unit < 0) return item.rate === null || item.rate === undefined ? 0 : rate;
      if (!known.has(unit)) {
        const [low, high] = dv.bells(unit, rate, scenario);
        known.set(unit, arrays.unit_doors[unit] > 0 ? (low + high) / 2 / arrays.unit_doors[unit] : 0);
      }
      return known.get(unit);
    };
  }

  /* Count an area: doors and homes in it, owners expected and asked, and those who could not have the spot in view. */
  function count(header, arrays, asked) {
    const { area, spot, level, rate, scenario, portalShare } = asked;
    const owns = ownership(header, arrays, rate, scenario);
    const doors = arrays.door_xy, seeing = dv.sight.seeing(spot[0], spot[1], level), can = new Set(seeing);
    const out = { doors: 0, homes: 0, owners: 0, asked: 0, askedCannot: 0, seeing: seeing.length, seeingInArea: 0 };
    for (let d = 0; d < doors.length / 2; d++) {
      if (!inside(area, doors[2 * d], doors[2 * d + 1])) continue;
      const unit = arrays.door_unit[d], p = owns(unit);
      out.doors += 1;
      if (arrays.door_dwellings) out.homes += arrays.door_dwellings[d];
      else out.homes += unit >= 0 && arrays.unit_doors[unit] > 0 ? arrays.unit_homes[unit] / arrays.unit_doors[unit] : 1;
      out.owners += p;
      if (can.has(d)) out.seeingInArea += 1;
      else out.askedCannot += p * portalShare;
    }
    out.asked = out.owners * portalShare;
    return out;
  }

  dv.asked = { SQUARE_MILE, presets, areaM2, inside, middle, faults, count };
})(typeof window === "undefined" ? globalThis : window);
