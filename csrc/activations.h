// The nonlinearities sigma, as src/tauflow/activations.py, and their slopes written in terms of f = sigma(x).
//
// A slope is exactly zero where f has reached its limit: what rounding would leave of it there is multiplied by inputs of any size, and
// an optimiser that scales gradients makes full steps of it.
#pragma once

#include "simd.h"
#include "tauflow.h"

#include <cmath>

namespace tauflow {
namespace TAUFLOW_ISA {

template <typename Real> constexpr Real LECUN = Real(1.7159);

template <int KIND, typename Real, int B> INLINE Lanes<Real, B> sigma(Lanes<Real, B> x) {
    using L = Lanes<Real, B>;
    if (KIND == TANH) return tanh(x);
    if (KIND == SIGMOID) return sigmoid(x);
    if (KIND == RELU) return where_less(x, L::splat(0), L::splat(0), x);
    if (KIND == LECUN_TANH) return tanh(x * L::splat(Real(0.666))) * L::splat(LECUN<Real>);
    return x;
}

template <int KIND, typename Real, int B> INLINE Lanes<Real, B> sigma_slope(Lanes<Real, B> f) {
    using L = Lanes<Real, B>;
    const L one = L::splat(1);
    if (KIND == TANH) return fma(-f, f, one);
    if (KIND == SIGMOID) return fma(-f, f, f);
    if (KIND == RELU) return where_less(L::splat(0), f, one, L::splat(0));
    if (KIND == LECUN_TANH) return (L::splat(LECUN<Real>) - f) * (L::splat(LECUN<Real>) + f) * L::splat(Real(0.666 / 1.7159));
    return one;
}

// The next number towards zero.
INLINE float below(float x) { return __builtin_nextafterf(x, 0); }
INLINE double below(double x) { return __builtin_nextafter(x, 0); }

// 1 / rate, as large as it may be for f / rate to stay in the hull, which is limit / rate: the limit times the reciprocal, rounded twice,
// would pass it by a unit in the last place.
template <typename Real> Real reciprocal_of(Real rate, Activation kind) {
    const Real limit = kind == LECUN_TANH ? LECUN<Real> : Real(1);
    Real reciprocal = Real(1) / rate;
    while (limit * reciprocal > limit / rate) reciprocal = below(reciprocal);
    return reciprocal;
}

#define EACH_ACTIVATION(STATEMENT)                                    \
    switch (kind) {                                                   \
        case TANH: { constexpr int K = TANH; STATEMENT; break; }      \
        case SIGMOID: { constexpr int K = SIGMOID; STATEMENT; break; } \
        case RELU: { constexpr int K = RELU; STATEMENT; break; }      \
        case LECUN_TANH: { constexpr int K = LECUN_TANH; STATEMENT; break; } \
        case IDENTITY: break;                                         \
    }

// f (n x lanes) = sigma(f)
template <typename Real, int B> __attribute__((noinline)) void activate(Activation kind, int n, Real *f) {
    using L = Lanes<Real, B>;
    EACH_ACTIVATION(for (int i = 0; i < n; ++i) sigma<K>(L::load(f + i * L::count)).store(f + i * L::count))
}

// g (n x lanes) = g * sigma'(x), given f = sigma(x)
template <typename Real, int B> __attribute__((noinline)) void activate_backward(Activation kind, int n, const Real *f, Real *g) {
    using L = Lanes<Real, B>;
    EACH_ACTIVATION(for (int i = 0; i < n; ++i)
                        (L::load(g + i * L::count) * sigma_slope<K>(L::load(f + i * L::count))).store(g + i * L::count))
}

#undef EACH_ACTIVATION

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
