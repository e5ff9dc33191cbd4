// What the checks know of each kernel: its weights in the order of its struct, the structs made of them, and the memory for backward.
#pragma once

#include "array.h"
#include "call.h"
#include "tauflow.h"

#include <cmath>
#include <type_traits>
#include <vector>

namespace native {

using namespace tauflow;

// The numbers of one weight: how many, and between which values.
struct Weight {
    std::size_t n;
    double low, high;
};
inline Weight symmetric(std::size_t n, double size) { return {n, -size, size}; }
inline Weight matrix(int rows, int cols) { return symmetric(std::size_t(rows) * cols, 1.5 / std::sqrt(double(cols))); }

inline int columns(int n) { return (1 + n + 3) / 4 * 4; }

// A batch rounded up to whole blocks of lanes.
inline std::size_t lanes(int batch, std::size_t real) {
    const int wide = int(64 / real), narrow = int(16 / real), rest = batch % wide;
    return std::size_t(batch - rest + (rest == 0 ? 0 : rest <= narrow ? narrow : wide));
}

template <typename Real> struct OfLayer {
    static std::vector<Weight> weights(const Call &c) {
        const std::size_t n = c.units;
        return {matrix(c.units, c.units), matrix(c.units, c.inputs), symmetric(n, 1), {n, 0.05, 5}, symmetric(c.kernel == GATED ? n : 0, 2)};
    }
    static Layer<Real> cell(const Call &c, Real *const *w) {
        return {w[0], w[1], w[2], w[3], c.kernel == GATED ? w[4] : nullptr, Activation(c.activation), Solver(c.solver), c.substeps};
    }
    static LayerGradients<Real> wanted(const Call &c, Real *const *w) { return {w[0], w[1], w[2], w[3], c.kernel == GATED ? w[4] : nullptr}; }
    static std::size_t saved(const Call &c) {
        const std::size_t each = columns(c.inputs + c.units);
        return std::size_t(c.time) * c.substeps * (each + c.units) + each;
    }
    static auto forward() { return kernels<Real>().layer_forward; }
    static auto backward() { return kernels<Real>().layer_backward; }
    static auto stream() { return kernels<Real>().layer_stream; }
};

template <typename Real> struct OfCfc {
    static int heads(const Call &c) { return c.mode == PURE ? 1 : 4; }
    static std::vector<Weight> weights(const Call &c) {
        std::vector<Weight> all;
        int inputs = c.inputs + c.units;
        for (int layer = 0; layer < 3; ++layer) {
            const bool there = layer < c.layers;
            all.push_back(there ? matrix(c.width, inputs) : symmetric(0, 0)), all.push_back(symmetric(there ? c.width : 0, 1));
            if (there) inputs = c.width;
        }
        for (int head = 0; head < 4; ++head) {
            const bool there = head < heads(c);
            all.push_back(there ? matrix(c.units, inputs) : symmetric(0, 0)), all.push_back(symmetric(there ? c.units : 0, 1));
        }
        all.push_back(symmetric(c.mode == PURE ? c.units : 0, 1)), all.push_back(symmetric(c.mode == PURE ? c.units : 0, 1));
        return all;
    }
    template <typename Struct> static Struct point(const Call &c, Real *const *w) {
        Struct s{};
        for (int i = 0; i < c.layers; ++i) s.W[i] = w[2 * i], s.b[i] = w[2 * i + 1];
        for (int i = 0; i < heads(c); ++i) s.head_W[i] = w[6 + 2 * i], s.head_b[i] = w[7 + 2 * i];
        if (c.mode == PURE) s.w_tau = w[14], s.A = w[15];
        return s;
    }
    static Cfc<Real> cell(const Call &c, Real *const *w) {
        auto s = point<Cfc<Real>>(c, w);
        s.layers = c.layers, s.width = c.width, s.activation = Activation(c.activation), s.mode = CfcMode(c.mode);
        return s;
    }
    static CfcGradients<Real> wanted(const Call &c, Real *const *w) { return point<CfcGradients<Real>>(c, w); }
    static std::size_t saved(const Call &c) {
        const std::size_t of_maps = columns(c.inputs + c.units) + std::size_t(c.layers) * columns(c.width);
        return (std::size_t(c.time) + 1) * (of_maps + std::size_t(heads(c)) * c.units);
    }
    static auto forward() { return kernels<Real>().cfc_forward; }
    static auto backward() { return kernels<Real>().cfc_backward; }
    static auto stream() { return kernels<Real>().cfc_stream; }
};

template <typename Real> struct OfGruode {
    static std::vector<Weight> weights(const Call &c) {
        return {matrix(3 * c.units, c.units), matrix(3 * c.units, c.inputs), symmetric(std::size_t(3) * c.units, 1)};
    }
    static Gruode<Real> cell(const Call &c, Real *const *w) { return {w[0], w[1], w[2], Solver(c.solver), c.substeps}; }
    static GruodeGradients<Real> wanted(const Call &, Real *const *w) { return {w[0], w[1], w[2]}; }
    static std::size_t saved(const Call &c) {
        return (std::size_t(c.time) * c.substeps + 1) * (2 * std::size_t(columns(c.inputs + c.units)) + 3 * std::size_t(c.units));
    }
    static auto forward() { return kernels<Real>().gruode_forward; }
    static auto backward() { return kernels<Real>().gruode_backward; }
    static auto stream() { return kernels<Real>().gruode_stream; }
};

template <typename Real> struct OfLtc {
    static std::vector<Weight> weights(const Call &c) {
        std::vector<Weight> all;
        for (int sources : {c.inputs, c.units}) {
            const std::size_t n = std::size_t(sources) * c.units;
            all.push_back({n, 0, 3.0 / sources}), all.push_back({n, -3, 3}), all.push_back(symmetric(n, 1)), all.push_back(symmetric(n, 1));
        }
        const std::size_t n = c.units;
        all.push_back(symmetric(n, 1)), all.push_back({n, 0.05, 1}), all.push_back({n, 0.2, 3});
        return all;
    }
    static tauflow::Ltc<Real> cell(const Call &c, Real *const *w, const std::uint8_t *sensory, const std::uint8_t *inner) {
        return {{w[0], w[1], w[2], w[3], sensory}, {w[4], w[5], w[6], w[7], inner}, w[8], w[9], w[10], Solver(c.solver), c.substeps};
    }
    static LtcGradients<Real> wanted(const Call &, Real *const *w) {
        return {{w[0], w[1], w[2], w[3]}, {w[4], w[5], w[6], w[7]}, w[8], w[9], w[10]};
    }
    static std::size_t saved(const Call &c) { return std::size_t(c.time) * c.units; }
    static auto forward() { return kernels<Real>().ltc_forward; }
    static auto backward() { return kernels<Real>().ltc_backward; }
    static auto stream() { return kernels<Real>().ltc_stream; }
};

template <typename Real> Array<Real> numbers(std::size_t n, double low, double high, Random &random) {
    Array<Real> array(n);
    for (std::size_t i = 0; i < n; ++i) array.data()[i] = Real(random.uniform(low, high));
    return array;
}

// 0 or 1 (any byte but 0 counts as 1), `zeros` of eight being 0.
inline Array<std::uint8_t> flags(std::size_t n, int zeros, Random &random) {
    Array<std::uint8_t> array(n);
    for (std::size_t i = 0; i < n; ++i) array.data()[i] = int(random.next() >> 61) < zeros ? 0 : random.next() % 8 == 0 ? 0xff : 1;
    return array;
}

template <typename Real> std::vector<Real *> pointers(std::vector<Array<Real>> &arrays) {
    std::vector<Real *> all;
    for (auto &array : arrays) all.push_back(array.data());
    return all;
}

template <typename Of, typename Real> auto cell_of(const Call &c, const Array<std::uint8_t> &sensory, const Array<std::uint8_t> &inner, Real *const *w) {
    if constexpr (std::is_same_v<Of, OfLtc<Real>>) return Of::cell(c, w, sensory.data(), inner.data());
    else return Of::cell(c, w);
}

// check(Of<Real>()) with the struct above that knows this kernel
template <typename Real, typename Check> auto with_kernel(Kernel kernel, Check check) {
    switch (kernel) {
        case native::CFC: return check(OfCfc<Real>());
        case native::GRUODE: return check(OfGruode<Real>());
        case native::LTC: return check(OfLtc<Real>());
        default: return check(OfLayer<Real>());
    }
}

}  // namespace native
