// Samples through a program: gather what a step reads, run it, go on.
#include "program.h"

#include "door.h"
#include "flush.h"

#include <algorithm>
#include <limits>

namespace tauflow {

namespace {

constexpr std::size_t ROOM = 16;  // numbers of the widest register
std::size_t padded(std::size_t n) { return (n + ROOM - 1) / ROOM * ROOM; }

template <typename Real> constexpr Real limit = sizeof(Real) == 4 ? Real(1e30) : Real(1e300);

}  // namespace

template <typename Real>
Program<Real>::Program(std::int64_t inputs_, std::int64_t statics_, double period_, bool knows_missing_)
    : inputs(size("inputs", inputs_)), statics(int(within("statics", statics_, 0, MOST))), period(Real(period_)), knows_missing(knows_missing_) {
    if (!(period > 0 && period <= std::numeric_limits<Real>::max()))
        throw std::invalid_argument("period is " + std::to_string(period_) + ", expected a positive finite time");
    Entry<Real> sample;
    sample.outputs = std::size_t(inputs);
    append(sample, 0);
    if (statics) {
        Entry<Real> given;
        given.outputs = std::size_t(statics);
        append(given, 0);
    }
}

template <typename Real> void Program<Real>::append(Entry<Real> &entry, std::size_t width) {
    entry.value = values, entry.memory = memory;
    const std::size_t remembered = std::size_t(entry.step.memory), room = entry.step.work, outputs = entry.outputs;
    entries.push_back(std::move(entry));  // first: who runs out of memory has the program that was there before
    values += padded(outputs), memory += remembered, widest = std::max(widest, width), work = std::max(work, room);
}

// How many numbers the sources are, side by side.
template <typename Real> int Program<Real>::width(const std::vector<int> &sources) const {
    std::int64_t total = 0;
    for (const int source : sources) {
        const std::int64_t value = within("source", source, 0, std::int64_t(entries.size()) - 1);
        if (chain == 0 && statics && value == 1) throw std::invalid_argument("source is 1, the statics, which are read behind the cells alone");
        if (chain && std::size_t(value) < chain && value != cells().sources[0] && !(statics && value == 1))
            throw std::invalid_argument("source is " + std::to_string(value) + ", made before the cells and not what they read");
        total += std::int64_t(entries[std::size_t(value)].outputs);
    }
    return size("the width of the sources", total);
}

template <typename Real>
void Program<Real>::add(std::vector<int> sources, StepSpec<Real> spec, Step<Real> (*pack)(const StepSpec<Real> &, void *)) {
    spec.inputs = width(sources);
    check_step(spec);
    if (chain && (spec.kind == CARRY || spec.kind == WAVES || spec.kind == LOOKUP))
        throw std::invalid_argument("a step behind the cells knows no time and refuses nothing: carry, waves and lookup stand before them");
    Entry<Real> entry;
    entry.sources = std::move(sources);
    entry.packed = allocate(pack(spec, nullptr).bytes);
    entry.step = pack(spec, entry.packed.get());
    entry.outputs = std::size_t(spec.outputs);
    append(entry, std::size_t(spec.inputs));
}

template <typename Real> void Program<Real>::add(int source, const Network<Real> &cells) {
    if (chain) throw std::invalid_argument("a program has one chain of cells, and this is a second one");
    if (cells.stages.empty()) throw std::invalid_argument("a chain without cells");
    const int given = width({source}), wanted = cells.stages.front().cell.inputs;
    if (given != wanted)
        throw std::invalid_argument("the cells read " + std::to_string(wanted) + " numbers, but their source has " + std::to_string(given));
    Entry<Real> entry;
    entry.sources = {source}, entry.chain = &cells, entry.outputs = cells.stages.back().shown.size();
    append(entry, std::size_t(wanted));
    chain = entries.size() - 1;
}

namespace {

template <typename Real> const Network<Real> &chain_of(const Program<Real> &program) {
    if (!program.chain) throw std::invalid_argument("a program without cells does not run");
    return *program.cells().chain;
}

}  // namespace

template <typename Real> Session<Real>::Session(const Program<Real> &program) : program_(program), chain_(chain_of(program)) {
    const std::size_t sizes[] = {program.values, padded(program.widest), padded(program.memory), padded(program.memory),
                                 padded(program.work), padded(program.entries.back().outputs)};
    Real **const arrays[] = {&values_, &gathered_, &now_, &next_, &work_, &y_};
    std::size_t all = 0;
    for (std::size_t size : sizes) all += size;
    memory_ = allocate(all * sizeof(Real));
    Real *at = static_cast<Real *>(memory_.get());
    std::fill_n(at, all, Real(0));
    for (int i = 0; i < 6; ++i) *arrays[i] = at, at += sizes[i];
}

template <typename Real> Real *Session<Real>::statics() { return values_ + program_.entries[1].value; }

// The values that a step reads, side by side.
template <typename Real> const Real *Session<Real>::gather(const Entry<Real> &entry) {
    if (entry.sources.size() == 1) return values_ + program_.entries[entry.sources[0]].value;
    Real *to = gathered_;
    for (int source : entry.sources) {
        const Entry<Real> &from = program_.entries[source];
        to = std::copy_n(values_ + from.value, from.outputs, to);
    }
    return gathered_;
}

template <typename Real> bool Session<Real>::run(std::size_t first, std::size_t end, Real t, bool real) {
    for (std::size_t i = first; i < end; ++i) {
        const Entry<Real> &entry = program_.entries[i];
        if (!entry.step.run) continue;
        const Real *const z = gather(entry);
        if (!entry.step.run(entry.step.packed, z, t, real, now_ + entry.memory, next_ + entry.memory, values_ + entry.value, work_)) {
            stage = 0, index = 0, value = z[0];
            return false;
        }
    }
    return true;
}

// Asked before subnormal numbers are flushed, to which -1e-38 is zero.
template <typename Real> bool Session<Real>::gap_is_good(Real dt) {
    stage = index = 0, value = dt;
    return can_skip(dt);
}

template <typename Real> Refusal Session<Real>::arrive(Real dt, Real &t) {
    stage = index = 0;
    for (int i = 0; i < program_.inputs; ++i) {
        const Real one = values_[i];
        if ((one <= limit<Real> && one >= -limit<Real>) || (program_.knows_missing && one != one)) continue;
        return index = std::size_t(i), value = one, BAD_INPUT;
    }
    t = (dt + skipped_) / program_.period;
    if (!run(1, program_.chain, t, true)) return BAD_INPUT;
    std::copy_n(gather(program_.cells()), chain_.inputs(), chain_.x());
    return ACCEPTED;
}

template <typename Real> Refusal Session<Real>::refuse(Refusal why) {
    stage = chain_.stage + 1, index = chain_.index, value = chain_.value;
    return why;
}

template <typename Real> void Session<Real>::leave(Real *y) {
    run(program_.chain + 1, program_.entries.size(), 0, true);
    std::swap(now_, next_);
    skipped_ = 0;
    const Entry<Real> &last = program_.entries.back();
    std::copy_n(values_ + last.value, last.outputs, y);
}

template <typename Real> Refusal Session<Real>::step(Real dt, Real *y) {
    if (!gap_is_good(dt)) return BAD_GAP;
    const FlushSubnormals flush;
    Real t = 0;
    Refusal why = arrive(dt, t);
    if (why != ACCEPTED) return why;
    why = chain_.step(t, values_ + program_.cells().value);
    if (why != ACCEPTED) return refuse(why);
    leave(y);
    return ACCEPTED;
}

template <typename Real> Refusal Session<Real>::step_all(const Row *rows, std::size_t count, std::size_t &row) {
    for (row = 0; row < count; ++row)
        if (!rows[row].session->gap_is_good(rows[row].dt)) return BAD_GAP;
    const FlushSubnormals flush;
    std::vector<typename Stream<Real>::Row> chains(count);
    for (row = 0; row < count; ++row) {
        Session &session = *rows[row].session;
        chains[row].stream = &session.chain_, chains[row].y = session.values_ + session.program_.cells().value;
        const Refusal why = session.arrive(rows[row].dt, chains[row].dt);
        if (why != ACCEPTED) return why;
    }
    const Refusal why = Stream<Real>::step_all(chains.data(), count, row);
    if (why != ACCEPTED) return rows[row].session->refuse(why);
    for (std::size_t k = 0; k < count; ++k) rows[k].session->leave(rows[k].y);
    return ACCEPTED;
}

template <typename Real> bool Session<Real>::can_skip(Real dt) const {
    return dt >= 0 && dt + skipped_ <= std::numeric_limits<Real>::max();
}

template <typename Real> void Session<Real>::save(Real *h) const {
    const std::size_t before = program_.cells().memory;
    h = std::copy_n(now_, before, h);
    chain_.save(h);
    std::copy_n(now_ + before, program_.remembered_behind(), h + program_.states());
}

template <typename Real> void Session<Real>::load(const Real *h) {
    const std::size_t before = program_.cells().memory;
    std::copy_n(h, before, now_);
    chain_.load(h + before);
    std::copy_n(h + before + program_.states(), program_.remembered_behind(), now_ + before);
    skipped_ = 0;
}

template <typename Real>
bool Session<Real>::before(std::size_t time, const Real *x, const Real *t, const std::uint8_t *real, Real *memory, Real *u) {
    const FlushSubnormals flush;
    const Entry<Real> &read = program_.read();
    const std::size_t own = program_.cells().memory;
    std::copy_n(memory, own, now_);
    for (std::size_t i = 0; i < time; ++i, x += program_.inputs, u += read.outputs) {
        std::copy_n(x, program_.inputs, values_);
        if (!run(1, program_.chain, t[i], !real || real[i])) {
            sample = i;
            return false;
        }
        std::copy_n(values_ + read.value, read.outputs, u);
        std::swap(now_, next_);
    }
    std::copy_n(now_, own, memory);
    return true;
}

template <typename Real>
Refusal Session<Real>::through(std::size_t time, const Real *u, const Real *t, const std::uint8_t *real, Real *h, Real *y, Real *states) {
    const FlushSubnormals flush;
    const std::size_t inputs = program_.read().outputs, outputs = program_.cells().outputs;
    chain_.load(h);
    Real *const shown = values_ + program_.cells().value;
    chain_.show(shown);  // of the state before the first real sample
    for (std::size_t i = 0; i < time; ++i, u += inputs) {
        if (!real || real[i]) {
            std::copy_n(u, inputs, chain_.x());
            const Refusal why = chain_.step(t[i], shown);
            if (why != ACCEPTED) {
                sample = i;
                return refuse(why);
            }
        }
        if (y) std::copy_n(shown, outputs, y + i * outputs);
        if (states) chain_.save(states + i * program_.states());
    }
    chain_.save(h);
    return ACCEPTED;
}

template <typename Real>
void Session<Real>::behind(std::size_t time, const Real *y, const Real *u, const std::uint8_t *real, Real *memory, Real *out) {
    const FlushSubnormals flush;
    const Entry<Real> &cells = program_.cells(), &read = program_.read(), &last = program_.entries.back();
    std::copy_n(memory, program_.remembered_behind(), now_ + cells.memory);
    for (std::size_t i = 0; i < time; ++i, y += cells.outputs, u += read.outputs, out += last.outputs) {
        std::copy_n(y, cells.outputs, values_ + cells.value);
        std::copy_n(u, read.outputs, values_ + read.value);
        run(program_.chain + 1, program_.entries.size(), 0, !real || real[i]);
        std::copy_n(values_ + last.value, last.outputs, out);
        std::swap(now_, next_);
    }
    std::copy_n(now_ + cells.memory, program_.remembered_behind(), memory);
}

template class Program<float>;
template class Program<double>;
template class Session<float>;
template class Session<double>;

}  // namespace tauflow
