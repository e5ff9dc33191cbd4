#include "call.h"

#include "array.h"
#include "cells.h"
#include "flush.h"
#include "pool.h"
#include "tauflow.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace native {
namespace {

constexpr std::size_t WORK = 1 << 19;  // bytes of work memory that are filled before a call, more than most calls need

// Whether a state stays finite whatever the weights are, and its gradients at weights of this size.
bool bounded(const Call &c) {
    const bool saturates = c.activation == TANH || c.activation == SIGMOID || c.activation == LECUN_TANH;
    if (c.kernel == LAYER) return saturates;
    if (c.kernel == GATED) return c.activation == SIGMOID;  // the others make rates that are not positive
    if (c.kernel == native::CFC) return c.mode != PURE || (c.layers > 0 && saturates);
    return true;
}

template <typename Real> Array<Real> times(const Call &c, Random &random) {
    Array<Real> dt(std::size_t(c.batch) * c.time);
    for (std::size_t i = 0; i < dt.size(); ++i) {
        const double even = random.uniform(0, 0.2), any = random.uniform(-30, 30);
        dt.data()[i] = Real(c.gaps == ALL_ZERO || (c.gaps == SOME_ZERO && random.next() % 4 == 0) ? 0 : c.gaps == WILD ? std::pow(10, std::floor(any)) : even);
    }
    return dt;
}

void fill_work_memory(int byte) {
    std::memset(scratch(FOR_CALL, WORK), byte, WORK);
    std::memset(scratch(FOR_TASK, WORK), byte, WORK);
}

template <typename Real> struct Inputs {
    Array<Real> x, dt, h, of_y, of_last;
    Array<std::uint8_t> keep, sensory, inner;
    std::vector<Array<Real>> weights;

    Inputs(const Call &c, const std::vector<Weight> &sizes, Random random)
        : x(numbers<Real>(std::size_t(c.batch) * c.time * c.inputs, c.large ? -1e30 : -2, c.large ? 1e30 : 2, random)),
          dt(times<Real>(c, random)), h(numbers<Real>(std::size_t(c.batch) * c.units, -1, 1, random)),
          of_y(numbers<Real>(std::size_t(c.batch) * c.time * c.outputs, -1, 1, random)),
          of_last(numbers<Real>(std::size_t(c.batch) * c.units, -1, 1, random)),
          keep(flags(std::size_t(c.batch) * c.time, c.mask == NOTHING_KEPT ? 8 : 3, random)),
          sensory(flags(std::size_t(c.inputs) * c.units, c.missing, random)), inner(flags(std::size_t(c.units) * c.units, c.missing, random)) {
        for (const Weight &weight : sizes) weights.push_back(numbers<Real>(weight.n, weight.low, weight.high, random));
    }
};

template <typename Real> struct Part {
    const char *name;
    Array<Real> numbers;
};

template <typename Real> struct Outputs {
    std::vector<Part<Real>> parts;  // y, last, then x, dt, h as far as wanted, then of the weights
    Real longest = 0;
    bool intact = true;
};

// Calls the kernel, everything that it may write filled with `byte` before.
template <typename Of, typename Real> Outputs<Real> run(const Call &c, Inputs<Real> &in, int threads, int byte) {
    const std::size_t rows = c.batch, samples = rows * c.time;
    Outputs<Real> out;
    const auto add = [&](const char *name, std::size_t n) {
        out.parts.push_back({name, Array<Real>(n)});
        out.parts.back().numbers.fill(byte);
    };
    Array<Real> saved(c.saves ? lanes(c.batch, sizeof(Real)) * Of::saved(c) : 0, true);
    saved.fill(byte);
    add("y", samples * c.outputs), add("last", rows * c.units);
    const auto weights = pointers(in.weights);
    const auto cell = cell_of<Of>(c, in.sensory, in.inner, weights.data());
    Sequence<Real> seq{c.batch, c.time, c.inputs, c.units, c.first, c.outputs, threads, in.x.data(), in.dt.data(),
                       c.mask == NONE ? nullptr : in.keep.data(), in.h.data(), out.parts[0].numbers.data(), out.parts[1].numbers.data(),
                       c.saves ? saved.data() : nullptr};
    fill_work_memory(byte);
    out.longest = Of::forward()(seq, cell);
    if (c.saves) {
        const std::size_t sizes[] = {samples * c.inputs, samples, rows * c.units};
        const char *const names[] = {"gradient of x", "gradient of dt", "gradient of h"};
        Real *wanted[3] = {};
        for (int i = 0; i < 3; ++i)
            if (c.given >> (2 + i) & 1) add(names[i], sizes[i]), wanted[i] = out.parts.back().numbers.data();
        std::vector<Real *> of_weights;
        for (const auto &weight : in.weights) add("gradient of a weight", weight.size()), of_weights.push_back(out.parts.back().numbers.data());
        seq.y = seq.last = nullptr;
        const SequenceGradients<Real> gradients{c.given & 1 ? in.of_y.data() : nullptr, c.given & 2 ? in.of_last.data() : nullptr,
                                                wanted[0], wanted[1], wanted[2]};
        fill_work_memory(byte);
        Of::backward()(seq, cell, gradients, Of::wanted(c, of_weights.data()));
    }
    out.intact = saved.intact();
    for (auto &part : out.parts) out.intact = part.numbers.intact() && out.intact;
    return out;
}

// The batch's rows again, sample by sample through a packed cell: empty if it gives the same bits as the sequence.
template <typename Of, typename Real> std::string check_stream(const Call &c, Inputs<Real> &in, const Outputs<Real> &sequence) {
    const auto weights = pointers(in.weights);
    const auto cell = cell_of<Of>(c, in.sensory, in.inner, weights.data());
    Array<std::uint8_t> memory(Of::stream()(c.inputs, c.units, cell, nullptr).bytes, true);
    memory.fill(0xff);
    const StreamCell<Real> packed = Of::stream()(c.inputs, c.units, cell, memory.data());
    Array<Real> x(c.inputs, true), now(packed.lanes, true), next(packed.lanes, true), work(packed.work, true);
    const auto at = [&](int unit) { return packed.place ? packed.place[unit] : unit; };
    const auto same = [](Real a, Real b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); };
    const FlushSubnormals flush;  // as Stream::step has it
    Real longest = 0;
    for (int row = 0; row < c.batch; ++row) {
        const Real *const h = in.h.data() + std::ptrdiff_t(row) * c.units;
        work.fill(0xff), now.fill(0xff);
        for (int lane = 0; lane < packed.lanes; ++lane) now.data()[lane] = h[c.units - 1];
        for (int i = 0; i < c.units; ++i) now.data()[at(i)] = h[i];
        for (int t = 0; t < c.time; ++t) {
            const std::ptrdiff_t sample = std::ptrdiff_t(row) * c.time + t;
            std::copy_n(in.x.data() + sample * c.inputs, c.inputs, x.data());
            next.fill(0xff);
            const auto moved = packed.step(packed.cell, x.data(), in.dt.data()[sample], now.data(), next.data(), work.data());
            longest = moved.longest > longest ? moved.longest : longest;
            bool finite = true;
            for (int i = 0; i < c.units; ++i) finite = finite && std::isfinite(next.data()[at(i)]);
            if (finite != moved.finite) return "a stream's state is " + std::string(finite ? "" : "not ") + "finite, but it says otherwise";
            for (int i = 0; i < c.outputs; ++i)
                if (!same(next.data()[at(c.first + i)], sequence.parts[0].numbers.data()[sample * c.outputs + i]))
                    return "sample " + std::to_string(t) + " of row " + std::to_string(row) + " is another one in a stream";
            std::copy_n(next.data(), packed.lanes, now.data());
        }
        for (int i = 0; i < c.units; ++i)
            if (!same(now.data()[at(i)], sequence.parts[1].numbers.data()[std::ptrdiff_t(row) * c.units + i]))
                return "the last state of row " + std::to_string(row) + " is another one in a stream";
    }
    if (longest != sequence.longest) return "the longest step of a stream differs";
    const bool intact[] = {memory.intact(), x.intact(), now.intact(), next.intact(), work.intact()};
    return std::all_of(std::begin(intact), std::end(intact), [](bool one) { return one; }) ? "" : "a stream wrote in front of or behind an array";
}

