// CfC over time, forward and backward: a chain of maps inside each step, the last one being the heads side by side.
//
// The input of map m is [1, ...] (columns x lanes), padded with zeros; that of map 0 is [1, x, h]. Backward needs of a step the
// inputs of all maps and what came out of the heads, so these are saved together as the step's record:
//
//   [1, x, h] | [1, layer 1] | ... | heads: f1, f2, time_a, s (default, no_gate) or f (pure), H x lanes each
//
// The weight gradients d z^T of all maps are summed over 16 steps at a time.
#include "activations.h"
#include "batch.h"
#include "kernels.h"
#include "matrix.h"
#include "solvers.h"

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

constexpr int CHUNK = 16;
constexpr int MOST_MAPS = 4;

struct Map {
    int rows, inputs, columns;  // outputs; inputs without and with the 1 and the padding
    std::ptrdiff_t at;          // where its input stands in the record, in numbers a lane
};

struct Chain {
    int maps, heads, inputs, units;
    Map map[MOST_MAPS];
    std::ptrdiff_t heads_at, record;  // numbers a lane
    std::int64_t time;

    template <typename Real> Chain(const Sequence<Real> &seq, const Cfc<Real> &cell)
        : maps(cell.layers + 1), heads(cell.mode == PURE ? 1 : 4), inputs(int(seq.inputs)), units(int(seq.units)), time(seq.time) {
        std::ptrdiff_t at = 0;
        for (int m = 0; m < maps; ++m) {
            const int from = m == 0 ? inputs + units : cell.width;
            map[m] = {m == maps - 1 ? heads * units : cell.width, from, round_up(1 + from, ACROSS), at};
            at += map[m].columns;
        }
        heads_at = at, record = at + heads * units;
    }
    std::size_t saved() const { return std::size_t(time + 1) * record; }  // numbers a lane
    std::int64_t operations() const {                                     // of a step
        std::int64_t sum = 0;
        for (int m = 0; m < maps; ++m) sum += std::int64_t(map[m].rows) * (map[m].columns + 16);
        return sum;
    }
};

// Row i of map m: its weights and its bias, in the cell's arrays or in those of its gradients.
template <typename Pointers> auto weights(const Pointers &cell, const Chain &n, int m, int i) {
    return (m < n.maps - 1 ? cell.W[m] : cell.head_W[i / n.units]) + std::size_t(m < n.maps - 1 ? i : i % n.units) * n.map[m].inputs;
}
template <typename Pointers> auto bias(const Pointers &cell, const Chain &n, int m, int i) {
    return m < n.maps - 1 ? cell.b[m] + i : cell.head_b[i / n.units] + i % n.units;
}

// The next state; what came out of the heads becomes f1, f2, time_a, s.
template <int MODE, typename Real, int B>
__attribute__((noinline)) void step(const Cfc<Real> &cell, int units, Lanes<Real, B> dt, Lanes<Real, B> keep, const Real *h, Real *heads,
                                    Real *next) {
    using L = Lanes<Real, B>;
    const int apart = units * L::count;
    for (int i = 0; i < units; ++i) {
        Real *const at = heads + i * L::count;
        L moved;
        if (MODE == PURE) {
            const L f = L::load(at), A = L::splat(cell.A[i]);
            const L e = decay(dt * (absolute(L::splat(cell.w_tau[i])) + absolute(f)));
            moved = fma(-A * e, f, A);
        } else {
            const L f1 = tanh(L::load(at)), f2 = tanh(L::load(at + apart));
            const L s = sigmoid(fma(L::load(at + 2 * apart), dt, L::load(at + 3 * apart)));
            f1.store(at), f2.store(at + apart), s.store(at + 3 * apart);
            moved = MODE == DEFAULT ? lerp(f1, f2, s) : fma(f2, s, f1);
        }
        where_less(L::splat(0), keep, moved, L::load(h + i * L::count)).store(next + i * L::count);
    }
}

