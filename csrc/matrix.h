// Small matrix products over a block of the batch, and the way in and out of its layout.
//
// A vector of n numbers for each of the block's samples is stored as (n, samples), the samples of one number side by side
// in a register: "n x lanes" below. The user's arrays are (batch, ..., n).
#pragma once

#include "simd.h"

namespace tauflow {
namespace TAUFLOW_ISA {

// A tile of the product keeps TILE rows x lanes of sums in registers; a tile of the outer product DOWN x ACROSS.
constexpr int TILE = REGISTER == 64 ? 12 : 6;
constexpr int DOWN = REGISTERS == 32 ? 6 : 3, ACROSS = 4;

INLINE int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// A matrix (rows, cols) in the order in which product() reads it: tile after tile, column after column, TILE rows or
// one less in each. element(i, j) gives the matrix.
template <typename Real, typename Element> INLINE void pack(int rows, int cols, Element element, Real *packed) {
    const int tiles = (rows + TILE - 1) / TILE;
    for (int k = 0, first = 0; k < tiles; ++k) {
        const int height = rows / tiles + (k < rows % tiles);
        for (int j = 0; j < cols; ++j)
            for (int i = 0; i < height; ++i) *packed++ = element(first + i, j);
        first += height;
    }
}

template <int HEIGHT, typename Real, int B>
INLINE void product_tile(const Real *packed, int cols, const Real *z, Real *out, bool add) {
    using L = Lanes<Real, B>;
    L sums[HEIGHT];
#pragma GCC unroll 12
    for (int i = 0; i < HEIGHT; ++i) sums[i] = L::splat(0);
    for (int j = 0; j < cols; ++j, packed += HEIGHT, z += L::count) {
        const L column = L::load(z);
#pragma GCC unroll 12
        for (int i = 0; i < HEIGHT; ++i) sums[i] = fma(column, packed[i], sums[i]);
    }
    if (add)  // last: a large number that is there first would cost each of the small ones its digits
#pragma GCC unroll 12
        for (int i = 0; i < HEIGHT; ++i) sums[i] = sums[i] + L::load(out + i * L::count);
#pragma GCC unroll 12
    for (int i = 0; i < HEIGHT; ++i) sums[i].store(out + i * L::count);
}

// out (rows x lanes) = [out +] matrix (rows, cols) * z (cols x lanes), summed over the columns in their order
template <typename Real, int B>
__attribute__((noinline)) void product(const Real *packed, int rows, int cols, const Real *z, Real *out, bool add) {
    const int tiles = (rows + TILE - 1) / TILE;
    for (int k = 0; k < tiles; ++k) {
        const int height = rows / tiles + (k < rows % tiles);
        switch (height) {
#define CASE(H) \
    case H: product_tile<(H <= TILE ? H : 1), Real, B>(packed, cols, z, out, add); break;
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#undef CASE
        }
        packed += std::ptrdiff_t(height) * cols;
        out += height * Lanes<Real, B>::count;
    }
}

// sums (of rows, cols) += sum over steps of d (rows x lanes) * z (cols x lanes)^T, kept as registers that each sum some of the lanes.
// rows and cols are multiples of DOWN and ACROSS; each step moves d on by rows x lanes and z by z_step numbers.
template <typename Real, int B>
__attribute__((noinline)) void outer(const Real *d, int rows, const Real *z, std::ptrdiff_t z_step, int cols, int steps, Real *sums) {
    using L = Lanes<Real, B>;
    using V = typename L::V;
    constexpr int lanes = L::WIDTH / int(sizeof(Real));
    for (int j = 0; j < cols; j += ACROSS)
        for (int i = 0; i < rows; i += DOWN, sums += DOWN * ACROSS * lanes) {
            V tile[DOWN][ACROSS];
#pragma GCC unroll 6
            for (int p = 0; p < DOWN; ++p)
#pragma GCC unroll 4
                for (int q = 0; q < ACROSS; ++q) tile[p][q] = get<L::WIDTH>(sums + (p * ACROSS + q) * lanes);
            const Real *down = d + i * L::count, *across = z + j * L::count;
            for (int s = 0; s < steps; ++s, down += rows * L::count, across += z_step)
#pragma GCC unroll 4
                for (int n = 0; n < L::N; ++n) {
                    V right[ACROSS];
#pragma GCC unroll 4
                    for (int q = 0; q < ACROSS; ++q) right[q] = get<L::WIDTH>(across + q * L::count + n * lanes);
#pragma GCC unroll 6
                    for (int p = 0; p < DOWN; ++p) {
                        const V left = get<L::WIDTH>(down + p * L::count + n * lanes);
#pragma GCC unroll 4
                        for (int q = 0; q < ACROSS; ++q) tile[p][q] = fused(left, right[q], tile[p][q]);
                    }
                }
#pragma GCC unroll 6
            for (int p = 0; p < DOWN; ++p)
#pragma GCC unroll 4
                for (int q = 0; q < ACROSS; ++q) put<L::WIDTH>(tile[p][q], sums + (p * ACROSS + q) * lanes);
        }
}

// The sums of outer() as a matrix: calls element(i, j, sum) for i < rows, j < cols, both as they were before rounding up.
template <typename Real, int B, typename Element> INLINE void collect(const Real *sums, int rows, int cols, Element element) {
    using V = typename Lanes<Real, B>::V;
    for (int j0 = 0; j0 < cols; j0 += ACROSS)
        for (int i0 = 0; i0 < rows; i0 += DOWN)
            for (int p = 0; p < DOWN; ++p)
                for (int q = 0; q < ACROSS; ++q, sums += sizeof(V) / sizeof(Real)) {
                    if (i0 + p < rows && j0 + q < cols) element(i0 + p, j0 + q, sum<Real, sizeof(V)>(get<sizeof(V)>(sums)));
                }
}

// How many numbers the sums of outer() take.
template <typename Real, int B> INLINE std::size_t outer_size(int rows, int cols) {
    return std::size_t(round_up(rows, DOWN)) * round_up(cols, ACROSS) * (Lanes<Real, B>::WIDTH / sizeof(Real));
}

// out (n x lanes) from the rows of `samples` samples, `stride` apart, n numbers each; the other lanes become zero.
template <typename Real, int B>
__attribute__((noinline)) void load_rows(const Real *rows, std::ptrdiff_t stride, int samples, int n, Real *out) {
    constexpr int L = Lanes<Real, B>::count, T = 16 / int(sizeof(Real));
    for (int lane = 0; lane < L; lane += T) {
        int j = 0;
        if (lane + T <= samples)
            for (; j + T <= n; j += T) {
                Vec<Real, 16> tile[T];
                for (int i = 0; i < T; ++i) tile[i] = get<16>(rows + (lane + i) * stride + j);
                transpose(tile);
                for (int i = 0; i < T; ++i) put<16>(tile[i], out + (j + i) * L + lane);
            }
        for (; j < n; ++j)
            for (int i = lane; i < lane + T; ++i) out[j * L + i] = i < samples ? rows[i * stride + j] : Real(0);
    }
}

// out (n x lanes) += the samples' rows, by way of the work memory rows_here (n x lanes).
template <typename Real, int B>
INLINE void add_rows(const Real *rows, std::ptrdiff_t stride, int samples, int n, Real *rows_here, Real *out) {
    using L = Lanes<Real, B>;
    load_rows<Real, B>(rows, stride, samples, n, rows_here);
    for (int i = 0; i < n * L::count; i += L::count) (L::load(out + i) + L::load(rows_here + i)).store(out + i);
}

// The other way: the samples' rows from in (n x lanes).
template <typename Real, int B>
__attribute__((noinline)) void store_rows(const Real *in, std::ptrdiff_t stride, int samples, int n, Real *rows) {
    constexpr int L = Lanes<Real, B>::count, T = 16 / int(sizeof(Real));
    for (int lane = 0; lane < samples; lane += T) {
        int j = 0;
        if (lane + T <= samples)
            for (; j + T <= n; j += T) {
                Vec<Real, 16> tile[T];
                for (int i = 0; i < T; ++i) tile[i] = get<16>(in + (j + i) * L + lane);
                transpose(tile);
                for (int i = 0; i < T; ++i) put<16>(tile[i], rows + (lane + i) * stride + j);
            }
        for (; j < n; ++j)
            for (int i = lane; i < lane + T && i < samples; ++i) rows[i * stride + j] = in[j * L + i];
    }
}

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
