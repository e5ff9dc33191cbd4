// Samples through a program: gather what a step reads, run it, go on.
#include "program.h"

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
Program<Real>::Program(int inputs_, int statics_, Real period_, bool knows_missing_)
    : inputs(inputs_), statics(statics_), period(period_), knows_missing(knows_missing_) {
    Entry<Real> sample;
    sample.outputs = inputs;
    append(sample, 0);
    if (statics) {
        Entry<Real> given;
        given.outputs = statics;
        append(given, 0);
    }
}

template <typename Real> void Program<Real>::append(Entry<Real> &entry, std::size_t width) {
    entry.value = values, entry.memory = memory;
    values += padded(entry.outputs), memory += entry.step.memory, widest = std::max(widest, width);
    work = std::max(work, entry.step.work);
    entries.push_back(std::move(entry));
}

template <typename Real>
void Program<Real>::add(std::vector<int> sources, const StepSpec<Real> &spec, Step<Real> (*pack)(const StepSpec<Real> &, void *)) {
    Entry<Real> entry;
    entry.sources = std::move(sources);
    entry.packed = allocate(pack(spec, nullptr).bytes);
    entry.step = pack(spec, entry.packed.get());
    entry.outputs = spec.outputs;
    append(entry, spec.inputs);
}

template <typename Real> void Program<Real>::add(int source, const Network<Real> &cells) {
    Entry<Real> entry;
    entry.sources = {source}, entry.chain = &cells, entry.outputs = cells.stages.back().shown.size();
    chain = entries.size();
    append(entry, cells.stages.front().cell.inputs);
}

template <typename Real> Session<Real>::Session(const Program<Real> &program) : program_(program) {
    const std::size_t sizes[] = {program.values, padded(program.widest), padded(program.memory), padded(program.memory),
                                 padded(program.work), padded(program.entries.back().outputs)};
    Real **const arrays[] = {&values_, &gathered_, &now_, &next_, &work_, &y_};
    std::size_t all = 0;
    for (std::size_t size : sizes) all += size;
    memory_ = allocate(all * sizeof(Real));
    Real *at = static_cast<Real *>(memory_.get());
    std::fill_n(at, all, Real(0));
    for (int i = 0; i < 6; ++i) *arrays[i] = at, at += sizes[i];
    if (program.chain) chain_ = std::make_unique<Stream<Real>>(*program.entries[program.chain].chain);
}

template <typename Real> Real *Session<Real>::statics() { return values_ + program_.entries[1].value; }

template <typename Real> std::size_t Session<Real>::states() const {
    return program_.memory + (chain_ ? program_.entries[program_.chain].chain->place.size() : 0);
}

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
    if (dt >= 0 && dt + skipped_ <= std::numeric_limits<Real>::max()) return true;
    stage = index = 0, value = dt;
    return false;
}

template <typename Real> Refusal Session<Real>::arrive(Real dt, Real &t) {
    for (int i = 0; i < program_.inputs; ++i) {
        const Real one = values_[i];
        if ((one <= limit<Real> && one >= -limit<Real>) || (program_.knows_missing && one != one)) continue;
        stage = 0, index = std::size_t(i), value = one;
        return BAD_INPUT;
    }
    t = (dt + skipped_) / program_.period;
    if (!run(1, chain_ ? program_.chain : program_.entries.size(), t, true)) return BAD_INPUT;
    if (chain_) {
        const Entry<Real> &cells = program_.entries[program_.chain];
        std::copy_n(gather(cells), cells.chain->stages.front().cell.inputs, chain_->x());
    }
    return ACCEPTED;
}

template <typename Real> Refusal Session<Real>::refuse(Refusal why) {
    stage = chain_->stage + (program_.chain > 1), index = chain_->index, value = chain_->value;
    return why;
}

template <typename Real> void Session<Real>::leave(Real t, Real *y) {
    if (chain_) run(program_.chain + 1, program_.entries.size(), t, true);
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
    if (why == ACCEPTED && chain_) {
        why = chain_->step(t, values_ + program_.entries[program_.chain].value);
        if (why != ACCEPTED) return refuse(why);
    }
    if (why == ACCEPTED) leave(t, y);
    return why;
}

