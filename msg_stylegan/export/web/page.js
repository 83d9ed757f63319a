// The page: what the visitor chooses, and the picture of it.

import { blend, zOfSeed } from "./latents.js";

const NUM_SEEDS = 2 ** 32;
// Short enough to remember.
const NUM_RANDOM_SEEDS = 100000;
const NUM_CORNERS = 4;
// How far an arrow key goes through the picture.
const KEY_STEP = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// Smaller pictures are enlarged, and their pixels should stay sharp.
const FRAME_SIDE = 512;

const byId = (id) => document.getElementById(id);
const picture = byId("picture");

/** What `generator.json` tells; see `page_facts` in web_page.py. */
let facts;
/** What the visitor has chosen. `place` is where the four seeds are blended, null for one seed. */
const chosen = { seed: 0, label: 0, psi: null, place: null, scale: 0 };
/** Scale -> small canvas of it. */
const canvases = new Map();

let worker;
let isReady = false;
/** The choice that the worker is drawing, and whether there is another one since. */
let drawing = null;
let isOutdated = false;

// --- Drawing

function cornerSeeds() {
  return Array.from({ length: NUM_CORNERS }, (_, i) => (chosen.seed + i) % NUM_SEEDS);
}

function chosenZ() {
  if (!chosen.place) return zOfSeed(chosen.seed, facts.z_dim);
  const corners = cornerSeeds().map((seed) => zOfSeed(seed, facts.z_dim));
  return blend(corners, ...chosen.place);
}

function chosenLabel() {
  const label = facts.labels[chosen.label];
  if (label.vector) return Float32Array.from(label.vector);
  const oneHot = new Float32Array(facts.label_size);
  oneHot[label.class] = 1;
  return oneHot;
}

function chosenInputs() {
  const inputs = { z: { values: chosenZ(), shape: [1, facts.z_dim] } };
  if (facts.label_size) {
    inputs.labels = { values: chosenLabel(), shape: [1, facts.label_size] };
  }
  if (facts.psi !== null) {
    inputs.truncation_psi = { values: Float32Array.of(chosen.psi), shape: [] };
  }
  return inputs;
}

/** Draws what is chosen: at once, or as soon as the worker is free. Between the two, only the last
 * choice counts. */
function draw() {
  showPoint();
  isOutdated = isReady && drawing !== null;
  if (!isReady || isOutdated) return;
  drawing = describe();
  document.body.dataset.state = "drawing";
  worker.postMessage(chosenInputs());
}

function describe() {
  if (!chosen.place) return `Seed ${chosen.seed}`;
  const [x, y] = chosen.place.map((part) => Math.round(100 * part));
  return `Between the seeds ${cornerSeeds().join(", ")}: ${x} % right, ${y} % down`;
}

function show({ images, milliseconds }) {
  for (const [scale, canvas] of canvases) {
    const pixels = toRGBA(images[`images_${scale}x${scale}`], facts.num_channels);
    canvas.getContext("2d").putImageData(new ImageData(pixels, scale, scale), 0, 0);
  }
  const text = drawing;
  drawing = null;
  picture.setAttribute("aria-label", text);
  byId("status").textContent = `${text}. Drawn in ${Math.max(1, Math.round(milliseconds))}\u00a0ms.`;
  enlarge();
  if (isOutdated) return draw();
  document.body.dataset.state = "drawn";
}

/** Gray or RGB pixels with an opaque fourth channel. */
function toRGBA(pixels, numChannels) {
  const rgba = new Uint8ClampedArray((pixels.length / numChannels) * 4).fill(255);
  for (let from = 0, to = 0; from < pixels.length; from += numChannels, to += 4) {
    for (let channel = 0; channel < 3; channel++) {
      rgba[to + channel] = pixels[from + (channel % numChannels)];
    }
  }
  return rgba;
}

/** Shows the chosen scale large. */
function enlarge() {
  const { scale } = chosen;
  picture.width = picture.height = scale;
  picture.classList.toggle("sharp", scale < FRAME_SIDE);
  picture.getContext("2d").drawImage(canvases.get(scale), 0, 0);
  for (const [side, canvas] of canvases) {
    canvas.parentElement.setAttribute("aria-pressed", side === scale);
  }
}

// --- Choosing

function setSeed(seed) {
  byId("seed").value = seed;
  readSeed();
}

function readSeed() {
  const isValid = byId("seed").validity.valid;
  byId("seed-problem").hidden = isValid;
  byId("seed").setAttribute("aria-invalid", !isValid);
  if (!isValid) return;
  chosen.seed = byId("seed").valueAsNumber;
  draw();
}

