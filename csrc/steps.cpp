// What a network does around its cells, one vector at a time: scales, missing values, waves, dense layers, convolutions, pools, heads.
// The equations stand in src/tauflow/ops/graph.py and in the parts of src/tauflow/network.
#include "activations.h"
#include "batch.h"
#include "kernels.h"
#include "neurons.h"

#include <cstring>

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

// The compiler's own, not the templates of <cmath> and <algorithm>: of those the linker keeps one copy for all instruction sets.
#define LIBRARY(NAME)                                                  \
    INLINE float NAME##_of(float x) { return __builtin_##NAME##f(x); } \
    INLINE double NAME##_of(double x) { return __builtin_##NAME(x); }
LIBRARY(exp) LIBRARY(log) LIBRARY(log1p) LIBRARY(sin) LIBRARY(cos) LIBRARY(erf) LIBRARY(sqrt) LIBRARY(floor) LIBRARY(fabs)
#undef LIBRARY
template <typename Real> INLINE Real larger_of(Real a, Real b) { return a < b ? b : a; }
template <typename Number> INLINE void copy(const Number *from, std::size_t n, Number *to) { std::memcpy(to, from, n * sizeof(Number)); }

template <typename Real> INLINE Real softplus(Real z) { return z > Real(20) ? z : log1p_of(exp_of(z)); }

template <typename Real> __attribute__((noinline)) void silu(int lanes, Real *y) {
    using L = Neurons<Real>;
    for (int i = 0; i < lanes; i += L::count) (L::load(y + i) * sigmoid(L::load(y + i))).store(y + i);
}

template <typename Real> void activate_dense(int sigma, int n, Real *y) {
    if (sigma <= IDENTITY) activate<Real, REGISTER>(Activation(sigma), blocks_of<Real>(n), y);
    else if (sigma == SILU) silu(lanes_of<Real>(n), y);
    else
        for (int i = 0; i < n; ++i)
            y[i] = sigma == SOFTPLUS ? softplus(y[i]) : sigma == SOFTSIGN ? y[i] / (Real(1) + fabs_of(y[i]))
                                                      : y[i] * Real(0.5) * (Real(1) + erf_of(y[i] * Real(0.70710678118654752440)));
}

// Numbers copied as they are: weights of the plain steps.
template <typename Real> const Real *copied(Shelf &shelf, const Real *numbers, std::size_t n) {
    Real *const to = shelf.take<Real>(n);
    if (to && numbers) copy(numbers, n, to);
    return to;
}

template <typename Real> struct Affine {
    int n;
    bool before;  // (z - a) b, else z a + b
    const Real *a, *b;
    Affine(Shelf &shelf, const StepSpec<Real> &s) : n(s.outputs), before(s.kind == STANDARDIZE), a(copied(shelf, s.a, n)), b(copied(shelf, s.b, n)) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        for (int i = 0; i < n; ++i) {
            const Real inner = before ? z[i] - a[i] : z[i] * a[i];
            y[i] = before ? inner * b[i] : inner + b[i];
        }
        return true;
    }
};

// memory: the last known values, the time since. NaN is unknown.
template <typename Real> struct Carry {
    int n;
    Carry(Shelf &, const StepSpec<Real> &s) : n(s.inputs) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real t, bool real, const Real *now, Real *next, Real *y, Real *) const {
        for (int i = 0; i < n; ++i) {
            const bool known = real && z[i] == z[i];
            next[i] = known ? z[i] : now[i];
            next[n + i] = known ? Real(0) : real ? now[n + i] + t : now[n + i];
            y[i] = next[i], y[n + i] = known, y[2 * n + i] = log1p_of(next[n + i]);
        }
        return true;
    }
};

