// LTC over time, forward and backward. The synapses stand in a list by target neuron, so dense and sparse networks are the same
// code and the work follows the number of synapses.
//
// A synapse from i to j is open by o = sigmoid(sigma (v_i - mu)) = 1 / (1 + 2^t), t = slope (v_i - mu), and gives neuron j the
// conductance w o and the current w erev o. An evaluation adds these up to `conductance` and `current`; then
//
//   q = current / conductance,  z = dt conductance elastance,  v' = v + a(z) (q - v)
//
// Sensory synapses are added up once a sample. For the midpoint, v' of half the gap is evaluated again and v moves from where it was.
//
// Saved for backward is v before each sample alone. Backward walks through the sample again, notes v, current, conductance and all
// openings of its evaluations in work memory, and returns through them. To save current and conductance of every evaluation instead
// spares no sigmoid, since the openings would have to be computed again anyhow, and writes 13 times as much memory for six
// evaluations: it was no faster. With g the gradients of current and conductance of the target, the openings pass on
// g_t = (g_conductance + g_current erev) w o (1 - o), and each synapse adds up four numbers: (g_conductance + g_current erev) o,
// g_current o, g_t (v - mu) and g_t.
#include "batch.h"
#include "kernels.h"
#include "matrix.h"
#include "solvers.h"

#include <type_traits>

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

constexpr double LN2 = 0.69314718055994530942;

// The synapses of one kind, packed.
template <typename Real> struct List {
    struct One {
        Real slope, mu, w, pull, erev;  // slope = -sigma / ln 2, pull = w erev
    };
    int sources, targets, count;
    One *synapse;
    std::int32_t *source, *first;  // the target's are first[j] .. first[j+1] - 1

    static int count_of(const Synapses<Real> &all, std::size_t places) {
        int count = 0;
        for (std::size_t i = 0; i < places; ++i) count += all.exists[i] != 0;
        return count;
    }
    List(Shelf &shelf, const Synapses<Real> &all, int sources_, int targets_)
        : sources(sources_), targets(targets_), count(count_of(all, std::size_t(sources_) * targets_)), synapse(shelf.take<One>(count)),
          source(shelf.take<std::int32_t>(count)), first(shelf.take<std::int32_t>(targets_ + 1)) {
        if (!shelf.start) return;
        int k = 0;
        for (int j = 0; j < targets; ++j) {
            first[j] = k;
            for (int i = 0; i < sources; ++i) {
                const std::size_t at = std::size_t(i) * targets + j;
                if (!all.exists[at]) continue;
                synapse[k] = {-all.sigma[at] / Real(LN2), all.mu[at], all.w[at], all.w[at] * all.erev[at], all.erev[at]};
                source[k++] = i;
            }
        }
        first[targets] = k;
    }
};

// current and conductance (targets x lanes) += what the synapses give at v (sources x lanes); openings (synapses x lanes): noted
// where wanted
template <bool NOTE, typename Real, int B>
__attribute__((noinline)) void listen(const List<Real> list, const Real *v, Real *current, Real *conductance, Real *openings) {
    using L = Lanes<Real, B>;
    for (int j = 0; j < list.targets; ++j) {
        L sum_current = L::load(current + j * L::count), sum_conductance = L::load(conductance + j * L::count);
        const auto hear = [&](auto several, int k) __attribute__((always_inline)) {
            constexpr int M = decltype(several)::value;
            L open[M];
#pragma GCC unroll 4
            for (int m = 0; m < M; ++m) {
                const auto &s = list.synapse[k + m];
                open[m] = (L::load(v + list.source[k + m] * L::count) - L::splat(s.mu)) * L::splat(s.slope);
            }
            sigmoid2(open);
#pragma GCC unroll 4
            for (int m = 0; m < M; ++m) {
                if (NOTE) open[m].store(openings + std::ptrdiff_t(k + m) * L::count);
                sum_current = fma(open[m], list.synapse[k + m].pull, sum_current);
                sum_conductance = fma(open[m], list.synapse[k + m].w, sum_conductance);
            }
        };
        const int end = list.first[j + 1];
        int k = list.first[j];
        for (; k + TOGETHER <= end; k += TOGETHER) hear(std::integral_constant<int, TOGETHER>(), k);
        for (; k < end; ++k) hear(std::integral_constant<int, 1>(), k);
        sum_current.store(current + j * L::count);
        sum_conductance.store(conductance + j * L::count);
    }
}

