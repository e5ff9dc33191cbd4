// From a leak to the next state, as src/tauflow/solvers.py: every solver here is h' = h + a (q - h) with q = drive / rate and a
// weight a(z), z = dt rate. Its gradient needs a alone.
//
//   exponential    a = 1 - exp(-z)     da/dz = 1 - a
//   semi_implicit  a = z / (1 + z)     da/dz = (1 - a)^2
//   euler          a = z               da/dz = 1
#pragma once

#include "simd.h"
#include "tauflow.h"

namespace tauflow {
namespace TAUFLOW_ISA {

template <int SOLVER, typename Real, int B> INLINE Lanes<Real, B> weight(Lanes<Real, B> z) {
    if (SOLVER == EXPONENTIAL) return -expm1(-at_most(z, Real(80)));
    if (SOLVER == SEMI_IMPLICIT) {
        const auto r = at_most(z, Real(1e30));
        return r / (r + Lanes<Real, B>::splat(1));
    }
    return z;
}

template <int SOLVER, typename Real, int B> INLINE Lanes<Real, B> weight_slope(Lanes<Real, B> a) {
    const auto one = Lanes<Real, B>::splat(1);
    if (SOLVER == EXPONENTIAL) return one - a;
    if (SOLVER == SEMI_IMPLICIT) return (one - a) * (one - a);
    return one;
}

// As torch.lerp: exactly h for a = 0 and exactly q for a = 1.
template <typename Real, int B> INLINE Lanes<Real, B> lerp(Lanes<Real, B> h, Lanes<Real, B> q, Lanes<Real, B> a) {
    const auto way = q - h;
    return where_less(a, Lanes<Real, B>::splat(0.5), fma(a, way, h), fma(a - Lanes<Real, B>::splat(1), way, q));
}

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
