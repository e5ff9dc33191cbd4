// CTRNN and GatedLTC one sample at a time; the equations are those of layer.cpp.
#include "activations.h"
#include "kernels.h"
#include "neurons.h"
#include "solvers.h"

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

template <typename Real> struct Rates {
    int blocks;
    const Real *rate, *reciprocal, *A;  // A null for CTRNN
};

// a (H): how far this gap moves neurons whose rate never changes. Returns the longest dt rate.
template <int SOLVER, typename Real> __attribute__((noinline)) Real fixed_weights(const Rates<Real> &n, Real dt, Real *a) {
    using L = Neurons<Real>;
    L longest = L::splat(0);
    for (int i = 0; i < n.blocks * L::count; i += L::count) {
        const L z = L::splat(dt) * L::load(n.rate + i);
        if (SOLVER == EULER) longest = where_less(longest, z, z, longest);
        weight<SOLVER>(z).store(a + i);
    }
    return SOLVER == EULER ? largest<Real>(longest) : Real(0);
}

template <typename Real> __attribute__((noinline)) void move_fixed(const Rates<Real> &n, const Real *f, const Real *h, const Real *a, Real *next) {
    using L = Neurons<Real>;
    for (int i = 0; i < n.blocks * L::count; i += L::count)
        lerp(L::load(h + i), L::load(f + i) * L::load(n.reciprocal + i), L::load(a + i)).store(next + i);
}

template <int SOLVER, typename Real>
__attribute__((noinline)) Real move_gated(const Rates<Real> &n, const Real *f, const Real *h, Real dt, Real *next) {
    using L = Neurons<Real>;
    L longest = L::splat(0);
    for (int i = 0; i < n.blocks * L::count; i += L::count) {
        const L fi = L::load(f + i), rate = L::load(n.rate + i) + fi, inverse = L::splat(1) / rate;
        const L z = L::splat(dt) * rate;
        if (SOLVER == EULER) longest = where_less(longest, z, z, longest);
        lerp(L::load(h + i), fi * L::load(n.A + i) * inverse, weight<SOLVER>(z)).store(next + i);
    }
    return SOLVER == EULER ? largest<Real>(longest) : Real(0);
}

template <typename Real> struct PackedLayer {
    int inputs, units, substeps;
    Activation activation;
    Maps<Real> maps;
    Rates<Real> rates;
    std::size_t work;
    bool is_gated;
    const std::int32_t *place = nullptr;
    Real (*fixed)(const Rates<Real> &, Real, Real *);
    Real (*gated)(const Rates<Real> &, const Real *, const Real *, Real, Real *);

    template <int SOLVER> void set() { fixed = fixed_weights<SOLVER, Real>, gated = move_gated<SOLVER, Real>; }

    static Maps<Real> drive(Shelf &shelf, int inputs, int units, const Layer<Real> &cell) {
        const Map<Real> map{cell.b, cell.U, inputs, cell.W, units};
        return Maps<Real>(shelf, 1, units, &map);
    }
    static const Real *inverse(Shelf &shelf, int units, const Layer<Real> &cell) {
        Real *const packed = pack_vector(shelf, units, cell.rate);
        for (int i = 0; packed && i < lanes_of<Real>(units); ++i) packed[i] = reciprocal_of(packed[i], cell.activation);
        return packed;
    }
    PackedLayer(Shelf &shelf, int inputs_, int units_, const Layer<Real> &cell)
        : inputs(inputs_), units(units_), substeps(cell.substeps), activation(cell.activation), maps(drive(shelf, inputs, units, cell)),
          rates{blocks_of<Real>(units), pack_vector(shelf, units, cell.rate), inverse(shelf, units, cell),
                cell.A ? pack_vector(shelf, units, cell.A) : nullptr},
          work(2 * lanes_of<Real>(units) + 2), is_gated(cell.A != nullptr) {
        if (cell.solver == EXPONENTIAL) set<EXPONENTIAL>();
        else if (cell.solver == SEMI_IMPLICIT) set<SEMI_IMPLICIT>();
        else set<EULER>();
    }

    // work: f, a, and of a: for which gap, and its longest dt rate
    Moved<Real> step(const Real *x, Real dt, const Real *h, Real *next, Real *own) const {
        const int lanes = lanes_of<Real>(units);
        Real *const f = own, *const a = own + lanes, &last_dt = a[lanes], &longest_of_a = a[lanes + 1];
        Real longest = 0;
        dt = dt / Real(substeps);
        if (!is_gated && std::memcmp(&dt, &last_dt, sizeof dt) != 0) longest_of_a = fixed(rates, dt, a), last_dt = dt;
        for (int s = 0; s < substeps; ++s, h = next) {
            apply(maps, {x, inputs, h, units}, f);
            activate<Real, REGISTER>(activation, rates.blocks, f);
            if (is_gated) {
                const Real z = gated(rates, f, h, dt, next);
                longest = z > longest ? z : longest;
            } else {
                move_fixed(rates, f, h, a, next);
                longest = longest_of_a;
            }
        }
        return {longest, all_finite(rates.blocks, next)};
    }
};

}  // namespace

template <typename Real> StreamCell<Real> layer_stream(int inputs, int units, const Layer<Real> &cell, void *memory) {
    return stream_cell<Real, PackedLayer<Real>>(inputs, units, cell, memory);
}
template StreamCell<float> layer_stream(int, int, const Layer<float> &, void *);
template StreamCell<double> layer_stream(int, int, const Layer<double> &, void *);

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