// g_v (sources x lanes) += the gradient of v times -1 / ln 2; sums: the four of each synapse
template <typename Real, int B>
__attribute__((noinline)) void listen_backward(const List<Real> list, const Real *v, const Real *openings, const Real *g_current,
                                               const Real *g_conductance, Real *g_v, Real *sums) {
    using L = Lanes<Real, B>;
    for (int j = 0; j < list.targets; ++j) {
        const L of_current = L::load(g_current + j * L::count), of_conductance = L::load(g_conductance + j * L::count);
        for (int k = list.first[j]; k < list.first[j + 1]; ++k, sums += 4 * parts<Real, B>) {
            const auto &s = list.synapse[k];
            const int from = list.source[k] * L::count;
            const L open = L::load(openings + std::ptrdiff_t(k) * L::count);
            const L of_w = fma(of_current, s.erev, of_conductance) * open;
            const L g_t = of_w * fma(-open, s.w, L::splat(s.w));
            fma(g_t, s.slope, L::load(g_v + from)).store(g_v + from);
            add_sums(of_w, of_current * open, g_t * (L::load(v + from) - L::splat(s.mu)), g_t, sums);
        }
    }
}

template <typename Real> struct Sizes {
    int inputs, units, substeps, stages, evaluations;  // of a sample
    std::int64_t time;
    Sizes(const Sequence<Real> &seq, const Ltc<Real> &cell)
        : inputs(int(seq.inputs)), units(int(seq.units)), substeps(cell.substeps), stages(cell.solver == EXPONENTIAL_MIDPOINT ? 2 : 1),
          evaluations(substeps * stages), time(seq.time) {}
    std::size_t saved() const { return std::size_t(time) * units; }  // numbers a lane
};

// next (H x lanes) = base moved towards q
template <int SOLVER, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> move(int units, const Real *elastance, const Real *current, const Real *conductance,
                                              Lanes<Real, B> dt, Lanes<Real, B> keep, const Real *base, Real *next,
                                              Lanes<Real, B> longest) {
    using L = Lanes<Real, B>;
    for (int j = 0; j < units; ++j) {
        const int at = j * L::count;
        const L v = L::load(base + at), total = L::load(conductance + at);
        const L z = dt * (total * L::splat(elastance[j]));
        if (SOLVER == EULER) longest = where_less(longest, z, z, longest);
        const L moved = lerp(v, L::load(current + at) / total, weight<SOLVER>(z));
        where_less(L::splat(0), keep, moved, v).store(next + at);
    }
    return longest;
}

// g: the gradient of `next`; g_base: what goes directly to base, added to what is there. Returns that of dt, added to g_dt.
template <int SOLVER, typename Real, int B>
__attribute__((noinline)) Lanes<Real, B> move_backward(int units, const Real *elastance, const Real *current, const Real *conductance,
                                                       Lanes<Real, B> dt, Lanes<Real, B> keep, const Real *base, const Real *g,
                                                       Real *g_base, Real *g_current, Real *g_conductance, Real *g_elastance,
                                                       Lanes<Real, B> g_dt) {
    using L = Lanes<Real, B>;
    const L zero = L::splat(0), one = L::splat(1);
    for (int j = 0; j < units; ++j) {
        const int at = j * L::count;
        const L given = L::load(g + at), gi = where_less(zero, keep, given, zero);
        const L total = L::load(conductance + at), inverse = one / total, q = L::load(current + at) * inverse;
        const L rate = total * L::splat(elastance[j]), a = weight<SOLVER>(dt * rate);
        const L of_current = gi * a * inverse;
        const L g_z = gi * (q - L::load(base + at)) * weight_slope<SOLVER>(a);
        const L of_rate = g_z * dt;
        g_dt = fma(g_z, rate, g_dt);
        of_current.store(g_current + at);
        fma(of_rate, elastance[j], -of_current * q).store(g_conductance + at);
        fma(of_rate, total, L::load(g_elastance + at)).store(g_elastance + at);
        (L::load(g_base + at) + where_less(zero, keep, gi * (one - a), given)).store(g_base + at);
    }
    return g_dt;
}