// a: the periods; options: their number, how many columns wave, which
template <typename Real> struct Waves {
    int n, periods, columns;
    const Real *period;
    const int *column;
    Waves(Shelf &shelf, const StepSpec<Real> &s)
        : n(s.inputs), periods(s.options[0]), columns(s.options[1]), period(copied(shelf, s.a, periods)), column(nullptr) {
        int *const to = shelf.take<int>(columns + 1);
        if (to) copy(s.options + 2, columns, to);
        column = to;
    }
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real t, bool, const Real *, Real *, Real *y, Real *) const {
        copy(z, n, y);
        y[n] = t;
        Real *const cosines = y + n + 1, *const sines = cosines + (1 + columns) * periods;
        for (int k = 0; k <= columns; ++k)
            for (int p = 0; p < periods; ++p) {
                const Real turn = Real(2 * 3.14159265358979323846) * ((k == 0 ? t : z[column[k - 1]]) / period[p]);
                cosines[k * periods + p] = cos_of(turn), sines[k * periods + p] = sin_of(turn);
            }
        return true;
    }
};

// options: the activation
template <typename Real> struct Dense {
    int inputs, outputs, sigma;
    Maps<Real> map;
    static Maps<Real> pack(Shelf &shelf, const StepSpec<Real> &s, int inputs, int outputs) {
        const Map<Real> map{s.b, s.a, inputs, nullptr, 0};
        return Maps<Real>(shelf, 1, outputs, &map);
    }
    Dense(Shelf &shelf, const StepSpec<Real> &s) : inputs(s.inputs), outputs(s.outputs), sigma(s.options[0]), map(pack(shelf, s, inputs, outputs)) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        apply(map, {z, inputs, nullptr, 0}, y);
        activate_dense(sigma, outputs, y);
        return true;
    }
};

// a (filters, channels, kernel), b (filters); options: sigma, filters, channels, height, width, kernel (2), stride (2), padding (2)
template <typename Real> struct Convolve {
    int sigma, filters, channels, size[2], kernel[2], stride[2], padding[2], made[2];
    Maps<Real> map;
    int patch() const { return channels * kernel[0] * kernel[1]; }
    Convolve(Shelf &shelf, const StepSpec<Real> &s)
        : sigma(s.options[0]), filters(s.options[1]), channels(s.options[2]), size{s.options[3], s.options[4]},
          kernel{s.options[5], s.options[6]}, stride{s.options[7], s.options[8]}, padding{s.options[9], s.options[10]},
          made{(size[0] + 2 * padding[0] - kernel[0]) / stride[0] + 1, (size[1] + 2 * padding[1] - kernel[1]) / stride[1] + 1},
          map(Dense<Real>::pack(shelf, s, channels * kernel[0] * kernel[1], filters)) {}
    std::size_t work() const { return patch() + lanes_of<Real>(filters) + 16; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *own) const {
        Real *const out = own, *const seen = own + lanes_of<Real>(filters);
        for (int i = 0; i < made[0]; ++i)
            for (int j = 0; j < made[1]; ++j) {
                Real *to = seen;
                for (int c = 0; c < channels; ++c)
                    for (int k = 0; k < kernel[0]; ++k)
                        for (int l = 0; l < kernel[1]; ++l) {
                            const int row = i * stride[0] + k - padding[0], column = j * stride[1] + l - padding[1];
                            const bool inside = row >= 0 && row < size[0] && column >= 0 && column < size[1];
                            *to++ = inside ? z[(c * size[0] + row) * size[1] + column] : Real(0);
                        }
                apply(map, {seen, patch(), nullptr, 0}, out);
                activate_dense(sigma, filters, out);
                for (int f = 0; f < filters; ++f) y[(f * made[0] + i) * made[1] + j] = out[f];
            }
        return true;
    }
};

// a (rows, outputs); options: rows
template <typename Real> struct Lookup {
    int rows, n;
    const Real *table;
    Lookup(Shelf &shelf, const StepSpec<Real> &s) : rows(s.options[0]), n(s.outputs), table(copied(shelf, s.a, std::size_t(rows) * n)) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool real, const Real *, Real *, Real *y, Real *) const {
        const Real number = real ? z[0] : Real(0);
        if (!(number >= 0 && number < Real(rows) && number == floor_of(number))) return false;
        copy(table + std::size_t(number) * n, n, y);
        return true;
    }
};

