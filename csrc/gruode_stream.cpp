// GRUODE one sample at a time; the equations are those of gruode.cpp.
#include "activations.h"
#include "kernels.h"
#include "neurons.h"
#include "solvers.h"

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

constexpr double SLOWEST = 1e-12;  // as in gruode.py

// r becomes r h, and what the map gave for z the rate
template <typename Real> __attribute__((noinline)) void gate(int lanes, const Real *h, Real *r, Real *rate) {
    using L = Neurons<Real>;
    for (int i = 0; i < lanes; i += L::count) {
        (sigma<SIGMOID>(L::load(r + i)) * L::load(h + i)).store(r + i);
        at_least(sigmoid(-L::load(rate + i)), Real(SLOWEST)).store(rate + i);
    }
}

template <int SOLVER, typename Real>
__attribute__((noinline)) Real move(int lanes, const Real *h, const Real *rate, const Real *g, Real dt, Real *next) {
    using L = Neurons<Real>;
    L longest = L::splat(0);
    for (int i = 0; i < lanes; i += L::count) {
        const L z = L::splat(dt) * L::load(rate + i);
        if (SOLVER == EULER) longest = where_less(longest, z, z, longest);
        lerp(L::load(h + i), sigma<TANH>(L::load(g + i)), weight<SOLVER>(z)).store(next + i);
    }
    return SOLVER == EULER ? largest<Real>(longest) : Real(0);
}

template <typename Real> struct PackedGruode {
    int inputs, units, substeps;
    Maps<Real> to_rz, to_g;
    std::size_t work;
    const std::int32_t *place = nullptr;
    Real (*move_to)(int, const Real *, const Real *, const Real *, Real, Real *);

    static Maps<Real> maps(Shelf &shelf, const Gruode<Real> &cell, int parts, int first, int inputs, std::size_t units) {
        Map<Real> of[2];
        for (int k = 0; k < parts; ++k) {
            const std::size_t row = (first + k) * units;
            of[k] = {cell.b + row, cell.U + row * inputs, inputs, cell.W + row * units, int(units)};
        }
        return Maps<Real>(shelf, parts, int(units), of);
    }

    PackedGruode(Shelf &shelf, int inputs_, int units_, const Gruode<Real> &cell)
        : inputs(inputs_), units(units_), substeps(cell.substeps), to_rz(maps(shelf, cell, 2, 0, inputs, units)),
          to_g(maps(shelf, cell, 1, 2, inputs, units)), work(3 * std::size_t(lanes_of<Real>(units))),
          move_to(cell.solver == EXPONENTIAL ? move<EXPONENTIAL, Real>
                                             : cell.solver == SEMI_IMPLICIT ? move<SEMI_IMPLICIT, Real> : move<EULER, Real>) {}

    // work: r h, rate, g
    Moved<Real> step(const Real *x, Real dt, const Real *h, Real *next, Real *own) const {
        const int lanes = lanes_of<Real>(units);
        Real *const gated = own, *const rate = own + lanes, *const g = own + 2 * lanes;
        Real longest = 0;
        dt = dt / Real(substeps);
        for (int s = 0; s < substeps; ++s, h = next) {
            apply(to_rz, {x, inputs, h, units}, own);
            gate(lanes, h, gated, rate);
            apply(to_g, {x, inputs, gated, units}, g);
            const Real z = move_to(lanes, h, rate, g, dt, next);
            longest = z > longest ? z : longest;
        }
        return {longest, all_finite(blocks_of<Real>(units), next)};
    }
};

}  // namespace

template <typename Real> StreamCell<Real> gruode_stream(int inputs, int units, const Gruode<Real> &cell, void *memory) {
    return stream_cell<Real, PackedGruode<Real>>(inputs, units, cell, memory);
}
template StreamCell<float> gruode_stream(int, int, const Gruode<float> &, void *);
template StreamCell<double> gruode_stream(int, int, const Gruode<double> &, void *);

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
