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

template <typename Real> class Program {
public:
    Program(int inputs, int statics, Real period, bool knows_missing);
    void add(std::vector<int> sources, const StepSpec<Real> &spec, Step<Real> (*pack)(const StepSpec<Real> &, void *));
    void add(int source, const Network<Real> &chain);  // once; the chain outlives the program

    int inputs, statics;
    Real period;         // times are divided by it
    bool knows_missing;  // NaN in a sample says "not measured"
    std::vector<Entry<Real>> entries;
    std::size_t values = 0, memory = 0, work = 0, widest = 0;  // numbers
    std::size_t chain = 0;                                     // the entry of the chain; 0 for none

private:
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
    std::size_t states() const;

    // Moves the state by the sample in x and fills y (outputs), or leaves both and says why not in `stage`, `index` and `value`.
    Refusal step(Real dt, Real *y);
    // The same for `count` sessions of one program; `row` is the one that refused, and none has moved then.
    static Refusal step_all(Session *const *sessions, std::size_t count, const Real *dt, Real *const *y, std::size_t &row);
    void skip(Real dt) { skipped_ += dt; }  // time that passes without a sample
    std::size_t stage = 0, index = 0;
    double value = 0;

    void save(Real *h) const;  // (states) what the steps before the chain remember, the chain's state, what those behind it remember
    void load(const Real *h);

    // What stands before the chain, or behind it, over a whole sequence. x (T, I), t (T) in periods, real (T) or null; memory (states of
    // that part) is moved on. u (T, U): the value that the chain reads. False where a sample can't be taken, which is `index`.
    bool before(std::size_t time, const Real *x, const Real *t, const std::uint8_t *real, Real *memory, Real *u);
    // The chain itself: u (T, U), h (states of the chain) is moved on; y (T, H) and states (T, states of the chain), each perhaps null.
    // What refuses, with `index` the sample and `value`.
    Refusal through(std::size_t time, const Real *u, const Real *t, const std::uint8_t *real, Real *h, Real *y, Real *states);
    // y (T, H) of the chain, u (T, U) what it read; out (T, O)
    bool behind(std::size_t time, const Real *y, const Real *u, const std::uint8_t *real, Real *memory, Real *out);

private:
    bool gap_is_good(Real dt);
    Refusal arrive(Real dt, Real &t);  // what stands before the chain
    Refusal refuse(Refusal why);       // as the chain says
    void leave(Real t, Real *y);       // what stands behind it; the state has moved
    bool run(std::size_t first, std::size_t end, Real t, bool real);
    const Real *gather(const Entry<Real> &entry);

    const Program<Real> &program_;
    Memory memory_;
    Real *values_, *gathered_, *now_, *next_, *work_, *y_;
    Real skipped_ = 0;
    std::unique_ptr<Stream<Real>> chain_;
};

}  // namespace tauflow