template <typename Real, int B> struct Moves {
    using L = Lanes<Real, B>;
    L (*forward)(int, const Real *, const Real *, const Real *, L, L, const Real *, Real *, L);
    L (*backward)(int, const Real *, const Real *, const Real *, L, L, const Real *, const Real *, Real *, Real *, Real *, Real *, L);
    explicit Moves(Solver solver) {
        if (solver == SEMI_IMPLICIT) forward = move<SEMI_IMPLICIT, Real, B>, backward = move_backward<SEMI_IMPLICIT, Real, B>;
        else if (solver == EULER) forward = move<EULER, Real, B>, backward = move_backward<EULER, Real, B>;
        else forward = move<EXPONENTIAL, Real, B>, backward = move_backward<EXPONENTIAL, Real, B>;
    }
};

template <typename Real> struct Shared {
    List<Real> sensory, inner;
    Real *longest;
    Shared(Shelf &shelf, const Ltc<Real> &cell, const Sizes<Real> &n, std::int64_t groups)
        : sensory(shelf, cell.sensory, n.inputs, n.units), inner(shelf, cell.inner, n.units, n.units), longest(shelf.take<Real>(groups)) {}
};

// What a sample's evaluations start from: the leak, and the sensory synapses at x (I x lanes).
template <typename Real, int B>
INLINE void sense(const Ltc<Real> &cell, const List<Real> &sensory, int units, const Real *x, Real *current, Real *conductance,
                  Real *openings) {
    using L = Lanes<Real, B>;
    for (int j = 0; j < units; ++j) {
        L::splat(cell.current[j]).store(current + j * L::count);
        L::splat(cell.conductance[j]).store(conductance + j * L::count);
    }
    if (openings) listen<true, Real, B>(sensory, x, current, conductance, openings);
    else listen<false, Real, B>(sensory, x, current, conductance, nullptr);
}

// A sample's evaluations: e hears at v[e] and moves the v that its substep began with to v[e + 1]. v has one more than current and
// conductance, all H x lanes.
template <typename Real, int B> struct Walk {
    using L = Lanes<Real, B>;
    const Ltc<Real> &cell;
    const List<Real> &inner;
    const Sizes<Real> &n;
    const Moves<Real, B> moves;
    const std::size_t each;
    const std::int64_t operations;  // of an evaluation
    Walk(const Ltc<Real> &cell_, const List<Real> &inner_, const Sizes<Real> &n_)
        : cell(cell_), inner(inner_), n(n_), moves(cell_.solver), each(std::size_t(n_.units) * L::count),
          operations(std::int64_t(16) * (inner_.count + n_.units)) {}

    // v[1] and on from v[0] and the sensory sums; openings: of all evaluations, noted where wanted
    INLINE L forward(Patience &patience, const Real *sensory_current, const Real *sensory_conductance, L dt, L keep, Real *v, Real *current, Real *conductance,
                     Real *openings, L longest) const {
        const auto evaluate = [&](int e, const Real *base, L gap, L moving) {
            patience.spend(operations);
            Real *const heard = current + e * each, *const total = conductance + e * each;
            std::memcpy(heard, sensory_current, sizeof(Real) * each);
            std::memcpy(total, sensory_conductance, sizeof(Real) * each);
            if (openings)
                listen<true, Real, B>(inner, v + e * each, heard, total, openings + std::size_t(e) * inner.count * L::count);
            else
                listen<false, Real, B>(inner, v + e * each, heard, total, nullptr);
            longest = moves.forward(n.units, cell.elastance, heard, total, gap, moving, base, v + (e + 1) * each, longest);
        };
        for (int s = 0, e = 0; s < n.substeps; ++s, e += n.stages) {
            const Real *const base = v + e * each;
            if (n.stages == 2) evaluate(e, base, dt / L::splat(2), L::splat(1));
            evaluate(e + n.stages - 1, base, dt, keep);
        }
        return longest;
    }
};

