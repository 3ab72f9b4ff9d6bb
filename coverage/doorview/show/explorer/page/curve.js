/* The headline and the curve beside the slider: share in view by ownership, a mark at the rate. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const W = 320, H = 190, LEFT = 40, RIGHT = 12, TOP = 10, BOTTOM = 34;
  const NS = "http://www.w3.org/2000/svg";
  let parts = null, linesFor = "", lists = null;

  const x = (rate) => LEFT + rate * (W - LEFT - RIGHT);
  const y = (share) => H - BOTTOM - share * (H - TOP - BOTTOM);

  function svg(tag, attributes, text) {
    const node = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
    if (text !== undefined) node.textContent = text;
    return node;
  }

  /* Level names a headline gives together. */
  const together = () => {
    const named = dv.header.levels.filter((item) => ["detect", "observe", "recognise"].includes(item.name));
    const chosen = dv.words.level(dv.state.level);
    return named.includes(chosen) ? named : [...named, chosen];
  };

  function build(section) {
    const { el } = dv;
    parts = {
      share: el("strong", { "data-figure": "share" }),
      words: el("span", { "data-figure": "share-words" }),
      levels: el("ul", { class: "levels-line", "aria-label": "Share in view at each level" }),
      range: el("p", { class: "note" }),
      svg: svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "curve", role: "img", "aria-labelledby": "curve-title" }),
      title: svg("title", { id: "curve-title" }),
      lines: svg("g", {}), mark: svg("circle", { r: 6, class: "mark" }), drop: svg("line", { class: "drop" }),
    };
    const grid = svg("g", { "aria-hidden": "true" });
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      grid.append(svg("line", { x1: LEFT, x2: W - RIGHT, y1: y(share), y2: y(share), class: "grid" }));
      grid.append(svg("text", { x: LEFT - 5, y: y(share) + 4, "text-anchor": "end" }, `${share * 100} %`));
    }
    for (const rate of [0, 0.25, 0.5, 0.75, 1]) grid.append(svg("text", { x: x(rate), y: H - 18, "text-anchor": rate === 1 ? "end" : "middle" }, `${rate * 100} %`));
    grid.append(svg("text", { x: (LEFT + W) / 2, y: H - 3, "text-anchor": "middle" }, "of homes own a doorbell camera"));
    grid.append(svg("path", { d: `M${LEFT} ${TOP}V${H - BOTTOM}H${W - RIGHT}`, class: "axis" }));
    parts.svg.append(parts.title, grid, parts.lines, parts.drop, parts.mark);
    parts.figure = el("div", {}, el("p", { class: "figure-line" }, parts.share, parts.words), parts.levels, parts.range);
    section.replaceChildren(parts.figure, parts.svg);
  }

  function drawLines() {
    const { scenario, level, space } = dv.state, item = dv.words.scenario(scenario);
    const key = [scenario, level, space].join("|");
    if (key === linesFor) return;
    linesFor = key;
    parts.lines.replaceChildren();
    if (item.kind === "fixed") return;
    const ends = [];
    for (const one of [...together()].sort((a, b) => (a.name === level) - (b.name === level))) {
      let d = "", last = NaN;
      for (const rate of dv.header.rates) {
        const share = dv.share(one.name, space, rate, scenario);
        if (Number.isNaN(share)) continue;
        d += `${d ? "L" : "M"}${x(rate).toFixed(1)} ${y(share).toFixed(1)}`;
        last = share;
      }
      if (!d) continue;
      parts.lines.append(svg("path", { d, class: one.name === level ? "line chosen" : "line" }));
      ends.push([one.name, y(last)]);
    }
    // Names at the curves' ends, kept 12 units apart.
    ends.sort((a, b) => a[1] - b[1]);
    let above = TOP - 12;
    for (const [name, end] of ends) {
      above = Math.min(H - BOTTOM - 3, Math.max(end - 5 < TOP + 8 ? TOP + 12 : end - 5, above + 12));
      parts.lines.append(svg("text", { x: W - RIGHT - 3, y: above, "text-anchor": "end" }, name));
    }
  }

  function refresh() {
    const { el, words } = dv, { scenario, level, space, rate } = dv.state;
    const item = words.scenario(scenario), place = words.space(space), chosen = words.level(level);
    const share = dv.share(level, space, rate, scenario), fixed = item.kind === "fixed";
    parts.share.textContent = words.fine(share);
    if (Number.isNaN(share)) parts.share.removeAttribute("data-value");
    else parts.share.setAttribute("data-value", String(share));
    parts.words.textContent =
      `of ${place.label} in view of at least one doorbell camera (level ${chosen.name}: ${chosen.plain}), ` +
      (fixed ? `in the scenario “${item.label}”.` : `if ${Math.round(rate * 100)} % of homes own one, ${words.kind(scenario)}.`) +
      " Simulated.";
    if (Number.isNaN(share)) parts.words.textContent = fixed ? `There is no such ground here: ${place.label}. Simulated.` : `No figure at ${Math.round(rate * 100)} %: owners cannot be so at this rate, or there is no such ground (${place.label}). Simulated.`;
    const names = together();
    const listKey = names.map((one) => one.name).join(" ");
    if (lists === null || lists.key !== listKey) {
      lists = { key: listKey, values: names.map((one) => el("span", { class: "value", "data-figure": `share-${one.name}` })) };
      parts.levels.replaceChildren(
        ...names.map((one, i) => el("li", {}, el("span", {}, `${one.name}: ${one.plain}`), lists.values[i])),
      );
    }
    names.forEach((one, i) => { lists.values[i].textContent = words.fine(dv.share(one.name, space, rate, scenario)); });
    parts.range.textContent = ranged(item);
    drawLines();
    const shown = !fixed && !Number.isNaN(share);
    parts.svg.classList.toggle("unseen", fixed);
    for (const node of [parts.mark, parts.drop]) node.setAttribute("visibility", shown ? "visible" : "hidden");
    parts.title.textContent = `Curve of the share of ${place.label} in view (${level}) by ownership; at ${Math.round(rate * 100)} % it is ${words.fine(share)}.`;
    if (!shown) return;
    parts.mark.setAttribute("cx", x(rate));
    parts.mark.setAttribute("cy", y(share));
    for (const [key, value] of [["x1", x(rate)], ["x2", x(rate)], ["y1", y(share)], ["y2", H - BOTTOM]]) parts.drop.setAttribute(key, value);
  }

  /* The range over the assumptions, which the run knows at the scenario's own rate only. */
  function ranged(item) {
    const a = dv.arrays.share_low_high, h = dv.header, s = h.scenarios.indexOf(item);
    if (!a || (item.kind !== "fixed" && Math.abs(dv.state.rate - item.rate) > 1e-9)) return "";
    const l = h.levels.findIndex((one) => one.name === dv.state.level), p = h.spaces.findIndex((one) => one.name === dv.state.space);
    const at = ((s * h.levels.length + l) * h.spaces.length + p) * 2;
    if (!(a[at + 1] > a[at])) return "";
    return `Over the assumptions tried: ${dv.words.fine(a[at])} to ${dv.words.fine(a[at + 1])}.`;
  }

  dv.startCurve = (section) => {
    build(section);
    refresh();
    dv.on((state, changed) => {
      if (changed.some((key) => ["scenario", "level", "space", "rate"].includes(key))) refresh();
    });
  };
})();
