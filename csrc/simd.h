// Vectors of numbers, one lane per sample of the batch, and the functions of them that a cell needs.
//
// The only place that knows an instruction set. Everything is in the namespace of the set it is compiled for and inline, so
// that no function compiled for a newer processor can be linked into the path of an older one.
//
// Lanes<Real, BYTES> is BYTES / sizeof(Real) samples: BYTES = 64 for a full block of the batch, 16 for a small one. A lane
// never sees its neighbours, and both widths do the same operations in the same order: a sample's numbers do not depend
// on the batch it came in. A multiply-add is fused where, and only where, fma() is written (contraction is off).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) || defined(__amd64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef TAUFLOW_ISA
#define TAUFLOW_ISA scalar
#endif

#define INLINE inline __attribute__((always_inline))

namespace tauflow {
namespace TAUFLOW_ISA {

#if defined(__AVX512F__)
constexpr int REGISTER = 64, REGISTERS = 32;
#elif defined(__AVX2__)
constexpr int REGISTER = 32, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int REGISTER = 16, REGISTERS = 32;
#else
constexpr int REGISTER = 16, REGISTERS = 16;
#endif

// The compiler's own vectors: + - * / < and ?: come with them.
template <typename Real, int BYTES> struct Native;
#define NATIVE(REAL, BITS, ORDER, BYTES)                                   \
    template <> struct Native<REAL, BYTES> {                        \
        typedef REAL type __attribute__((vector_size(BYTES)));      \
        typedef BITS bits __attribute__((vector_size(BYTES)));      \
        typedef ORDER order __attribute__((vector_size(BYTES)));    \
        typedef REAL memory __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias)); \
    };
NATIVE(float, std::uint32_t, std::int32_t, 16)
NATIVE(float, std::uint32_t, std::int32_t, 32)
NATIVE(float, std::uint32_t, std::int32_t, 64)
NATIVE(double, std::uint64_t, std::int64_t, 16)
NATIVE(double, std::uint64_t, std::int64_t, 32)
NATIVE(double, std::uint64_t, std::int64_t, 64)
#undef NATIVE

template <typename Real, int BYTES> using Vec = typename Native<Real, BYTES>::type;

// A register's numbers from memory and back, at any address that is right for one number.
template <int BYTES, typename Real> INLINE Vec<Real, BYTES> get(const Real *p) {
    return *reinterpret_cast<const typename Native<Real, BYTES>::memory *>(p);
}
template <int BYTES, typename Real> INLINE void put(Vec<Real, BYTES> a, Real *p) {
    *reinterpret_cast<typename Native<Real, BYTES>::memory *>(p) = a;
}

// fused(a, b, c) = a b + c, rounded once where the processor can.
#define FUSED(REAL, BYTES, ...) \
    INLINE Vec<REAL, BYTES> fused(Vec<REAL, BYTES> a, Vec<REAL, BYTES> b, Vec<REAL, BYTES> c) { return __VA_ARGS__; }
#if defined(__FMA__)
FUSED(float, 16, (Vec<float, 16>)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c))
FUSED(double, 16, (Vec<double, 16>)_mm_fmadd_pd((__m128d)a, (__m128d)b, (__m128d)c))
FUSED(float, 32, (Vec<float, 32>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c))
FUSED(double, 32, (Vec<double, 32>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c))
#elif defined(__aarch64__)
FUSED(float, 16, (Vec<float, 16>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b))
FUSED(double, 16, (Vec<double, 16>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b))
#else
FUSED(float, 16, a * b + c)
FUSED(double, 16, a * b + c)
#endif
#if defined(__AVX512F__)
FUSED(float, 64, (Vec<float, 64>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c))
FUSED(double, 64, (Vec<double, 64>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c))
#endif
#undef FUSED