template <typename Real> struct Forward {
    const Sequence<Real> &seq;
    const Ltc<Real> &cell;
    const Sizes<Real> n;
    const Shared<Real> &shared;

    template <int B> struct Arrays {
        Real *x, *v, *current, *conductance, *sensory_current, *sensory_conductance;
        Arrays(Shelf &shelf, const Sizes<Real> &n) {
            const std::size_t lanes = Lanes<Real, B>::count, each = n.units * lanes;
            x = shelf.take<Real>(n.inputs * lanes), v = shelf.take<Real>((n.evaluations + 1) * each);
            current = shelf.take<Real>(n.evaluations * each), conductance = shelf.take<Real>(n.evaluations * each);
            sensory_current = shelf.take<Real>(each), sensory_conductance = shelf.take<Real>(each);
        }
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
        const Arrays<B> own = on_scratch<Arrays<B>>(FOR_TASK, n);
        const Walk<Real, B> walk(cell, shared.inner, n);
        const std::size_t bytes = sizeof(Real) * walk.each;
        Real *const saved = static_cast<Real *>(seq.saved) + (seq.saved ? row * std::int64_t(n.saved()) : 0);
        Real *const end = own.v + n.evaluations * walk.each;
        L longest = L::splat(0);
        load_rows<Real, B>(seq.h + row * n.units, n.units, samples, n.units, own.v);
        for (std::int64_t t = 0; t < n.time; ++t) {
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples) / L::splat(Real(n.substeps));
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            load_rows<Real, B>(seq.x + (row * n.time + t) * n.inputs, n.time * n.inputs, samples, n.inputs, own.x);
            patience.spend(std::int64_t(16) * shared.sensory.count);
            sense<Real, B>(cell, shared.sensory, n.units, own.x, own.sensory_current, own.sensory_conductance, nullptr);
            if (seq.saved) std::memcpy(saved + t * walk.each, own.v, bytes);
            longest = walk.forward(patience, own.sensory_current, own.sensory_conductance, dt, keep, own.v, own.current, own.conductance, nullptr, longest);
            std::memcpy(own.v, end, bytes);
            store_rows<Real, B>(own.v + seq.first * lanes, n.time * seq.outputs, samples, int(seq.outputs),
                                seq.y + (row * n.time + t) * seq.outputs);
        }
        store_rows<Real, B>(own.v, n.units, samples, n.units, seq.last + row * n.units);
        Real lane[lanes], most = 0;
        longest.store(lane);
        for (Real one : lane) most = one > most ? one : most;
        return most;
    }
};

template <typename Real> struct SharedBackward {
    List<Real> sensory, inner;
    std::size_t sums_each;
    Real *sums;  // for each group: four for each sensory and each other synapse; then of current, conductance, elastance
    SharedBackward(Shelf &shelf, const Ltc<Real> &cell, const Sizes<Real> &n, std::int64_t groups)
        : sensory(shelf, cell.sensory, n.inputs, n.units), inner(shelf, cell.inner, n.units, n.units),
          sums_each(4 * (std::size_t(sensory.count) + inner.count) + 3 * n.units), sums(shelf.take<Real>(groups * sums_each)) {}
};

