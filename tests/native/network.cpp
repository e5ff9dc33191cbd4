#include "network.h"

#include "cells.h"
#include "program.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>

namespace native {
namespace {

template <typename Real> bool same(const Real *a, const Real *b, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        if (std::memcmp(a + i, b + i, sizeof(Real)) != 0 && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
    return true;
}
template <typename Real> bool same(const std::vector<Real> &a, const std::vector<Real> &b) {
    return a.size() == b.size() && same(a.data(), b.data(), a.size());
}

template <typename Real> class Check {
public:
    explicit Check(Bytes bytes)
        : bytes_(bytes), random_{std::uint64_t(bytes_.pick(0, 255)) << 8 | std::uint64_t(bytes_.pick(0, 255))}, inputs_(bytes_.pick(1, 9)),
          statics_(bytes_.pick(0, 3)), missing_(bytes_.pick(0, 1)), program_(inputs_, statics_, bytes_.pick(0, 1) ? 1 : 2.5, missing_) {
        int width = inputs_, source = 0;
        for (int left = bytes_.pick(0, 4); left > 0; --left)
            if (add({source}, width, bytes_.pick(STANDARDIZE, SLICE))) source = int(program_.entries.size()) - 1, width = int(program_.entries.back().outputs);
        for (int cells = bytes_.pick(1, 3), heard = width; cells > 0; --cells) heard = add_cell(heard);
        program_.add(source, network_);
        const int chain = int(program_.entries.size()) - 1;
        std::vector<int> open{chain, source};
        if (statics_) open.push_back(1);
        for (int left = bytes_.pick(0, 5); left > 0; --left) {
            std::vector<int> sources{open[std::size_t(bytes_.pick(0, int(open.size()) - 1))]};
            if (bytes_.pick(0, 2) == 0) sources.push_back(open[std::size_t(bytes_.pick(0, int(open.size()) - 1))]);
            int together = 0;
            for (int one : sources) together += int(program_.entries[std::size_t(one)].outputs);
            if (together < 400 && add(sources, together, bytes_.pick(STANDARDIZE, SQUASH))) open.push_back(int(program_.entries.size()) - 1);
        }
    }

    std::string run() {
        std::string wrong = sequence();
        return wrong.empty() ? rows() : wrong;
    }

private:
    struct Written {
        StepKind kind;
        int outputs, memory;
        std::vector<int> options;
    };

    // A step of this kind as it is right for so many inputs, or nearly: the caller asks.
    Written written(int kind, int n) {
        const auto pick = [&](int low, int high) { return bytes_.pick(low, high < low ? low : high); };
        const auto divisor = [&](int wanted) {
            while (n % wanted) --wanted;
            return wanted;
        };
        switch (kind) {
            case CARRY: return {CARRY, 3 * n, 2 * n, {}};
            case WAVES: {
                std::vector<int> options{pick(1, 3), pick(0, n < 3 ? n : 3)};
                for (int i = 0; i < options[1]; ++i) options.push_back(pick(0, n - 1));
                return {WAVES, n + 1 + 2 * options[0] * (1 + options[1]), 0, options};
            }
            case DENSE: return {DENSE, pick(1, 20), 0, {pick(0, 8)}};
            case CONVOLVE: {
                const int channels = divisor(pick(1, 3)), points = n / channels;
                int high = pick(1, points);
                while (points % high) --high;
                const int size[] = {high, points / high}, padding[] = {pick(0, 2), pick(0, 2)};
                const int kernel[] = {pick(1, size[0] + 2 * padding[0]), pick(1, size[1] + 2 * padding[1])}, stride[] = {pick(1, 3), pick(1, 3)};
                const int filters = pick(1, 3);
                int made = filters;
                for (int i = 0; i < 2; ++i) made *= (size[i] + 2 * padding[i] - kernel[i]) / stride[i] + 1;
                return {CONVOLVE, made, 0,
                        {pick(0, 8), filters, channels, size[0], size[1], kernel[0], kernel[1], stride[0], stride[1], padding[0], padding[1]}};
            }
            case LOOKUP: return {LOOKUP, pick(1, 6), 0, {pick(1, 5)}};
            case POOL: {
                const int how = pick(0, 3);
                return {POOL, n, n + (how == MEAN ? 1 : how == ATTENTION ? 2 : 0), {how}};
            }
            case SLICE: {
                const int first = pick(0, n - 1);
                return {SLICE, pick(1, n - first), 0, {first}};
            }
            case ADD: return {ADD, divisor(pick(1, n)), 0, {}};
            case AVERAGE: {
                const int how = pick(0, 2), outputs = divisor(pick(1, n));
                return {AVERAGE, outputs, 0, {how, how == OF_NORMALS ? (outputs + 1) / 2 : outputs}};
            }
            case QUANTILES: {
                const int columns = divisor(pick(1, n));
                return {QUANTILES, n, 0, {columns, pick(0, n / columns - 1)}};
            }
            case POSITIVE: return {POSITIVE, n, 0, {pick(0, n)}};
            default: return {StepKind(kind), n, 0, {}};
        }
    }

    // How many numbers a and b of a step hold that is right.
    static std::size_t numbers_of_a(const StepSpec<Real> &s) {
        const std::size_t n = std::size_t(s.inputs), outputs = std::size_t(s.outputs);
        const auto option = [&](int i) { return std::size_t(s.options[i]); };
        switch (s.kind) {
            case STANDARDIZE:
            case SCALE_BACK:
            case SQUASH: return outputs;
            case WAVES: return option(0);
            case DENSE: return outputs * n;
            case CONVOLVE: return option(1) * option(2) * option(5) * option(6);
            case LOOKUP: return option(0) * outputs;
            case POOL: return option(0) == ATTENTION ? n : 0;
            case POSITIVE: return outputs - option(0);
            default: return 0;
        }
    }
    static std::size_t numbers_of_b(const StepSpec<Real> &s) {
        return s.kind == CONVOLVE ? std::size_t(s.options[1]) : s.kind <= SCALE_BACK || s.kind == DENSE || s.kind == SQUASH ? std::size_t(s.outputs) : 0;
    }

    bool add(std::vector<int> sources, int width, int kind) {
        if (width > 400) return false;
        Written w = written(kind, width);
        const int changed = bytes_.pick(0, 3) ? -1 : bytes_.pick(0, 1 + int(w.options.size())), by = bytes_.pick(0, 1) ? bytes_.pick(1, 3) : -bytes_.pick(1, 3);
        if (changed == 0) w.outputs += by;
        if (changed == 1) w.memory += by;
        if (changed > 1) w.options[std::size_t(changed) - 2] += by;
        const Real none = 0;
        StepSpec<Real> spec{w.kind, width, w.outputs, w.memory, &none, &none, w.options.data(), int(w.options.size())};
        const std::size_t entries = program_.entries.size();
        // Weights are there or not by the kind, so one of four makes it right, where anything does.
        for (int there = 0; there < 4; ++there) {
            spec.a = there & 1 ? &none : nullptr, spec.b = there & 2 ? &none : nullptr;
            try {
                check_step(spec);
            } catch (const std::invalid_argument &) {
                continue;
            }
            const Array<Real> a = numbers<Real>(numbers_of_a(spec), 0.25, 1, random_), b = numbers<Real>(numbers_of_b(spec), 1, 2, random_);
            spec.a = spec.a ? a.data() : nullptr, spec.b = spec.b ? b.data() : nullptr;
            try {
                program_.add(sources, spec, kernels<Real>().step);
                return true;
            } catch (const std::invalid_argument &) {  // a kind that does not stand there
                if (program_.entries.size() != entries) std::abort();
                return false;
            }
        }
        return false;
    }

    // One more cell of the chain, which hears so many numbers; how many it shows.
    int add_cell(int inputs) {
        Call c = native::read(bytes_);
        c.units = bytes_.pick(1, 20), c.inputs = inputs, c.solver = 0;
        Stage<Real> stage{};
        stage.holds = bytes_.pick(0, 1), stage.checked = bytes_.pick(0, 1);
        const bool remembers = bytes_.pick(0, 3) == 0;
        const int kind = bytes_.pick(0, KERNELS + 3), gates = kind - KERNELS, state = (gates == GATE_LSTM ? 2 : 1) * c.units;
        if (bytes_.pick(0, 2) == 0) stage.sense_w.assign(std::size_t(inputs), Real(0.5)), stage.sense_b.assign(std::size_t(inputs), Real(0.25));
        const int shown = bytes_.pick(1, c.units), first = int(network_.place.size());
        for (int k = 0; k < shown; ++k) stage.shown.push_back(first + k);
        const auto some = [&](std::size_t n) { return numbers<Real>(n, -0.5, 0.5, random_); };
        const Array<Real> U = some(std::size_t(4) * state * inputs), W = some(std::size_t(4) * state * state), b = some(std::size_t(4) * state);
        const Recall<Real> recall{U.data(), W.data(), b.data(), nullptr, nullptr};
        if (gates < 0) {
            c.kernel = Kernel(kind);
            with_kernel<Real>(c.kernel, [&](auto of) {
                using Of = decltype(of);
                const Array<std::uint8_t> sensory = flags(std::size_t(inputs) * c.units, c.missing, random_);
                const Array<std::uint8_t> inner = flags(std::size_t(c.units) * c.units, c.missing, random_);
                std::vector<Array<Real>> weights;
                for (const Weight &weight : Of::weights(c)) weights.push_back(numbers<Real>(weight.n, weight.low, weight.high, random_));
                const auto to = pointers(weights);
                network_.add(stage, inputs, c.units, cell_of<Of>(c, sensory, inner, to.data()), Of::stream(), remembers ? &recall : nullptr);
            });
            return shown;
        }
        const std::size_t n = std::size_t(gates == GATE_RNN ? 1 : gates == GATE_LSTM ? 4 : 3) * c.units;
        const Array<Real> of_x = some(n * (inputs + 1)), of_h = some(n * c.units), of_input = some(n), of_state = some(n);
        const Array<Real> rate = numbers<Real>(std::size_t(c.units), 0.05, 2, random_);
        const Gates<Real> cell{of_x.data(), of_h.data(), of_input.data(), of_state.data(), gates == GATE_DECAY_GRU ? rate.data() : nullptr, GateKind(gates)};
        network_.add(stage, inputs, state, cell, kernels<Real>().gates_stream, remembers ? &recall : nullptr);
        return shown;
    }

    struct Sample {
        std::vector<Real> x;
        Real dt;
    };
    Sample sample() {
        const double limits[] = {NAN, INFINITY, -INFINITY, sizeof(Real) == 4 ? 1.1e30 : 1.1e300}, gaps[] = {-1, NAN, INFINITY, -1e-30};
        Sample s{std::vector<Real>(std::size_t(inputs_)), Real(bytes_.pick(0, 4)) / 4};
        for (Real &one : s.x) one = missing_ && random_.next() % 4 == 0 ? std::numeric_limits<Real>::quiet_NaN() : inputs_ == 1 ? Real(random_.next() % 4) : Real(random_.uniform(-2, 2));
        if (bytes_.pick(0, 15) == 0) s.x[std::size_t(bytes_.pick(0, inputs_ - 1))] = Real(limits[bytes_.pick(0, 3)]);
        if (bytes_.pick(0, 15) == 0) s.dt = Real(gaps[bytes_.pick(0, 3)]);
        return s;
    }
    void begin(Session<Real> &session) {
        for (int i = 0; i < statics_; ++i) session.statics()[i] = Real(0.25) * Real(i + 1);
        std::vector<Real> h(session.states());
        for (Real &one : h) one = Real(random_.uniform(0, 1));
        session.load(h.data());
    }
    static std::vector<Real> saved(const Session<Real> &session) {
        std::vector<Real> h(session.states());
        session.save(h.data());
        return h;
    }

    std::string sequence() {
        auto one = std::make_unique<Session<Real>>(program_), other = std::make_unique<Session<Real>>(program_);
        begin(*other), begin(*one);
        const std::vector<Real> first = saved(*one);
        std::vector<Real> x, t, expected;
        std::vector<std::uint8_t> real;
        const auto masked = [&] {
            for (int left = bytes_.pick(0, 5) - 3; left > 0; --left)
                x.insert(x.end(), std::size_t(inputs_), std::numeric_limits<Real>::quiet_NaN()), t.push_back(Real(-7)), real.push_back(0);
        };
        masked();
        for (int left = bytes_.pick(1, 16); left > 0; --left) {
            const Sample s = sample();
            const std::vector<Real> before = saved(*one);
            std::vector<Real> y(one->outputs());
            Real waited = 0;
            if (bytes_.pick(0, 7) == 0 && one->can_skip(Real(0.75))) one->skip(waited = Real(0.75));
            std::copy(s.x.begin(), s.x.end(), one->x());
            if (one->step(s.dt, y.data()) != ACCEPTED) {
                if (!same(before, saved(*one))) return "a refusal moved the state";
                if (one->skipped() != waited) return "a refusal forgot the time that was skipped";
                one->load(before.data());
                continue;
            }
            x.insert(x.end(), s.x.begin(), s.x.end()), t.push_back((s.dt + waited) / program_.period), real.push_back(1);
            expected.insert(expected.end(), y.begin(), y.end());
            masked();
            if (bytes_.pick(0, 3) == 0) {
                other->load(saved(*one).data());
                std::swap(one, other);
                begin(*other);
                for (int i = 0; i < statics_; ++i) one->statics()[i] = other->statics()[i];
            }
        }
        return t.empty() ? "" : equals(first, x, t, real, expected, saved(*one));
    }

    // The same samples as a sequence, part by part.
    std::string equals(std::vector<Real> h, const std::vector<Real> &x, const std::vector<Real> &t, const std::vector<std::uint8_t> &real,
                       const std::vector<Real> &expected, const std::vector<Real> &last) {
        Session<Real> session(program_);
        begin(session);
        const std::size_t time = t.size(), read = program_.read().outputs, shown = program_.cells().outputs, outputs = session.outputs();
        Real *const memory = h.data(), *const cells = memory + program_.cells().memory, *const rest = cells + program_.states();
        Array<Real> u(time * read), y(time * shown), states(time * program_.states()), out(time * outputs);
        if (!session.before(time, x.data(), t.data(), real.data(), memory, u.data())) return "a sample that was taken is refused in a sequence";
        if (session.through(time, u.data(), t.data(), real.data(), cells, y.data(), states.data()) != ACCEPTED)
            return "a sample that was taken is refused by the cells in a sequence";
        session.behind(time, y.data(), u.data(), real.data(), rest, out.data());
        std::vector<Real> found;
        for (std::size_t i = 0; i < time; ++i) {
            if (real[i]) found.insert(found.end(), out.data() + i * outputs, out.data() + (i + 1) * outputs);
            else if (i > 0 && !same(y.data() + i * shown, y.data() + (i - 1) * shown, shown)) return "a masked sample shows another state";
        }
        if (!same(found, expected)) return "a sequence gives other numbers than its samples one by one";
        if (!same(h, last)) return "a sequence ends in another state";
        if (!same(states.data() + (time - 1) * program_.states(), cells, program_.states())) return "the last of the states is another one";
        return u.intact() && y.intact() && states.intact() && out.intact() ? "" : "a sequence wrote in front of or behind an array";
    }

    std::string rows() {
        const std::size_t count = std::size_t(bytes_.pick(1, 9));
        std::vector<std::unique_ptr<Session<Real>>> together, alone;
        std::vector<std::vector<Real>> y(count, std::vector<Real>(program_.entries.back().outputs)), expected = y;
        for (std::size_t k = 0; k < count; ++k) {
            together.push_back(std::make_unique<Session<Real>>(program_)), alone.push_back(std::make_unique<Session<Real>>(program_));
            begin(*together[k]), begin(*alone[k]), alone[k]->load(saved(*together[k]).data());
        }
        for (int left = bytes_.pick(1, 4); left > 0; --left) {
            std::vector<typename Session<Real>::Row> rows;
            std::vector<std::vector<Real>> before;
            std::size_t bad = count;
            for (std::size_t k = 0; k < count; ++k) {
                const Sample s = sample();
                std::copy(s.x.begin(), s.x.end(), together[k]->x()), std::copy(s.x.begin(), s.x.end(), alone[k]->x());
                rows.push_back({together[k].get(), s.dt, y[k].data()}), before.push_back(saved(*together[k]));
                if (alone[k]->step(s.dt, expected[k].data()) != ACCEPTED) bad = k;
            }
            std::size_t row = 0;
            const Refusal why = Session<Real>::step_all(rows.data(), count, row);
            if ((why == ACCEPTED) != (bad == count)) return "rows together are refused where none alone is, or the other way round";
            if (why != ACCEPTED && row >= count) return "a row that there is not refused";
            for (std::size_t k = 0; k < count; ++k) {
                if (why != ACCEPTED && !same(before[k], saved(*together[k]))) return "a refusal of one row moved another";
                if (why != ACCEPTED) alone[k]->load(before[k].data());
                else if (!same(y[k], expected[k]) || !same(saved(*together[k]), saved(*alone[k]))) return "rows together differ from rows alone";
            }
        }
        return "";
    }

    Bytes bytes_;
    Random random_;
    int inputs_, statics_;
    bool missing_;
    Network<Real> network_;
    Program<Real> program_;
};

}  // namespace

std::string check_network(Bytes bytes) {
    return bytes.pick(0, 1) ? Check<double>(bytes).run() : Check<float>(bytes).run();
}

}  // namespace native