template <typename Real>
Refusal Session<Real>::step_all(Session *const *sessions, std::size_t count, const Real *dt, Real *const *y, std::size_t &row) {
    for (row = 0; row < count; ++row)
        if (!sessions[row]->gap_is_good(dt[row])) return BAD_GAP;
    const FlushSubnormals flush;
    std::vector<Real> t(count);
    for (row = 0; row < count; ++row) {
        const Refusal why = sessions[row]->arrive(dt[row], t[row]);
        if (why != ACCEPTED) return why;
    }
    const Program<Real> &program = sessions[0]->program_;
    if (program.chain) {
        std::vector<Stream<Real> *> chains(count);
        std::vector<Real *> shown(count);
        for (std::size_t k = 0; k < count; ++k)
            chains[k] = sessions[k]->chain_.get(), shown[k] = sessions[k]->values_ + program.entries[program.chain].value;
        const Refusal why = Stream<Real>::step_all(chains.data(), count, t.data(), shown.data(), row);
        if (why != ACCEPTED) return sessions[row]->refuse(why);
    }
    for (std::size_t k = 0; k < count; ++k) sessions[k]->leave(t[k], y[k]);
    return ACCEPTED;
}

template <typename Real> void Session<Real>::save(Real *h) const {
    const std::size_t before = chain_ ? program_.entries[program_.chain].memory : program_.memory;
    h = std::copy_n(now_, before, h);
    if (chain_) chain_->save(h), h += program_.entries[program_.chain].chain->place.size();
    std::copy_n(now_ + before, program_.memory - before, h);
}

template <typename Real> void Session<Real>::load(const Real *h) {
    const std::size_t before = chain_ ? program_.entries[program_.chain].memory : program_.memory;
    std::copy_n(h, before, now_);
    h += before;
    if (chain_) chain_->load(h), h += program_.entries[program_.chain].chain->place.size();
    std::copy_n(h, program_.memory - before, now_ + before);
    skipped_ = 0;
}

template <typename Real>
bool Session<Real>::before(std::size_t time, const Real *x, const Real *t, const std::uint8_t *real, Real *memory, Real *u) {
    const FlushSubnormals flush;
    const Entry<Real> &cells = program_.entries[program_.chain];
    const Entry<Real> &read = program_.entries[cells.sources[0]];
    std::copy_n(memory, cells.memory, now_);
    for (std::size_t i = 0; i < time; ++i, x += program_.inputs, u += read.outputs) {
        std::copy_n(x, program_.inputs, values_);
        if (!run(1, program_.chain, t[i], !real || real[i])) {
            index = i;
            return false;
        }
        std::copy_n(values_ + read.value, read.outputs, u);
        std::swap(now_, next_);
    }
    std::copy_n(now_, cells.memory, memory);
    return true;
}

template <typename Real>
Refusal Session<Real>::through(std::size_t time, const Real *u, const Real *t, const std::uint8_t *real, Real *h, Real *y, Real *states) {
    const FlushSubnormals flush;
    const Entry<Real> &cells = program_.entries[program_.chain];
    const std::size_t inputs = std::size_t(cells.chain->stages.front().cell.inputs), count = cells.chain->place.size();
    Real *const shown = values_ + cells.value;  // of the last real sample, or of none: zeros
    chain_->load(h);
    std::fill_n(shown, cells.outputs, Real(0));
    for (std::size_t i = 0; i < time; ++i, u += inputs) {
        if (!real || real[i]) {
            std::copy_n(u, inputs, chain_->x());
            const Refusal why = chain_->step(t[i], shown);
            if (why != ACCEPTED) {
                index = i, value = chain_->value, stage = chain_->stage;
                return why;
            }
        }
        if (y) std::copy_n(shown, cells.outputs, y + i * cells.outputs);
        if (states) chain_->save(states + i * count);
    }
    chain_->save(h);
    return ACCEPTED;
}

template <typename Real>
bool Session<Real>::behind(std::size_t time, const Real *y, const Real *u, const std::uint8_t *real, Real *memory, Real *out) {
    const FlushSubnormals flush;
    const Entry<Real> &cells = program_.entries[program_.chain], &last = program_.entries.back();
    const Entry<Real> &read = program_.entries[cells.sources[0]];
    const std::size_t own = program_.memory - cells.memory;
    std::copy_n(memory, own, now_ + cells.memory);
    for (std::size_t i = 0; i < time; ++i, y += cells.outputs, u += read.outputs, out += last.outputs) {
        std::copy_n(y, cells.outputs, values_ + cells.value);
        std::copy_n(u, read.outputs, values_ + read.value);
        run(program_.chain + 1, program_.entries.size(), 0, !real || real[i]);
        std::copy_n(values_ + last.value, last.outputs, out);
        std::swap(now_, next_);
    }
    std::copy_n(now_ + cells.memory, own, memory);
    return true;
}

template class Program<float>;
template class Program<double>;
template class Session<float>;
template class Session<double>;

}  // namespace tauflow