template <typename Real> struct Backward {
    const Sequence<Real> &seq;
    const Ltc<Real> &cell;
    const SequenceGradients<Real> &given;
    const Sizes<Real> n;
    const SharedBackward<Real> &shared;

    template <int B> struct Arrays {
        Real *sums, *of_current, *of_conductance, *of_elastance;  // over all steps
        std::size_t all;                                          // of these
        Real *g, *g_base, *g_half, *g_v, *g_y, *x, *g_x;
        Real *g_current, *g_conductance, *step_current, *step_conductance;  // of an evaluation, and summed over a sample's
        Real *v, *current, *conductance, *openings;                         // of each of a sample's evaluations; v also at its end
        Real *sensory_current, *sensory_conductance, *sensory_openings;
        Arrays(Shelf &shelf, const SharedBackward<Real> &shared, const Sizes<Real> &n) {
            const std::size_t lanes = Lanes<Real, B>::count, each = n.units * lanes;
            sums = shelf.take<Real>(std::size_t(4) * parts<Real, B> * (shared.sensory.count + shared.inner.count));
            of_current = shelf.take<Real>(each), of_conductance = shelf.take<Real>(each), of_elastance = shelf.take<Real>(each);
            all = shelf.used;
            g = shelf.take<Real>(each), g_base = shelf.take<Real>(each), g_half = shelf.take<Real>(each);
            g_v = shelf.take<Real>(each), g_y = shelf.take<Real>(each);
            x = shelf.take<Real>(n.inputs * lanes), g_x = shelf.take<Real>(n.inputs * lanes);
            g_current = shelf.take<Real>(each), g_conductance = shelf.take<Real>(each);
            step_current = shelf.take<Real>(each), step_conductance = shelf.take<Real>(each);
            v = shelf.take<Real>((n.evaluations + 1) * each);
            current = shelf.take<Real>(n.evaluations * each), conductance = shelf.take<Real>(n.evaluations * each);
            openings = shelf.take<Real>(n.evaluations * lanes * shared.inner.count);
            sensory_current = shelf.take<Real>(each), sensory_conductance = shelf.take<Real>(each);
            sensory_openings = shelf.take<Real>(lanes * shared.sensory.count);
        }
    };

    template <int B> void rows(std::int64_t group, std::int64_t row, std::int64_t end) {
        constexpr std::int64_t lanes = Lanes<Real, B>::count;
        const Arrays<B> own = on_scratch<Arrays<B>>(FOR_TASK, shared, n);
        std::memset(own.sums, 0, own.all);
        Patience patience;
        for (; row < end; row += lanes) block<B>(own, patience, row, int(end - row < lanes ? end - row : lanes));

        Real *sums = shared.sums + group * shared.sums_each;
        const std::size_t four = 4 * (std::size_t(shared.sensory.count) + shared.inner.count);
        for (std::size_t i = 0; i < four; ++i) {
            Real total = 0;
            for (int part = 0; part < parts<Real, B>; ++part) total += own.sums[i * parts<Real, B> + part];
            *sums++ = total;
        }
        const Real *const arrays[] = {own.of_current, own.of_conductance, own.of_elastance};
        for (const Real *array : arrays)
            for (int j = 0; j < n.units; ++j) *sums++ = sum_lanes(Lanes<Real, B>::load(array + j * lanes));
    }

    template <int B> void block(const Arrays<B> &own, Patience &patience, std::int64_t row, int samples) {
        using L = Lanes<Real, B>;
        constexpr int lanes = L::count;
        const Walk<Real, B> walk(cell, shared.inner, n);
        const std::size_t each = walk.each, bytes = sizeof(Real) * each;
        const std::size_t noted = std::size_t(shared.inner.count) * lanes;
        const Real *const saved = static_cast<const Real *>(seq.saved) + row * std::int64_t(n.saved());
        Real *const inner_sums = own.sums + std::size_t(4) * parts<Real, B> * shared.sensory.count;
        // The gradient g of what evaluation e moved base to: added to g_base directly, and by way of v to g_v. Returns that of dt.
        const auto evaluate_backward = [&](int e, const Real *base, L dt, L keep, const Real *g, Real *g_base, Real *g_v) {
            patience.spend(walk.operations);
            const L g_dt = walk.moves.backward(n.units, cell.elastance, own.current + e * each, own.conductance + e * each, dt, keep, base,
                                               g, g_base, own.g_current, own.g_conductance, own.of_elastance, L::splat(0));
            add<B>(own.g_current, own.step_current), add<B>(own.g_conductance, own.step_conductance);
            std::memset(own.g_v, 0, bytes);
            listen_backward<Real, B>(shared.inner, own.v + e * each, own.openings + e * noted, own.g_current, own.g_conductance, own.g_v, inner_sums);
            for (std::size_t i = 0; i < each; i += lanes)
                fma(L::load(own.g_v + i), Real(-LN2), L::load(g_v + i)).store(g_v + i);
            return g_dt;
        };
        if (given.last) load_rows<Real, B>(given.last + row * n.units, n.units, samples, n.units, own.g);
        else std::memset(own.g, 0, bytes);
        for (std::int64_t t = n.time - 1; t >= 0; --t) {
            const L dt = gather<Real, B>(seq.dt + row * n.time + t, n.time, samples) / L::splat(Real(n.substeps));
            const L keep = gather_keep<Real, B>(seq.keep ? seq.keep + row * n.time + t : nullptr, n.time, samples);
            if (given.y)
                add_rows<Real, B>(given.y + (row * n.time + t) * seq.outputs, n.time * seq.outputs, samples, int(seq.outputs), own.g_y,
                                  own.g + seq.first * lanes);
            load_rows<Real, B>(seq.x + (row * n.time + t) * n.inputs, n.time * n.inputs, samples, n.inputs, own.x);
            patience.spend(std::int64_t(16) * shared.sensory.count);
            sense<Real, B>(cell, shared.sensory, n.units, own.x, own.sensory_current, own.sensory_conductance, own.sensory_openings);
            std::memcpy(own.v, saved + t * each, bytes);
            walk.forward(patience, own.sensory_current, own.sensory_conductance, dt, keep, own.v, own.current, own.conductance, own.openings, L::splat(0));

            std::memset(own.step_current, 0, bytes), std::memset(own.step_conductance, 0, bytes);
            L of_dt = L::splat(0);
            for (int s = n.substeps - 1; s >= 0; --s) {
                const int e = s * n.stages;
                const Real *const base = own.v + e * each;
                std::memset(own.g_base, 0, bytes);
                if (n.stages == 1) {
                    of_dt = of_dt + evaluate_backward(e, base, dt, keep, own.g, own.g_base, own.g_base);
                } else {
                    std::memset(own.g_half, 0, bytes);
                    of_dt = of_dt + evaluate_backward(e + 1, base, dt, keep, own.g, own.g_base, own.g_half);
                    const L half = dt / L::splat(2);
                    of_dt = fma(evaluate_backward(e, base, half, L::splat(1), own.g_half, own.g_base, own.g_base), Real(0.5), of_dt);
                }
                std::memcpy(own.g, own.g_base, bytes);
            }
            add<B>(own.step_current, own.of_current), add<B>(own.step_conductance, own.of_conductance);
            std::memset(own.g_x, 0, sizeof(Real) * n.inputs * lanes);
            listen_backward<Real, B>(shared.sensory, own.x, own.sensory_openings, own.step_current, own.step_conductance, own.g_x, own.sums);
            if (given.x) {
                for (int i = 0; i < n.inputs * lanes; i += lanes) (L::load(own.g_x + i) * L::splat(Real(-LN2))).store(own.g_x + i);
                store_rows<Real, B>(own.g_x, n.time * n.inputs, samples, n.inputs, given.x + (row * n.time + t) * n.inputs);
            }
            if (given.dt) scatter(of_dt / L::splat(Real(n.substeps)), given.dt + row * n.time + t, n.time, samples);
        }
        if (given.h) store_rows<Real, B>(own.g, n.units, samples, n.units, given.h + row * n.units);
    }

    template <int B> INLINE void add(const Real *from, Real *to) {
        using L = Lanes<Real, B>;
        for (int i = 0; i < n.units * L::count; i += L::count) (L::load(to + i) + L::load(from + i)).store(to + i);
    }
};