// g: in, the gradient of the next state; out, what a state that stays hands on. d: the gradient of the heads.
template <int MODE, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> step_backward(const Cfc<Real> &cell, int units, Lanes<Real, B> dt, Lanes<Real, B> keep,
                                                       const Real *heads, Real *g, Real *d, Real *g_w_tau, Real *g_A) {
    using L = Lanes<Real, B>;
    const int apart = units * L::count;
    const L zero = L::splat(0), one = L::splat(1);
    L g_dt = zero;
    for (int i = 0; i < units; ++i) {
        const int at = i * L::count;
        const L given = L::load(g + at), gi = where_less(zero, keep, given, zero);
        if (MODE == PURE) {
            const L f = L::load(heads + at), size = absolute(f), w = L::splat(cell.w_tau[i]);
            const L rate = absolute(w) + size, e = decay(dt * rate), ge = gi * e;
            const L gAe = ge * L::splat(cell.A[i]), gAef = gAe * f;
            (gAe * at_most(fma(dt, size, -one), Real(1e30))).store(d + at);  // beyond which e is zero, and zero times infinity NaN
            g_dt = fma(gAef, rate, g_dt);
            const L slope = where_less(w, zero, -one, where_less(zero, w, one, zero));
            fma(gAef * dt, slope, L::load(g_w_tau + at)).store(g_w_tau + at);
            (L::load(g_A + at) + fma(-ge, f, gi)).store(g_A + at);
        } else {
            const L f1 = L::load(heads + at), f2 = L::load(heads + at + apart), s = L::load(heads + at + 3 * apart);
            const L of_s = (MODE == DEFAULT ? gi * (f2 - f1) : gi * f2) * sigma_slope<SIGMOID>(s);
            ((MODE == DEFAULT ? gi * (one - s) : gi) * sigma_slope<TANH>(f1)).store(d + at);
            (gi * s * sigma_slope<TANH>(f2)).store(d + at + apart);
            (of_s * dt).store(d + at + 2 * apart);
            of_s.store(d + at + 3 * apart);
            g_dt = fma(of_s, L::load(heads + at + 2 * apart), g_dt);
        }
        where_less(zero, keep, zero, given).store(g + at);
    }
    return g_dt;
}

// The 1 in front of a map's input and the zeros behind it.
template <typename Real, int B> INLINE void frame(const Map &map, Real *input) {
    using L = Lanes<Real, B>;
    L::splat(1).store(input);
    for (int j = 1 + map.inputs; j < map.columns; ++j) L::splat(0).store(input + j * L::count);
}

template <typename Real> struct SharedForward {
    Real *packed[MOST_MAPS];  // [b, W]
    SharedForward(Shelf &shelf, const Chain &n) {
        for (int m = 0; m < n.maps; ++m) packed[m] = shelf.take<Real>(std::size_t(n.map[m].rows) * (1 + n.map[m].inputs));
    }
};

