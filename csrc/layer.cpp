// CTRNN and GatedLTC over time, forward and backward: one layer f = sigma(W h + U x + b) that drives a leak.
//
// A step reads z = [1, x, h] (1 + I + H numbers x lanes) and multiplies it by the packed [b, U, W]. What backward needs of a step
// is z and f, so that is what is saved, and the next h is written where the next z wants it. Backward in time,
//
//   q = drive / rate, a = a(dt rate), g the gradient of h' = h + a (q - h):
//   of h directly   g (1 - a)
//   of drive        g a / rate
//   of z = dt rate  g (q - h) a'(z),  which goes to rate (times dt) and dt (times rate)
//   of rate         the former, less g a q / rate
//   of the layer    d = (gradient of f) sigma';  W^T d goes to h, U^T d to x, and d z^T is summed over 32 steps at a time
#include "activations.h"
#include "batch.h"
#include "matrix.h"
#include "solvers.h"
#include "kernels.h"

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

constexpr int CHUNK = 32;  // steps whose weight gradients are summed at once: d and z of a tile stay in the L1 cache

template <typename Real> struct Sizes {
    int inputs, units, columns, substeps;
    std::int64_t time, steps;  // samples, and evaluations of the layer
    Sizes(const Sequence<Real> &seq, const Layer<Real> &cell)
        : inputs(int(seq.inputs)), units(int(seq.units)), columns(round_up(1 + inputs + units, ACROSS)), substeps(cell.substeps),
          time(seq.time), steps(seq.time * cell.substeps) {}
    std::size_t saved() const { return std::size_t(steps) * (columns + units) + columns; }  // numbers per lane
    std::int64_t operations() const { return std::int64_t(units) * (columns + 16); }  // of an evaluation
};

// z of all steps, then f of all steps, in the saved memory of the block that starts at `row`.
template <typename Real> Real *saved_block(void *saved, const Sizes<Real> &n, std::int64_t row) {
    return static_cast<Real *>(saved) + row * std::int64_t(n.saved());
}

// The two leaks. rate, reciprocal, A: one number a neuron; a: the weights (H x lanes) of the last gap, where they depend on
// nothing else.
template <typename Real, int B> struct CtrnnLeak {
    using L = Lanes<Real, B>;
    static constexpr bool own_weight = false;
    static INLINE void evaluate(L f, Real rate, Real reciprocal, Real, L &fall, L &inverse, L &q) {
        fall = L::splat(rate), inverse = L::splat(reciprocal);
        q = f * inverse;
    }
    static INLINE L backward(L, Real, Real, L, L g_drive, L, L &) { return g_drive; }
};
template <typename Real, int B> struct GatedLeak {
    using L = Lanes<Real, B>;
    static constexpr bool own_weight = true;
    static INLINE void evaluate(L f, Real rate, Real, Real A, L &fall, L &inverse, L &q) {
        fall = L::splat(rate) + f;
        inverse = L::splat(1) / fall;
        q = f * L::splat(A) * inverse;
    }
    // The gradient of f; that of A is added to g_A. The slope of q = f A / (rate + f) is A rate / (rate + f)^2, which goes to zero for
    // large f; A / (rate + f) less q / (rate + f) would leave the rounding of both.
    static INLINE L backward(L f, Real rate, Real A, L inverse, L g_drive, L g_fall, L &g_A) {
        g_A = fma(g_drive, f, g_A);
        return fma(g_drive * inverse, A * rate, g_fall);
    }
};

template <typename Real> struct Units {
    int n;
    const Real *rate, *reciprocal, *A;
};

// a (H x lanes) of this gap, for the leak whose rate never changes
template <int SOLVER, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> fixed_weights(const Units<Real> &units, Lanes<Real, B> dt, Real *a, Lanes<Real, B> longest) {
    for (int i = 0; i < units.n; ++i) {
        const auto z = dt * Lanes<Real, B>::splat(units.rate[i]);
        longest = where_less(longest, z, z, longest);
        weight<SOLVER>(z).store(a + i * dt.count);
    }
    return longest;
}

