// GRUODE over time, forward and backward: two maps in each evaluation, the second one behind the gate r.
//
//   r = sigmoid(.), rate = sigmoid(-.)   of [b, U, W]_rz [1, x, h]       g = tanh([b, U, W]_g [1, x, r h])
//   h' = h + a(dt rate) (g - h)
//
// Backward needs of an evaluation its two inputs, r, rate and g, which are saved together as its record.
#include "activations.h"
#include "batch.h"
#include "kernels.h"
#include "matrix.h"
#include "solvers.h"

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

constexpr int CHUNK = 16;           // evaluations whose weight gradients are summed at once
constexpr double SLOWEST = 1e-12;  // as in gruode.py

template <typename Real> struct Sizes {
    int inputs, units, columns, substeps;
    std::int64_t time, steps;
    Sizes(const Sequence<Real> &seq, const Gruode<Real> &cell)
        : inputs(int(seq.inputs)), units(int(seq.units)), columns(round_up(1 + inputs + units, ACROSS)), substeps(cell.substeps),
          time(seq.time), steps(seq.time * cell.substeps) {}
    std::int64_t operations() const { return std::int64_t(3) * units * (columns + 16); }  // of an evaluation
    std::size_t record() const { return std::size_t(2) * columns + 3 * units; }  // numbers a lane, as those below
    std::size_t saved() const { return (steps + 1) * record(); }
    std::size_t first_h() const { return 1 + inputs; }
    std::size_t gated() const { return columns; }        // [1, x, r h]
    std::size_t gates() const { return 2 * columns; }    // r, rate, g
};

// rates (H x lanes), from what the map gave for z
template <typename Real, int B> __attribute__((noinline)) void rates(int units, Real *rate) {
    using L = Lanes<Real, B>;
    for (int i = 0; i < units * L::count; i += L::count) at_least(sigmoid(-L::load(rate + i)), Real(SLOWEST)).store(rate + i);
}

template <int SOLVER, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> step(int units, const Real *h, const Real *rate, const Real *g, Lanes<Real, B> dt,
                                              Lanes<Real, B> keep, Real *next, Lanes<Real, B> longest) {
    using L = Lanes<Real, B>;
    for (int i = 0; i < units * L::count; i += L::count) {
        const L now = L::load(h + i), z = dt * L::load(rate + i);
        if (SOLVER == EULER) longest = where_less(longest, z, z, longest);
        where_less(L::splat(0), keep, lerp(now, L::load(g + i), weight<SOLVER>(z)), now).store(next + i);
    }
    return longest;
}

// of_h: in, the gradient of the next state; out, what goes directly to h. d_z and d_g: the gradients of what the maps gave.
template <int SOLVER, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> step_backward(int units, const Real *h, const Real *rate, const Real *g, Lanes<Real, B> dt,
                                                       Lanes<Real, B> keep, Real *of_h, Real *d_z, Real *d_g, Lanes<Real, B> of_dt) {
    using L = Lanes<Real, B>;
    const L zero = L::splat(0), one = L::splat(1);
    for (int i = 0; i < units * L::count; i += L::count) {
        const L given = L::load(of_h + i), moved = where_less(zero, keep, given, zero);
        const L ri = L::load(rate + i), gi = L::load(g + i), a = weight<SOLVER>(dt * ri);
        const L of_z = moved * (gi - L::load(h + i)) * weight_slope<SOLVER>(a);
        of_dt = fma(of_z, ri, of_dt);
        where_less(L::splat(Real(SLOWEST)), ri, -(of_z * dt) * sigma_slope<SIGMOID>(ri), zero).store(d_z + i);
        (moved * a * sigma_slope<TANH>(gi)).store(d_g + i);
        where_less(zero, keep, moved * (one - a), given).store(of_h + i);
    }
    return of_dt;
}

template <typename Real, int B> struct Steps {
    using L = Lanes<Real, B>;
    L (*forward)(int, const Real *, const Real *, const Real *, L, L, Real *, L);
    L (*backward)(int, const Real *, const Real *, const Real *, L, L, Real *, Real *, Real *, L);
    explicit Steps(Solver solver) {
        if (solver == SEMI_IMPLICIT) forward = step<SEMI_IMPLICIT, Real, B>, backward = step_backward<SEMI_IMPLICIT, Real, B>;
        else if (solver == EULER) forward = step<EULER, Real, B>, backward = step_backward<EULER, Real, B>;
        else forward = step<EXPONENTIAL, Real, B>, backward = step_backward<EXPONENTIAL, Real, B>;
    }
};