template <typename Real> struct Forward {
    const Sequence<Real> &seq;
    const Cfc<Real> &cell;
    const Chain &n;
    const SharedForward<Real> &shared;

    template <int B> struct Arrays {
        Real *records;  // two, where nothing is saved
        Arrays(Shelf &shelf, const Chain &n) : records(shelf.take<Real>(std::size_t(2) * n.record * Lanes<Real, B>::count)) {}
    };

    template <int B> void rows(std::int64_t, std::int64_t row, std::int64_t end) {
        constexpr std::int64_t lanes = Lanes<Real, B>::count;
        Patience patience;
        for (; row < end; row += lanes) block<B>(patience, row, int(end - row < lanes ? end - row : lanes));
    }

    template <int B> void block(Patience &patience, std::int64_t row, int samples) {
        using L = Lanes<Real, B>;
        constexpr int lanes = L::count;
        Real *const own = seq.saved ? nullptr : on_scratch<Arrays<B>>(FOR_TASK, n).records;
        Real *const saved = static_cast<Real *>(seq.saved) + (seq.saved ? row * std::int64_t(n.saved()) : 0);
        const auto record = [&](std::int64_t t) { return seq.saved ? saved + t * n.record * lanes : own + t % 2 * n.record * lanes; };
        const int first_h = (1 + n.inputs) * lanes;
        load_rows<Real, B>(seq.h + row * n.units, n.units, samples, n.units, record(0) + first_h);
        if (seq.saved) std::memset(record(n.time), 0, sizeof(Real) * n.record * lanes);  // holds the last h alone
        for (std::int64_t t = 0; t < n.time; ++t) {
            patience.spend(n.operations());
            Real *const now = record(t), *const next = record(t + 1) + first_h;
            load_rows<Real, B>(seq.x + (row * n.time + t) * n.inputs, n.time * n.inputs, samples, n.inputs, now + lanes);
            for (int m = 0; m < n.maps; ++m) {
                const Map &map = n.map[m];
                frame<Real, B>(map, now + map.at * lanes);
                Real *const out = now + (m < n.maps - 1 ? n.map[m + 1].at + 1 : n.heads_at) * lanes;
                product<Real, B>(shared.packed[m], map.rows, 1 + map.inputs, now + map.at * lanes, out, false);
                if (m < n.maps - 1) activate<Real, B>(cell.activation, map.rows, out);
            }
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples);
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            Real *const heads = now + n.heads_at * lanes;
            if (cell.mode == DEFAULT) step<DEFAULT>(cell, n.units, dt, keep, now + first_h, heads, next);
            else if (cell.mode == NO_GATE) step<NO_GATE>(cell, n.units, dt, keep, now + first_h, heads, next);
            else step<PURE>(cell, n.units, dt, keep, now + first_h, heads, next);
            store_rows<Real, B>(next + seq.first * lanes, n.time * seq.outputs, samples, int(seq.outputs),
                                seq.y + (row * n.time + t) * seq.outputs);
        }
        store_rows<Real, B>(record(n.time) + first_h, n.units, samples, n.units, seq.last + row * n.units);
    }
};

template <typename Real> struct SharedBackward {
    Real *back[MOST_MAPS], *to_x;  // W^T packed, that of map 0 in two parts
    std::size_t sums_of[MOST_MAPS], sums_each;
    Real *sums;  // for each group: the gradients of [b, W] of each map by rows, of w_tau and of A
    SharedBackward(Shelf &shelf, const Chain &n, std::int64_t groups) : sums_each(0) {
        for (int m = 0; m < n.maps; ++m) {
            back[m] = shelf.take<Real>(std::size_t(m == 0 ? n.units : n.map[m].inputs) * n.map[m].rows);
            sums_of[m] = sums_each, sums_each += std::size_t(n.map[m].rows) * (1 + n.map[m].inputs);
        }
        to_x = shelf.take<Real>(std::size_t(n.inputs) * n.map[0].rows);
        sums_each += 2 * std::size_t(n.units);
        sums = shelf.take<Real>(groups * sums_each);
    }
};

