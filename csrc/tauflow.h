// The C++ API of tauflow on one page: pointers and sizes in, numbers out. No Python, no torch.
//
// Arrays are contiguous and belong to the caller. Sizes are counts of numbers, not bytes. B batch, T time, I inputs, H units, O outputs.
// B and T are at least 1: for less there is nothing to run, and the kernels do not look.
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

// As on an older processor: nothing better than the set named by the variable TAUFLOW_ISA can be used any more. The name, where
// there is no such set here; else null.
const char *hold_to_asked_isa();

// gaps (n): times since the previous sample. The index of the first one that is negative, NaN or infinite, else -1.
template <typename Real>
std::int64_t check_gaps(const Real *gaps, std::int64_t n);

// A batch of sequences, common to all cells.
template <typename Real> struct Sequence {
    std::int64_t batch, time, inputs, units, first, outputs;
    int threads;
    const Real *x;             // (B, T, I)
    const Real *dt;            // (B, T)
    const std::uint8_t *keep;  // (B, T) 0 = the state stays as it is; null for none
    const Real *h;             // (B, H) the state before the first sample
    Real *y;                   // (B, T, O) of the state after each sample, the neurons first .. first + outputs - 1
    Real *last;                // (B, H) the state after the last one
    void *saved;               // what backward needs, saved_bytes long and aligned to 64; null when there will be no backward
};
template <typename Real> struct SequenceGradients {
    const Real *y, *last;  // given
    Real *x, *dt, *h;      // wanted
};

enum Activation { TANH, SIGMOID, RELU, LECUN_TANH, IDENTITY };
enum Solver { EXPONENTIAL, SEMI_IMPLICIT, EULER, EXPONENTIAL_MIDPOINT };

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

// CfC: z = [1, x, h] through `layers` maps sigma(W z + b) of `width` units, and the heads ff1, ff2, time_a, time_b (pure: ff1).
enum CfcMode { DEFAULT, NO_GATE, PURE };
template <typename Real> struct Cfc {
    const Real *W[3], *b[3];            // backbone: (width, I + H) then (width, width); (width)
    const Real *head_W[4], *head_b[4];  // (H, width or I + H); (H)
    const Real *w_tau, *A;              // pure: (H) each
    int layers, width;
    Activation activation;
    CfcMode mode;
};
template <typename Real> struct CfcGradients {
    Real *W[3], *b[3], *head_W[4], *head_b[4], *w_tau, *A;  // wanted, all that the cell has
};

// GRUODE: rows of W, U and b in the order r, z, g.
template <typename Real> struct Gruode {
    const Real *W, *U, *b;  // (3 H, H), (3 H, I), (3 H)
    Solver solver;
    int substeps;
};
template <typename Real> struct GruodeGradients {
    Real *W, *U, *b;
};

// LTC. Matrices are (source, target): (I, H) for the sensory synapses, (H, H) for the others. Only the synapses that exist cost time.
template <typename Real> struct Synapses {
    const Real *w, *sigma, *mu, *erev;  // conductance w sigmoid(sigma (v - mu)), pulling towards erev
    const std::uint8_t *exists;
};
template <typename Real> struct Ltc {
    Synapses<Real> sensory, inner;
    const Real *current, *conductance, *elastance;  // (H) of the leak; 1 / capacitance
    Solver solver;
    int substeps;
};
template <typename Real> struct SynapsesGradients {
    Real *w, *sigma, *mu, *erev;  // zero where there is no synapse
};
template <typename Real> struct LtcGradients {
    SynapsesGradients<Real> sensory, inner;
    Real *current, *conductance, *elastance;
};

// The static cells, one sample at a time: rows of the weights in torch's order; the input has log(1 + dt) behind its last number.
//   RNN h    GRU, DECAY_GRU r, z, n (DECAY_GRU: h exp(-dt rate) first)    LSTM i, f, g, o; state [h, c]
enum GateKind { GATE_RNN, GATE_GRU, GATE_DECAY_GRU, GATE_LSTM };
template <typename Real> struct Gates {
    const Real *U, *W, *of_input, *of_state;  // (G H, I + 1), (G H, H), (G H) each
    const Real *rate;                         // (H) of DECAY_GRU
    GateKind kind;
};

// A cell with its weights packed for one sequence, sample by sample: neurons stand side by side in a register, where the kernels
// below have samples, and every neuron sees the same operations in the same order, so the numbers are equal to the bit. It is
// never changed, so many streams share it; csrc/stream.h chains cells and keeps the state.
template <typename Real> struct Moved {
    Real longest;  // the longest dt rate of any step for euler, else 0
    bool finite;   // whether the new state is
};
template <typename Real> struct StreamCell {
    int inputs, units, lanes;   // lanes: the units rounded up to whole registers; those behind the last one repeat it
    std::size_t work, bytes;    // how many numbers of work memory a stream brings, and how many bytes the packed cell takes
    const std::int32_t *place;  // (H) where a neuron stands in the state; null where it stands in its own place
    const void *cell;
    // next (lanes) from h (lanes) by x (I). work: this cell's own in this stream, full of NaN before the first step and left alone between
    // two. Arrays begin at multiples of 64 bytes.
    Moved<Real> (*step)(const void *cell, const Real *x, Real dt, const Real *h, Real *next, Real *work);
    // The same for ROWS_TOGETHER streams, the weights read once for all; null where that gains nothing.
    void (*together)(const void *cell, const Real *const *x, const Real *dt, const Real *const *h, Real *const *next, Real *const *work,
                     Moved<Real> *moved);
};
constexpr int ROWS_TOGETHER = 4;

