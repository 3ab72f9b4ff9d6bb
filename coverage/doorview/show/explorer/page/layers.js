/* Heat layers in a pane of their own, and the legends in the map's corner. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  let drawn = "", picture = null;

  const list = () => (Array.isArray(dv.header.heat) ? dv.header.heat.filter((item) => dv.arrays[item.array]) : []);

  const views = () => list().filter((item) => item.scale === "k");

  /* Choices of the chooser. The grids of doors that could see a place, one a level, give two: the number and the chance;
  both follow the chosen level. */
  dv.heatChoices = () => {
    const item = dv.state ? views().find((one) => !one.level || one.level === dv.state.level) || null : null;
    return [
      ...(views().length
        ? [
            { name: "views:chance", label: "Probability of being in view", item, mode: "chance" },
            { name: "views:number", label: "Number of possible views", item, mode: "number" },
          ]
        : []),
      ...list().filter((one) => one.scale !== "k").map((one) => ({ name: one.name, label: one.label, item: one, mode: "value" })),
    ];
  };
  const chosen = () => dv.heatChoices().find((one) => one.name === dv.state.heat && one.item);

  /* How many of a grid's unit are the full colour. */
  const top = (one) => (one.mode === "chance" ? 1 : one.item.max > 0 ? one.item.max : 1);

  /* Heat colours: magma's lower part, from clear to dark; other hues than the streets' scale. */
  const STOPS = [[254, 217, 118], [253, 141, 60], [227, 26, 28], [128, 0, 38]];
  function heat(t) {
    const x = Math.min(1, Math.max(0, t)) * (STOPS.length - 1), i = Math.min(STOPS.length - 2, Math.floor(x)), f = x - i;
    return STOPS[i].map((v, c) => Math.round(v + f * (STOPS[i + 1][c] - v)));
  }

  function paint(one) {
    const { item, mode } = one, grid = dv.arrays[item.array], rate = dv.state.rate, most = top(one);
    const key = `${item.name} ${mode} ${mode === "chance" ? rate : ""}`;
    if (key === drawn) return;
    drawn = key;
    if (picture === null) picture = document.createElement("canvas");
    picture.width = item.width;
    picture.height = item.height;
    const ctx = picture.getContext("2d"), image = ctx.createImageData(item.width, item.height);
    // One word a pixel: a canvas holds red, green, blue and opacity in this order, on every machine that runs a browser.
    const pixels = new Uint32Array(image.data.buffer);
    const word = (share) => {
      if (!(share > 0)) return 0;
      const [r, g, b] = heat(share);
      return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    };
    const colours = Array.from({ length: 256 }, (_, i) => word((i + 0.5) / 256));
    let known = null;
    if (mode !== "value") {
      let highest = 0;
      for (const value of grid) if (value > highest) highest = value;
      known = Uint32Array.from({ length: highest + 1 }, (_, k) => word(mode === "chance" ? dv.chance(k, rate, 1) : k / most));
    }
    for (let row = 0; row < item.height; row++) {
      const to = (item.height - 1 - row) * item.width;
      for (let col = 0; col < item.width; col++) {
        const value = grid[row * item.width + col];
        if (!(value > 0)) continue;
        pixels[to + col] = known ? known[value] : colours[Math.min(255, Math.floor((value / most) * 256))];
      }
    }
    ctx.putImageData(image, 0, 0);
  }

  /* Called by the map after each of its own drawings. */
  dv.drawHeat = (fit, view) => {
    const one = chosen(), ctx = fit(dv.heatCanvas);
    dv.heatCanvas.style.opacity = String(dv.state.opacity);
    if (!one) return;
    paint(one);
    const { x, y, width, height, pixel_m: side } = one.item;
    const wide = width * side * 100 * view.k, high = height * side * 100 * view.k;
    ctx.imageSmoothingEnabled = one.mode === "value";
    ctx.drawImage(picture, view.bx + view.k * x, view.by - view.k * y - high, wide, high);
  };

  function bar(css) {
    const canvas = dv.el("canvas", { class: "legend-bar", width: "100", height: "1", "aria-hidden": "true" });
    const ctx = canvas.getContext("2d");
    for (let i = 0; i < 100; i++) {
      ctx.fillStyle = css((i + 0.5) / 100);
      ctx.fillRect(i, 0, 1, 1);
    }
    return canvas;
  }

  const number = (value) => Number(value.toPrecision(2)).toLocaleString("en-US");

  /* For which scenarios, at which rates, walks are computed. */
  const computed = () =>
    "for " +
    dv.header.walks.scenarios
      .map((name) => ({ name, rate: dv.words.scenario(name).rate }))
      .map((one) => (typeof one.rate === "number" ? dv.words.owners(one.name, one.rate) : dv.words.kind(one.name)))
      .join("; ");

  function legend() {
    const node = document.getElementById("map-legend"), { el, words } = dv, out = [];
    if (dv.state.layer === "walks") {
      const level = dv.words.level(dv.state.level), there = dv.walkShares(dv.state.scenario, dv.state.rate) !== null;
      out.push(
        el("div", { class: "legend-block" },
          el("p", { class: "legend-title" }, `Share of a walk in view (${level.name})`),
          bar(dv.colours.css),
          el("p", { class: "legend-ends" }, el("span", {}, "0 %"), el("span", {}, "50 %"), el("span", {}, "100 %")),
          el("p", { class: "legend-note legend-grey" }, there ? "too few homes: no figure" : `no figure: walks are computed ${computed()}`),
          el("p", { class: "legend-note" }, dv.header.walks.note),
        ),
      );
    } else if (dv.state.layer !== "none") {
      const space = words.space(dv.state.space), level = words.level(dv.state.level);
      out.push(
        el("div", { class: "legend-block" },
          el("p", { class: "legend-title" }, `Share of ${space.label} in view (${level.name})`),
          bar(dv.colours.css),
          el("p", { class: "legend-ends" }, el("span", {}, "0 %"), el("span", {}, "50 %"), el("span", {}, "100 %")),
          el("p", { class: "legend-note legend-grey" }, "none of it here, or no figure"),
        ),
      );
    }
    const one = chosen();
    if (one) {
      const { item, mode } = one;
      const level = item.level ? ` (${item.level})` : "";
      const note = mode === "chance" ? `if ${Math.round(dv.state.rate * 100)} % of homes own one` : item.unit || item.legend;
      out.push(
        el("div", { class: "legend-block" },
          el("p", { class: "legend-title" }, one.label + level),
          bar((t) => `rgb(${heat(t).join(",")})`),
          el("p", { class: "legend-ends" }, el("span", {}, mode === "chance" ? "0 %" : "0"), el("span", {}, mode === "chance" ? "100 %" : number(top(one)))),
          note ? el("p", { class: "legend-note" }, note) : null,
        ),
      );
    }
    node.replaceChildren(...out);
    node.hidden = out.length === 0;
  }

  dv.startLayers = () => {
    legend();
    let before = "";
    dv.on((s) => {
      const walks = s.layer === "walks" ? `${s.scenario} ${s.rate}` : "";
      const key = [s.layer, s.level, s.space, s.heat, s.heat ? s.rate : "", walks].join(" ");
      if (key !== before) {
        before = key;
        legend();
      }
    });
  };
})();