// From the four sums of each synapse to the gradients of its parameters.
template <typename Real>
const Real *spread(const List<Real> &list, const Synapses<Real> &all, const Real *sums, const SynapsesGradients<Real> &wanted) {
    const std::size_t bytes = sizeof(Real) * list.sources * list.targets;
    Real *const arrays[] = {wanted.w, wanted.sigma, wanted.mu, wanted.erev};
    for (Real *array : arrays) std::memset(array, 0, bytes);
    for (int j = 0; j < list.targets; ++j)
        for (int k = list.first[j]; k < list.first[j + 1]; ++k, sums += 4) {
            const std::size_t at = std::size_t(list.source[k]) * list.targets + j;
            wanted.w[at] = sums[0];
            wanted.erev[at] = all.w[at] * sums[1];
            wanted.sigma[at] = sums[2];
            wanted.mu[at] = -all.sigma[at] * sums[3];
        }
    return sums;
}

}  // namespace

template <typename Real> Real ltc_forward(const Sequence<Real> &seq, const Ltc<Real> &cell) {
    const Sizes<Real> n(seq, cell);
    const Cut<Real> cut(seq.batch, EVERY_BLOCK);
    const auto shared = on_scratch<Shared<Real>>(FOR_CALL, cell, n, cut.groups);
    Forward<Real> work{seq, cell, n, shared};
    cut.run(seq.threads, work);
    Real longest = 0;
    for (std::int64_t i = 0; i < cut.groups; ++i) longest = shared.longest[i] > longest ? shared.longest[i] : longest;
    return longest;
}