// MixedMemory: the LSTM in front of a cell of H units, in the order in which these stand in the cell's state. The state is [h, c].
template <typename Real> struct Recall {
    const Real *U, *W, *b;             // (4 H, I), (4 H, H), (4 H); rows i, ig, fg, og
    const Real *sense_w, *sense_b;     // (I) what the cell's own input is multiplied with and what is added; null for none
};

// What a network does around its cells, a vector at a time; src/tauflow/ops/graph.py says each in words.
enum StepKind { STANDARDIZE, SCALE_BACK, CARRY, WAVES, DENSE, CONVOLVE, LOOKUP, POOL, SLICE, ADD, AVERAGE, QUANTILES, POSITIVE, LOG_SOFTMAX, SQUASH };
enum PoolKind { LAST, MEAN, MAXIMUM, ATTENTION };
enum AverageKind { OF_NUMBERS, OF_LOGARITHMS, OF_NORMALS };
enum { SOFTPLUS = IDENTITY + 1, SOFTSIGN, GELU, SILU };  // of DENSE and CONVOLVE, beside those of the cells
template <typename Real> struct StepSpec {
    StepKind kind;
    int inputs, outputs, memory;  // memory: numbers kept from one sample to the next
    const Real *a, *b;            // weights: (outputs, inputs) and (outputs) of DENSE, and as graph.py has them
    const int *options;           // as pack_step reads them
    int option_count;
};
template <typename Real> struct Step {
    int inputs, outputs, memory;
    std::size_t work, bytes;  // numbers of work memory, and bytes of the packed step
    const void *packed;
    // y (outputs) of z (inputs) at time t after the sample before; next (memory) from now. A sample that is not real shows what is
    // remembered and changes nothing. False where z can't be taken. y has room for whole registers.
    bool (*run)(const void *packed, const Real *z, Real t, bool real, const Real *now, Real *next, Real *y, Real *work);
};

// The kernels for one number type, compiled for one instruction set.
template <typename Real> struct Kernels {
    // Returns the longest dt rate of any step for euler, else 0. saved: time * substeps * (C + H) + C numbers a lane, with
    // C = 1 + I + H rounded up to a multiple of 4.
    Real (*layer_forward)(const Sequence<Real> &, const Layer<Real> &);
    void (*layer_backward)(const Sequence<Real> &, const Layer<Real> &, const SequenceGradients<Real> &, const LayerGradients<Real> &);

    // saved: (time + 1) * R numbers a lane, R = C + layers * (1 + width rounded up to a multiple of 4) + heads * H.
    Real (*cfc_forward)(const Sequence<Real> &, const Cfc<Real> &);  // returns 0
    void (*cfc_backward)(const Sequence<Real> &, const Cfc<Real> &, const SequenceGradients<Real> &, const CfcGradients<Real> &);

    // Returns as layer_forward. saved: (time * substeps + 1) * (2 C + 3 H) numbers a lane.
    Real (*gruode_forward)(const Sequence<Real> &, const Gruode<Real> &);
    void (*gruode_backward)(const Sequence<Real> &, const Gruode<Real> &, const SequenceGradients<Real> &, const GruodeGradients<Real> &);

    // Returns as layer_forward. saved: time * H numbers a lane.
    Real (*ltc_forward)(const Sequence<Real> &, const Ltc<Real> &);
    void (*ltc_backward)(const Sequence<Real> &, const Ltc<Real> &, const SequenceGradients<Real> &, const LtcGradients<Real> &);

    // Each packs a cell of (I) inputs and (H) units into `bytes` bytes at a multiple of 64; from a null pointer it only counts them.
    StreamCell<Real> (*layer_stream)(int inputs, int units, const Layer<Real> &, void *memory);
    StreamCell<Real> (*cfc_stream)(int inputs, int units, const Cfc<Real> &, void *memory);
    StreamCell<Real> (*gruode_stream)(int inputs, int units, const Gruode<Real> &, void *memory);
    StreamCell<Real> (*ltc_stream)(int inputs, int units, const Ltc<Real> &, void *memory);
    StreamCell<Real> (*gates_stream)(int inputs, int units, const Gates<Real> &, void *memory);
    // A cell behind an LSTM, in its own instruction set: a state of (2 H) numbers.
    StreamCell<Real> (*recall_stream)(const StreamCell<Real> &cell, const Recall<Real> &, void *memory);
    Step<Real> (*step)(const StepSpec<Real> &, void *memory);
};
template <typename Real> const Kernels<Real> &kernels();

}  // namespace tauflow
