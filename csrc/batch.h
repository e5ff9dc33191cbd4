// How a batch is cut into blocks of lanes, and work memory into arrays.
#pragma once

#include "flush.h"
#include "pool.h"
#include "simd.h"

namespace tauflow {
namespace TAUFLOW_ISA {

constexpr int WIDE = 64, NARROW = 16;  // bytes of a block: 16 or 4 samples in float, 8 or 2 in double
constexpr int AT_ONCE = REGISTER == 16 && REGISTERS == 16 ? NARROW : WIDE;  // of a wide block; in parts where that makes a smaller program

// Where blocks and groups of blocks begin; depends on the batch alone, never on the number of threads.
template <typename Real> struct Cut {
    static constexpr std::int64_t wide_rows = WIDE / sizeof(Real), narrow_rows = NARROW / sizeof(Real);
    std::int64_t batch, wide, groups;  // wide: full blocks
    bool narrow;                       // whether a small block holds the rest

    Cut(std::int64_t rows, std::int64_t most_groups) : batch(rows) {
        const std::int64_t rest = rows % wide_rows;
        narrow = rest > 0 && rest <= narrow_rows;
        wide = rows / wide_rows + (rest > narrow_rows);
        wide_groups = wide < most_groups ? wide : most_groups;
        groups = wide_groups + narrow;
    }
    std::int64_t lanes() const { return wide * wide_rows + narrow * narrow_rows; }

    // work.rows<BYTES>(group, first row, end of the rows), a group being one or more blocks of that width
    template <typename Work> void run(int threads, Work &work) const {
        struct Context {
            const Cut &cut;
            Work &work;
        } context{*this, work};
        parallel(groups, threads, [](void *pointer, std::int64_t i) {
            const FlushSubnormals flush;
            const Context &c = *static_cast<Context *>(pointer);
            if (i < c.cut.wide_groups) {
                const std::int64_t first = c.cut.wide * i / c.cut.wide_groups * wide_rows;
                const std::int64_t end = c.cut.wide * (i + 1) / c.cut.wide_groups * wide_rows;
                c.work.template rows<AT_ONCE>(i, first, end < c.cut.batch ? end : c.cut.batch);
            } else {
                c.work.template rows<NARROW>(i, c.cut.wide * wide_rows, c.cut.batch);
            }
        }, &context);
    }

private:
    std::int64_t wide_groups;
};

constexpr std::int64_t EVERY_BLOCK = INT64_MAX;  // a group is a block
constexpr std::int64_t MOST_SUMS = 64;           // groups that sum weight gradients: one partial sum each

// Hands out arrays from one piece of memory, each at a multiple of 64 bytes. From a null pointer it only counts.
struct Shelf {
    char *start;
    std::size_t used = 0;
    template <typename Real> Real *take(std::size_t n) {
        Real *array = start ? reinterpret_cast<Real *>(start + used) : nullptr;
        used += (n * sizeof(Real) + 63) / 64 * 64;
        return array;
    }
};

// An object of type Arrays, whose constructor takes its arrays from a shelf, on this thread's work memory.
template <typename Arrays, typename... Sizes> INLINE Arrays on_scratch(Slot slot, const Sizes &...sizes) {
    Shelf counted{nullptr};
    Arrays unused(counted, sizes...);
    (void)unused;
    Shelf shelf{static_cast<char *>(scratch(slot, counted.used))};
    return Arrays(shelf, sizes...);
}

// One number for each of the samples from `row` on, `stride` apart; zero in the other lanes.
template <typename Real, int B> INLINE Lanes<Real, B> gather(const Real *first, std::ptrdiff_t stride, int samples) {
    alignas(B) Real lanes[Lanes<Real, B>::count];
    for (int i = 0; i < Lanes<Real, B>::count; ++i) lanes[i] = i < samples ? first[i * stride] : Real(0);
    return Lanes<Real, B>::load(lanes);
}

// 1 where a sample's state moves, 0 where it stays.
template <typename Real, int B> INLINE Lanes<Real, B> gather_keep(const std::uint8_t *first, std::ptrdiff_t stride, int samples) {
    if (!first) return Lanes<Real, B>::splat(1);
    alignas(B) Real lanes[Lanes<Real, B>::count];
    for (int i = 0; i < Lanes<Real, B>::count; ++i) lanes[i] = i < samples && first[i * stride] ? Real(1) : Real(0);
    return Lanes<Real, B>::load(lanes);
}

template <typename Real, int B> INLINE void scatter(Lanes<Real, B> a, Real *first, std::ptrdiff_t stride, int samples) {
    alignas(B) Real lanes[Lanes<Real, B>::count];
    a.store(lanes);
    for (int i = 0; i < samples; ++i) first[i * stride] = lanes[i];
}

template <typename Real, int B> INLINE bool equal(Lanes<Real, B> a, Lanes<Real, B> b) {
    Real left[B / sizeof(Real)], right[B / sizeof(Real)];
    a.store(left), b.store(right);
    return std::memcmp(left, right, B) == 0;
}

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
