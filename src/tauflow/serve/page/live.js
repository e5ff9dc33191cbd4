// The live page: sends a sample, draws what comes back, and again. The server answers with a client's sample where there is a client.

import { colours, neurons, plot, short, wiring } from "/draw.js";

const get = (id) => document.getElementById(id);
const MOST = 160; // samples kept
const PACE = matchMedia("(prefers-reduced-motion: reduce)").matches ? 500 : 60; // milliseconds between samples

const scene = await (await fetch("/v1/scene")).json();
const history = { items: [], most: MOST, get length() { return this.items.length; } };
const sliders = [], plots = [];
let paused = false, played = 0, clock = 0, reach = [], spread = null, lastFrom = null;

get("name").textContent = scene.name;
get("kind").textContent = `${scene.kind}, ${scene.cells.reduce((sum, cell) => sum + cell.units, 0)} neurons`;
document.title = `${scene.name}: a network at work`;

function rows() {
  scene.inputs.forEach((name, k) => {
    const [low, high] = scene.ranges[k], row = document.createElement("label"), what = document.createElement("span");
    const slider = document.createElement("input"), value = document.createElement("output");
    row.className = "row";
    what.className = "what";
    what.textContent = what.title = name;
    Object.assign(slider, { type: "range", min: low, max: high, step: (high - low) / 200, value: (low + high) / 2 });
    slider.setAttribute("aria-label", name);
    row.append(what, slider, value);
    get("sliders").append(row);
    const one = { row, slider, value, held: false };
    slider.addEventListener("input", () => hold(one, true));
    row.addEventListener("dblclick", () => hold(one, false));
    sliders.push(one);
  });
  scene.outputs.slice(0, 12).forEach((name) => {
    const box = document.createElement("div"), head = document.createElement("p"), what = document.createElement("span");
    const value = document.createElement("b"), canvas = document.createElement("canvas");
    box.className = "plot";
    what.textContent = what.title = name;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${name} over the last samples`);
    head.append(what, value);
    box.append(head, canvas);
    get("plots").append(box);
    plots.push({ value, canvas });
  });
  if (scene.outputs.length > 12) get("plots").append(`and ${scene.outputs.length - 12} more`);
}

function hold(one, held) {
  one.held = held;
  one.row.classList.toggle("held", held);
  get("release").disabled = !sliders.some((other) => other.held);
}

// What the sensors say by themselves: the recording, or slow waves, each with a pace of its own.
function sample() {
  const gap = scene.period * 10 ** Number(get("dt").value);
  const recorded = scene.recording;
  const row = recorded ? recorded.x[played % recorded.x.length] : null;
  const dt = recorded ? recorded.dt[played % recorded.dt.length] * 10 ** Number(get("dt").value) : gap;
  const x = sliders.map((one, k) => {
    const [low, high] = scene.ranges[k];
    const wave = (low + high) / 2 + ((high - low) / 2) * 0.8 * Math.sin(clock / (9 + 5 * ((k * 0.618) % 1)) + 2.4 * k);
    return one.held ? Number(one.slider.value) : row ? row[k] : wave;
  });
  played += 1;
  clock += 1;
  return { x, dt, own: get("own").checked };
}

const view = {
  cells: [], inputs: [], reach: [], axis: null,
  slow(cell, k) {
    const values = this.axis && this.cells[cell]?.[this.axis.name];
    return values ? this.axis.place(values[k]) : null;
  },
};

// The axis of time constants, wide enough for all that was seen; a gate goes from 0 to 1.
function axis(cells) {
  const taus = cells.flatMap((cell) => cell.tau ?? []).filter((t) => t > 0 && t < 1e29);
  if (taus.length) {
    spread = [Math.min(spread?.[0] ?? Infinity, ...taus), Math.max(spread?.[1] ?? 0, ...taus)];
    const low = Math.floor(Math.log10(spread[0])), high = Math.max(low + 1, Math.ceil(Math.log10(spread[1])));
    const every = Math.ceil((high - low) / 5), ticks = [];
    for (let k = low; k <= high; k += every) ticks.push(10 ** k);
    return {
      name: "tau", ticks, word: short, place: (t) => (Math.log10(t) - low) / (high - low),
      title: (narrow) => (narrow ? "time constant τ" : "time constant τ now, in the unit of dt; the bar is where it was"),
    };
  }
  const gated = cells.find((cell) => cell.gate);
  if (!gated) return null;
  return {
    name: "gate", ticks: [0, 0.5, 1], word: short, place: (g) => g,
    title: (narrow) => (narrow ? `${gated.gate_name} gate` : `${gated.gate_name} gate now; the bar is where it was`),
  };
}

function show(message) {
  if (message.from !== lastFrom) { history.items = []; reach = []; spread = null; }
  lastFrom = message.from;
  const status = get("status");
  const many = message.sessions === 1 ? "1 client is connected" : `${message.sessions} clients are connected`;
  status.className = message.from;
  get("own-label").hidden = !message.sessions && !get("own").checked;
  if (!message.sessions) get("own").checked = false;
  const driver = scene.recording ? "a recording" : "slow waves";
  status.textContent = message.from === "client" ? `a client's session, sample ${message.steps.toLocaleString("en")}; ${many}`
    : `driven by ${sliders.some((one) => one.held) ? "your hand" : driver}${message.sessions ? `; ${many}` : ""}`;
  if (!message.y) return;
  history.items.push(message);
  if (history.items.length > MOST) history.items.shift();
  reach = message.cells.map((cell, k) => Math.max(1e-9, (reach[k] ?? 0) * 0.998, ...cell.h.map(Math.abs)));
  get("ring-hint").textContent = message.cells.some((cell) => cell.tau) ? "· ring: the fuller, the slower the neuron" : message.cells.some((cell) => cell.gate) ? "· ring: its gate" : "";
  Object.assign(view, { cells: message.cells, reach, axis: axis(message.cells) });
  view.inputs = message.x.map((value, k) => {
    const [low, high] = scene.ranges[k];
    return value === null ? 0 : ((value - (low + high) / 2) / (high - low)) * 2;
  });
  sliders.forEach((one, k) => {
    const value = message.x[k];
    if (!one.held || message.from === "client") one.slider.value = value ?? 0;
    one.value.textContent = short(value);
  });
  get("dt-value").textContent = short(message.dt);
  get("inputs").classList.toggle("client", message.from === "client");
  for (const control of [...sliders.map((one) => one.slider), get("dt")]) control.disabled = message.from === "client";
  requestAnimationFrame(paint);
}

function paint() {
  const c = colours();
  wiring(get("net"), scene, view, c);
  neurons(get("states"), scene, history, view, c);
  plots.forEach((one, k) => {
    const values = history.items.map((item) => item.y[k]);
    one.value.textContent = short(values.at(-1));
    plot(one.canvas, values, MOST, c);
  });
}

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/live`);
  const next = () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (paused) setTimeout(next, 100);
    else socket.send(JSON.stringify(sample()));
  };
  socket.onopen = next;
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.error) get("status").textContent = message.error;
    else show(message);
    setTimeout(next, PACE);
  };
  socket.onclose = (event) => {
    get("status").className = "away";
    get("status").textContent = event.reason ? `${event.reason}: trying again` : "the server is away: trying again";
    setTimeout(connect, 1500);
  };
}

get("pause").addEventListener("click", () => {
  paused = !paused;
  get("pause").textContent = paused ? "Go on" : "Pause";
  get("pause").setAttribute("aria-pressed", `${paused}`);
});
get("release").addEventListener("click", () => sliders.forEach((one) => hold(one, false)));
addEventListener("resize", () => history.length && requestAnimationFrame(paint));
rows();
if (scene.recording) get("hint").textContent += " The recording plays where nobody holds.";
const first = scene.cells[0];
if (first) {
  const drawn = scene.cells.reduce((sum, cell) => sum + cell.synapses.source.length, 0), all = scene.cells.reduce((sum, cell) => sum + cell.synapses.total, 0);
  get("drawn").textContent = all ? `· ${drawn < all ? `the ${drawn} strongest of ` : "all "}${all.toLocaleString("en")} synapses, lit by what passes through them` : "· this cell does not say its synapses";
}
get("plots-hint").textContent = `Each over the last ${MOST} samples, in its own units.`;
connect();
window.tauflow = { history, view, scene };