// The smaller and the larger of a limit and b; b where it is NaN, so that NaN passes through.
#define EXTREME(REAL, BYTES, SMALLER, LARGER)                                                              \
    INLINE Vec<REAL, BYTES> smaller(Vec<REAL, BYTES> limit, Vec<REAL, BYTES> b) { return SMALLER; }        \
    INLINE Vec<REAL, BYTES> larger(Vec<REAL, BYTES> limit, Vec<REAL, BYTES> b) { return LARGER; }
#if defined(__SSE2__)
EXTREME(float, 16, (Vec<float, 16>)_mm_min_ps((__m128)limit, (__m128)b), (Vec<float, 16>)_mm_max_ps((__m128)limit, (__m128)b))
EXTREME(double, 16, (Vec<double, 16>)_mm_min_pd((__m128d)limit, (__m128d)b), (Vec<double, 16>)_mm_max_pd((__m128d)limit, (__m128d)b))
#else
EXTREME(float, 16, limit < b ? limit : b, b < limit ? limit : b)
EXTREME(double, 16, limit < b ? limit : b, b < limit ? limit : b)
#endif
#if defined(__AVX2__)
EXTREME(float, 32, (Vec<float, 32>)_mm256_min_ps((__m256)limit, (__m256)b), (Vec<float, 32>)_mm256_max_ps((__m256)limit, (__m256)b))
EXTREME(double, 32, (Vec<double, 32>)_mm256_min_pd((__m256d)limit, (__m256d)b),
        (Vec<double, 32>)_mm256_max_pd((__m256d)limit, (__m256d)b))
#endif
#if defined(__AVX512F__)  // masked: the plain ones warn of their own header in GCC 12
EXTREME(float, 64, (Vec<float, 64>)_mm512_mask_min_ps((__m512)b, 0xffff, (__m512)limit, (__m512)b),
        (Vec<float, 64>)_mm512_mask_max_ps((__m512)b, 0xffff, (__m512)limit, (__m512)b))
EXTREME(double, 64, (Vec<double, 64>)_mm512_mask_min_pd((__m512d)b, 0xff, (__m512d)limit, (__m512d)b),
        (Vec<double, 64>)_mm512_mask_max_pd((__m512d)b, 0xff, (__m512d)limit, (__m512d)b))
#endif
#undef EXTREME

template <typename Real, int BYTES> struct Lanes {
    static constexpr int WIDTH = BYTES < REGISTER ? BYTES : REGISTER;  // bytes of one register
    static constexpr int N = BYTES / WIDTH;                            // registers
    static constexpr int count = BYTES / int(sizeof(Real));            // samples
    using V = Vec<Real, WIDTH>;
    V v[N];

    static INLINE Lanes load(const Real *p) {
        Lanes a;
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) a.v[n] = get<WIDTH>(p + n * (WIDTH / sizeof(Real)));
        return a;
    }
    static INLINE Lanes splat(Real s) {
        Lanes a;
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) a.v[n] = s - V{};
        return a;
    }
    INLINE void store(Real *p) const {
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) put<WIDTH>(v[n], p + n * (WIDTH / sizeof(Real)));
    }
};

#define LANES template <typename Real, int B> INLINE Lanes<Real, B>
#define EACH_REGISTER(...)                                              \
    Lanes<Real, B> out;                                                        \
    _Pragma("GCC unroll 4") for (int n = 0; n < Lanes<Real, B>::N; ++n) out.v[n] = (__VA_ARGS__); \
    return out;