template <typename Real>
void ltc_backward(const Sequence<Real> &seq, const Ltc<Real> &cell, const SequenceGradients<Real> &given, const LtcGradients<Real> &wanted) {
    const Sizes<Real> n(seq, cell);
    const Cut<Real> cut(seq.batch, MOST_SUMS);
    const auto shared = on_scratch<SharedBackward<Real>>(FOR_CALL, cell, n, cut.groups);
    Backward<Real> work{seq, cell, given, n, shared};
    cut.run(seq.threads, work);

    Real *const total = shared.sums;  // groups are added in their order, whoever computed them
    for (std::int64_t group = 1; group < cut.groups; ++group)
        for (std::size_t i = 0; i < shared.sums_each; ++i) total[i] += shared.sums[group * shared.sums_each + i];
    const Real *rest = spread(shared.sensory, cell.sensory, total, wanted.sensory);
    rest = spread(shared.inner, cell.inner, rest, wanted.inner);
    Real *const arrays[] = {wanted.current, wanted.conductance, wanted.elastance};
    for (Real *array : arrays) {
        std::memcpy(array, rest, sizeof(Real) * n.units);
        rest += n.units;
    }
}

#define INSTANTIATE(REAL)                                                    \
    template REAL ltc_forward(const Sequence<REAL> &, const Ltc<REAL> &);    \
    template void ltc_backward(const Sequence<REAL> &, const Ltc<REAL> &, const SequenceGradients<REAL> &, const LtcGradients<REAL> &);
INSTANTIATE(float)
INSTANTIATE(double)

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
