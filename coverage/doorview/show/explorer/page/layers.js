/* Heat layers in a pane of their own, and the legends in the map's corner. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  let drawn = "", picture = null;

  const list = () => (Array.isArray(dv.header.heat) ? dv.header.heat.filter((item) => dv.arrays[item.array]) : []);

  /* Choices of the chooser: a grid of doors that could see a place gives two, the number and the chance. */
  dv.heatChoices = () =>
    list().flatMap((item) =>
      item.scale === "k"
        ? [
            { name: `${item.name}:chance`, label: `Probability of being in view${tail(item)}`, item, mode: "chance" },
            { name: `${item.name}:number`, label: `Number of possible views${tail(item)}`, item, mode: "number" },
          ]
        : [{ name: item.name, label: item.label, item, mode: "value" }],
    );
  const tail = (item) => (item.label ? ` (${item.label})` : "");
  const chosen = () => dv.heatChoices().find((one) => one.name === dv.state.heat);

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
    const key = `${one.name} ${mode === "chance" ? rate : ""}`;
    if (key === drawn) return;
    drawn = key;
    if (picture === null) picture = document.createElement("canvas");
    picture.width = item.width;
    picture.height = item.height;
    const ctx = picture.getContext("2d"), image = ctx.createImageData(item.width, item.height);
    const known = new Map();
    const shown = (value) => (mode === "chance" ? dv.chance(value, rate, 1) : value / most);
    for (let row = 0; row < item.height; row++) {
      for (let col = 0; col < item.width; col++) {
        const value = grid[row * item.width + col];
        if (!(value > 0)) continue;
        let rgb = known.get(value);
        if (rgb === undefined) {
          const t = shown(value);
          rgb = t > 0 ? heat(t) : null;
          known.set(value, rgb);
        }
        if (rgb === null) continue;
        const to = ((item.height - 1 - row) * item.width + col) * 4;
        image.data[to] = rgb[0];
        image.data[to + 1] = rgb[1];
        image.data[to + 2] = rgb[2];
        image.data[to + 3] = 255;
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

  function legend() {
    const node = document.getElementById("map-legend"), { el, words } = dv, out = [];
    if (dv.state.layer !== "none") {
      const space = words.space(dv.state.space), level = words.level(dv.state.level);
      out.push(
        el("div", { class: "legend-block" },
          el("p", { class: "legend-title" }, `Share of ${space.label} in view (${level.name})`),
          bar(dv.colours.css),
          el("p", { class: "legend-ends" }, el("span", {}, "0 %"), el("span", {}, "50 %"), el("span", {}, "100 %")),
          el("p", { class: "legend-note legend-grey" }, "none of it here"),
        ),
      );
    }
    const one = chosen();
    if (one) {
      const { item, mode } = one;
      const unit = mode === "chance" ? "" : mode === "number" ? " doors" : ` ${item.unit || ""}`;
      const note = mode === "chance" ? `each home owning one with ${Math.round(dv.state.rate * 100)} %` : item.legend || item.note;
      out.push(
        el("div", { class: "legend-block" },
          el("p", { class: "legend-title" }, one.label),
          bar((t) => `rgb(${heat(t).join(",")})`),
          el("p", { class: "legend-ends" }, el("span", {}, mode === "chance" ? "0 %" : "0"), el("span", {}, mode === "chance" ? "100 %" : `${number(top(one))}${unit} or more`)),
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
      const key = [s.layer, s.level, s.space, s.heat, s.heat ? s.rate : ""].join(" ");
      if (key !== before) {
        before = key;
        legend();
      }
    });
  };
})();
