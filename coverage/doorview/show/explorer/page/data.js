/* The file's data: a header (JSON) and arrays (base64 of deflated little-endian numbers, each aligned to 8 bytes). */
(function (root) {
  "use strict";
  const dv = (root.dv = root.dv || {});
  const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u4: Uint32Array, u2: Uint16Array, i2: Int16Array, u1: Uint8Array };

  function bytesOf(text) {
    const packed = atob(text.trim());
    const out = new Uint8Array(packed.length);
    for (let i = 0; i < packed.length; i++) out[i] = packed.charCodeAt(i);
    return out;
  }

  async function inflate(bytes) {
    if (typeof DecompressionStream === "undefined") {
      throw new Error(
        "This browser is too old to unpack the page's data. It needs Chrome or Edge 80, Firefox 113, Safari 16.4 or newer.",
      );
    }
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  /* Views of the arrays that a header describes; a wrong length is an error that names the array. */
  function views(header, buffer) {
    const out = {};
    for (const [name, item] of Object.entries(header.arrays)) {
      const type = TYPES[item.dtype];
      const length = item.shape.reduce((product, side) => product * side, 1);
      if (!type || item.offset + length * type.BYTES_PER_ELEMENT > buffer.byteLength) {
        throw new Error(`The page's data are damaged: ${name} does not fit. Build the page again with: doorview explorer RUN`);
      }
      out[name] = new type(buffer, item.offset, length);
    }
    return out;
  }

  dv.data = {
    views,
    /* Fill dv.header and dv.arrays from the page. */
    async load() {
      dv.header = JSON.parse(document.getElementById("dv-header").textContent);
      if (dv.header.format !== 1) throw new Error(`This page reads format 1 of the data, not ${dv.header.format}.`);
      dv.arrays = views(dv.header, await inflate(bytesOf(document.getElementById("dv-data").textContent)));
    },
  };
})(typeof window === "undefined" ? globalThis : window);
