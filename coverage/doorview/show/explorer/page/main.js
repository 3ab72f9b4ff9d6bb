/* The page starts: data, then what shows them; an error is told in words, not left in the console. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});

  async function start() {
    await dv.data.load();
    dv.begin();
    dv.startMap();
    dv.startOnline();
    dv.startLayers();
    dv.startControls();
    dv.startSwipe();
    if (dv.sight) dv.sight.index(dv.header, dv.arrays);
    for (const part of [dv.portal, dv.request, dv.spot]) if (part) part.start();
    dv.startTable();
    dv.startPeople();
    dv.ready = true;
  }

  start().catch((error) => {
    const box = document.getElementById("message");
    box.hidden = false;
    box.textContent = `The page could not be shown. ${error.message}`;
    throw error;
  });
})();
