// Row after row, each a task of its own.
#include "few.h"

#include "flush.h"
#include "pool.h"
#include "stream.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace tauflow {

namespace {

template <typename Real> struct Few {
    const Sequence<Real> &seq;
    const StreamCell<Real> &cell;
    std::vector<Real> longest;  // (B)

    std::size_t place(std::int64_t i) const { return cell.place ? std::size_t(cell.place[i]) : std::size_t(i); }

    void row(std::int64_t b) {
        const FlushSubnormals flush;
        Patience patience;
        const auto padded = [](std::size_t n) { return (n + 15) / 16 * 16; };
        const std::size_t inputs = std::size_t(seq.inputs), units = std::size_t(seq.units), lanes = padded(std::size_t(cell.lanes));
        const std::size_t all = padded(inputs) + 2 * lanes + padded(cell.work);
        const Memory memory = allocate(all * sizeof(Real));
        Real *const x = static_cast<Real *>(memory.get()), *now = x + padded(inputs), *next = now + lanes, *const work = next + lanes;
        std::fill_n(x, all, std::numeric_limits<Real>::quiet_NaN());
        const Real *const h = seq.h + b * seq.units;
        Real *const last = seq.last + b * seq.units;
        for (std::size_t i = 0; i < units; ++i) now[place(std::int64_t(i))] = h[i];
        std::fill(now + units, now + cell.lanes, now[units - 1]);
        for (std::int64_t t = b * seq.time; t < (b + 1) * seq.time; ++t) {
            if (!seq.keep || seq.keep[t]) {
                std::copy_n(seq.x + t * seq.inputs, inputs, x);
                const Moved<Real> moved = cell.step(cell.cell, x, seq.dt[t], now, next, work);
                if (!(moved.longest <= longest[std::size_t(b)])) longest[std::size_t(b)] = moved.longest;
                std::swap(now, next);
            }
            Real *const y = seq.y + t * seq.outputs;
            for (std::int64_t k = 0; k < seq.outputs; ++k) y[k] = now[place(seq.first + k)];
            patience.spend(std::int64_t((inputs + units) * units));
        }
        for (std::size_t i = 0; i < units; ++i) last[i] = now[place(std::int64_t(i))];
    }
};

}  // namespace

template <typename Real> Real run_few(const Sequence<Real> &sequence, const StreamCell<Real> &cell) {
    Few<Real> few{sequence, cell, std::vector<Real>(std::size_t(sequence.batch))};
    parallel(sequence.batch, sequence.threads, [](void *pointer, std::int64_t b) { static_cast<Few<Real> *>(pointer)->row(b); }, &few);
    return *std::max_element(few.longest.begin(), few.longest.end(), [](Real a, Real b) { return !(b <= a); });
}
template float run_few(const Sequence<float> &, const StreamCell<float> &);
template double run_few(const Sequence<double> &, const StreamCell<double> &);

}  // namespace tauflow
