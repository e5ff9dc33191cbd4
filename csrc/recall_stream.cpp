// MixedMemory one sample at a time: an LSTM in front of any packed cell; the equations are those of src/tauflow/cells/mixed_memory.py.
#include "kernels.h"
#include "neurons.h"

namespace tauflow {
namespace TAUFLOW_ISA {
namespace {

// sums: of the gates i, ig, fg, og, a row of lanes each. c is moved on; heard: what the cell takes for its state.
template <typename Real> __attribute__((noinline)) void remember(int lanes, const Real *sums, Real *c, Real *heard) {
    using L = Neurons<Real>;
    for (int i = 0; i < lanes; i += L::count) {
        const L fresh = tanh(L::load(sums + i)) * sigmoid(L::load(sums + lanes + i));
        const L moved = L::load(c + i) * sigmoid(L::load(sums + 2 * lanes + i) + L::splat(1)) + fresh;
        moved.store(c + i);
        (tanh(moved) * sigmoid(L::load(sums + 3 * lanes + i))).store(heard + i);
    }
}

template <typename Real> struct Behind {
    const StreamCell<Real> &cell;
    const Recall<Real> &recall;
};

template <typename Real> struct PackedRecall {
    int inputs, units, lanes;  // of the cell
    Maps<Real> gates;
    const Real *sense_w, *sense_b;
    StreamCell<Real> cell;
    std::size_t work;
    const std::int32_t *place;

    static Maps<Real> all_gates(Shelf &shelf, const Recall<Real> &recall, int inputs, std::size_t units) {
        Map<Real> of[4];
        for (std::size_t k = 0; k < 4; ++k)
            of[k] = {recall.b + k * units, recall.U + k * units * inputs, inputs, recall.W + k * units * units, int(units)};
        return Maps<Real>(shelf, 4, int(units), of);
    }
    // Where a neuron of the state [h, c] stands; c as h does.
    static const std::int32_t *places(Shelf &shelf, const StreamCell<Real> &cell) {
        std::int32_t *const to = shelf.take<std::int32_t>(2 * std::size_t(cell.units));
        for (int i = 0; to && i < cell.units; ++i)
            to[i] = cell.place ? cell.place[i] : i, to[cell.units + i] = cell.units + to[i];
        return to;
    }
    // state: twice the units of the cell
    PackedRecall(Shelf &shelf, int inputs_, int state, const Behind<Real> &both)
        : inputs(inputs_), units(state / 2), lanes(lanes_of<Real>(units)), gates(all_gates(shelf, both.recall, inputs, units)),
          sense_w(both.recall.sense_w ? pack_vector(shelf, inputs, both.recall.sense_w) : nullptr),
          sense_b(both.recall.sense_b ? pack_vector(shelf, inputs, both.recall.sense_b) : nullptr), cell(both.cell),
          work(6 * std::size_t(lanes) + lanes_of<Real>(inputs) + rounded(cell.work)), place(places(shelf, cell)) {}

    static std::size_t rounded(std::size_t numbers) { return (numbers + 15) / 16 * 16; }

    // work: of the gates, c, what the cell takes for its state and for its input, and its own
    Moved<Real> step(const Real *x, Real dt, const Real *h, Real *next, Real *own) const {
        Real *const c = own + rounded(cell.work), *const heard = c + lanes, *const sums = heard + lanes, *const sensed = sums + 4 * lanes;
        apply(gates, {x, inputs, h, units}, sums);
        copy_repeating(h + units, units, lanes, c);
        remember(lanes, sums, c, heard);
        for (int i = 0; sense_w && i < inputs; ++i) {
            const Real product = x[i] * sense_w[i];
            sensed[i] = product + sense_b[i];
        }
        const Moved<Real> moved = cell.step(cell.cell, sense_w ? sensed : x, dt, heard, next, own);
        copy_repeating(c, units, lanes_of<Real>(2 * units) - units, next + units);
        return {moved.longest, all_finite(blocks_of<Real>(2 * units), next)};
    }
};

}  // namespace

template <typename Real> StreamCell<Real> recall_stream(const StreamCell<Real> &cell, const Recall<Real> &recall, void *memory) {
    return stream_cell<Real, PackedRecall<Real>>(cell.inputs, 2 * cell.units, Behind<Real>{cell, recall}, memory);
}
template StreamCell<float> recall_stream(const StreamCell<float> &, const Recall<float> &, void *);
template StreamCell<double> recall_stream(const StreamCell<double> &, const Recall<double> &, void *);

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
