// A worker that draws, so that the page can be used meanwhile.

import * as ort from "./onnxruntime-web/ort.wasm.bundle.min.mjs";

// More threads need headers that a plain file server does not send.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

let session;

/** Downloads a file; `report` gets the part that is here, 0 to 1, where the server tells its size. */
async function download(url, report) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  // Of a compressed file it would be another size.
  const total = response.headers.get("Content-Encoding") ? 0 : response.headers.get("Content-Length");
  const chunks = [];
  let size = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    size += part.value.length;
    if (total > 0) report(Math.min(1, size / total));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Starts the runtime with the generator. */
async function open() {
  const model = await download("generator.onnx", (part) => postMessage({ kind: "progress", part }));
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  postMessage({ kind: "ready" });
}

/** Draws one image at all scales. `inputs`: name -> `{ values: Float32Array, shape }`. */
async function draw(inputs) {
  const feeds = {};
  for (const [name, { values, shape }] of Object.entries(inputs)) {
    feeds[name] = new ort.Tensor("float32", values, shape);
  }
  const start = performance.now();
  const outputs = await session.run(feeds);
  const milliseconds = performance.now() - start;
  const images = {};
  for (const name of session.outputNames) images[name] = outputs[name].data.slice();
  const buffers = Object.values(images).map((pixels) => pixels.buffer);
  postMessage({ kind: "drawn", images, milliseconds }, buffers);
}

function fail(error) {
  postMessage({ kind: "failed", reason: String(error.message ?? error) });
}

onmessage = ({ data }) => draw(data).catch(fail);
open().catch(fail);
