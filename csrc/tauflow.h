// The C++ API of tauflow on one page: pointers and sizes in, numbers out. No Python, no torch.
//
// Arrays are contiguous and belong to the caller. Sizes are counts of numbers, not bytes. B batch, T time, I inputs, H units.
// A kernel allocates nothing inside a step, and its results do not depend on the number of threads. A gradient that is given
// as a null pointer counts as zero; one that is asked for with a null pointer is not computed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tauflow {

// The best instruction set that this machine runs: "x86-64-v4", "x86-64-v3", "x86-64-v2", "neon" or "scalar".
const char *isa();

// The instruction set that the kernels use, the best one at first. use_isa is for tests: false when it can't be had here.
const char *isa_in_use();
bool use_isa(const char *name);

// gaps (n): times since the previous sample. The index of the first one that is negative, NaN or infinite, else -1.
template <typename Real>
std::int64_t check_gaps(const Real *gaps, std::int64_t n);

// A batch of sequences, common to all cells.
template <typename Real> struct Sequence {
    std::int64_t batch, time, inputs, units;
    int threads;
    const Real *x;             // (B, T, I)
    const Real *dt;            // (B, T)
    const std::uint8_t *keep;  // (B, T) 0 = the state stays as it is; null for none
    const Real *h;             // (B, H) the state before the first sample
    Real *y;                   // (B, T, H) the state after each sample
    Real *last;                // (B, H) the state after the last one
    void *saved;               // what backward needs, saved_bytes long and aligned to 64; null when there will be no backward
};
template <typename Real> struct SequenceGradients {
    const Real *y, *last;  // given
    Real *x, *dt, *h;      // wanted
};

enum Activation { TANH, SIGMOID, RELU, LECUN_TANH, IDENTITY };
enum Solver { EXPONENTIAL, SEMI_IMPLICIT, EULER };

// CTRNN and GatedLTC: f = sigma(W h + U x + b), one layer that drives a leak.
//   CTRNN     drive = f      rate = rate            GatedLTC  drive = f A    rate = rate + f
template <typename Real> struct Layer {
    const Real *W, *U, *b;  // (H, H), (H, I), (H)
    const Real *rate, *A;   // (H) each; A null for CTRNN
    Activation activation;
    Solver solver;
    int substeps;
};
template <typename Real> struct LayerGradients {
    Real *W, *U, *b, *rate, *A;  // wanted, all of them; A null for CTRNN
};

// The kernels for one number type, compiled for one instruction set.
template <typename Real> struct Kernels {
    std::size_t (*layer_saved_bytes)(const Sequence<Real> &, const Layer<Real> &);
    Real (*layer_forward)(const Sequence<Real> &, const Layer<Real> &);  // returns the longest dt rate of any step
    void (*layer_backward)(const Sequence<Real> &, const Layer<Real> &, const SequenceGradients<Real> &, const LayerGradients<Real> &);
};
template <typename Real> const Kernels<Real> &kernels();

}  // namespace tauflow
