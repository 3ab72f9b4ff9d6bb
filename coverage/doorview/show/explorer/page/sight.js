/* Who could see a spot: single sight lines against the walls about them, door by door.

The rule is that of coverage/doorview/sight/points.py (`sees`): a door sees a spot within the level's range, not nearer
than its near range, inside the field of view about its heading, and with no wall in the way. On flat ground, with the
lens at z_c and the target at z_t >= z_c, a wall of height h > z_c at distance d hides what lies beyond f d,
f = max(1, (z_t - z_c) / (h - z_c)); with z_t < z_c one with z_t < h < z_c hides from d to g d, g = (z_c - z_t) / (z_c - h).
All coordinates are whole centimetres, so that the tests of sides are exact. No DOM: runs in node too. */
(function (root) {
  "use strict";
  const dv = (root.dv = root.dv || {});
  const CELL = 3200; // side of the squares of the index [cm], as INDEX_CELL_M
  const TOUCHING = 1e-7; // a wall that passes so near to the lens is seen edge on [cm], as TOUCHING_M
  const ENDLESS = 1e6; // a shadow that reaches so many times as far as its wall has no end
  const RADIANS = Math.PI / 180;
  let held = null;

  /* A number in [-2, 2] that grows with the angle of (x, y) from the x axis. */
  function pseudoAngle(x, y) {
    const t = y / (Math.abs(x) + Math.abs(y));
    if (x >= 0) return t;
    return y >= 0 ? 2 - t : -2 - t;
  }

  /* Squares: the items of square s are order[start[s]] to order[start[s + 1] - 1]; box(i) gives an item's bounds. */
  function squares(count, box) {
    let west = Infinity, south = Infinity, east = -Infinity, north = -Infinity;
    const bounds = new Float64Array(4);
    for (let i = 0; i < count; i++) {
      box(i, bounds);
      if (bounds[0] < west) west = bounds[0];
      if (bounds[1] < south) south = bounds[1];
      if (bounds[2] > east) east = bounds[2];
      if (bounds[3] > north) north = bounds[3];
    }
    if (count === 0) west = south = east = north = 0;
    const i0 = Math.floor(west / CELL), j0 = Math.floor(south / CELL);
    const ni = Math.floor(east / CELL) - i0 + 1, nj = Math.floor(north / CELL) - j0 + 1;
    const start = new Uint32Array(ni * nj + 1);
    const over = (i, each) => {
      box(i, bounds);
      const a = Math.floor(bounds[0] / CELL) - i0, b = Math.floor(bounds[2] / CELL) - i0;
      const c = Math.floor(bounds[1] / CELL) - j0, d = Math.floor(bounds[3] / CELL) - j0;
      for (let j = c; j <= d; j++) for (let k = a; k <= b; k++) each(j * ni + k);
    };
    for (let i = 0; i < count; i++) over(i, (s) => { start[s + 1] += 1; });
    for (let s = 0; s < ni * nj; s++) start[s + 1] += start[s];
    const next = start.slice(0, ni * nj);
    const order = new Uint32Array(start[ni * nj]);
    for (let i = 0; i < count; i++) over(i, (s) => { order[next[s]] = i; next[s] += 1; });
    return { i0, j0, ni, nj, start, order };
  }

  /* Call each(item) for the squares between two corners; an item in several squares comes several times. */
  function within(index, x0, y0, x1, y1, each) {
    const a = Math.max(Math.floor(x0 / CELL) - index.i0, 0);
    const b = Math.min(Math.floor(x1 / CELL) - index.i0, index.ni - 1);
    const c = Math.max(Math.floor(y0 / CELL) - index.j0, 0);
    const d = Math.min(Math.floor(y1 / CELL) - index.j0, index.nj - 1);
    if (a > b) return false;
    for (let j = c; j <= d; j++) {
      const end = index.start[j * index.ni + b + 1];
      for (let k = index.start[j * index.ni + a]; k < end; k++) if (each(index.order[k])) return true;
    }
    return false;
  }

  /* All walls as segments: rings of buildings (they hide all), then the further ones with their heights. */
  function wallsOf(arrays) {
    const ringStart = arrays.ring_start || new Uint32Array(1), ringXy = arrays.ring_xy || new Int32Array(0);
    const further = arrays.wall_xy || new Int32Array(0), heights = arrays.wall_height_m || new Float32Array(0);
    const rings = Math.max(ringStart.length - 1, 0);
    let count = further.length / 4;
    for (let r = 0; r < rings; r++) count += Math.max(ringStart[r + 1] - ringStart[r] - 1, 0);
    const xy = new Int32Array(count * 4), height = new Float32Array(count).fill(Infinity);
    let n = 0;
    for (let r = 0; r < rings; r++) {
      for (let i = ringStart[r]; i + 1 < ringStart[r + 1]; i++, n++) {
        xy[4 * n] = ringXy[2 * i];
        xy[4 * n + 1] = ringXy[2 * i + 1];
        xy[4 * n + 2] = ringXy[2 * i + 2];
        xy[4 * n + 3] = ringXy[2 * i + 3];
      }
    }
    xy.set(further, 4 * n);
    for (let i = 0; i < further.length / 4; i++) height[n + i] = Number.isNaN(heights[i]) ? Infinity : heights[i];
    return { xy, height, count };
  }

  /* Build the index of a run's walls and doors; false where the file holds no doors (the light one). */
  function index(header, arrays) {
    held = null;
    if (!arrays.door_xy || arrays.door_xy.length === 0) return false;
    const walls = wallsOf(arrays), doors = arrays.door_xy, w = walls.xy;
    const wallSquares = squares(walls.count, (i, out) => {
      out[0] = Math.min(w[4 * i], w[4 * i + 2]);
      out[1] = Math.min(w[4 * i + 1], w[4 * i + 3]);
      out[2] = Math.max(w[4 * i], w[4 * i + 2]);
      out[3] = Math.max(w[4 * i + 1], w[4 * i + 3]);
    });
    const doorSquares = squares(doors.length / 2, (i, out) => {
      out[0] = out[2] = doors[2 * i];
      out[1] = out[3] = doors[2 * i + 1];
    });
    held = { header, arrays, walls, wallSquares, doorSquares };
    return true;
  }

  /* Begin and end of a wall's shadow as multiples of its distance: [f, g], g = 0 for no end; null: it hides nothing. */
  function shadow(height, lens, target) {
    if (height === Infinity) return [1, 0];
    const rise = target - lens;
    if (rise >= 0) return height > lens ? [Math.max(1, rise / (height - lens)), 0] : null;
    if (height <= target) return null;
    if (height >= lens) return [1, 0];
    const end = rise / (height - lens);
    if (end <= 1) return null;
    return [1, end > ENDLESS ? 0 : end];
  }

  /* Whether the wall a-b hides p, all relative to the lens [cm]. */
  function hides(ax, ay, bx, by, px, py, f, g) {
    let cross = ax * by - ay * bx;
    if (cross < 0) {
      const x = ax, y = ay;
      ax = bx; ay = by; bx = x; by = y;
      cross = -cross;
    }
    if (ax * py - ay * px < 0 || px * by - py * bx < 0) return false;
    const dx = bx - ax, dy = by - ay;
    if (f * f * cross * cross <= TOUCHING * TOUCHING * (dx * dx + dy * dy)) return false;
    const times = (px * dy - py * dx) / cross;
    return times > f && (g === 0 || times < g);
  }

  function blocked(cx, cy, x, y, lens, target) {
    const { xy, height } = held.walls;
    const test = (k) => {
      let f = 1, g = 0;
      if (height[k] !== Infinity) {
        const found = shadow(height[k], lens, target);
        if (found === null) return false;
        f = found[0];
        g = found[1];
      }
      return hides(
        xy[4 * k] - cx, xy[4 * k + 1] - cy, xy[4 * k + 2] - cx, xy[4 * k + 3] - cy, x - cx, y - cy, f, g,
      );
    };
    return within(held.wallSquares, Math.min(cx, x), Math.min(cy, y), Math.max(cx, x), Math.max(cy, y), test);
  }

  /* Where a level begins for a lens [m]: as the level says at the model's own height, else by the vertical field. */
  function nearOf(level, lens, header) {
    const mount = header.mount_height_m, field = header.vertical_field_of_view_degrees;
    if (level.name === "trigger" || mount === undefined || field === undefined) return level.near_m;
    if (Math.abs(lens - mount) < 1e-6) return level.near_m;
    return field < 180 ? Math.abs(level.target_height_m - lens) / Math.tan((field / 2) * RADIANS) : 0;
  }

  function levelOf(header, level) {
    if (typeof level === "number") return header.levels[level];
    return header.levels.find((item) => item.name === level);
  }

  /* Whether a door sees a spot [cm from the origin] at a level (its number or name). */
  function sees(door, x, y, level) {
    const { header, arrays } = held;
    const item = levelOf(header, level);
    const lens = arrays.door_lens_m ? arrays.door_lens_m[door] : header.mount_height_m === undefined ? 1.2 : header.mount_height_m;
    const cx = arrays.door_xy[2 * door], cy = arrays.door_xy[2 * door + 1];
    const dx = x - cx, dy = y - cy, distance = Math.hypot(dx, dy) / 100;
    const near = nearOf(item, lens, header);
    if (item.range_m <= 0 || near >= item.range_m || distance < near || distance > item.range_m) return false;
    if (distance === 0) return true;
    if (item.field_of_view_degrees < 360) {
      const heading = (arrays.door_heading[door] / 100) * RADIANS, fx = Math.sin(heading), fy = Math.cos(heading);
      const half = (item.field_of_view_degrees / 2) * RADIANS;
      const edge = pseudoAngle(Math.cos(half), Math.sin(half));
      if (Math.abs(pseudoAngle(dx * fx + dy * fy, dy * fx - dx * fy)) > edge) return false;
    }
    return !blocked(cx, cy, x, y, lens, item.target_height_m);
  }

  /* The numbers of the doors that could see a spot [cm from the origin] at a level, in order. */
  function seeing(x, y, level) {
    if (held === null) throw new Error("dv.sight.index has not been called, or the file holds no doors");
    const reach = levelOf(held.header, level).range_m * 100;
    const found = [];
    within(held.doorSquares, x - reach, y - reach, x + reach, y + reach, (door) => {
      if (sees(door, x, y, level)) found.push(door);
      return false;
    });
    return found.sort((a, b) => a - b);
  }

  dv.sight = { index, seeing, sees, shadow, ready: () => held !== null };
})(typeof window === "undefined" ? globalThis : window);
