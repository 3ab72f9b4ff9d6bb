/* Online map tiles below everything else: only in a page that was built with --tiles, which then speaks to that host and says so. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const SIZE = 256, DEEPEST = 19, MOST = 120;

  /* The polynomial that show/explorer/online.py fits. */
  function at(fit, one, two) {
    const p = (one - fit.centre[0]) / fit.scale[0], q = (two - fit.centre[1]) / fit.scale[1];
    const sum = (a) => a[0] + a[1] * p + a[2] * q + a[3] * p * p + a[4] * p * q + a[5] * q * q;
    return [sum(fit.first), sum(fit.second)];
  }

  function startOnline() {
    const tiles = dv.header.tiles;
    if (!tiles) return;
    const pane = dv.map.createPane("online");
    pane.style.zIndex = "150";
    pane.style.opacity = "0.55";
    const world = (x, y) => at(tiles.to_world, x, y), local = (u, v) => at(tiles.to_local, u, v);
    const pixel = (u, v) => {
      const [x, y] = local(u, v);
      return dv.map.latLngToLayerPoint(dv.toMap(100 * x, 100 * y));
    };

    function draw() {
      pane.textContent = "";
      const view = dv.map.getBounds();
      const corners = [view.getSouthWest(), view.getSouthEast(), view.getNorthWest(), view.getNorthEast()].map((corner) => {
        const [x, y] = dv.fromMap(corner);
        return world(x / 100, y / 100);
      });
      const [u0, u1] = [Math.min(...corners.map((c) => c[0])), Math.max(...corners.map((c) => c[0]))];
      const [v0, v1] = [Math.min(...corners.map((c) => c[1])), Math.max(...corners.map((c) => c[1]))];
      let zoom = Math.min(DEEPEST, Math.max(0, Math.round(Math.log2(dv.map.getSize().x / SIZE / Math.max(u1 - u0, 1e-12)))));
      const count = (z) => (Math.floor(u1 * 2 ** z) - Math.floor(u0 * 2 ** z) + 1) * (Math.floor(v1 * 2 ** z) - Math.floor(v0 * 2 ** z) + 1);
      while (zoom > 0 && count(zoom) > MOST) zoom -= 1;
      const side = 2 ** zoom, clamp = (n) => Math.min(side - 1, Math.max(0, n));
      for (let i = clamp(Math.floor(u0 * side)); i <= clamp(Math.floor(u1 * side)); i++) {
        for (let j = clamp(Math.floor(v0 * side)); j <= clamp(Math.floor(v1 * side)); j++) {
          const from = pixel(i / side, j / side), right = pixel((i + 1) / side, j / side), down = pixel(i / side, (j + 1) / side);
          const image = document.createElement("img");
          image.alt = "";
          image.referrerPolicy = "no-referrer";
          image.width = image.height = SIZE;
          Object.assign(image.style, { position: "absolute", left: "0", top: "0", transformOrigin: "0 0", maxWidth: "none" });
          const m = [right.x - from.x, right.y - from.y, down.x - from.x, down.y - from.y].map((side_px) => side_px / SIZE);
          image.style.transform = `matrix(${[...m, from.x, from.y].join(",")})`;
          image.src = tiles.url.replace("{z}", String(zoom)).replace("{x}", String(i)).replace("{y}", String(j));
          pane.append(image);
        }
      }
    }

    const note = document.createElement("p");
    note.id = "online-note";
    note.textContent = `The background map comes from ${tiles.host}: this page speaks to that host, which can tell what is looked at.`;
    document.getElementById("subtitle").after(note);
    dv.map.on("moveend zoomend resize", draw);
    draw();
    dv.online = { local, world };
  }

  dv.startOnline = startOnline;
})();