LANES operator+(Lanes<Real, B> a, Lanes<Real, B> b) { EACH_REGISTER(a.v[n] + b.v[n]) }
LANES operator-(Lanes<Real, B> a, Lanes<Real, B> b) { EACH_REGISTER(a.v[n] - b.v[n]) }
LANES operator*(Lanes<Real, B> a, Lanes<Real, B> b) { EACH_REGISTER(a.v[n] * b.v[n]) }
LANES operator/(Lanes<Real, B> a, Lanes<Real, B> b) { EACH_REGISTER(a.v[n] / b.v[n]) }
LANES operator-(Lanes<Real, B> a) { EACH_REGISTER(-a.v[n]) }
LANES fma(Lanes<Real, B> a, Lanes<Real, B> b, Lanes<Real, B> c) { EACH_REGISTER(fused(a.v[n], b.v[n], c.v[n])) }
LANES fma(Lanes<Real, B> a, Real b, Lanes<Real, B> c) { return fma(a, Lanes<Real, B>::splat(b), c); }
LANES fma(Lanes<Real, B> a, Lanes<Real, B> b, Real c) { return fma(a, b, Lanes<Real, B>::splat(c)); }

// where a < b: yes, else no (and no where either is NaN)
LANES where_less(Lanes<Real, B> a, Lanes<Real, B> b, Lanes<Real, B> yes, Lanes<Real, B> no) {
    EACH_REGISTER(a.v[n] < b.v[n] ? yes.v[n] : no.v[n])
}
LANES at_most(Lanes<Real, B> a, Real limit) { EACH_REGISTER((smaller(limit - Vec<Real, Lanes<Real, B>::WIDTH>{}, a.v[n]))) }
LANES at_least(Lanes<Real, B> a, Real limit) { EACH_REGISTER((larger(limit - Vec<Real, Lanes<Real, B>::WIDTH>{}, a.v[n]))) }

template <typename Real> struct Bits;  // how a number is stored, and where the series of exp may stop
template <> struct Bits<float> {
    using Int = std::uint32_t;
    static constexpr Int sign = 0x80000000u, one = 0x3f800000u;
    static constexpr int mantissa = 23;
    static constexpr float rounder = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    static constexpr float lowest = -87.0f, highest = 88.0f;  // where exp stays a normal number
    // (exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2, highest power first (Cephes, expf)
    static constexpr float series[6] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                        4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
    // 2^r on |r| <= 1/2, the polynomial of smallest relative error (1.1e-7, of a sigmoid at most 3e-8) with a 1 in the end
    static constexpr float powers[6] = {1.3264727313e-03f, 9.6715129912e-03f, 5.5507335812e-02f,
                                        2.4022242427e-01f, 6.9314700365e-01f, 1.0f};
    static constexpr float largest_power = 127.0f;  // 1 + 2^x is finite, and its reciprocal, no normal number, counts as zero
};
template <> struct Bits<double> {
    using Int = std::uint64_t;
    static constexpr Int sign = 0x8000000000000000u, one = 0x3ff0000000000000u;
    static constexpr int mantissa = 52;
    static constexpr double rounder = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
    static constexpr double lowest = -708.0, highest = 709.0;
    // 1/13! ... 1/2!: the remainder is below 1e-17
    static constexpr double series[12] = {1.6059043836821614599e-10, 2.0876756987868098979e-9, 2.5052108385441718775e-8,
                                          2.7557319223985890653e-7,  2.7557319223985890653e-6, 2.4801587301587301587e-5,
                                          1.9841269841269841270e-4,  1.3888888888888888889e-3, 8.3333333333333333333e-3,
                                          4.1666666666666666667e-2,  1.6666666666666666667e-1, 5.0000000000000000000e-1};
    static constexpr double powers[14] = {1.36914888539041281038e-12, 2.56784359934882055117e-11, 4.44553827187081162491e-10, 7.05491162080112335899e-09, 1.01780860092396999224e-07, 1.32154867901443095086e-06, 1.52527338040598410828e-05, 1.54035303933816087761e-04, 1.33335581464284432841e-03, 9.61812910762847687873e-03, 5.55041086648215831190e-02, 2.40226506959100721827e-01, 6.93147180559945286227e-01, 1.00000000000000000000e+00};  // ln(2)^n / n!
    static constexpr double largest_power = 1023.0;
};

