// A whole network sample by sample: steps on vectors, with a chain of cells in their middle. A Program is packed once and shared; a
// Session is one state that moves through it.
//
// Value 0 is the sample; each step reads some of the values before it, side by side, and makes one more.
#pragma once

#include "stream.h"

namespace tauflow {

template <typename Real> struct Entry {
    std::vector<int> sources;  // values
    Step<Real> step{};
    Memory packed;
    const Network<Real> *chain = nullptr;  // in the place of a step
    std::size_t value = 0, outputs = 0;    // where its value begins in a session, and how many numbers it has
    std::size_t memory = 0;                // where what it remembers begins
};

// Throws std::invalid_argument unless the sizes, options and weights of a step are those that its kind reads and writes.
template <typename Real> void check_step(const StepSpec<Real> &spec);

// Steps, one chain of cells, steps. What stands behind the chain reads the chain, what the chain reads, and the statics, nothing else from
// before it: so a sequence can run part by part. Whatever does not fit is refused (std::invalid_argument), and the program stays as it was.
template <typename Real> class Program {
public:
    Program(std::int64_t inputs, std::int64_t statics, double period, bool knows_missing);
    // spec: without its inputs, which are the sources side by side
    void add(std::vector<int> sources, StepSpec<Real> spec, Step<Real> (*pack)(const StepSpec<Real> &, void *));
    void add(int source, const Network<Real> &chain);  // once; the chain outlives the program

    int inputs, statics;
    Real period;         // times are divided by it
    bool knows_missing;  // NaN in a sample says "not measured"
    std::vector<Entry<Real>> entries;
    std::size_t values = 0, memory = 0, work = 0, widest = 0;  // numbers
    std::size_t chain = 0;                                     // the entry of the chain; 0 for none yet

    const Entry<Real> &cells() const { return entries[chain]; }
    const Entry<Real> &read() const { return entries[std::size_t(cells().sources[0])]; }  // by the chain
    std::size_t states() const { return cells().chain->place.size(); }                    // of the chain
    std::size_t remembered_behind() const { return memory - cells().memory; }

private:
    int width(const std::vector<int> &sources) const;
    void append(Entry<Real> &entry, std::size_t inputs);
};

template <typename Real> class Session {
public:
    explicit Session(const Program<Real> &program);

    Real *x() { return values_; }  // (inputs) to be filled before a step
    Real *y() { return y_; }       // memory for the outputs, for who has none
    Real *statics();               // (statics) to be filled before the first step
    int inputs() const { return program_.inputs; }
    int static_count() const { return program_.statics; }
    std::size_t outputs() const { return program_.entries.back().outputs; }
    std::size_t states() const { return program_.memory + program_.states(); }

    // Moves the state by the sample in x and fills y (outputs), or leaves both and says why not in `stage`, `index` and `value`.
    Refusal step(Real dt, Real *y);
    // The same for `count` sessions of one program; `row` is the one that refused, and none has moved then.
    struct Row {
        Session *session;
        Real dt, *y;
    };
    static Refusal step_all(const Row *rows, std::size_t count, std::size_t &row);
    std::size_t stage = 0, index = 0;  // stage: 0 for x, then the cells of the chain
    std::size_t sample = 0;            // of a sequence
    double value = 0;

    // Time that passes without a sample: the next step adds it to its own. No part of what save() writes; load() forgets it.
    bool can_skip(Real dt) const;
    void skip(Real dt) { skipped_ += dt; }
    Real skipped() const { return skipped_; }

    void save(Real *h) const;  // (states) what the steps before the chain remember, the chain's state, what those behind it remember
    void load(const Real *h);

    // A whole sequence, part by part. x (T, I), t (T) in periods, real (T) or null; memory (of that part) is moved on. u (T, U): what the
    // chain reads. False where a sample can't be taken, which is `sample`.
    bool before(std::size_t time, const Real *x, const Real *t, const std::uint8_t *real, Real *memory, Real *u);
    // h (states of the chain) is moved on; y (T, H) and states (T, states of the chain), each perhaps null. What refuses, with
    // `sample` beside the others.
    Refusal through(std::size_t time, const Real *u, const Real *t, const std::uint8_t *real, Real *h, Real *y, Real *states);
    // y (T, H) of the chain, u (T, U) what it read; out (T, O)
    void behind(std::size_t time, const Real *y, const Real *u, const std::uint8_t *real, Real *memory, Real *out);

private:
    bool gap_is_good(Real dt);
    Refusal arrive(Real dt, Real &t);  // what stands before the chain
    Refusal refuse(Refusal why);       // as the chain says
    void leave(Real *y);               // what stands behind it; the state has moved
    bool run(std::size_t first, std::size_t end, Real t, bool real);
    const Real *gather(const Entry<Real> &entry);

    const Program<Real> &program_;
    Memory memory_;
    Real *values_, *gathered_, *now_, *next_, *work_, *y_;
    Real skipped_ = 0;
    Stream<Real> chain_;
};

}  // namespace tauflow