template <template <typename, int> class Leak, int SOLVER, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> step(const Units<Real> &units, const Real *f, const Real *h, const Real *a, Lanes<Real, B> dt,
                                              Lanes<Real, B> keep, Real *next, Lanes<Real, B> longest) {
    using L = Lanes<Real, B>;
    for (int i = 0; i < units.n; ++i) {
        const L now = L::load(h + i * L::count);
        L rate, inverse, q;
        Leak<Real, B>::evaluate(L::load(f + i * L::count), units.rate[i], units.reciprocal[i], units.A[i], rate, inverse, q);
        L move = L::load(a + i * L::count);
        if (Leak<Real, B>::own_weight) {
            const L z = dt * rate;
            longest = where_less(longest, z, z, longest);
            move = weight<SOLVER>(z);
        }
        where_less(L::splat(0), keep, lerp(now, q, move), now).store(next + i * L::count);
    }
    return longest;
}

// g: in, the gradient of the next state; out, what goes directly to h. d: the gradient of f. Returns that of dt, added to g_dt.
template <template <typename, int> class Leak, int SOLVER, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> step_backward(const Units<Real> &units, const Real *f, const Real *h, const Real *a,
                                                       Lanes<Real, B> dt, Lanes<Real, B> keep, Real *g, Real *d, Real *g_rate,
                                                       Real *g_A, Lanes<Real, B> g_dt) {
    using L = Lanes<Real, B>;
    const L zero = L::splat(0), one = L::splat(1);
    for (int i = 0; i < units.n; ++i) {
        const int at = i * L::count;
        const L fi = L::load(f + at), given = L::load(g + at);
        const L moved = where_less(zero, keep, given, zero);
        L rate, inverse, q;
        Leak<Real, B>::evaluate(fi, units.rate[i], units.reciprocal[i], units.A[i], rate, inverse, q);
        const L ai = Leak<Real, B>::own_weight ? weight<SOLVER>(dt * rate) : L::load(a + at);
        const L g_drive = moved * ai * inverse;
        const L g_z = moved * (q - L::load(h + at)) * weight_slope<SOLVER>(ai);
        const L of_fall = g_z * dt, of_rate = fma(-g_drive, q, of_fall);
        g_dt = fma(g_z, rate, g_dt);
        L of_A = L::load(g_A + at);
        Leak<Real, B>::backward(fi, units.rate[i], units.A[i], inverse, g_drive, of_fall, of_A).store(d + at);
        of_A.store(g_A + at);
        (L::load(g_rate + at) + of_rate).store(g_rate + at);
        where_less(zero, keep, moved * (one - ai), given).store(g + at);
    }
    return g_dt;
}

// The calls above for the leak and solver at hand, looked up once a block.
template <typename Real, int B> struct Steps {
    using L = Lanes<Real, B>;
    L (*fixed)(const Units<Real> &, L, Real *, L);
    L (*forward)(const Units<Real> &, const Real *, const Real *, const Real *, L, L, Real *, L);
    L (*backward)(const Units<Real> &, const Real *, const Real *, const Real *, L, L, Real *, Real *, Real *, Real *, L);
    template <int S> void set(bool gated) {
        fixed = gated ? nullptr : fixed_weights<S, Real, B>;
        forward = gated ? step<GatedLeak, S, Real, B> : step<CtrnnLeak, S, Real, B>;
        backward = gated ? step_backward<GatedLeak, S, Real, B> : step_backward<CtrnnLeak, S, Real, B>;
    }
    explicit Steps(const Layer<Real> &cell) {
        const bool gated = cell.A != nullptr;
        if (cell.solver == EXPONENTIAL) set<EXPONENTIAL>(gated);
        else if (cell.solver == SEMI_IMPLICIT) set<SEMI_IMPLICIT>(gated);
        else set<EULER>(gated);
    }
};


// What all blocks of a call share.
template <typename Real> struct Shared {
    Real *matrix, *reciprocal, *A, *longest;  // [b, U, W] packed
    Shared(Shelf &shelf, const Sizes<Real> &n, std::int64_t groups)
        : matrix(shelf.take<Real>(std::size_t(n.units) * (1 + n.inputs + n.units))), reciprocal(shelf.take<Real>(n.units)),
          A(shelf.take<Real>(n.units)), longest(shelf.take<Real>(groups)) {}
};

template <typename Real> Units<Real> fill_units(const Layer<Real> &cell, int n, Real *reciprocal, Real *A) {
    for (int i = 0; i < n; ++i) reciprocal[i] = reciprocal_of(cell.rate[i], cell.activation), A[i] = cell.A ? cell.A[i] : Real(0);
    return {n, cell.rate, reciprocal, A};
}