template <typename Real> struct Backward {
    const Sequence<Real> &seq;
    const Cfc<Real> &cell;
    const SequenceGradients<Real> &given;
    const Chain &n;
    const SharedBackward<Real> &shared;

    template <int B> struct Arrays {
        Real *sums[MOST_MAPS], *d[MOST_MAPS];  // of outer(); the gradients of the maps' outputs over a chunk
        Real *g, *g_x, *g_y, *g_w_tau, *g_A;
        Arrays(Shelf &shelf, const Chain &n) {
            const std::size_t lanes = Lanes<Real, B>::count;
            for (int m = 0; m < n.maps; ++m) {
                sums[m] = shelf.take<Real>(outer_size<Real, B>(n.map[m].rows, n.map[m].columns));
                d[m] = shelf.take<Real>(CHUNK * lanes * round_up(n.map[m].rows, DOWN));
            }
            g = shelf.take<Real>(n.units * lanes), g_x = shelf.take<Real>(n.inputs * lanes), g_y = shelf.take<Real>(n.units * lanes);
            g_w_tau = shelf.take<Real>(n.units * lanes), g_A = shelf.take<Real>(n.units * lanes);
        }
    };

    template <int B> void rows(std::int64_t group, std::int64_t row, std::int64_t end) {
        constexpr std::int64_t lanes = Lanes<Real, B>::count;
        const Arrays<B> own = on_scratch<Arrays<B>>(FOR_TASK, n);
        for (int m = 0; m < n.maps; ++m) {
            std::memset(own.sums[m], 0, sizeof(Real) * outer_size<Real, B>(n.map[m].rows, n.map[m].columns));
            std::memset(own.d[m], 0, sizeof(Real) * CHUNK * lanes * round_up(n.map[m].rows, DOWN));
        }
        std::memset(own.g_w_tau, 0, sizeof(Real) * n.units * lanes);
        std::memset(own.g_A, 0, sizeof(Real) * n.units * lanes);
        Patience patience;
        for (; row < end; row += lanes) block<B>(own, patience, row, int(end - row < lanes ? end - row : lanes));

        Real *const sums = shared.sums + group * shared.sums_each;
        for (int m = 0; m < n.maps; ++m) {
            const std::size_t columns = 1 + n.map[m].inputs;
            collect<Real, B>(own.sums[m], n.map[m].rows, int(columns),
                             [&](int i, int j, Real sum) { sums[shared.sums_of[m] + i * columns + j] = sum; });
        }
        Real *const after = sums + shared.sums_each - 2 * n.units;
        for (int i = 0; i < n.units; ++i) {
            after[i] = sum_lanes(Lanes<Real, B>::load(own.g_w_tau + i * lanes));
            after[n.units + i] = sum_lanes(Lanes<Real, B>::load(own.g_A + i * lanes));
        }
    }

    template <int B> void block(const Arrays<B> &own, Patience &patience, std::int64_t row, int samples) {
        using L = Lanes<Real, B>;
        constexpr int lanes = L::count;
        const Real *const saved = static_cast<const Real *>(seq.saved) + row * std::int64_t(n.saved());
        if (given.last) load_rows<Real, B>(given.last + row * n.units, n.units, samples, n.units, own.g);
        else std::memset(own.g, 0, sizeof(Real) * n.units * lanes);
        for (std::int64_t t = n.time - 1; t >= 0; --t) {
            patience.spend(3 * n.operations());
            const Real *const now = saved + t * n.record * lanes, *const heads = now + n.heads_at * lanes;
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples);
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            if (given.y)
                add_rows<Real, B>(given.y + (row * n.time + t) * seq.outputs, n.time * seq.outputs, samples, int(seq.outputs), own.g_y,
                                  own.g + seq.first * lanes);
            const auto d = [&](int m) { return own.d[m] + (t % CHUNK) * round_up(n.map[m].rows, DOWN) * lanes; };
            Real *const of_heads = d(n.maps - 1);
            L g_dt;
            if (cell.mode == DEFAULT) g_dt = step_backward<DEFAULT>(cell, n.units, dt, keep, heads, own.g, of_heads, own.g_w_tau, own.g_A);
            else if (cell.mode == NO_GATE) g_dt = step_backward<NO_GATE>(cell, n.units, dt, keep, heads, own.g, of_heads, own.g_w_tau, own.g_A);
            else g_dt = step_backward<PURE>(cell, n.units, dt, keep, heads, own.g, of_heads, own.g_w_tau, own.g_A);
            for (int m = n.maps - 1; m > 0; --m) {
                product<Real, B>(shared.back[m], n.map[m].inputs, n.map[m].rows, d(m), d(m - 1), false);
                activate_backward<Real, B>(cell.activation, n.map[m].inputs, now + (n.map[m].at + 1) * lanes, d(m - 1));
            }
            product<Real, B>(shared.back[0], n.units, n.map[0].rows, d(0), own.g, true);
            if (given.x) {
                product<Real, B>(shared.to_x, n.inputs, n.map[0].rows, d(0), own.g_x, false);
                store_rows<Real, B>(own.g_x, n.time * n.inputs, samples, n.inputs, given.x + (row * n.time + t) * n.inputs);
            }
            if (given.dt) scatter(g_dt, given.dt + row * n.time + t, n.time, samples);
            if (t % CHUNK == 0) {
                const int waiting = int(n.time - t < CHUNK ? n.time - t : CHUNK);
                for (int m = 0; m < n.maps; ++m)
                    outer<Real, B>(own.d[m], round_up(n.map[m].rows, DOWN), now + n.map[m].at * lanes, n.record * lanes,
                                   n.map[m].columns, waiting, own.sums[m]);
            }
        }
        if (given.h) store_rows<Real, B>(own.g, n.units, samples, n.units, given.h + row * n.units);
    }
};

}  // namespace

