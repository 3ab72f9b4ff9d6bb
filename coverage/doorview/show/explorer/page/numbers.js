/* The numbers of the page, from the file's arrays alone: no document, no map; runs in node too.

Independent ownership at rate p: a cell that k doors could see is seen by at least m owners with the chance that a
binomial (k, p) is at least m; a unit's share is the mean over its public cells. Exact, from the histogram of k.
Scenarios with a rate of another kind: straight lines between the knots that the run computed. */
(function (root) {
  "use strict";
  const dv = (root.dv = root.dv || {});

  const at = (list, key) => (typeof key === "number" ? key : list.findIndex((item) => item.name === key));
  const scenarioOf = (key) => dv.header.scenarios[at(dv.header.scenarios, key)];
  /* The place of a scenario among those of its kind, as the arrays hold them. */
  const within = (item) => dv.header.scenarios.filter((one) => one.kind === item.kind).indexOf(item);
  const units = () => dv.arrays.unit_homes.length;

  /* P(X >= m) for X binomial (k, p). */
  function chance(k, p, m) {
    if (m <= 0) return 1;
    if (k < m) return 0;
    if (p <= 0) return 0;
    if (p >= 1) return 1;
    if (m === 1) return -Math.expm1(k * Math.log1p(-p));
    let term = Math.exp(k * Math.log1p(-p)), below = 0;
    for (let i = 0; i < m; i++) {
      below += term;
      term *= ((k - i) / (i + 1)) * (p / (1 - p));
    }
    return Math.max(0, 1 - below);
  }

  let held = null;
  /* chance(k, p, m) for all k that occur; a few tables are kept, as one view of the page asks for several. */
  function chances(p, m) {
    const ks = dv.arrays.hist_k;
    if (held === null || held.of !== ks) {
      let most = 0;
      for (let i = 0; i < ks.length; i++) if (ks[i] > most) most = ks[i];
      held = { of: ks, most, tables: new Map() };
    }
    const key = `${p} ${m}`;
    let values = held.tables.get(key);
    if (values === undefined) {
      values = new Float64Array(held.most + 1);
      for (let k = 0; k <= held.most; k++) values[k] = chance(k, p, m);
      if (held.tables.size > 40) held.tables.clear();
      held.tables.set(key, values);
    }
    return values;
  }

  /* Place of a rate among ascending knots: [index below, weight of the next], or null outside of them.
  Rate 0 is a knot of its own kind: nobody owns one, so nothing is in view; index -1 stands for it. */
  function place(knots, rate) {
    const last = knots.length - 1, close = 1e-6;
    if (last < 0 || rate > knots[last] + close || rate < 0) return null;
    if (rate < knots[0] - close) return [-1, rate / knots[0]];
    for (let i = 0; i < last; i++) {
      if (rate <= knots[i + 1]) {
        const weight = (rate - knots[i]) / (knots[i + 1] - knots[i]);
        return weight < close ? [i, 0] : [i, weight > 1 - close ? 1 : weight];
      }
    }
    return [last, 0];
  }

  function between(knots, rate, value) {
    const found = place(knots, rate);
    if (found === null) return NaN;
    const [i, weight] = found;
    const low = i < 0 ? 0 : value(i);
    return weight === 0 ? low : low + weight * (value(i + 1) - low);
  }

  /* Share of a unit's public ground in view of at least `atLeast` owners; NaN where it has none, or it is not computed. */
  function unitShare(unit, level, space, rate, scenario, atLeast = 1) {
    const a = dv.arrays, L = dv.header.levels.length, S = dv.header.spaces.length;
    const l = at(dv.header.levels, level), s = at(dv.header.spaces, space), item = scenarioOf(scenario);
    const cells = a.public_cells[unit * S + s];
    if (!(cells > 0)) return NaN;
    if (item.kind === "independent") {
      const row = (unit * L + l) * S + s, values = chances(rate, atLeast);
      let sum = 0;
      for (let i = a.hist_start[row]; i < a.hist_start[row + 1]; i++) sum += a.hist_amount[i] * values[a.hist_k[i]];
      return Math.min(1, sum / cells);
    }
    if (atLeast > 1) return NaN;
    const c = within(item), U = units();
    if (item.kind === "fixed") return a.fixed_unit_share[((c * U + unit) * L + l) * S + s] / 65535;
    const K = a.knot_rates.length, base = (((c * U + unit) * L + l) * S + s) * K;
    return between(a.knot_rates, rate, (k) => a.knot_share[base + k] / 65535);
  }

  /* unitShare of all units at once, for the map. */
  function unitShares(level, space, rate, scenario, atLeast = 1) {
    const out = new Float64Array(units());
    for (let u = 0; u < out.length; u++) out[u] = unitShare(u, level, space, rate, scenario, atLeast);
    return out;
  }

  /* Share of the whole area (row 0) or a zone (row 1 + its number). */
  function share(level, space, rate, scenario, row = 0) {
    const a = dv.arrays, S = dv.header.spaces.length, item = scenarioOf(scenario), L = dv.header.levels.length;
    const l = at(dv.header.levels, level), s = at(dv.header.spaces, space);
    const rates = dv.header.rates.length;
    const R = a.curve_independent.length / (L * S * rates);
    if (item.kind === "independent") {
      const base = ((l * S + s) * R + row) * rates, step = rate * (rates - 1), near = Math.round(step);
      if (Math.abs(step - near) < 1e-6) return a.curve_independent[base + near];
      const low = Math.floor(step), first = a.curve_independent[base + low];
      return first + (step - low) * (a.curve_independent[base + low + 1] - first);
    }
    const c = within(item);
    if (item.kind === "fixed") return a.fixed_share[((c * L + l) * S + s) * R + row];
    if (row > 0) return unitShare(units() - (R - 1) + row - 1, level, space, rate, scenario, 1);
    const base = ((c * L + l) * S + s) * rates, step = Math.min(rate, 1) * (rates - 1), low = Math.min(Math.floor(step + 1e-6), rates - 1);
    const first = a.curve_scenario[base + low], weight = step - low;
    return weight < 1e-6 ? first : first + weight * (a.curve_scenario[base + low + 1] - first);
  }

  /* Smallest k with P(X <= k) >= q for X binomial (n, p). Terms relative to the largest, so that nothing underflows. */
  function binomialQuantile(n, p, q) {
    if (n <= 0 || p <= 0) return 0;
    if (p >= 1) return n;
    const wide = 40 * Math.sqrt(n * p * (1 - p)) + 60;
    const mode = Math.min(n, Math.floor((n + 1) * p));
    const low = Math.max(0, Math.floor(mode - wide)), high = Math.min(n, Math.ceil(mode + wide));
    const terms = new Float64Array(high - low + 1), odds = p / (1 - p);
    terms[mode - low] = 1;
    for (let k = mode; k < high; k++) terms[k + 1 - low] = terms[k - low] * ((n - k) / (k + 1)) * odds;
    for (let k = mode; k > low; k--) terms[k - 1 - low] = (terms[k - low] * (k / (n - k + 1))) / odds;
    let total = 0;
    for (const term of terms) total += term;
    let sum = 0;
    for (let k = low; k <= high; k++) {
      sum += terms[k - low];
      if (sum >= q * total * (1 - 1e-13)) return k;
    }
    return high;
  }

  /* Doorbells to expect in a unit: the range in which 9 of 10 draws fall (5 % and 95 %). */
  function bells(unit, rate, scenario) {
    const a = dv.arrays, item = scenarioOf(scenario), U = units(), n = a.unit_doors[unit];
    if (item.bells === "binomial") return [binomialQuantile(n, rate, 0.05), binomialQuantile(n, rate, 0.95)];
    const c = within(item);
    if (item.bells === "fixed") return [a.fixed_bells[(c * U + unit) * 2], a.fixed_bells[(c * U + unit) * 2 + 1]];
    const K = a.knot_rates.length;
    const end = (side) => between(a.knot_rates, rate, (k) => a.knot_bells[((c * U + unit) * K + k) * 2 + side]);
    return [Math.floor(end(0) + 1e-9), Math.ceil(end(1) - 1e-9)];
  }

  Object.assign(dv, { unitShare, unitShares, share, bells, binomialQuantile, chance });
})(typeof window === "undefined" ? globalThis : window);
