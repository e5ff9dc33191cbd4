#include "chain.h"

#include "cells.h"
#include "flush.h"
#include "network.h"
#include "stream.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace native {
namespace {

template <typename Real> bool same(const Real *a, const Real *b, std::size_t n) { return std::memcmp(a, b, n * sizeof(Real)) == 0; }

// One cell of the chain: what Network gets, and the same packed once more with memory of its own.
template <typename Real> struct Link {
    Call call{};
    Stage<Real> around{};
    Memory memory;
    StreamCell<Real> cell;
    std::vector<Real> now, next, work;  // as the packed cell has them
};

template <typename Real> std::vector<Real> some(std::size_t n, Random &random) {
    std::vector<Real> all(n);
    for (Real &one : all) one = Real(random.uniform(-2, 2));
    return all;
}

template <typename Real> class Check {
public:
    explicit Check(Bytes bytes) : bytes_(bytes), random_{std::uint64_t(bytes_.pick(0, 255)) << 8 | std::uint64_t(bytes_.pick(0, 255))} {
        const int cells = bytes_.pick(1, 4);
        for (int i = 0; i < cells; ++i) add();
    }

    std::string run() {
        const std::string grown = refuses_what_does_not_fit();
        if (!grown.empty()) return grown;
        Stream<Real> one(network_), two(network_), *stream = &one, *other = &two;
        stream->load(first_.data()), other->load(first_.data());
        const int samples = bytes_.pick(1, 24);
        for (int t = 0; t < samples; ++t) {
            const std::string wrong = sample(*stream);
            if (!wrong.empty()) return "sample " + std::to_string(t) + ": " + wrong;
            if (bytes_.pick(0, 3) == 0) {  // go on in another stream, and leave this one with something else
                std::vector<Real> h(network_.place.size());
                stream->save(h.data()), other->load(h.data());
                std::swap(stream, other);
                other->load(first_.data());
                std::fill_n(other->x(), network_.stages.front().cell.inputs, Real(0.5));
                std::vector<Real> y(network_.stages.back().shown.size());
                other->step(Real(bytes_.pick(0, 4)) / 4, y.data());
            }
        }
        return "";
    }

private:
    void add() {
        Link<Real> link;
        Call c = native::read(bytes_);  // of its own bytes: those that follow are chosen again
        c.kernel = Kernel(bytes_.pick(0, KERNELS - 1)), c.units = bytes_.pick(1, 24), c.solver = bytes_.pick(0, c.kernel == LTC ? 3 : 2);
        c.inputs = links_.empty() ? bytes_.pick(1, 9) : int(links_.back().around.shown.size());
        link.call = c;
        with_kernel<Real>(c.kernel, [&](auto of) { fill(of, link); });
        links_.push_back(std::move(link));
    }

    template <typename Of> void fill(Of, Link<Real> &link) {
        const Call &c = link.call;
        const Array<std::uint8_t> sensory = flags(std::size_t(c.inputs) * c.units, c.missing, random_);
        const Array<std::uint8_t> inner = flags(std::size_t(c.units) * c.units, c.missing, random_);
        std::vector<Array<Real>> weights;
        const double size = bytes_.pick(0, 7) == 0 ? 1e20 : 1;  // an unbounded activation overflows with it
        for (const Weight &weight : Of::weights(c))
            weights.push_back(numbers<Real>(weight.n, weight.low * (weight.low < 0 ? size : 1), weight.high * (weight.low < 0 ? size : 1), random_));
        const auto pointers_to = pointers(weights);
        const auto cell = cell_of<Of>(c, sensory, inner, pointers_to.data());
        link.memory = allocate(Of::stream()(c.inputs, c.units, cell, nullptr).bytes);
        link.cell = Of::stream()(c.inputs, c.units, cell, link.memory.get());
        const Real nan = std::numeric_limits<Real>::quiet_NaN();
        link.now.assign(link.cell.lanes, nan), link.next.assign(link.cell.lanes, nan), link.work.assign(link.cell.work + 16, nan);
        const std::vector<Real> h = some<Real>(c.units, random_);
        for (int lane = 0; lane < link.cell.lanes; ++lane) link.now[lane] = h.back();
        for (int i = 0; i < c.units; ++i) link.now[place(link, i)] = h[i];
        first_.insert(first_.end(), h.begin(), h.end());

        Stage<Real> &stage = link.around;
        stage.holds = bytes_.pick(0, 1), stage.checked = links_.empty() || bytes_.pick(0, 1);
        if (bytes_.pick(0, 2) == 0) stage.sense_w = some<Real>(c.inputs, random_), stage.sense_b = some<Real>(c.inputs, random_);
        const int neurons = neurons_ + c.units, shown = bytes_.pick(1, c.units), own = bytes_.pick(0, 3);
        for (int k = 0; k < shown; ++k)  // its own in their order, or any of all cells
            stage.shown.push_back(own ? neurons_ + k : std::int32_t(random_.next() % std::uint64_t(neurons)));
        if (bytes_.pick(0, 2) == 0) stage.read_w = some<Real>(shown, random_), stage.read_b = some<Real>(shown, random_);
        if (bytes_.pick(0, 15) == 0) stage.sense_w.assign(c.inputs, Real(1e30)), stage.sense_b.assign(c.inputs, Real(3e38));
        neurons_ = neurons;
        auto given = copy(stage);
        network_.add(given, c.inputs, c.units, cell, Of::stream());
    }

    static int place(const Link<Real> &link, int i) { return link.cell.place ? link.cell.place[i] : i; }
    static Stage<Real> copy(const Stage<Real> &s) {
        return {s.holds, s.checked, s.sense_w, s.sense_b, s.shown, s.read_w, s.read_b, {}, {}, {}, 0, 0, false};
    }
    static Real *aligned(std::vector<Real> &v) {
        return reinterpret_cast<Real *>((reinterpret_cast<std::uintptr_t>(v.data()) + 63) / 64 * 64);
    }

    std::string refuses_what_does_not_fit() {
        Link<Real> &last = links_.back();
        const std::size_t neurons = network_.place.size(), stages = network_.stages.size();
        for (int wrong = 0; wrong < 6; ++wrong) {
            Call c = last.call;
            Stage<Real> stage = copy(last.around);
            c.kernel = LAYER, c.solver = EXPONENTIAL, c.substeps = 1, c.units = 3, c.inputs = int(last.around.shown.size());
            stage.shown = {std::int32_t(neurons)}, stage.sense_w = stage.sense_b = stage.read_w = stage.read_b = {};
            if (wrong == 0) c.inputs += 1;
            if (wrong == 1) stage.shown = {};
            if (wrong == 2) stage.shown = {std::int32_t(neurons + 3)};
            if (wrong == 3) stage.shown = {-1};
            if (wrong == 4) stage.sense_w.assign(c.inputs + 1, 1), stage.sense_b = stage.sense_w;
            if (wrong == 5) stage.read_w.assign(1, 1);
            std::vector<Array<Real>> weights;
            for (const Weight &weight : OfLayer<Real>::weights(c)) weights.push_back(numbers<Real>(weight.n, weight.low, weight.high, random_));
            const auto pointers_to = pointers(weights);
            try {
                network_.add(stage, c.inputs, c.units, OfLayer<Real>::cell(c, pointers_to.data()), OfLayer<Real>::stream());
                return "a cell that does not fit was added, number " + std::to_string(wrong);
            } catch (const std::invalid_argument &) {
            }
            if (network_.place.size() != neurons || network_.stages.size() != stages) return "a refused cell changed the chain";
        }
        return "";
    }

    // What the chain does, written plainly. The refusal, its stage and its number; y where there is none.
    struct Answer {
        Refusal why;
        std::size_t stage, index;
    };
    Answer plainly(Real dt, std::vector<Real> x, std::vector<Real> &y) {
        const Real limit = sizeof(Real) == 4 ? Real(1e30) : Real(1e300);
        if (!(dt >= 0) || dt > std::numeric_limits<Real>::max()) return {BAD_GAP, 0, 0};
        const FlushSubnormals flush;
        std::vector<Real> all;  // the new states of the cells so far
        for (std::size_t i = 0; i < links_.size(); ++i) {
            Link<Real> &link = links_[i];
            const Stage<Real> &around = link.around;
            for (std::size_t k = 0; around.checked && k < x.size(); ++k)
                if (!(std::fabs(x[k]) <= limit)) return {BAD_INPUT, i, k};
            link.next = link.now;
            if (!(around.holds && dt == 0)) {
                for (std::size_t k = 0; k < around.sense_w.size(); ++k) {
                    const Real product = x[k] * around.sense_w[k];
                    x[k] = product + around.sense_b[k];
                }
                const Moved<Real> moved = link.cell.step(link.cell.cell, x.data(), dt, link.now.data(), link.next.data(), aligned(link.work));
                if (!(moved.longest <= 1)) return {LONG_STEP, i, 0};
                for (int n = 0; n < link.cell.units; ++n)
                    if (!std::isfinite(link.next[place(link, n)])) return {STATE_OVERFLOW, i, 0};
            }
            for (int n = 0; n < link.cell.units; ++n) all.push_back(link.next[place(link, n)]);
            x.clear();
            for (const std::int32_t neuron : around.shown) x.push_back(all[neuron]);
            for (std::size_t k = 0; k < around.read_w.size(); ++k) {
                const Real product = x[k] * around.read_w[k];
                x[k] = product + around.read_b[k];
                if (!std::isfinite(x[k])) return {STATE_OVERFLOW, i, 0};
            }
        }
        for (Link<Real> &link : links_) link.now = link.next;
        y = x;
        return {ACCEPTED, 0, 0};
    }

    std::string sample(Stream<Real> &stream) {
        const double limits[] = {NAN, INFINITY, -INFINITY, sizeof(Real) == 4 ? 1.1e30 : 1.1e300}, gaps[] = {-1, NAN, INFINITY, -1e-30};
        const int inputs = network_.stages.front().cell.inputs;
        std::vector<Real> x = some<Real>(inputs, random_);
        if (bytes_.pick(0, 7) == 0) x[bytes_.pick(0, inputs - 1)] = Real(limits[bytes_.pick(0, 3)]);
        const int gap = bytes_.pick(0, 9);
        const Real dt = gap == 0 ? 0 : gap == 1 ? Real(gaps[bytes_.pick(0, 3)]) : gap == 2 ? Real(1e30) : gap < 6 ? Real(0.25) : Real(random_.uniform(0, 0.5));
        std::vector<Real> before(network_.place.size()), after(before.size()), y(network_.stages.back().shown.size()), expected;
        stream.save(before.data());
        const Answer answer = plainly(dt, x, expected);
        std::copy_n(x.data(), inputs, stream.x());
        const Refusal why = stream.step(dt, y.data());
        stream.save(after.data());
        if (why != answer.why) return "answered " + std::to_string(why) + ", expected " + std::to_string(answer.why);
        if (why == ACCEPTED) return same(y.data(), expected.data(), y.size()) && follows(after) ? "" : "another output or state than the cells alone give";
        if (stream.stage != answer.stage || stream.index != answer.index) return "refused for another stage or number";
        return same(before.data(), after.data(), before.size()) ? "" : "a refusal moved the state";
    }

    bool follows(const std::vector<Real> &state) {
        std::size_t at = 0;
        for (const Link<Real> &link : links_)
            for (int n = 0; n < link.cell.units; ++n, ++at)
                if (!same(&state[at], &link.now[place(link, n)], 1)) return false;
        return true;
    }

    Bytes bytes_;
    Random random_;
    std::vector<Link<Real>> links_;
    std::vector<Real> first_;
    std::int32_t neurons_ = 0;
    Network<Real> network_;
};

}  // namespace

std::string check_input(Bytes bytes) {
    if (bytes.size > 0 && bytes.bytes[0] % 4 == 3) {
        const std::string wrong = check_network({bytes.bytes + 1, bytes.size - 1});
        return wrong.empty() ? "" : "a network: " + wrong;
    }
    if (bytes.size > 0 && bytes.bytes[0] % 2) {
        const std::string wrong = check_chain({bytes.bytes + 1, bytes.size - 1});
        return wrong.empty() ? "" : "a chain: " + wrong;
    }
    const Call call = native::read(bytes);
    const std::string wrong = check(call);
    return wrong.empty() ? "" : describe(call) + ": " + wrong;
}

std::string check_chain(Bytes bytes) {
    return bytes.pick(0, 1) ? Check<double>(bytes).run() : Check<float>(bytes).run();
}

}  // namespace native
