// Drawing on canvases: the wiring, the states with their time constants, an output over time. No state of its own.

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(name).trim();
  return { ink: get("--ink"), soft: get("--soft"), line: get("--line"), panel: get("--panel"), plus: rgb(get("--plus")), minus: rgb(get("--minus")), mark: get("--mark") };
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const mixed = (a, b, part) => a.map((value, k) => Math.round(value + (b[k] - value) * part));
const css = (c, alpha = 1) => `rgba(${c[0]},${c[1]},${c[2]},${alpha})`;

// A canvas as wide as its place, sharp on any screen; coordinates are CSS pixels.
export function sheet(canvas, height) {
  const wide = canvas.clientWidth, high = height ?? canvas.clientHeight, ratio = window.devicePixelRatio || 1;
  if (height !== undefined && canvas.style.height !== `${height}px`) canvas.style.height = `${height}px`;
  if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round(high * ratio);
  }
  const ink = canvas.getContext("2d");
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, wide, high);
  ink.font = FONT;
  ink.textBaseline = "middle";
  return { ink, wide, high };
}

// From -1 to 1: the one colour, the paper, the other.
function diverging(value, c) {
  const paper = rgb(hexOf(c.panel)), part = Math.min(1, Math.abs(value));
  return css(mixed(paper, value < 0 ? c.minus : c.plus, part ** 0.75));
}
const hexOf = (text) => (/^#[0-9a-f]{6}$/i.test(text) ? text : "#ffffff");

// Where the neurons of all cells and the first cell's inputs stand: columns from left to right; one large column becomes a ring.
export function places(scene, wide, high) {
  const cells = scene.cells, columns = [];
  const inputs = Math.min(cells[0].inputs, 40);
  columns.push({ ids: [...Array(inputs).keys()].map((k) => ["in", k]), word: "" });
  cells.forEach((cell, number) => {
    const ring = cells.length === 1 && cell.columns.length === 1 && cell.columns[0].length > 10;
    for (const column of cell.columns) {
      const kinds = new Set(column.map((k) => cell.kinds?.[k]));
      columns.push({ ids: column.map((k) => [number, k]), ring, word: kinds.size === 1 && cell.kinds ? [...kinds][0] : cells.length > 1 ? cell.name : "" });
    }
  });
  const weights = columns.map((column) => (column.ring ? 2.6 : 1)), total = weights.reduce((a, b) => a + b) - (weights[0] + weights.at(-1)) / 2;
  const left = 34, right = wide - (columns.at(-1).ring ? 16 : 34), found = new Map(), heads = [];
  let at = 0;
  columns.forEach((column, place) => {
    if (place) at += (weights[place - 1] + weights[place]) / 2;
    const x = columns.at(-1).ring && columns.length === 2 ? (place ? left + (right - left) * 0.58 : left) : left + ((right - left) * at) / total;
    if (column.word) heads.push([x, column.word]);
    const count = column.ids.length, size = Math.min(high - 48, (right - left) * 0.8);
    column.ids.forEach(([cell, k], i) => {
      const angle = (2 * Math.PI * i) / count - Math.PI / 2;
      const y = column.ring ? high / 2 + 6 + (size / 2) * Math.sin(angle) : high / 2 + 8 + (i - (count - 1) / 2) * Math.min(44, (high - 46) / Math.max(1, count - 1));
      found.set(`${cell}:${k}`, { x: column.ring ? x + (size / 2) * Math.cos(angle) : x, y, ring: column.ring });
    });
  });
  return { found, heads, radius: Math.max(3.5, Math.min(11, (high - 46) / 2.6 / Math.max(...columns.map((c) => (c.ring ? c.ids.length / 3 : c.ids.length))))) };
}

export function wiring(canvas, scene, view, c) {
  const { ink, wide, high } = sheet(canvas);
  if (!scene.cells.length) {
    ink.fillStyle = c.soft;
    ink.fillText(scene.why_not ?? "", 8, high / 2);
    return;
  }
  const { found, radius, heads } = places(scene, wide, high);
  scene.cells.forEach((cell, number) => {
    const lit = view.cells[number]?.lit ?? [], s = cell.synapses;
    for (let k = s.source.length - 1; k >= 0; k--) {
      const from = s.source[k] < cell.inputs ? (number ? `${number - 1}:${s.source[k]}` : `in:${s.source[k]}`) : `${number}:${s.source[k] - cell.inputs}`;
      const a = found.get(from), b = found.get(`${number}:${s.target[k]}`);
      if (!a || !b) continue;
      const strength = ((lit[k] ?? 0) / 99) * (0.35 + 0.65 * s.weight[k]);
      ink.strokeStyle = css(s.inhibits[k] ? c.minus : c.plus, 0.05 + 0.85 * strength);
      ink.lineWidth = 0.5 + 2.6 * strength;
      ink.setLineDash(s.inhibits[k] ? [5, 4] : []);
      ink.beginPath();
      ink.moveTo(a.x, a.y);
      if (a === b) ink.arc(a.x, a.y - radius - 4, 5, Math.PI / 2, 2.5 * Math.PI);
      else if (a.ring && b.ring) ink.quadraticCurveTo((a.x + b.x) / 2 + (wide * 0.58 - (a.x + b.x) / 2) * 0.25, (a.y + b.y) / 2 + (high / 2 - (a.y + b.y) / 2) * 0.35, b.x, b.y);
      else if (Math.abs(a.x - b.x) < 2) ink.quadraticCurveTo(a.x + 14 + Math.abs(b.y - a.y) / 4, (a.y + b.y) / 2, b.x, b.y);
      else ink.bezierCurveTo((a.x + b.x) / 2, a.y, (a.x + b.x) / 2, b.y, b.x, b.y);
      ink.stroke();
    }
  });
  ink.setLineDash([]);
  for (const [id, p] of found) {
    const [cell, k] = id.split(":"), of = cell === "in" ? null : view.cells[cell];
    const value = of ? of.h[k] / view.reach[cell] : view.inputs[k] ?? 0;
    ink.beginPath();
    if (of) ink.arc(p.x, p.y, radius, 0, 2 * Math.PI);
    else ink.rect(p.x - radius * 0.8, p.y - radius * 0.8, radius * 1.6, radius * 1.6);
    ink.fillStyle = diverging(value ?? 0, c);
    ink.fill();
    ink.lineWidth = 1;
    ink.strokeStyle = c.soft;
    ink.stroke();
    const part = of && view.slow(Number(cell), Number(k));
    if (part !== null && part !== undefined && part !== false && radius > 5) {
      ink.beginPath();
      ink.lineWidth = 2;
      ink.strokeStyle = c.mark;
      ink.arc(p.x, p.y, radius + 3, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.max(0.02, Math.min(1, part)));
      ink.stroke();
    }
  }
  ink.fillStyle = c.soft;
  ink.textAlign = "left";
  ink.fillText(scene.inputs.length === scene.cells[0].inputs ? "inputs" : "encoded inputs", 4, 8);
  for (const [x, word] of heads) {
    ink.textAlign = x > wide - 60 ? "right" : "center";
    ink.fillText(word, x > wide - 60 ? wide - 2 : x, 8);
  }
}

// Rows of neurons: the states of the last samples as colours, and on the right the time constant (or gate) on its axis.
export function neurons(canvas, scene, history, view, c) {
  const rows = [];
  scene.cells.forEach((cell, number) => {
    const count = view.cells[number]?.h.length ?? 0;
    for (let k = 0; k < count; k++) rows.push([number, k]);
  });
  const narrow = canvas.clientWidth < 560, row = rows.length > 40 ? 7 : rows.length > 24 ? 10 : 15;
  const top = 20, high = top + rows.length * row + 26;
  const { ink, wide } = sheet(canvas, high);
  if (!rows.length) {
    ink.fillStyle = c.soft;
    ink.fillText(scene.why_not ?? "", 4, 12);
    return;
  }
  const left = narrow ? 26 : 82, scale = view.axis;
  const rightWide = scale ? Math.max(118, wide * (narrow ? 0.36 : 0.3)) : 0, plot = wide - left - rightWide - (scale ? 26 : 8);
  ink.textAlign = "left";
  ink.fillStyle = c.soft;
  ink.fillText(narrow ? "state, last samples" : `state h of each neuron over the last ${history.length} samples, now at the right edge`, left, 8);
  const shown = Math.max(1, history.length), step = plot / history.most;
  rows.forEach(([cell, k], place) => {
    const y = top + place * row;
    if (k % (row === 15 ? 1 : row === 10 ? 2 : 4) === 0) {
      ink.fillStyle = c.soft;
      ink.textAlign = "right";
      ink.fillText(label(scene, cell, k, narrow), left - 5, y + row / 2);
    }
    for (let i = 0; i < history.length; i++) {
      ink.fillStyle = diverging((history.items[i].cells[cell]?.h[k] ?? 0) / view.reach[cell], c);
      ink.fillRect(left + plot - (shown - i) * step, y, step + 0.6, row - 1);
    }
  });
  ink.textAlign = "left";
  ink.fillStyle = c.soft;
  const one = view.reach.length === 1, most = one ? view.reach[0].toPrecision(2) : narrow ? "max" : "the largest of its layer";
  ink.fillText(one ? `-${most}` : "-max", left, high - 10);
  const bar = Math.min(120, plot * 0.4), from = left + 40;
  for (let k = 0; k < 40; k++) {
    ink.fillStyle = diverging(k / 19.5 - 1, c);
    ink.fillRect(from + (k * bar) / 40, high - 15, bar / 40 + 0.5, 9);
  }
  ink.fillStyle = c.soft;
  ink.fillText(`+${most}`, from + bar + 8, high - 10);
  if (!scale) return;
  const begin = left + plot + 20, length = rightWide - 22, at = (value) => begin + length * Math.max(0, Math.min(1, scale.place(value)));
  ink.fillText(scale.title(narrow), begin - 6, 8);
  const every = Math.ceil((scale.ticks.length * 34) / length);
  for (const tick of scale.ticks.filter((_, place) => place % every === 0)) {
    ink.strokeStyle = c.line;
    ink.lineWidth = 1;
    ink.beginPath();
    ink.moveTo(at(tick), top);
    ink.lineTo(at(tick), top + rows.length * row);
    ink.stroke();
    ink.textAlign = "center";
    ink.fillText(scale.word(tick), at(tick), high - 10);
  }
  rows.forEach(([cell, k], place) => {
    const y = top + place * row + row / 2, values = history.items.map((item) => item.cells[cell]?.[scale.name]?.[k]).filter((v) => v !== undefined);
    if (!values.length) return;
    const spots = values.map(at);
    ink.strokeStyle = css(rgb(hexOf(c.mark)), 0.35);
    ink.lineWidth = Math.max(2, row * 0.3);
    ink.beginPath();
    ink.moveTo(Math.min(...spots), y);
    ink.lineTo(Math.max(...spots) + 0.5, y);
    ink.stroke();
    ink.fillStyle = c.mark;
    ink.beginPath();
    ink.arc(spots.at(-1), y, Math.max(2.5, row * 0.3), 0, 2 * Math.PI);
    ink.fill();
  });
}

function label(scene, number, k, narrow) {
  const cell = scene.cells[number], kind = cell.kinds?.[k];
  const word = kind ?? (scene.cells.length > 1 ? cell.name : "");
  return narrow || !word ? `${k}` : `${word} ${k}`;
}

// One output over the last samples.
export function plot(canvas, values, most, c) {
  const { ink, wide, high } = sheet(canvas), known = values.filter((v) => v !== null);
  if (!known.length) return;
  let low = Math.min(...known), top = Math.max(...known);
  if (top - low < 1e-6 * Math.max(1, Math.abs(top))) [low, top] = [low - 0.5, top + 0.5];
  const edge = 44, y = (v) => 6 + (high - 12) * (1 - (v - low) / (top - low)), x = (i) => wide - edge - 3 - ((values.length - 1 - i) * (wide - edge - 6)) / (most - 1);
  ink.fillStyle = c.soft;
  ink.textAlign = "right";
  ink.fillText(short(top), wide, 7);
  ink.fillText(short(low), wide, high - 7);
  if (low < 0 && top > 0) {
    ink.strokeStyle = c.line;
    ink.beginPath();
    ink.moveTo(0, y(0));
    ink.lineTo(wide - edge, y(0));
    ink.stroke();
  }
  ink.strokeStyle = c.ink;
  ink.lineWidth = 1.8;
  ink.lineJoin = "round";
  ink.beginPath();
  values.forEach((v, i) => (v === null ? 0 : i && values[i - 1] !== null ? ink.lineTo(x(i), y(v)) : ink.moveTo(x(i), y(v))));
  ink.stroke();
  const last = values.at(-1);
  if (last === null) return;
  ink.fillStyle = c.mark;
  ink.beginPath();
  ink.arc(x(values.length - 1), y(last), 3.2, 0, 2 * Math.PI);
  ink.fill();
}

export const short = (v) => (v === null || v === undefined ? "–" : v === 0 ? "0" : Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3 ? v.toExponential(1) : `${Number(v.toPrecision(3))}`);