template <typename Real> struct Shared {
    Real *to_rz, *to_g, *longest;  // [b, U, W] packed
    Shared(Shelf &shelf, const Sizes<Real> &n, std::int64_t groups) {
        const std::size_t columns = 1 + n.inputs + n.units;
        to_rz = shelf.take<Real>(2 * n.units * columns), to_g = shelf.take<Real>(n.units * columns);
        longest = shelf.take<Real>(groups);
    }
};

template <typename Real> struct Forward {
    const Sequence<Real> &seq;
    const Gruode<Real> &cell;
    const Sizes<Real> n;
    const Shared<Real> &shared;

    template <int B> struct Arrays {
        Real *records;  // two, where nothing is saved
        Arrays(Shelf &shelf, const Sizes<Real> &n) : records(shelf.take<Real>(2 * n.record() * Lanes<Real, B>::count)) {}
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
        const Steps<Real, B> steps(cell.solver);
        Real *const own = seq.saved ? nullptr : on_scratch<Arrays<B>>(FOR_TASK, n).records;
        Real *const saved = static_cast<Real *>(seq.saved) + (seq.saved ? row * std::int64_t(n.saved()) : 0);
        const std::size_t record = n.record() * lanes, each = std::size_t(n.units) * lanes, first_h = n.first_h() * lanes;
        const auto record_of = [&](std::int64_t k) { return seq.saved ? saved + k * record : own + k % 2 * record; };
        L longest = L::splat(0);
        load_rows<Real, B>(seq.h + row * n.units, n.units, samples, n.units, record_of(0) + first_h);
        if (seq.saved) std::memset(record_of(n.steps), 0, sizeof(Real) * record);  // holds the last h alone
        for (std::int64_t t = 0, k = 0; t < n.time; ++t) {
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples) / L::splat(Real(n.substeps));
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            for (int s = 0; s < n.substeps; ++s, ++k) {
                patience.spend(n.operations());
                Real *const z = record_of(k), *const gated = z + n.gated() * lanes, *const r = z + n.gates() * lanes;
                L::splat(1).store(z);
                load_rows<Real, B>(seq.x + (row * n.time + t) * n.inputs, n.time * n.inputs, samples, n.inputs, z + lanes);
                for (int j = 1 + n.inputs + n.units; j < n.columns; ++j) L::splat(0).store(z + j * lanes);
                product<Real, B>(shared.to_rz, 2 * n.units, 1 + n.inputs + n.units, z, r, false);
                activate<Real, B>(SIGMOID, n.units, r);
                rates<Real, B>(n.units, r + each);
                std::memcpy(gated, z, sizeof(Real) * n.columns * lanes);
                for (std::size_t i = 0; i < each; i += lanes)
                    (L::load(r + i) * L::load(z + first_h + i)).store(gated + first_h + i);
                product<Real, B>(shared.to_g, n.units, 1 + n.inputs + n.units, gated, r + 2 * each, false);
                activate<Real, B>(TANH, n.units, r + 2 * each);
                longest = steps.forward(n.units, z + first_h, r + each, r + 2 * each, dt, keep, record_of(k + 1) + first_h, longest);
            }
            store_rows<Real, B>(record_of(k) + first_h + seq.first * lanes, n.time * seq.outputs, samples, int(seq.outputs),
                                seq.y + (row * n.time + t) * seq.outputs);
        }
        store_rows<Real, B>(record_of(n.steps) + first_h, n.units, samples, n.units, seq.last + row * n.units);
        Real lane[lanes], most = 0;
        longest.store(lane);
        for (Real one : lane) most = one > most ? one : most;
        return most;
    }
};

template <typename Real> struct SharedBackward {
    Real *rz_to_h, *g_to_h, *rz_to_x, *g_to_x;  // transposed and packed
    Real *sums;                                 // for each group: the gradient of [b, U, W] by rows
    std::size_t sums_each;
    SharedBackward(Shelf &shelf, const Sizes<Real> &n, std::int64_t groups) {
        const std::size_t units = n.units, inputs = n.inputs;
        rz_to_h = shelf.take<Real>(2 * units * units), g_to_h = shelf.take<Real>(units * units);
        rz_to_x = shelf.take<Real>(2 * units * inputs), g_to_x = shelf.take<Real>(units * inputs);
        sums_each = 3 * units * (1 + inputs + units);
        sums = shelf.take<Real>(groups * sums_each);
    }
};

