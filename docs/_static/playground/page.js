// Sliders and pictures of the playground. Every change computes both pictures anew; a dot runs along them.
"use strict";

const END = 30; // seconds in a picture
const $ = (id) => document.getElementById(id);
const value = (id) => Number($(id).value);
const shown = { tau: 1, w: 1, u: 1, b: 1, dt: 1, period: 0, size: 1, shortest: 1, longest: 1, gain: 1, input: 1, seed: 0 };
const LOG = new Set(["tau", "dt", "shortest", "longest"]); // sliders of a logarithm

const read = (id) => (LOG.has(id) ? 10 ** value(id) : value(id));

function signal(t) {
  const period = read("period");
  return $("shape").value === "sine" ? read("size") * Math.sin((2 * Math.PI * t) / period) : t % period < period / 2 ? read("size") : 0;
}

// Samples every dt: the input that was read is held until the next one.
function walk(cell, dt) {
  const count = Math.min(Math.ceil(END / dt), 6000);
  const times = Array.from({ length: count }, (_, k) => k * dt);
  const states = run(cell, times.map((t) => [signal(t)]), times.map(() => dt), cell.tau.map(() => 0));
  return { times: [0, ...times.map((t) => t + dt)], states: [cell.tau.map(() => 0), ...states] };
}

function path(times, values, sx, sy) {
  return times.map((t, k) => `${k ? "L" : "M"}${sx(t).toFixed(1)},${sy(values[k]).toFixed(1)}`).join("");
}

function picture(svg, lines, dots, limit) {
  const width = svg.clientWidth || 600, height = svg.clientHeight || 220;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const sx = (t) => 40 + ((width - 50) * Math.min(t, END)) / END;
  const sy = (v) => height / 2 - 8 - ((height / 2 - 18) * v) / limit;
  const top = limit >= 10 ? limit.toFixed(0) : limit.toPrecision(2);
  let made = "";
  for (const v of [-limit, 0, limit]) {
    made += `<line x1="40" x2="${width - 10}" y1="${sy(v)}" y2="${sy(v)}" class="grid"/>`;
    made += `<text x="34" y="${sy(v) + 4}" text-anchor="end">${v === 0 ? 0 : v < 0 ? "-" + top : top}</text>`;
  }
  for (const t of [0, 10, 20, 30]) made += `<text x="${sx(t)}" y="${height - 4}" text-anchor="${t === 30 ? "end" : "middle"}">${t}${t === 30 ? " s" : ""}</text>`;
  for (const line of lines) made += `<path d="${path(line.times, line.values, sx, sy)}" class="${line.name}"/>`;
  for (const [t, v] of dots) made += `<circle cx="${sx(t).toFixed(1)}" cy="${sy(v).toFixed(1)}" r="2.6" class="sample"/>`;
  svg.innerHTML = made + `<circle r="5" class="now" cx="-20" cy="0"/>`;
  return { sx, sy };
}

let moving = [];

function draw() {
  for (const id of Object.keys(shown)) $(id + "-is").textContent = read(id).toFixed(LOG.has(id) && read(id) < 0.1 ? 2 : shown[id]);
  const dt = read("dt");
  const fine = Array.from({ length: 601 }, (_, k) => (END * k) / 600);
  const input = { times: fine, values: fine.map(signal), name: "input" };

  const neuron = { tau: [read("tau")], W: [[read("w")]], U: [[read("u")]], b: [read("b")] };
  const one = walk(neuron, dt), true_ = walk(neuron, 0.02);
  const first = (path_) => path_.states.map((h) => h[0]);
  const limit = 1.15 * Math.max(read("size"), ...first(one).map(Math.abs), ...first(true_).map(Math.abs), 0.2);
  const dots = dt >= 0.25 ? one.times.map((t, k) => [t, first(one)[k]]).filter(([t]) => t <= END) : [];
  const lines = [input, { times: true_.times, values: first(true_), name: "fine" }, { times: one.times, values: first(one), name: "state" }];
  const a = picture($("one"), lines, dots, limit);

  const net = network(8, read("shortest"), Math.max(read("longest"), read("shortest")), read("gain"), read("input"), value("seed"));
  const many = walk(net, dt);
  const scaled = (i) => many.states.map((h) => h[i] / net.tau[i]); // of the bound, so that slow and fast fit one picture
  const traces = net.tau.map((_, i) => ({ times: many.times, values: scaled(i), name: "n" + i }));
  picture($("many"), traces, [], 1);
  const low = Math.min(...net.tau).toFixed(2), high = Math.max(...net.tau).toFixed(1);
  $("said").textContent = `Eight neurons, time constants from ${low} s (light) to ${high} s (dark), each as a share of its bound tau.`;
  $("sentence").textContent = sentence(neuron, dt);
  moving = [{ svg: $("one"), times: one.times, values: first(one), ...a }];
}

function sentence(cell, dt) {
  const tau = cell.tau[0], steps = dt / tau, loop = tau * cell.W[0][0];
  const gap = steps > 2 ? `A gap is ${steps.toFixed(1)} time constants: Euler's step would grow without end, this one can't.` :
    steps > 1 ? `A gap is ${steps.toFixed(1)} time constants: Euler's step would overshoot, this one can't.` :
    `A gap is ${steps.toFixed(2)} time constants.`;
  const held = loop > 1 ? " It listens to itself strongly enough (tau w > 1) to hold a bit." : "";
  return `The state stays within ${tau.toFixed(2)}, its tau. ${gap}${held}`;
}

function move(clock) {
  const t = (clock / 250) % END;
  for (const one of moving) {
    const k = Math.max(one.times.findIndex((at) => at >= t), 0), before = Math.max(k - 1, 0);
    const share = k > before ? (t - one.times[before]) / (one.times[k] - one.times[before]) : 0;
    const dot = one.svg.querySelector(".now");
    dot.setAttribute("cx", one.sx(t));
    dot.setAttribute("cy", one.sy(one.values[before] + share * (one.values[k] - one.values[before])));
  }
  requestAnimationFrame(move);
}

function tell() {
  if (parent !== window) parent.postMessage({ playground: document.documentElement.scrollHeight }, "*");
}

for (const one of document.querySelectorAll("input, select")) one.addEventListener("input", draw);
window.addEventListener("resize", () => (draw(), tell()));
window.addEventListener("message", (event) => {
  if (event.data && event.data.theme) document.documentElement.dataset.theme = event.data.theme;
});
draw();
tell();
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) requestAnimationFrame(move);