// options: which pool; a: what scores of attention
template <typename Real> struct Pool {
    int n, kind;
    const Real *score;
    Pool(Shelf &shelf, const StepSpec<Real> &s) : n(s.inputs), kind(s.options[0]), score(kind == ATTENTION ? copied(shelf, s.a, n) : nullptr) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool real, const Real *now, Real *next, Real *y, Real *) const {
        const Real low = Real(-1e30);
        if (kind == LAST) {
            for (int i = 0; i < n; ++i) y[i] = next[i] = real ? z[i] : now[i];
        } else if (kind == MEAN) {
            next[0] = now[0] + Real(real);
            for (int i = 1; i <= n; ++i) next[i] = real ? now[i] + z[i - 1] : now[i];
            for (int i = 0; i < n; ++i) y[i] = next[i + 1] / larger_of(next[0], Real(1));
        } else if (kind == MAXIMUM) {
            for (int i = 0; i < n; ++i) {
                next[i] = real && z[i] > now[i] ? z[i] : now[i];
                y[i] = next[i] > low ? next[i] : Real(0);
            }
        } else {
            Real mine = 0;
            for (int i = 0; real && i < n; ++i) mine += score[i] * z[i];
            const Real most = real && mine > now[0] ? mine : now[0];
            const Real kept = exp_of(now[0] - most), fresh = real ? exp_of(mine - most) : Real(0);
            next[0] = most, next[1] = now[1] * kept + fresh;
            for (int i = 0; i < n; ++i) {
                next[2 + i] = real ? now[2 + i] * kept + z[i] * fresh : now[2 + i];
                y[i] = next[2 + i] / larger_of(next[1], Real(1e-30));
            }
        }
        return true;
    }
};

// options: the first number
template <typename Real> struct Slice {
    int first, n;
    Slice(Shelf &, const StepSpec<Real> &s) : first(s.options[0]), n(s.outputs) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        copy(z + first, n, y);
        return true;
    }
};

// z: vectors side by side; options: of which kind, columns
template <typename Real> struct Combine {
    int n, count, how, columns;
    bool mean;
    Combine(Shelf &, const StepSpec<Real> &s)
        : n(s.outputs), count(s.inputs / s.outputs), how(s.kind == ADD ? int(OF_NUMBERS) : s.options[0]), columns(s.kind == ADD ? n : s.options[1]),
          mean(s.kind == AVERAGE) {}
    std::size_t work() const { return 0; }
    Real sum(const Real *z, int i) const {
        Real total = z[i];
        for (int k = 1; k < count; ++k) total += z[k * n + i];
        return mean ? total / Real(count) : total;
    }
    Real log_mean(const Real *z, int i) const {
        Real most = z[i], total = 0;
        for (int k = 1; k < count; ++k) most = larger_of(most, z[k * n + i]);
        for (int k = 0; k < count; ++k) total += exp_of(z[k * n + i] - most);
        return most + log_of(total) - log_of(Real(count));
    }
    // the deviation of a mixture of normals; the means stand in front of the deviations
    Real deviation(const Real *z, int i, Real of_all) const {
        Real total = 0;
        for (int k = 0; k < count; ++k) {
            const Real away = z[k * n + i - columns] - of_all, spread = z[k * n + i];
            total += spread * spread + away * away;
        }
        return sqrt_of(total / Real(count));
    }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        for (int i = 0; i < n; ++i)
            y[i] = how == OF_LOGARITHMS ? log_mean(z, i) : how == OF_NORMALS && i >= columns ? deviation(z, i, y[i - columns]) : sum(z, i);
        return true;
    }
};

// options: columns, the middle level
template <typename Real> struct Quantiles {
    int n, columns, middle;
    Quantiles(Shelf &, const StepSpec<Real> &s) : n(s.outputs), columns(s.options[0]), middle(s.options[1]) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        const int levels = n / columns;
        for (int c = 0; c < columns; ++c) {
            y[middle * columns + c] = z[middle * columns + c];
            for (int k = middle + 1; k < levels; ++k) y[k * columns + c] = y[(k - 1) * columns + c] + softplus(z[k * columns + c]);
            for (int k = middle - 1; k >= 0; --k) y[k * columns + c] = y[(k + 1) * columns + c] - softplus(z[k * columns + c]);
        }
        return true;
    }
};