template <typename Real> struct Forward {
    const Sequence<Real> &seq;
    const Layer<Real> &cell;
    const Sizes<Real> n;
    const Shared<Real> shared;
    const Units<Real> units;

    template <int B> struct Arrays {
        Real *z, *f, *a;  // z and f of the present and the next step, where nothing is saved; the weights of a fixed rate
        Arrays(Shelf &shelf, const Sizes<Real> &n, bool saved)
            : z(shelf.take<Real>(saved ? 0 : std::size_t(2) * n.columns * Lanes<Real, B>::count)),
              f(shelf.take<Real>(saved ? 0 : std::size_t(n.units) * Lanes<Real, B>::count)),
              a(shelf.take<Real>(std::size_t(n.units) * Lanes<Real, B>::count)) {}
    };

    template <int B> void rows(std::int64_t group, std::int64_t row, std::int64_t end) {
        constexpr std::int64_t lanes = Lanes<Real, B>::count;
        Patience patience;
        shared.longest[group] = 0;
        for (; row < end; row += lanes) {
            const Real longest = block<B>(patience, row, int(end - row < lanes ? end - row : lanes));
            if (longest > shared.longest[group]) shared.longest[group] = longest;
        }
    }

    template <int B> Real block(Patience &patience, std::int64_t row, int samples) {
        using L = Lanes<Real, B>;
        constexpr int lanes = L::count;
        const Arrays<B> own = on_scratch<Arrays<B>>(FOR_TASK, n, seq.saved != nullptr);
        const Steps<Real, B> steps(cell);
        Real *const saved = seq.saved ? saved_block(seq.saved, n, row) : nullptr;
        const auto z_of = [&](std::int64_t k) { return saved ? saved + k * n.columns * lanes : own.z + (k % 2) * n.columns * lanes; };
        const auto f_of = [&](std::int64_t k) { return saved ? saved + ((n.steps + 1) * n.columns + k * n.units) * lanes : own.f; };
        const int first_h = (1 + n.inputs) * lanes;
        L longest = L::splat(0), last_dt = L::splat(-1);
        load_rows<Real, B>(seq.h + row * n.units, n.units, samples, n.units, z_of(0) + first_h);
        for (std::int64_t t = 0, k = 0; t < n.time; ++t) {
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples) / L::splat(Real(n.substeps));
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            if (steps.fixed && !equal(dt, last_dt)) longest = steps.fixed(units, dt, own.a, longest);
            last_dt = dt;
            for (int s = 0; s < n.substeps; ++s, ++k) {
                patience.spend(n.operations());
                Real *const z = z_of(k), *const f = f_of(k);
                around_h<B>(z);
                load_rows<Real, B>(seq.x + (row * n.time + t) * n.inputs, n.time * n.inputs, samples, n.inputs, z + lanes);
                product<Real, B>(shared.matrix, n.units, 1 + n.inputs + n.units, z, f, false);
                activate<Real, B>(cell.activation, n.units, f);
                longest = steps.forward(units, f, z + first_h, own.a, dt, keep, z_of(k + 1) + first_h, longest);
            }
            store_rows<Real, B>(z_of(k) + first_h + seq.first * lanes, n.time * seq.outputs, samples, int(seq.outputs),
                                seq.y + (row * n.time + t) * seq.outputs);
        }
        around_h<B>(z_of(n.steps));
        store_rows<Real, B>(z_of(n.steps) + first_h, n.units, samples, n.units, seq.last + row * n.units);
        Real each[lanes], most = 0;
        longest.store(each);
        for (Real one : each) most = one > most ? one : most;
        return cell.solver == EULER ? most : Real(0);
    }

    // z = [1, x, h, padding]: the one, and zeros elsewhere but for h
    template <int B> INLINE void around_h(Real *z) {
        using L = Lanes<Real, B>;
        L::splat(1).store(z);
        for (int j = 1; j < n.columns; ++j)
            if (j <= n.inputs || j > n.inputs + n.units) L::splat(0).store(z + j * L::count);
    }
};

template <typename Real> struct SharedBackward {
    Real *to_h, *to_x, *reciprocal, *A;  // W^T and U^T packed
    Real *sums;                          // for each group: the gradients of [b, U, W] by rows, of rate and of A
    std::size_t sums_each;
    SharedBackward(Shelf &shelf, const Sizes<Real> &n, std::int64_t groups)
        : to_h(shelf.take<Real>(std::size_t(n.units) * n.units)), to_x(shelf.take<Real>(std::size_t(n.inputs) * n.units)),
          reciprocal(shelf.take<Real>(n.units)), A(shelf.take<Real>(n.units)),
          sums(shelf.take<Real>(groups * (std::size_t(n.units) * (n.inputs + n.units + 3)))),
          sums_each(std::size_t(n.units) * (n.inputs + n.units + 3)) {}
};