template <typename Of, typename Real> std::string check_call(const Call &c, std::vector<double> *results) {
    Inputs<Real> in(c, Of::weights(c), Random{c.seed});
    if (check_gaps(in.dt.data(), std::int64_t(in.dt.size())) != -1) return "good gaps are refused";
    const Outputs<Real> first = run<Of>(c, in, 1, 0xff), second = run<Of>(c, in, c.threads, 0x11);
    if (!first.intact || !second.intact) return "something was written in front of or behind an array";
    const bool refused = c.solver == EULER && c.kernel != native::CFC && !(first.longest <= 1);  // by ops/cpu.py and by streams
    const bool expect_finite = bounded(c) && !refused;
    for (std::size_t p = 0; p < first.parts.size(); ++p) {
        const auto &a = first.parts[p], &b = second.parts[p];
        const std::size_t n = a.numbers.size();
        for (std::size_t i = 0; i < n; ++i) {
            const Real left = a.numbers.data()[i], right = b.numbers.data()[i];
            if (expect_finite && !std::isfinite(left)) return std::string(a.name) + " is not finite at " + std::to_string(i);
            if (std::memcmp(&left, &right, sizeof left) != 0 && !(std::isnan(left) && std::isnan(right)))
                return std::string(a.name) + " differs at " + std::to_string(i) + " from one call to the next";
            if (results) results->push_back(left);
        }
    }
    if (c.mask == NOTHING_KEPT && std::memcmp(first.parts[1].numbers.data(), in.h.data(), sizeof(Real) * in.h.size()) != 0)
        return "a masked state moved";
    if (first.longest != second.longest && !(std::isnan(first.longest) && std::isnan(second.longest))) return "the longest step differs";
    return c.mask == NONE && !refused ? check_stream<Of>(c, in, first) : "";
}

