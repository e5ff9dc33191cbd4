// CfC one sample at a time; the equations are those of cfc.cpp.
#include "activations.h"
#include "kernels.h"
#include "neurons.h"
#include "solvers.h"

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

// heads: what the maps gave, a row of lanes each in the order ff1, ff2, time_a, time_b (pure: ff1); w_tau and A: of pure
template <int MODE, typename Real>
__attribute__((noinline)) void move(int lanes, const Real *w_tau, const Real *A, Real dt, const Real *heads, Real *next) {
    using L = Neurons<Real>;
    const L gap = L::splat(dt);
    for (int i = 0; i < lanes; i += L::count) {
        if (MODE == PURE) {
            const L f = L::load(heads + i), Ai = L::load(A + i);
            const L e = decay(gap * (absolute(L::load(w_tau + i)) + absolute(f)));
            fma(-Ai * e, f, Ai).store(next + i);
        } else {
            const L f1 = tanh(L::load(heads + i)), f2 = tanh(L::load(heads + lanes + i));
            const L s = sigmoid(fma(L::load(heads + 2 * lanes + i), gap, L::load(heads + 3 * lanes + i)));
            (MODE == DEFAULT ? lerp(f1, f2, s) : fma(f2, s, f1)).store(next + i);
        }
    }
}

template <typename Real> struct PackedCfc {
    int inputs, units, layers, width, lanes;
    Activation activation;
    Maps<Real> backbone[3], heads;
    const Real *w_tau, *A;
    std::size_t work;
    const std::int32_t *place = nullptr;
    void (*move_to)(int, const Real *, const Real *, Real, const Real *, Real *);

    static Maps<Real> layer(Shelf &shelf, const Cfc<Real> &cell, int m, int inputs) {
        const Map<Real> map{cell.b[m], cell.W[m], m == 0 ? inputs : cell.width, nullptr, 0};
        return Maps<Real>(shelf, m < cell.layers ? 1 : 0, cell.width, &map);
    }
    static Maps<Real> all_heads(Shelf &shelf, const Cfc<Real> &cell, int inputs, int units) {
        Map<Real> maps[4];
        for (int k = 0; k < 4; ++k) maps[k] = {cell.head_b[k], cell.head_W[k], cell.layers == 0 ? inputs : cell.width, nullptr, 0};
        return Maps<Real>(shelf, cell.mode == PURE ? 1 : 4, units, maps);
    }

    PackedCfc(Shelf &shelf, int inputs_, int units_, const Cfc<Real> &cell)
        : inputs(inputs_), units(units_), layers(cell.layers), width(cell.width), lanes(lanes_of<Real>(units)), activation(cell.activation),
          backbone{layer(shelf, cell, 0, inputs + units), layer(shelf, cell, 1, inputs + units), layer(shelf, cell, 2, inputs + units)},
          heads(all_heads(shelf, cell, inputs + units, units)), w_tau(cell.mode == PURE ? pack_vector(shelf, units, cell.w_tau) : nullptr),
          A(cell.mode == PURE ? pack_vector(shelf, units, cell.A) : nullptr),
          work(4 * std::size_t(lanes) + 2 * std::size_t(lanes_of<Real>(width))),
          move_to(cell.mode == DEFAULT ? move<DEFAULT, Real> : cell.mode == NO_GATE ? move<NO_GATE, Real> : move<PURE, Real>) {}

    // work: what the heads gave, and what a backbone layer gave, of even and of odd layers
    Moved<Real> step(const Real *x, Real dt, const Real *h, Real *next, Real *own) const {
        Pieces<Real> z{x, inputs, h, units};
        for (int m = 0; m < layers; ++m) {
            Real *const out = own + 4 * lanes + m % 2 * lanes_of<Real>(width);
            apply(backbone[m], z, out);
            activate<Real, REGISTER>(activation, backbone[m].blocks, out);
            z = {out, width, nullptr, 0};
        }
        apply(heads, z, own);
        move_to(lanes, w_tau, A, dt, own, next);
        return {0, all_finite(blocks_of<Real>(units), next)};
    }

    void together(const Real *const *x, const Real *dt, const Real *const *h, Real *const *next, Real *const *own, Moved<Real> *moved) const {
        Pieces<Real> z[ROWS_TOGETHER];
        Real *out[ROWS_TOGETHER];
        for (int r = 0; r < ROWS_TOGETHER; ++r) z[r] = {x[r], inputs, h[r], units};
        for (int m = 0; m < layers; ++m) {
            for (int r = 0; r < ROWS_TOGETHER; ++r) out[r] = own[r] + 4 * lanes + m % 2 * lanes_of<Real>(width);
            apply_together(backbone[m], z, out);
            for (int r = 0; r < ROWS_TOGETHER; ++r) {
                activate<Real, REGISTER>(activation, backbone[m].blocks, out[r]);
                z[r] = {out[r], width, nullptr, 0};
            }
        }
        apply_together(heads, z, own);
        for (int r = 0; r < ROWS_TOGETHER; ++r) {
            move_to(lanes, w_tau, A, dt[r], own[r], next[r]);
            moved[r] = {0, all_finite(blocks_of<Real>(units), next[r])};
        }
    }
};

}  // namespace

template <typename Real> StreamCell<Real> cfc_stream(int inputs, int units, const Cfc<Real> &cell, void *memory) {
    StreamCell<Real> packed = stream_cell<Real, PackedCfc<Real>>(inputs, units, cell, memory);
    packed.together = [](const void *self, const Real *const *x, const Real *dt, const Real *const *h, Real *const *next, Real *const *work,
                         Moved<Real> *moved) { static_cast<const PackedCfc<Real> *>(self)->together(x, dt, h, next, work, moved); };
    return packed;
}
template StreamCell<float> cfc_stream(int, int, const Cfc<float> &, void *);
template StreamCell<double> cfc_stream(int, int, const Cfc<double> &, void *);

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