template <typename Real> struct Backward {
    const Sequence<Real> &seq;
    const Layer<Real> &cell;
    const SequenceGradients<Real> &given;
    const Sizes<Real> n;
    const SharedBackward<Real> shared;
    const Units<Real> units;

    template <int B> struct Arrays {
        Real *sums, *g_rate, *g_A;  // of outer(); (H x lanes) each
        Real *d, *g, *g_x, *g_y, *a;
        Arrays(Shelf &shelf, const Sizes<Real> &n)
            : sums(shelf.take<Real>(outer_size<Real, B>(n.units, n.columns))), g_rate(shelf.take<Real>(units(n))),
              g_A(shelf.take<Real>(units(n))),
              d(shelf.take<Real>(std::size_t(CHUNK) * round_up(n.units, DOWN) * Lanes<Real, B>::count)), g(shelf.take<Real>(units(n))),
              g_x(shelf.take<Real>(std::size_t(n.inputs) * Lanes<Real, B>::count)), g_y(shelf.take<Real>(units(n))),
              a(shelf.take<Real>(units(n))) {}
        static std::size_t units(const Sizes<Real> &n) { return std::size_t(n.units) * Lanes<Real, B>::count; }
    };

    template <int B> void rows(std::int64_t group, std::int64_t row, std::int64_t end) {
        constexpr std::int64_t lanes = Lanes<Real, B>::count;
        const Arrays<B> own = on_scratch<Arrays<B>>(FOR_TASK, n);
        std::memset(own.sums, 0, sizeof(Real) * outer_size<Real, B>(n.units, n.columns));
        std::memset(own.g_rate, 0, sizeof(Real) * Arrays<B>::units(n));
        std::memset(own.g_A, 0, sizeof(Real) * Arrays<B>::units(n));
        std::memset(own.d, 0, sizeof(Real) * CHUNK * round_up(n.units, DOWN) * lanes);
        Patience patience;
        for (; row < end; row += lanes) block<B>(own, patience, row, int(end - row < lanes ? end - row : lanes));

        const int columns = 1 + n.inputs + n.units;
        Real *const sums = shared.sums + group * shared.sums_each;
        collect<Real, B>(own.sums, n.units, columns, [&](int i, int j, Real sum) { sums[std::size_t(i) * columns + j] = sum; });
        for (int i = 0; i < n.units; ++i) {
            Real *const after = sums + std::size_t(n.units) * columns;
            after[i] = sum_lanes(Lanes<Real, B>::load(own.g_rate + i * lanes));
            after[n.units + i] = sum_lanes(Lanes<Real, B>::load(own.g_A + i * lanes));
        }
    }

    template <int B> void block(const Arrays<B> &own, Patience &patience, std::int64_t row, int samples) {
        using L = Lanes<Real, B>;
        constexpr int lanes = L::count;
        const Steps<Real, B> steps(cell);
        const Real *const z0 = saved_block(seq.saved, n, row), *const f0 = z0 + (n.steps + 1) * n.columns * lanes;
        const int height = round_up(n.units, DOWN) * lanes;
        L last_dt = L::splat(-1);
        if (given.last) load_rows<Real, B>(given.last + row * n.units, n.units, samples, n.units, own.g);
        else std::memset(own.g, 0, sizeof(Real) * n.units * lanes);
        for (std::int64_t t = n.time - 1, k = n.steps; t >= 0; --t) {
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples) / L::splat(Real(n.substeps));
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            if (steps.fixed && !equal(dt, last_dt)) steps.fixed(units, dt, own.a, L::splat(0));
            last_dt = dt;
            if (given.y) {
                add_rows<Real, B>(given.y + (row * n.time + t) * seq.outputs, n.time * seq.outputs, samples, int(seq.outputs),
                                  own.g_y, own.g + seq.first * lanes);
            }
            L g_dt = L::splat(0);
            for (int s = n.substeps - 1; s >= 0; --s) {
                --k, patience.spend(3 * n.operations());
                const Real *const z = z0 + k * n.columns * lanes, *const f = f0 + k * n.units * lanes;
                Real *const d = own.d + (k % CHUNK) * height;
                g_dt = steps.backward(units, f, z + (1 + n.inputs) * lanes, own.a, dt, keep, own.g, d, own.g_rate, own.g_A, g_dt);
                activate_backward<Real, B>(cell.activation, n.units, f, d);
                product<Real, B>(shared.to_h, n.units, n.units, d, own.g, true);
                if (given.x) product<Real, B>(shared.to_x, n.inputs, n.units, d, own.g_x, s < n.substeps - 1);
                if (k % CHUNK == 0) {
                    const int waiting = int(n.steps - k < CHUNK ? n.steps - k : CHUNK);
                    outer<Real, B>(own.d, round_up(n.units, DOWN), z, n.columns * lanes, n.columns, waiting, own.sums);
                }
            }
            if (given.x)
                store_rows<Real, B>(own.g_x, n.time * n.inputs, samples, n.inputs, given.x + (row * n.time + t) * n.inputs);
            if (given.dt) scatter(g_dt / L::splat(Real(n.substeps)), given.dt + row * n.time + t, n.time, samples);
        }
        if (given.h) store_rows<Real, B>(own.g, n.units, samples, n.units, given.h + row * n.units);
    }
};

}  // namespace

