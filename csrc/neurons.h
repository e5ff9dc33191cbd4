// One sample at a time: the neurons side by side in a register, and matrix products in that layout.
//
// A vector of n numbers is stored in blocks of Neurons<Real>::count, one neuron a lane. The lanes behind the last neuron repeat it, in
// the weights as in the state, so that they never hold a number that the last neuron does not hold too.
#pragma once

#include "batch.h"
#include "simd.h"
#include "tauflow.h"

namespace tauflow {
namespace TAUFLOW_ISA {

template <typename Real> using Neurons = Lanes<Real, REGISTER>;

#define COLD __attribute__((noinline, cold))  // packing: small rather than fast

template <typename Real> INLINE int blocks_of(int n) { return (n + Neurons<Real>::count - 1) / Neurons<Real>::count; }
template <typename Real> INLINE int lanes_of(int n) { return blocks_of<Real>(n) * Neurons<Real>::count; }

// (n) numbers with the last one repeated; order, if any: which of them stands where
template <typename Real> COLD Real *pack_vector(Shelf &shelf, int n, const Real *numbers, const std::int32_t *order = nullptr) {
    Real *const packed = shelf.take<Real>(lanes_of<Real>(n));
    for (int i = 0; packed && i < lanes_of<Real>(n); ++i) {
        const int at = i < n ? i : n - 1;
        packed[i] = numbers[order ? order[at] : at];
    }
    return packed;
}

// n numbers and the last one again in the lanes behind it
template <typename Real> INLINE void copy_repeating(const Real *from, int n, int lanes, Real *to) {
    for (int i = 0; i < lanes; ++i) to[i] = from[i < n ? i : n - 1];
}

// An affine map of [first, second]: b (n), and weights (n, of_first) and (n, of_second).
template <typename Real> struct Map {
    const Real *b, *first;
    int of_first;
    const Real *second;
    int of_second;
};

// A tile of the product keeps so many blocks of sums in registers: eight hide the latency of a multiply-add.
INLINE int tile_of(int blocks) { return blocks >= 8 ? 8 : blocks >= 4 ? 4 : blocks >= 2 ? 2 : 1; }

// Maps of n neurons each, one behind the other: tile after tile, column after column. The bias is added to zero, as the first column
// of product() in matrix.h is.
template <typename Real> struct Maps {
    int blocks;
    Real *packed;

    COLD Maps(Shelf &shelf, int parts, int n, const Map<Real> *maps) : blocks(parts * blocks_of<Real>(n)), packed(nullptr) {
        if (parts == 0) return;
        const int lanes = lanes_of<Real>(n), cols = maps->of_first + maps->of_second;
        packed = shelf.take<Real>(std::size_t(parts) * lanes * (1 + cols));
        if (!packed) return;
        Real *to = packed;
        for (int first = 0, height; first < blocks; first += height) {
            height = tile_of(blocks - first);
            for (int j = -1; j < cols; ++j)
                for (int lane = first * Neurons<Real>::count; lane < (first + height) * Neurons<Real>::count; ++lane) {
                    const Map<Real> &map = maps[lane / lanes];
                    const std::size_t i = lane % lanes < n ? lane % lanes : n - 1;
                    *to++ = j < 0 ? Real(0) + map.b[i]
                                  : j < map.of_first ? map.first[i * map.of_first + j] : map.second[i * map.of_second + j - map.of_first];
                }
        }
    }
};

// A vector that a product reads, perhaps in two pieces: [x, h].
template <typename Real> struct Pieces {
    const Real *first;
    int of_first;
    const Real *second;
    int of_second;
};

template <int HEIGHT, typename Real> INLINE const Real *add_columns(const Real *packed, const Real *z, int n, Neurons<Real> (&sums)[HEIGHT]) {
    using L = Neurons<Real>;
    for (int j = 0; j < n; ++j, packed += HEIGHT * L::count) {
        const L column = L::splat(z[j]);
#pragma GCC unroll 8
        for (int i = 0; i < HEIGHT; ++i) sums[i] = fma(column, L::load(packed + i * L::count), sums[i]);
    }
    return packed;
}

template <int HEIGHT, typename Real> INLINE const Real *maps_tile(const Real *packed, const Pieces<Real> &z, Real *out) {
    using L = Neurons<Real>;
    L sums[HEIGHT];
#pragma GCC unroll 8
    for (int i = 0; i < HEIGHT; ++i) sums[i] = L::load(packed + i * L::count);
    packed = add_columns(packed + HEIGHT * L::count, z.first, z.of_first, sums);
    packed = add_columns(packed, z.second, z.of_second, sums);
#pragma GCC unroll 8
    for (int i = 0; i < HEIGHT; ++i) sums[i].store(out + i * L::count);
    return packed;
}

// out (parts x lanes) = the maps at z, summed over the columns in their order
template <typename Real> __attribute__((noinline)) void apply(const Maps<Real> &maps, const Pieces<Real> &z, Real *out) {
    const Real *packed = maps.packed;
    for (int first = 0, height; first < maps.blocks; first += height, out += height * Neurons<Real>::count) {
        height = tile_of(maps.blocks - first);
        if (height == 8) packed = maps_tile<8>(packed, z, out);
        else if (height == 4) packed = maps_tile<4>(packed, z, out);
        else if (height == 2) packed = maps_tile<2>(packed, z, out);
        else packed = maps_tile<1>(packed, z, out);
    }
}

// Columns of a tile for several vectors: PART of its blocks at a time, so that the sums of all vectors stay in registers.
template <int HEIGHT, int PART, typename Real>
INLINE void add_columns_together(const Real *packed, int first, const Real *const *z, int n, Neurons<Real> (&sums)[ROWS_TOGETHER][PART]) {
    using L = Neurons<Real>;
    packed += first * L::count;
    for (int j = 0; j < n; ++j, packed += HEIGHT * L::count) {
        L weights[PART];
#pragma GCC unroll 8
        for (int i = 0; i < PART; ++i) weights[i] = L::load(packed + i * L::count);
#pragma GCC unroll 4
        for (int r = 0; r < ROWS_TOGETHER; ++r) {
            const L column = L::splat(z[r][j]);
#pragma GCC unroll 8
            for (int i = 0; i < PART; ++i) sums[r][i] = fma(column, weights[i], sums[r][i]);
        }
    }
}

template <int HEIGHT, typename Real> INLINE const Real *maps_tile_together(const Real *packed, const Pieces<Real> *z, Real *const *out, int at) {
    using L = Neurons<Real>;
    constexpr int WANTED = REGISTERS >= 32 ? 4 : 2, PART = HEIGHT < WANTED ? HEIGHT : WANTED;
    const Real *first[ROWS_TOGETHER], *second[ROWS_TOGETHER];
    for (int r = 0; r < ROWS_TOGETHER; ++r) first[r] = z[r].first, second[r] = z[r].second;
    const Real *const columns = packed + HEIGHT * L::count, *const rest = columns + std::size_t(z[0].of_first) * HEIGHT * L::count;
    for (int part = 0; part < HEIGHT; part += PART) {
        L sums[ROWS_TOGETHER][PART];
#pragma GCC unroll 4
        for (int r = 0; r < ROWS_TOGETHER; ++r)
#pragma GCC unroll 8
            for (int i = 0; i < PART; ++i) sums[r][i] = L::load(packed + (part + i) * L::count);
        add_columns_together<HEIGHT, PART>(columns, part, first, z[0].of_first, sums);
        add_columns_together<HEIGHT, PART>(rest, part, second, z[0].of_second, sums);
#pragma GCC unroll 4
        for (int r = 0; r < ROWS_TOGETHER; ++r)
#pragma GCC unroll 8
            for (int i = 0; i < PART; ++i) sums[r][i].store(out[r] + at + (part + i) * L::count);
    }
    return rest + std::size_t(z[0].of_second) * HEIGHT * L::count;
}

// As apply, for ROWS_TOGETHER vectors: every sum adds the same numbers in the same order.
template <typename Real> __attribute__((noinline)) void apply_together(const Maps<Real> &maps, const Pieces<Real> *z, Real *const *out) {
    const Real *packed = maps.packed;
    for (int first = 0, height, at = 0; first < maps.blocks; first += height, at += height * Neurons<Real>::count) {
        height = tile_of(maps.blocks - first);
        if (height == 8) packed = maps_tile_together<8>(packed, z, out, at);
        else if (height == 4) packed = maps_tile_together<4>(packed, z, out, at);
        else if (height == 2) packed = maps_tile_together<2>(packed, z, out, at);
        else packed = maps_tile_together<1>(packed, z, out, at);
    }
}

// Whether all numbers of h are: a number less itself is zero, infinity and NaN less themselves are NaN.
template <typename Real> __attribute__((noinline)) bool all_finite(int blocks, const Real *h) {
    using L = Neurons<Real>;
    const L zero = L::splat(0);
    L rest = zero;
    for (int i = 0; i < blocks * L::count; i += L::count) rest = rest + (L::load(h + i) - L::load(h + i));
    return equal(rest, zero);
}

template <typename Real> INLINE Real largest(Neurons<Real> a) {
    Real lanes[Neurons<Real>::count], most = 0;
    a.store(lanes);
    for (Real one : lanes) most = one > most ? one : most;
    return most;
}

// A cell packed: an object whose constructor takes its arrays from a shelf, where it stands in front of them. It has work, place and step.
template <typename Real, typename Packed, typename Cell>
INLINE StreamCell<Real> stream_cell(int inputs, int units, const Cell &cell, void *memory) {
    Shelf shelf{static_cast<char *>(memory)};
    void *const at = shelf.take<Packed>(1);
    const Packed packed(shelf, inputs, units, cell);
    if (at) std::memcpy(at, &packed, sizeof packed);
    const auto step = [](const void *self, const Real *x, Real dt, const Real *h, Real *next, Real *work) {
        return static_cast<const Packed *>(self)->step(x, dt, h, next, work);
    };
    return {inputs, units, lanes_of<Real>(units), packed.work, shelf.used, packed.place, at, step, nullptr};
}

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
