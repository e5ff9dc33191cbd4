// Streams: one sample in, one out, with the state kept between calls. A Network is a chain of packed cells that many streams share.
#pragma once

#include "tauflow.h"

#include <memory>
#include <utility>
#include <vector>

namespace tauflow {

// Memory at a multiple of 64 bytes.
struct Free {
    void operator()(void *memory) const;
};
using Memory = std::unique_ptr<void, Free>;
Memory allocate(std::size_t bytes);

// What a chain does around a cell: x w + b of its inputs before it, and y w + b of the neurons it shows after it.
template <typename Real> struct Stage {
    bool holds;                             // dt = 0 leaves the state as it is; else the cell itself says what it does
    bool checked;                           // inputs beyond the limit are refused
    std::vector<Real> sense_w, sense_b;     // (I), both empty for none
    std::vector<std::int32_t> shown;        // neurons of this cell and of those before it, counted on from cell to cell
    std::vector<Real> read_w, read_b;       // as many as shown; both empty for none
    StreamCell<Real> cell;
    Memory packed, behind;                  // behind: the cell itself, where an LSTM stands in front of it
    std::size_t first;                      // where its state begins in a stream's
    std::size_t work;                       // and where its work memory does, which no other stage touches
    bool in_a_row;                          // whether the neurons shown stand side by side there
};

template <typename Real> class Network {
public:
    // stage: without its cell; pack: of Kernels, for the instruction set in use; recall: an LSTM in front of the cell, or null
    template <typename Cell>
    void add(Stage<Real> &stage, int inputs, int units, const Cell &cell, StreamCell<Real> (*pack)(int, int, const Cell &, void *),
             const Recall<Real> *recall = nullptr) {
        stage.packed = allocate(pack(inputs, units, cell, nullptr).bytes);
        stage.cell = pack(inputs, units, cell, stage.packed.get());
        if (recall) stand_behind(stage, *recall);
        append(stage);
    }
    std::vector<Stage<Real>> stages;
    std::vector<std::int32_t> place;   // where neuron i stands in a stream's state
    std::vector<std::int32_t> source;  // (lanes) the neuron that stands there
    std::size_t work = 0;              // numbers, of all stages: a cell may keep there what it knows from the last sample

private:
    void stand_behind(Stage<Real> &stage, Recall<Real> recall);
    void check(const Stage<Real> &stage) const;
    void append(Stage<Real> &stage);
};

enum Refusal { ACCEPTED, BAD_INPUT, BAD_GAP, LONG_STEP, STATE_OVERFLOW };

template <typename Real> class Stream {
public:
    explicit Stream(const Network<Real> &network);

    Real *x() { return x_; }  // (I) to be filled before a step
    Real *y() { return y_; }  // (O) memory for the outputs, for who has none
    int inputs() const { return network_.stages.front().cell.inputs; }

    // Moves the state by the sample in x and fills y (O), or leaves both and says why not in `stage`, `index` and `value`.
    Refusal step(Real dt, Real *y);
    // The same for `count` streams of one network, stage by stage; `row` is the one that refused, and none has moved then.
    struct Row {
        Stream *stream;
        Real dt, *y;
    };
    static Refusal step_all(const Row *rows, std::size_t count, std::size_t &row);
    void show(Real *y);  // (O) of the state as it is
    std::size_t stage = 0, index = 0;
    double value = 0;

    void save(Real *h) const;  // (H), in the order of the neurons
    void load(const Real *h);

private:
    static Refusal step_some(const Row *rows, std::size_t some, std::size_t stage, std::size_t &row);
    Refusal refuse(Refusal why, std::size_t where, std::size_t which, double what);
    Refusal arrive(std::size_t i, Real dt, bool &moves);         // before the cell of a stage: reading_ is what it reads
    Refusal leave(std::size_t i, const Moved<Real> &moved, Real *y);  // behind it
    const Real *shown_of(const Stage<Real> &at, const Real *state);   // null, and in shown_, where it isn't finite

    const Network<Real> &network_;
    const Real *reading_ = nullptr;
    Memory memory_;
    Real *x_, *sensed_, *shown_, *now_, *next_, *work_, *y_;
    std::size_t lanes_;
};

}  // namespace tauflow