template <typename Real> std::string check_as(const Call &c, std::vector<double> *results) {
    return with_kernel<Real>(c.kernel, [&](auto of) { return check_call<decltype(of), Real>(c, results); });
}

}  // namespace

std::string check(const Call &call, std::vector<double> *results) {
    return call.is_double ? check_as<double>(call, results) : check_as<float>(call, results);
}

Call read(Bytes bytes) {
    const auto pick = [&](int low, int high) { return bytes.pick(low, high); };
    Call c;
    c.kernel = Kernel(pick(0, KERNELS - 1));
    c.is_double = pick(0, 1), c.saves = pick(0, 7) != 0;
    // Neither batch nor time is 0: run() in ops/cpu.py answers these itself.
    c.batch = pick(0, 7) ? pick(1, 20) : pick(1, 70);
    c.time = pick(0, 7) ? pick(1, 6) : pick(1, 70);
    c.inputs = pick(1, 20), c.units = pick(0, 7) ? pick(1, 20) : pick(1, 70);
    c.first = pick(0, c.units - 1), c.outputs = pick(1, c.units - c.first);
    c.threads = pick(2, 5);
    c.solver = pick(0, c.kernel == LTC ? 3 : 2), c.substeps = pick(1, 4);
    c.activation = pick(0, 4), c.mode = pick(0, 2), c.layers = pick(0, 3), c.width = pick(1, 40);
    c.gaps = Gaps(pick(0, 3)), c.mask = Mask(pick(0, 2));
    c.missing = pick(0, 8), c.given = pick(0, 31), c.large = pick(0, 7) == 7;
    c.seed = std::uint64_t(pick(0, 255)) << 8, c.seed |= std::uint64_t(pick(0, 255));
    return c;
}

std::string describe(const Call &c) {
    const char *const names[] = {"layer", "gated layer", "cfc", "gruode", "ltc"};
    char text[400];
    std::snprintf(text, sizeof text,
                  "%s %s batch %d time %d inputs %d units %d outputs %d..%d threads %d solver %d substeps %d activation %d mode %d "
                  "layers %d width %d gaps %d mask %d missing %d/8 gradients %d%s%s seed %d",
                  names[c.kernel], c.is_double ? "double" : "float", c.batch, c.time, c.inputs, c.units, c.first, c.first + c.outputs - 1,
                  c.threads, c.solver, c.substeps, c.activation, c.mode, c.layers, c.width, c.gaps, c.mask, c.missing, c.given,
                  c.saves ? "" : " no backward", c.large ? " large" : "", int(c.seed));
    return text;
}

}  // namespace native