// exp(x) = scale (1 + rest), scale a power of two; x within Bits::lowest .. highest, or NaN
template <typename Real, int B> INLINE void split_exp(Lanes<Real, B> x, Lanes<Real, B> &scale, Lanes<Real, B> &rest) {
    using K = Bits<Real>;
    using L = Lanes<Real, B>;
    const L rounded = fma(x, L::splat(Real(1.4426950408889634074)), K::rounder);
    const L whole = rounded - L::splat(K::rounder);
    L r = fma(whole, -K::ln2_high, x);
    r = fma(whole, -K::ln2_low, r);
    L q = L::splat(K::series[0]);
#pragma GCC unroll 16
    for (std::size_t i = 1; i < sizeof K::series / sizeof(Real); ++i) q = fma(q, r, K::series[i]);
    rest = fma(q, r * r, r);
    using Int = typename Native<Real, L::WIDTH>::bits;
#pragma GCC unroll 4
    for (int n = 0; n < L::N; ++n) scale.v[n] = (typename L::V)(((Int)rounded.v[n] << K::mantissa) + K::one);
}

LANES absolute(Lanes<Real, B> a) {
    using Int = typename Native<Real, Lanes<Real, B>::WIDTH>::bits;
    EACH_REGISTER((Vec<Real, Lanes<Real, B>::WIDTH>)((Int)a.v[n] & ~Bits<Real>::sign))
}

LANES exp(Lanes<Real, B> x) {
    Lanes<Real, B> scale, rest;
    split_exp(at_least(at_most(x, Bits<Real>::highest), Bits<Real>::lowest), scale, rest);
    return fma(scale, rest, scale);
}

// exp(-z) for z >= 0, and exactly zero where that is no normal number any more: what the limit of exp leaves there would be multiplied
// by gaps and by inputs of any size.
LANES decay(Lanes<Real, B> z) {
    using L = Lanes<Real, B>;
    return where_less(L::splat(-Bits<Real>::lowest), z, L::splat(0), exp(-z));
}

// exp(x) - 1 for lowest <= x <= highest, without the cancellation near zero
LANES expm1(Lanes<Real, B> x) {
    Lanes<Real, B> scale, rest;
    split_exp(x, scale, rest);
    return fma(scale, rest, scale - Lanes<Real, B>::splat(1));
}

LANES sigmoid(Lanes<Real, B> x) {
    const auto one = Lanes<Real, B>::splat(1);
    return one / (one + exp(-x));
}

// x = whole + rest with |rest| <= 1/2, and p 2^whole from it. AVX-512 has instructions for this, which need no limits.
#if defined(__AVX512F__)
#define POWERS(REAL, BYTES, PREFIX, ALL, KIND, TYPE)                                                                    \
    INLINE void split_power(Vec<REAL, BYTES> x, Vec<REAL, BYTES> &whole, Vec<REAL, BYTES> &rest) {                      \
        whole = (Vec<REAL, BYTES>)PREFIX##_mask_roundscale_##KIND((TYPE)x, ALL, (TYPE)x, 0);                            \
        rest = (Vec<REAL, BYTES>)PREFIX##_mask_reduce_##KIND((TYPE)x, ALL, (TYPE)x, 0);                                 \
    }                                                                                                                   \
    INLINE Vec<REAL, BYTES> times_power(Vec<REAL, BYTES> p, Vec<REAL, BYTES> whole) {                                   \
        return (Vec<REAL, BYTES>)PREFIX##_mask_scalef_##KIND((TYPE)p, ALL, (TYPE)p, (TYPE)whole);                       \
    }