// a: what is added (outputs - first); options: the first number that is made positive
template <typename Real> struct Positive {
    int n, first;
    const Real *least;
    Positive(Shelf &shelf, const StepSpec<Real> &s) : n(s.outputs), first(s.options[0]), least(copied(shelf, s.a, n - first)) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        for (int i = 0; i < n; ++i) y[i] = i < first ? z[i] : softplus(z[i]) + least[i - first];
        return true;
    }
};

template <typename Real> struct LogSoftmax {
    int n;
    LogSoftmax(Shelf &, const StepSpec<Real> &s) : n(s.outputs) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        Real most = z[0];
        for (int i = 1; i < n; ++i) most = larger_of(most, z[i]);
        Real total = 0;
        for (int i = 0; i < n; ++i) total += exp_of(z[i] - most);
        total = log_of(total);
        for (int i = 0; i < n; ++i) y[i] = z[i] - most - total;
        return true;
    }
};

// a, b: the limits
template <typename Real> struct Squash {
    int n;
    const Real *low, *high;
    Squash(Shelf &shelf, const StepSpec<Real> &s) : n(s.outputs), low(copied(shelf, s.a, n)), high(copied(shelf, s.b, n)) {}
    std::size_t work() const { return 0; }
    bool run(const Real *z, Real, bool, const Real *, Real *, Real *y, Real *) const {
        for (int i = 0; i < n; ++i) {
            const Real a = Real(1) / (Real(1) + exp_of(-z[i])), way = high[i] - low[i];
            y[i] = a < Real(0.5) ? low[i] + a * way : high[i] - way * (Real(1) - a);
        }
        return true;
    }
};

template <typename Packed, typename Real> Step<Real> packed_step(const StepSpec<Real> &spec, void *memory) {
    Shelf shelf{static_cast<char *>(memory)};
    void *const at = shelf.take<Packed>(1);
    const Packed packed(shelf, spec);
    if (at) std::memcpy(at, &packed, sizeof packed);
    const auto run = [](const void *self, const Real *z, Real t, bool real, const Real *now, Real *next, Real *y, Real *work) {
        return static_cast<const Packed *>(self)->run(z, t, real, now, next, y, work);
    };
    return {spec.inputs, spec.outputs, spec.memory, packed.work(), shelf.used, at, run};
}

}  // namespace

template <typename Real> Step<Real> pack_step(const StepSpec<Real> &spec, void *memory) {
    switch (spec.kind) {
        case STANDARDIZE:
        case SCALE_BACK: return packed_step<Affine<Real>>(spec, memory);
        case CARRY: return packed_step<Carry<Real>>(spec, memory);
        case WAVES: return packed_step<Waves<Real>>(spec, memory);
        case DENSE: return packed_step<Dense<Real>>(spec, memory);
        case CONVOLVE: return packed_step<Convolve<Real>>(spec, memory);
        case LOOKUP: return packed_step<Lookup<Real>>(spec, memory);
        case POOL: return packed_step<Pool<Real>>(spec, memory);
        case SLICE: return packed_step<Slice<Real>>(spec, memory);
        case ADD:
        case AVERAGE: return packed_step<Combine<Real>>(spec, memory);
        case QUANTILES: return packed_step<Quantiles<Real>>(spec, memory);
        case POSITIVE: return packed_step<Positive<Real>>(spec, memory);
        case LOG_SOFTMAX: return packed_step<LogSoftmax<Real>>(spec, memory);
        case SQUASH: break;
    }
    return packed_step<Squash<Real>>(spec, memory);
}
template Step<float> pack_step(const StepSpec<float> &, void *);
template Step<double> pack_step(const StepSpec<double> &, void *);

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