template <typename Real> Real cfc_forward(const Sequence<Real> &seq, const Cfc<Real> &cell) {
    const Chain n(seq, cell);
    const Cut<Real> cut(seq.batch, EVERY_BLOCK);
    const auto shared = on_scratch<SharedForward<Real>>(FOR_CALL, n);
    for (int m = 0; m < n.maps; ++m)
        pack(n.map[m].rows, 1 + n.map[m].inputs,
             [&](int i, int j) { return j == 0 ? *bias(cell, n, m, i) : weights(cell, n, m, i)[j - 1]; }, shared.packed[m]);
    Forward<Real> work{seq, cell, n, shared};
    cut.run(seq.threads, work);
    return 0;
}

template <typename Real>
void cfc_backward(const Sequence<Real> &seq, const Cfc<Real> &cell, const SequenceGradients<Real> &given, const CfcGradients<Real> &wanted) {
    const Chain n(seq, cell);
    const Cut<Real> cut(seq.batch, MOST_SUMS);
    const auto shared = on_scratch<SharedBackward<Real>>(FOR_CALL, n, cut.groups);
    for (int m = 1; m < n.maps; ++m)
        pack(n.map[m].inputs, n.map[m].rows, [&](int i, int j) { return weights(cell, n, m, j)[i]; }, shared.back[m]);
    pack(n.units, n.map[0].rows, [&](int i, int j) { return weights(cell, n, 0, j)[n.inputs + i]; }, shared.back[0]);
    pack(n.inputs, n.map[0].rows, [&](int i, int j) { return weights(cell, n, 0, j)[i]; }, shared.to_x);
    Backward<Real> work{seq, cell, given, n, shared};
    cut.run(seq.threads, work);

    Real *const total = shared.sums;  // groups are added in their order, whoever computed them
    for (std::int64_t group = 1; group < cut.groups; ++group)
        for (std::size_t i = 0; i < shared.sums_each; ++i) total[i] += shared.sums[group * shared.sums_each + i];
    for (int m = 0; m < n.maps; ++m)
        for (int i = 0; i < n.map[m].rows; ++i) {
            const Real *const row = total + shared.sums_of[m] + std::size_t(i) * (1 + n.map[m].inputs);
            *bias(wanted, n, m, i) = row[0];
            std::memcpy(weights(wanted, n, m, i), row + 1, sizeof(Real) * n.map[m].inputs);
        }
    if (cell.mode == PURE) {
        std::memcpy(wanted.w_tau, total + shared.sums_each - 2 * n.units, sizeof(Real) * n.units);
        std::memcpy(wanted.A, total + shared.sums_each - n.units, sizeof(Real) * n.units);
    }
}

#define INSTANTIATE(REAL)                                                    \
    template REAL cfc_forward(const Sequence<REAL> &, const Cfc<REAL> &);    \
    template void cfc_backward(const Sequence<REAL> &, const Cfc<REAL> &, const SequenceGradients<REAL> &, const CfcGradients<REAL> &);
INSTANTIATE(float)
INSTANTIATE(double)

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
