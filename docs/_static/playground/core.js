// The equation of tauflow's CTRNN and its exponential step, with plain numbers. tests/test_playground.py holds it to the library.
//
//   dh/dt = -h / tau + tanh(W h + U x + b)      h' = h + (1 - exp(-dt / tau)) (tau tanh(...) - h)
//
// cell: {W: [units][units], U: [units][inputs], b: [units], tau: [units]};  x: [inputs];  h: [units];  dt: a number >= 0
"use strict";

function step(cell, x, dt, h) {
  return h.map((now, i) => {
    let sum = cell.b[i];
    for (let j = 0; j < h.length; j++) sum += cell.W[i][j] * h[j];
    for (let k = 0; k < x.length; k++) sum += cell.U[i][k] * x[k];
    return now - Math.expm1(-dt / cell.tau[i]) * (cell.tau[i] * Math.tanh(sum) - now);
  });
}

// The states after each sample; xs and dts as long as each other.
function run(cell, xs, dts, h) {
  return xs.map((x, k) => (h = step(cell, x, dts[k], h)));
}

// Numbers in [-1, 1) that are the same on every machine: a linear congruential generator.
function draws(seed) {
  let at = seed >>> 0;
  return () => {
    at = (Math.imul(at, 1664525) + 1013904223) >>> 0;
    return at / 2147483648 - 1;
  };
}

// A network of one input; weights to neuron i are divided by the sender's tau, as the library begins.
function network(units, shortest, longest, gain, input, seed) {
  const draw = draws(seed);
  const tau = Array.from({ length: units }, (_, i) => shortest * (longest / shortest) ** (units > 1 ? i / (units - 1) : 0));
  return {
    tau,
    W: tau.map(() => tau.map((t) => (gain * draw()) / Math.sqrt(units) / t)),
    U: tau.map(() => [input * draw()]),
    b: tau.map(() => 0),
  };
}

if (typeof module !== "undefined") module.exports = { step, run, draws, network };