template <typename Real> struct Backward {
    const Sequence<Real> &seq;
    const Gruode<Real> &cell;
    const SequenceGradients<Real> &given;
    const Sizes<Real> n;
    const SharedBackward<Real> &shared;

    template <int B> struct Arrays {
        Real *rz_sums, *g_sums, *d_rz, *d_g, *g, *g_y, *g_x, *g_gated;
        Arrays(Shelf &shelf, const Sizes<Real> &n) {
            const std::size_t lanes = Lanes<Real, B>::count, each = n.units * lanes;
            rz_sums = shelf.take<Real>(outer_size<Real, B>(2 * n.units, n.columns));
            g_sums = shelf.take<Real>(outer_size<Real, B>(n.units, n.columns));
            d_rz = shelf.take<Real>(CHUNK * lanes * round_up(2 * n.units, DOWN));
            d_g = shelf.take<Real>(CHUNK * lanes * round_up(n.units, DOWN));
            g = shelf.take<Real>(each), g_y = shelf.take<Real>(each), g_x = shelf.take<Real>(n.inputs * lanes);
            g_gated = shelf.take<Real>(each);
        }
    };

    template <int B> void rows(std::int64_t group, std::int64_t row, std::int64_t end) {
        constexpr std::int64_t lanes = Lanes<Real, B>::count;
        const Arrays<B> own = on_scratch<Arrays<B>>(FOR_TASK, n);
        std::memset(own.rz_sums, 0, sizeof(Real) * outer_size<Real, B>(2 * n.units, n.columns));
        std::memset(own.g_sums, 0, sizeof(Real) * outer_size<Real, B>(n.units, n.columns));
        std::memset(own.d_rz, 0, sizeof(Real) * CHUNK * lanes * round_up(2 * n.units, DOWN));
        std::memset(own.d_g, 0, sizeof(Real) * CHUNK * lanes * round_up(n.units, DOWN));
        Patience patience;
        for (; row < end; row += lanes) block<B>(own, patience, row, int(end - row < lanes ? end - row : lanes));
        const std::size_t columns = 1 + n.inputs + n.units;
        Real *const sums = shared.sums + group * shared.sums_each;
        collect<Real, B>(own.rz_sums, 2 * n.units, int(columns), [&](int i, int j, Real sum) { sums[i * columns + j] = sum; });
        Real *const after = sums + 2 * n.units * columns;
        collect<Real, B>(own.g_sums, n.units, int(columns), [&](int i, int j, Real sum) { after[i * columns + j] = sum; });
    }

    template <int B> void block(const Arrays<B> &own, Patience &patience, std::int64_t row, int samples) {
        using L = Lanes<Real, B>;
        constexpr int lanes = L::count;
        const Steps<Real, B> steps(cell.solver);
        const Real *const saved = static_cast<const Real *>(seq.saved) + row * std::int64_t(n.saved());
        const std::size_t record = n.record() * lanes, each = std::size_t(n.units) * lanes, first_h = n.first_h() * lanes;
        const int tall = round_up(2 * n.units, DOWN), low = round_up(n.units, DOWN);
        if (given.last) load_rows<Real, B>(given.last + row * n.units, n.units, samples, n.units, own.g);
        else std::memset(own.g, 0, sizeof(Real) * each);
        for (std::int64_t t = n.time - 1, k = n.steps; t >= 0; --t) {
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples) / L::splat(Real(n.substeps));
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            if (given.y)
                add_rows<Real, B>(given.y + (row * n.time + t) * seq.outputs, n.time * seq.outputs, samples, int(seq.outputs), own.g_y,
                                  own.g + seq.first * lanes);
            L g_dt = L::splat(0);
            for (int s = n.substeps - 1; s >= 0; --s) {
                --k, patience.spend(3 * n.operations());
                const Real *const z = saved + k * record, *const h = z + first_h, *const r = z + n.gates() * lanes;
                Real *const d_r = own.d_rz + (k % CHUNK) * tall * lanes, *const d_g = own.d_g + (k % CHUNK) * low * lanes;
                g_dt = steps.backward(n.units, h, r + each, r + 2 * each, dt, keep, own.g, d_r + each, d_g, g_dt);
                product<Real, B>(shared.g_to_h, n.units, n.units, d_g, own.g_gated, false);
                for (std::size_t i = 0; i < each; i += lanes) {
                    const L ri = L::load(r + i), of_gated = L::load(own.g_gated + i);
                    (of_gated * L::load(h + i) * sigma_slope<SIGMOID>(ri)).store(d_r + i);
                    fma(of_gated, ri, L::load(own.g + i)).store(own.g + i);
                }
                product<Real, B>(shared.rz_to_h, n.units, 2 * n.units, d_r, own.g, true);
                if (given.x) {
                    product<Real, B>(shared.rz_to_x, n.inputs, 2 * n.units, d_r, own.g_x, s < n.substeps - 1);
                    product<Real, B>(shared.g_to_x, n.inputs, n.units, d_g, own.g_x, true);
                }
                if (k % CHUNK == 0) {
                    const int waiting = int(n.steps - k < CHUNK ? n.steps - k : CHUNK);
                    outer<Real, B>(own.d_rz, tall, z, record, n.columns, waiting, own.rz_sums);
                    outer<Real, B>(own.d_g, low, z + n.gated() * lanes, record, n.columns, waiting, own.g_sums);
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

template <typename Real> Real gruode_forward(const Sequence<Real> &seq, const Gruode<Real> &cell) {
    const Sizes<Real> n(seq, cell);
    const Cut<Real> cut(seq.batch, EVERY_BLOCK);
    const auto shared = on_scratch<Shared<Real>>(FOR_CALL, n, cut.groups);
    const auto row = [&](std::size_t i, int j) {
        return j == 0 ? cell.b[i] : j <= n.inputs ? cell.U[i * n.inputs + j - 1] : cell.W[i * n.units + j - 1 - n.inputs];
    };
    pack(2 * n.units, 1 + n.inputs + n.units, [&](int i, int j) { return row(i, j); }, shared.to_rz);
    pack(n.units, 1 + n.inputs + n.units, [&](int i, int j) { return row(2 * n.units + i, j); }, shared.to_g);
    Forward<Real> work{seq, cell, n, shared};
    cut.run(seq.threads, work);
    Real longest = 0;
    for (std::int64_t i = 0; i < cut.groups; ++i) longest = shared.longest[i] > longest ? shared.longest[i] : longest;
    return longest;
}

template <typename Real>
void gruode_backward(const Sequence<Real> &seq, const Gruode<Real> &cell, const SequenceGradients<Real> &given,
                     const GruodeGradients<Real> &wanted) {
    const Sizes<Real> n(seq, cell);
    const Cut<Real> cut(seq.batch, MOST_SUMS);
    const auto shared = on_scratch<SharedBackward<Real>>(FOR_CALL, n, cut.groups);
    const std::size_t units = n.units, inputs = n.inputs;
    pack(n.units, 2 * n.units, [&](int i, int j) { return cell.W[j * units + i]; }, shared.rz_to_h);
    pack(n.units, n.units, [&](int i, int j) { return cell.W[(2 * units + j) * units + i]; }, shared.g_to_h);
    pack(n.inputs, 2 * n.units, [&](int i, int j) { return cell.U[j * inputs + i]; }, shared.rz_to_x);
    pack(n.inputs, n.units, [&](int i, int j) { return cell.U[(2 * units + j) * inputs + i]; }, shared.g_to_x);
    Backward<Real> work{seq, cell, given, n, shared};
    cut.run(seq.threads, work);

    Real *const total = shared.sums;  // groups are added in their order, whoever computed them
    for (std::int64_t group = 1; group < cut.groups; ++group)
        for (std::size_t i = 0; i < shared.sums_each; ++i) total[i] += shared.sums[group * shared.sums_each + i];
    for (std::size_t i = 0; i < 3 * units; ++i) {
        const Real *const row = total + i * (1 + inputs + units);
        wanted.b[i] = row[0];
        std::memcpy(wanted.U + i * inputs, row + 1, sizeof(Real) * inputs);
        std::memcpy(wanted.W + i * units, row + 1 + inputs, sizeof(Real) * units);
    }
}

#define INSTANTIATE(REAL)                                                         \
    template REAL gruode_forward(const Sequence<REAL> &, const Gruode<REAL> &);   \
    template void gruode_backward(const Sequence<REAL> &, const Gruode<REAL> &, const SequenceGradients<REAL> &, const GruodeGradients<REAL> &);
INSTANTIATE(float)
INSTANTIATE(double)

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
