// RNN, GRU, DecayGRU and LSTM one sample at a time; the equations are those of src/tauflow/cells/rnn.py.
#include "activations.h"
#include "kernels.h"
#include "neurons.h"
#include "solvers.h"

#include <cstring>

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

// u: what the gates get from the input, w: from the state, a row of lanes for each gate
template <typename Real> __attribute__((noinline)) void move_rnn(int lanes, const Real *u, const Real *w, Real *next) {
    using L = Neurons<Real>;
    for (int i = 0; i < lanes; i += L::count) tanh(L::load(u + i) + L::load(w + i)).store(next + i);
}

template <typename Real> __attribute__((noinline)) void move_gru(int lanes, const Real *u, const Real *w, const Real *h, Real *next) {
    using L = Neurons<Real>;
    for (int i = 0; i < lanes; i += L::count) {
        const int z = lanes + i, n = 2 * lanes + i;
        const L reset = sigmoid(L::load(u + i) + L::load(w + i));
        const L fresh = tanh(L::load(u + n) + reset * L::load(w + n));
        lerp(fresh, L::load(h + i), sigmoid(L::load(u + z) + L::load(w + z))).store(next + i);
    }
}

// h exp(-dt rate)
template <typename Real> __attribute__((noinline)) void decay(int lanes, const Real *h, const Real *rate, Real dt, Real *out) {
    using L = Neurons<Real>;
    for (int i = 0; i < lanes; i += L::count)
        (L::load(h + i) * exp(-at_most(L::splat(dt) * L::load(rate + i), Real(80)))).store(out + i);
}

template <typename Real> __attribute__((noinline)) void move_lstm(int lanes, const Real *u, const Real *w, Real *h, Real *c) {
    using L = Neurons<Real>;
    for (int i = 0; i < lanes; i += L::count) {
        const int f = lanes + i, g = 2 * lanes + i, o = 3 * lanes + i;
        const L moved = sigmoid(L::load(u + f) + L::load(w + f)) * L::load(c + i) +
                        sigmoid(L::load(u + i) + L::load(w + i)) * tanh(L::load(u + g) + L::load(w + g));
        moved.store(c + i);
        (sigmoid(L::load(u + o) + L::load(w + o)) * tanh(moved)).store(h + i);
    }
}

INLINE float log_1p(float x) { return __builtin_log1pf(x); }
INLINE double log_1p(double x) { return __builtin_log1p(x); }

template <typename Real> struct PackedGates {
    int inputs, units, gates, lanes;
    GateKind kind;
    Maps<Real> of_input, of_state;
    const Real *rate;
    std::size_t work;
    const std::int32_t *place = nullptr;

    static int gates_of(GateKind kind) { return kind == GATE_RNN ? 1 : kind == GATE_LSTM ? 4 : 3; }
    static Maps<Real> maps(Shelf &shelf, int gates, std::size_t units, const Real *W, const Real *b, std::size_t columns) {
        Map<Real> of[4];
        for (int k = 0; k < gates; ++k) of[k] = {b + k * units, W + k * units * columns, int(columns), nullptr, 0};
        return Maps<Real>(shelf, gates, int(units), of);
    }
    // state: the numbers of the state, twice the units of an LSTM
    PackedGates(Shelf &shelf, int inputs_, int state, const Gates<Real> &cell)
        : inputs(inputs_), units(cell.kind == GATE_LSTM ? state / 2 : state), gates(gates_of(cell.kind)), lanes(lanes_of<Real>(units)),
          kind(cell.kind), of_input(maps(shelf, gates, units, cell.U, cell.of_input, inputs + 1)),
          of_state(maps(shelf, gates, units, cell.W, cell.of_state, units)),
          rate(cell.kind == GATE_DECAY_GRU ? pack_vector(shelf, units, cell.rate) : nullptr),
          work((2 * gates + 2) * std::size_t(lanes) + inputs + 1) {}

    // work: from the input, from the state, h (decayed, or new), c, [x, log(1 + dt)]
    Moved<Real> step(const Real *x, Real dt, const Real *h, Real *next, Real *own) const {
        Real *const u = own, *const w = u + gates * lanes, *const moved = w + gates * lanes, *const c = moved + lanes, *const z = c + lanes;
        std::memcpy(z, x, inputs * sizeof(Real));
        z[inputs] = log_1p(dt);
        apply(of_input, {z, inputs + 1, nullptr, 0}, u);
        if (kind == GATE_DECAY_GRU) decay(lanes, h, rate, dt, moved), h = moved;
        apply(of_state, {h, units, nullptr, 0}, w);
        if (kind == GATE_RNN) move_rnn(lanes, u, w, next);
        else if (kind != GATE_LSTM) move_gru(lanes, u, w, h, next);
        else {
            copy_repeating(h + units, units, lanes, c);
            move_lstm(lanes, u, w, moved, c);
            std::memcpy(next, moved, units * sizeof(Real));
            copy_repeating(c, units, lanes_of<Real>(2 * units) - units, next + units);
        }
        return {0, all_finite(blocks_of<Real>(kind == GATE_LSTM ? 2 * units : units), next)};
    }
};

}  // namespace

template <typename Real> StreamCell<Real> gates_stream(int inputs, int units, const Gates<Real> &cell, void *memory) {
    return stream_cell<Real, PackedGates<Real>>(inputs, units, cell, memory);
}
template StreamCell<float> gates_stream(int, int, const Gates<float> &, void *);
template StreamCell<double> gates_stream(int, int, const Gates<double> &, void *);

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