POWERS(float, 16, _mm, 0xf, ps, __m128)
POWERS(double, 16, _mm, 0x3, pd, __m128d)
POWERS(float, 64, _mm512, 0xffff, ps, __m512)
POWERS(double, 64, _mm512, 0xff, pd, __m512d)
#undef POWERS
#else
#define POWERS(REAL, BYTES)                                                                                             \
    INLINE void split_power(Vec<REAL, BYTES> x, Vec<REAL, BYTES> &whole, Vec<REAL, BYTES> &rest) {                      \
        using V = Vec<REAL, BYTES>;                                                                                     \
        using K = Bits<REAL>;                                                                                           \
        x = smaller(K::largest_power - V{}, larger(-K::largest_power - V{}, x));                                        \
        whole = x + (K::rounder - V{});                                                                                 \
        rest = x - (whole - (K::rounder - V{}));                                                                        \
    }                                                                                                                   \
    INLINE Vec<REAL, BYTES> times_power(Vec<REAL, BYTES> p, Vec<REAL, BYTES> whole) {                                   \
        using Int = typename Native<REAL, BYTES>::bits;                                                                 \
        return (Vec<REAL, BYTES>)((Int)p + ((Int)whole << Bits<REAL>::mantissa));                                       \
    }
POWERS(float, 16)
POWERS(double, 16)
#if defined(__AVX2__)
POWERS(float, 32)
POWERS(double, 32)
#endif
#undef POWERS
#endif

// x = 1 / (1 + 2^x), the sigmoid of -x ln(2), for sums over many synapses. Some at a time: the steps of one are a long chain, and
// the processor looks only so far ahead for others to work on meanwhile.
constexpr int TOGETHER = REGISTER >= 32 ? 2 : 1;
template <int M, typename Real, int B> INLINE void sigmoid2(Lanes<Real, B> (&x)[M]) {
    using L = Lanes<Real, B>;
    L whole[M], rest[M], p[M];
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
        for (int n = 0; n < L::N; ++n) split_power(x[m].v[n], whole[m].v[n], rest[m].v[n]);
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) p[m] = L::splat(Bits<Real>::powers[0]);
#pragma GCC unroll 16
    for (std::size_t i = 1; i < sizeof Bits<Real>::powers / sizeof(Real); ++i)
#pragma GCC unroll 4
        for (int m = 0; m < M; ++m) p[m] = fma(p[m], rest[m], Bits<Real>::powers[i]);
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
        for (int n = 0; n < L::N; ++n) p[m].v[n] = times_power(p[m].v[n], whole[m].v[n]);
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) x[m] = L::splat(1) / (L::splat(1) + p[m]);
}

// By exp(-2|x|) - 1, which keeps the relative accuracy of small x.
LANES tanh(Lanes<Real, B> x) {
    using L = Lanes<Real, B>;
    using Int = typename Native<Real, L::WIDTH>::bits;
    L minus_twice, out;
#pragma GCC unroll 4
    for (int n = 0; n < L::N; ++n) minus_twice.v[n] = (typename L::V)((Int)x.v[n] | Bits<Real>::sign) * Real(2);
    const L t = expm1(at_least(minus_twice, Real(-60)));
    const L size = t / (t + L::splat(2));  // -|tanh|
#pragma GCC unroll 4
    for (int n = 0; n < L::N; ++n)
        out.v[n] = (typename L::V)(((Int)size.v[n] & ~Bits<Real>::sign) | ((Int)x.v[n] & Bits<Real>::sign));
    return out;
}

// The sum over lanes, in the order of the lanes.
template <typename Real, int B> INLINE Real sum(Vec<Real, B> a) {
    Real lanes[B / sizeof(Real)], total = 0;
    put<B>(a, lanes);
    for (Real lane : lanes) total += lane;
    return total;
}
template <typename Real, int B> INLINE Real sum_lanes(Lanes<Real, B> a) {
    Real lanes[B / sizeof(Real)], total = 0;
    a.store(lanes);
    for (Real lane : lanes) total += lane;
    return total;
}

// PICK(REAL, BYTES, a, b, ...): the numbers of a and b at these places, those of b counted on from those of a.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define PICK(REAL, BYTES, A, B, ...) __builtin_shufflevector(A, B, __VA_ARGS__)
#endif
#endif
#ifndef PICK
#define PICK(REAL, BYTES, A, B, ...) __builtin_shuffle(A, B, Native<REAL, BYTES>::order{__VA_ARGS__})
#endif