function readPsi() {
  chosen.psi = byId("psi").valueAsNumber;
  byId("psi-value").textContent = chosen.psi.toFixed(2);
  draw();
}

function readBlending() {
  const isOn = byId("blending").checked;
  // The top left corner is the seed itself.
  setPlace(isOn ? [0, 0] : null);
  picture.tabIndex = isOn ? 0 : -1;
  picture.setAttribute("role", isOn ? "application" : "img");
}

function setPlace(place) {
  chosen.place = place && place.map((part) => Math.min(1, Math.max(0, part)));
  draw();
}

function movePointer(event) {
  if (!chosen.place) return;
  const { left, top, width, height } = picture.getBoundingClientRect();
  setPlace([(event.clientX - left) / width, (event.clientY - top) / height]);
}

function pressKey(event) {
  const arrow = ARROWS[event.key];
  if (!chosen.place || !arrow) return;
  // The page should not scroll.
  event.preventDefault();
  setPlace(chosen.place.map((part, i) => part + KEY_STEP * arrow[i]));
}

/** Marks the place in the picture, and the seeds of its corners. */
function showPoint() {
  byId("corners").hidden = !chosen.place;
  picture.classList.toggle("blending", chosen.place !== null);
  if (!chosen.place) return;
  cornerSeeds().forEach((seed, i) => (byId("corners").children[i].textContent = seed));
  const [x, y] = chosen.place;
  byId("point").style.left = `${100 * x}%`;
  byId("point").style.top = `${100 * y}%`;
}

// --- Starting

function prepare() {
  const side = facts.scales.at(-1);
  const title = [facts.name, `${side}x${side}`].filter(Boolean).join(", ");
  document.title = byId("title").textContent = title;
  byId("summary").textContent =
    "Images from a trained generator, drawn in your browser. Nothing you do here leaves it." +
    (facts.noise_mode === "random" ? " Noise is new in every picture." : "");
  byId("imprint").textContent =
    `MSG-StyleGAN for TensorFlow 2; ONNX Runtime Web ${facts.onnxruntime_web} (MIT licence).`;
  chosen.scale = side;
  facts.scales.forEach(addScale);
  byId("label-field").hidden = !facts.label_size;
  byId("label").append(...facts.labels.map(({ name }, i) => new Option(name, i)));
  byId("label-field").querySelector("label").textContent = facts.labels[0]?.vector
    ? "Label"
    : "Class";
  byId("label-notice").textContent = facts.labels_notice ?? "";
  byId("psi-field").hidden = facts.psi === null;
  if (facts.psi !== null) {
    byId("psi").value = facts.psi;
    readPsi();
  }
}

function addScale(side) {
  const button = document.createElement("button");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  canvas.classList.toggle("sharp", side < FRAME_SIDE);
  button.type = "button";
  button.append(canvas, `${side}x${side}`);
  button.addEventListener("click", () => {
    chosen.scale = side;
    enlarge();
  });
  canvases.set(side, canvas);
  byId("scales").append(button);
}

function listen() {
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("seed").addEventListener("input", readSeed);
  byId("next").addEventListener("click", () => setSeed((chosen.seed + 1) % NUM_SEEDS));
  byId("random").addEventListener("click", () =>
    setSeed(Math.floor(Math.random() * NUM_RANDOM_SEEDS)),
  );
  byId("label").addEventListener("change", () => {
    chosen.label = byId("label").selectedIndex;
    draw();
  });
  byId("psi").addEventListener("input", readPsi);
  byId("blending").addEventListener("change", readBlending);
  picture.addEventListener("pointerdown", movePointer);
  picture.addEventListener("pointermove", movePointer);
  picture.addEventListener("keydown", pressKey);
}

function fail(reason) {
  document.body.dataset.state = "failed";
  byId("progress").hidden = true;
  byId("status").textContent = `It does not work: ${reason}`;
}

const receive = {
  progress: ({ part }) => (byId("progress").value = part),
  ready() {
    isReady = true;
    byId("progress").hidden = true;
    byId("fields").disabled = false;
    draw();
  },
  drawn: show,
  failed: ({ reason }) => fail(reason),
};

async function start() {
  byId("late").hidden = true;
  const response = await fetch("generator.json");
  if (!response.ok) throw new Error(`generator.json: ${response.status} ${response.statusText}`);
  facts = await response.json();
  prepare();
  listen();
  worker = new Worker("drawer.js", { type: "module" });
  worker.onmessage = ({ data }) => receive[data.kind](data);
  worker.onerror = (event) => fail(event.message || "this browser cannot start the drawing.");
}

start().catch((error) => fail(error.message));
