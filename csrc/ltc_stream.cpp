// LTC one sample at a time; the equations are those of ltc.cpp.
//
// The synapses stand in slots: slot k of a block holds the k-th synapse of each of its neurons. Neurons are sorted by how many synapses
// they have, so that those of a block have about as many and the work follows the number of synapses. In a dense network all
// lanes of a slot hear the same source, which is then read once.
//
// A neuron that has fewer synapses than its block has slots listens to empty ones, whose w and pull are -0: adding open * -0 changes no
// number, not even the sign of a zero.
#include "kernels.h"
#include "neurons.h"
#include "solvers.h"

#include <utility>

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

constexpr double LN2 = 0.69314718055994530942;

template <typename Real> COLD int count_synapses(const Synapses<Real> &all, int sources, int targets, int j) {
    int count = 0;
    for (int i = 0; i < sources; ++i) count += all.exists[std::size_t(i) * targets + j] != 0;
    return count;
}

// neuron[p]: who stands at place p; the neurons with the most synapses come first, equals in their own order.
template <typename Real> struct Order {
    std::int32_t *const neuron, *const place;

    COLD Order(int inputs, int units, const Ltc<Real> &cell) : neuron(new std::int32_t[3 * std::size_t(units)]), place(neuron + units) {
        std::int32_t *const weight = place + units;
        for (int j = 0; j < units; ++j) {
            weight[j] = count_synapses(cell.inner, units, units, j) * (inputs + 1) + count_synapses(cell.sensory, inputs, units, j);
            int p = j;
            for (; p > 0 && weight[neuron[p - 1]] < weight[j]; --p) neuron[p] = neuron[p - 1];
            neuron[p] = j;
        }
        for (int p = 0; p < units; ++p) place[neuron[p]] = p;
    }
    ~Order() { delete[] neuron; }
    Order(const Order &) = delete;
};

template <typename Real> struct Slots {
    static constexpr int count = Neurons<Real>::count;
    struct Slot {
        Real mu[count], slope[count], w[count], pull[count];  // slope = -sigma / ln 2, pull = w erev
        std::int32_t source[count];
    };
    struct Block {
        std::int32_t slots, shared;  // shared: all lanes of each slot hear the same source
    };
    int blocks;
    Block *block;
    Slot *slot;

    // place: where a source stands in what is heard; null where it stands in its own place
    COLD Slots(Shelf &shelf, const Synapses<Real> &all, int sources, int targets, const std::int32_t *neuron, const std::int32_t *place)
        : blocks(blocks_of<Real>(targets)), block(shelf.take<Block>(blocks)) {
        std::size_t total = 0;
        for (int g = 0; g < blocks; ++g) {
            int most = 0;
            for (int p = g * count; p < (g + 1) * count && p < targets; ++p) {
                const int own = count_synapses(all, sources, targets, neuron[p]);
                most = own > most ? own : most;
            }
            if (block) block[g] = {most, 1};
            total += most;
        }
        slot = shelf.take<Slot>(total);
        if (!slot) return;
        Slot *first = slot;
        for (int g = 0; g < blocks; first += block[g++].slots)
            for (int lane = 0; lane < count; ++lane) {
                const int p = g * count + lane, j = neuron[p < targets ? p : targets - 1];
                int k = 0;
                for (int i = 0; i < sources; ++i) {
                    const std::size_t at = std::size_t(i) * targets + j;
                    if (!all.exists[at]) continue;
                    Slot &s = first[k++];
                    s.mu[lane] = all.mu[at], s.slope[lane] = -all.sigma[at] / Real(LN2);
                    s.w[lane] = all.w[at], s.pull[lane] = all.w[at] * all.erev[at];
                    s.source[lane] = place ? place[i] : i;
                    if (s.source[lane] != s.source[0]) block[g].shared = 0;
                }
                for (; k < block[g].slots; ++k) {
                    Slot &s = first[k];
                    s.mu[lane] = s.slope[lane] = 0, s.w[lane] = s.pull[lane] = Real(-0.0);
                    s.source[lane] = lane ? s.source[0] : 0;
                }
            }
    }
};

template <typename V, typename Real, std::size_t... I> INLINE V pick(const Real *v, const std::int32_t *at, std::index_sequence<I...>) {
    return V{v[at[I]]...};
}
template <typename Real> INLINE Neurons<Real> pick(const Real *v, const std::int32_t *at) {
    using L = Neurons<Real>;
    constexpr int width = L::WIDTH / sizeof(Real);
    L a;
#pragma GCC unroll 4
    for (int n = 0; n < L::N; ++n) a.v[n] = pick<typename L::V>(v, at + n * width, std::make_index_sequence<width>());
    return a;
}

// M slots from `slot` on
template <bool SHARED, int M, typename Real>
INLINE void hear(const typename Slots<Real>::Slot *slot, const Real *v, Neurons<Real> &current, Neurons<Real> &conductance) {
    using L = Neurons<Real>;
    L open[M];
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) {
        const L from = SHARED ? L::splat(v[slot[m].source[0]]) : pick(v, slot[m].source);
        open[m] = (from - L::load(slot[m].mu)) * L::load(slot[m].slope);
    }
    sigmoid2(open);
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) {
        current = fma(open[m], L::load(slot[m].pull), current);
        conductance = fma(open[m], L::load(slot[m].w), conductance);
    }
}