template <typename Real> Real layer_forward(const Sequence<Real> &seq, const Layer<Real> &cell) {
    const Sizes<Real> n(seq, cell);
    const Cut<Real> cut(seq.batch, EVERY_BLOCK);
    const auto shared = on_scratch<Shared<Real>>(FOR_CALL, n, cut.groups);
    pack(n.units, 1 + n.inputs + n.units, [&](int i, int j) {
        return j == 0 ? cell.b[i] : j <= n.inputs ? cell.U[std::size_t(i) * n.inputs + j - 1] : cell.W[std::size_t(i) * n.units + j - 1 - n.inputs];
    }, shared.matrix);
    Forward<Real> work{seq, cell, n, shared, fill_units(cell, n.units, shared.reciprocal, shared.A)};
    cut.run(seq.threads, work);
    Real longest = 0;
    for (std::int64_t i = 0; i < cut.groups; ++i) longest = shared.longest[i] > longest ? shared.longest[i] : longest;
    return longest;
}

template <typename Real>
void layer_backward(const Sequence<Real> &seq, const Layer<Real> &cell, const SequenceGradients<Real> &given,
                    const LayerGradients<Real> &wanted) {
    const Sizes<Real> n(seq, cell);
    const Cut<Real> cut(seq.batch, MOST_SUMS);
    const auto shared = on_scratch<SharedBackward<Real>>(FOR_CALL, n, cut.groups);
    pack(n.units, n.units, [&](int i, int j) { return cell.W[std::size_t(j) * n.units + i]; }, shared.to_h);
    pack(n.inputs, n.units, [&](int i, int j) { return cell.U[std::size_t(j) * n.inputs + i]; }, shared.to_x);
    Backward<Real> work{seq, cell, given, n, shared, fill_units(cell, n.units, shared.reciprocal, shared.A)};
    cut.run(seq.threads, work);

    Real *const total = shared.sums;  // groups are added in their order, whoever computed them
    for (std::int64_t group = 1; group < cut.groups; ++group)
        for (std::size_t i = 0; i < shared.sums_each; ++i) total[i] += shared.sums[group * shared.sums_each + i];
    const std::size_t columns = 1 + n.inputs + n.units;
    for (int i = 0; i < n.units; ++i) {
        const Real *const row = total + i * columns;
        wanted.b[i] = row[0];
        std::memcpy(wanted.U + std::size_t(i) * n.inputs, row + 1, sizeof(Real) * n.inputs);
        std::memcpy(wanted.W + std::size_t(i) * n.units, row + 1 + n.inputs, sizeof(Real) * n.units);
        wanted.rate[i] = total[n.units * columns + i];
        if (wanted.A) wanted.A[i] = total[n.units * columns + n.units + i];
    }
}

#define INSTANTIATE(REAL)                                                                            \
    template REAL layer_forward(const Sequence<REAL> &, const Layer<REAL> &);                        \
    template void layer_backward(const Sequence<REAL> &, const Layer<REAL> &, const SequenceGradients<REAL> &, const LayerGradients<REAL> &);
INSTANTIATE(float)
INSTANTIATE(double)

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