// The sums of a's halves in the lower half, of b's in the upper one: both add up two halves of what they are given.
#define HALVES(REAL, BYTES, ...) \
    INLINE Vec<REAL, BYTES> halves(Vec<REAL, BYTES> a, Vec<REAL, BYTES> b) { return __VA_ARGS__; }
HALVES(float, 16, PICK(float, 16, a, b, 0, 1, 4, 5) + PICK(float, 16, a, b, 2, 3, 6, 7))
HALVES(double, 16, PICK(double, 16, a, b, 0, 2) + PICK(double, 16, a, b, 1, 3))
#if defined(__AVX2__)
HALVES(float, 32, PICK(float, 32, a, b, 0, 1, 2, 3, 8, 9, 10, 11) + PICK(float, 32, a, b, 4, 5, 6, 7, 12, 13, 14, 15))
HALVES(double, 32, PICK(double, 32, a, b, 0, 1, 4, 5) + PICK(double, 32, a, b, 2, 3, 6, 7))
#endif
#if defined(__AVX512F__)
HALVES(float, 64, PICK(float, 64, a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
       PICK(float, 64, a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
HALVES(double, 64, PICK(double, 64, a, b, 0, 1, 2, 3, 8, 9, 10, 11) + PICK(double, 64, a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#endif
#undef HALVES

template <typename Real, int B> INLINE Vec<Real, Lanes<Real, B>::WIDTH> sum_registers(Lanes<Real, B> a) {
    auto sum = a.v[0];
#pragma GCC unroll 4
    for (int n = 1; n < Lanes<Real, B>::N; ++n) sum += a.v[n];
    return sum;
}

// How many numbers each of four sums takes: the sum is that of these.
template <typename Real, int B> constexpr int parts = Lanes<Real, B>::WIDTH / 2 / int(sizeof(Real));

// sums (4 x parts) += a, b, c, d, each added up over samples until half a register is left of it: two exchanges instead of two registers
// more to be read and written
template <typename Real, int B> INLINE void add_sums(Lanes<Real, B> a, Lanes<Real, B> b, Lanes<Real, B> c, Lanes<Real, B> d, Real *sums) {
    constexpr int WIDTH = Lanes<Real, B>::WIDTH, two = WIDTH / int(sizeof(Real));
    put<WIDTH>(get<WIDTH>(sums) + halves(sum_registers(a), sum_registers(b)), sums);
    put<WIDTH>(get<WIDTH>(sums + two) + halves(sum_registers(c), sum_registers(d)), sums + two);
}

// Four (or two) rows of four (or two) numbers, exchanged for columns.
INLINE void transpose(Vec<float, 16> (&a)[4]) {
    const Vec<float, 16> low01 = PICK(float, 16, a[0], a[1], 0, 4, 1, 5), high01 = PICK(float, 16, a[0], a[1], 2, 6, 3, 7);
    const Vec<float, 16> low23 = PICK(float, 16, a[2], a[3], 0, 4, 1, 5), high23 = PICK(float, 16, a[2], a[3], 2, 6, 3, 7);
    a[0] = PICK(float, 16, low01, low23, 0, 1, 4, 5), a[1] = PICK(float, 16, low01, low23, 2, 3, 6, 7);
    a[2] = PICK(float, 16, high01, high23, 0, 1, 4, 5), a[3] = PICK(float, 16, high01, high23, 2, 3, 6, 7);
}
INLINE void transpose(Vec<double, 16> (&a)[2]) {
    const Vec<double, 16> first = {a[0][0], a[1][0]}, second = {a[0][1], a[1][1]};
    a[0] = first, a[1] = second;
}

#undef PICK
#undef LANES
#undef EACH_REGISTER

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