template <bool SHARED, typename Real>
INLINE void hear_all(const typename Slots<Real>::Slot *slot, int slots, const Real *v, Neurons<Real> &current, Neurons<Real> &conductance) {
    constexpr int M = 4;  // as TOGETHER, with one register each
    int k = 0;
    for (; k + M <= slots; k += M) hear<SHARED, M, Real>(slot + k, v, current, conductance);
    for (; k < slots; ++k) hear<SHARED, 1, Real>(slot + k, v, current, conductance);
}

// current and conductance (H) = those that were there before, and what the synapses give at v
template <typename Real>
__attribute__((noinline)) void listen(const Slots<Real> &all, const Real *v, const Real *current_before, const Real *conductance_before,
                                      Real *current, Real *conductance) {
    using L = Neurons<Real>;
    const auto *slot = all.slot;
    for (int g = 0; g < all.blocks; ++g) {
        const int at = g * L::count, slots = all.block[g].slots;
        L sum_current = L::load(current_before + at), sum_conductance = L::load(conductance_before + at);
        if (all.block[g].shared) hear_all<true>(slot, slots, v, sum_current, sum_conductance);
        else hear_all<false>(slot, slots, v, sum_current, sum_conductance);
        sum_current.store(current + at), sum_conductance.store(conductance + at);
        slot += slots;
    }
}

// next = base moved towards current / conductance
template <int SOLVER, typename Real>
__attribute__((noinline)) Real move(int lanes, const Real *elastance, const Real *current, const Real *conductance, Real dt, const Real *base,
                                    Real *next) {
    using L = Neurons<Real>;
    L longest = L::splat(0);
    for (int i = 0; i < lanes; i += L::count) {
        const L total = L::load(conductance + i), z = L::splat(dt) * (total * L::load(elastance + i));
        if (SOLVER == EULER) longest = where_less(longest, z, z, longest);
        lerp(L::load(base + i), L::load(current + i) / total, weight<SOLVER>(z)).store(next + i);
    }
    return SOLVER == EULER ? largest<Real>(longest) : Real(0);
}

template <typename Real> struct PackedLtc {
    int lanes, substeps;
    bool midpoint;
    std::int32_t *place;
    const Real *leak_current, *leak_conductance, *elastance;
    Slots<Real> sensory, inner;
    std::size_t work;
    Real (*move_to)(int, const Real *, const Real *, const Real *, Real, const Real *, Real *);

    static std::int32_t *places(Shelf &shelf, int units, const Order<Real> &order) {
        std::int32_t *const place = shelf.take<std::int32_t>(units);
        for (int i = 0; place && i < units; ++i) place[i] = order.place[i];
        return place;
    }
    PackedLtc(Shelf &shelf, int inputs, int units, const Ltc<Real> &cell) : PackedLtc(shelf, inputs, units, cell, Order<Real>(inputs, units, cell)) {}
    PackedLtc(Shelf &shelf, int inputs, int units, const Ltc<Real> &cell, const Order<Real> &order)
        : lanes(lanes_of<Real>(units)), substeps(cell.substeps), midpoint(cell.solver == EXPONENTIAL_MIDPOINT),
          place(places(shelf, units, order)), leak_current(pack_vector(shelf, units, cell.current, order.neuron)),
          leak_conductance(pack_vector(shelf, units, cell.conductance, order.neuron)), elastance(pack_vector(shelf, units, cell.elastance, order.neuron)),
          sensory(shelf, cell.sensory, inputs, units, order.neuron, nullptr),
          inner(shelf, cell.inner, units, units, order.neuron, order.place), work(5 * std::size_t(lanes)),
          move_to(cell.solver == SEMI_IMPLICIT ? move<SEMI_IMPLICIT, Real> : cell.solver == EULER ? move<EULER, Real> : move<EXPONENTIAL, Real>) {}

    // work: current and conductance of leak and sensory synapses, of all; the state in the middle of the gap
    Moved<Real> step(const Real *x, Real dt, const Real *h, Real *next, Real *own) const {
        Real *const sensed = own, *const heard = own + 2 * lanes, *const half = own + 4 * lanes;
        Real longest = 0;
        dt = dt / Real(substeps);
        const auto evaluate = [&](const Real *v, Real gap, const Real *base, Real *to) {
            listen(inner, v, sensed, sensed + lanes, heard, heard + lanes);
            const Real z = move_to(lanes, elastance, heard, heard + lanes, gap, base, to);
            longest = z > longest ? z : longest;
        };
        listen(sensory, x, leak_current, leak_conductance, sensed, sensed + lanes);
        for (int s = 0; s < substeps; ++s, h = next)
            if (midpoint) {
                evaluate(h, dt / Real(2), h, half);
                evaluate(half, dt, h, next);
            } else {
                evaluate(h, dt, h, next);
            }
        return {longest, all_finite(lanes / Neurons<Real>::count, next)};
    }
};

}  // namespace

template <typename Real> StreamCell<Real> ltc_stream(int inputs, int units, const Ltc<Real> &cell, void *memory) {
    return stream_cell<Real, PackedLtc<Real>>(inputs, units, cell, memory);
}
template StreamCell<float> ltc_stream(int, int, const Ltc<float> &, void *);
template StreamCell<double> ltc_stream(int, int, const Ltc<double> &, void *);

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
