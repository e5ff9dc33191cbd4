// Numbers too small for a normal exponent, below 1.2e-38 or 2.2e-308, count as zero while a kernel works.
//
// Gradients that decay over many steps or pass a saturated neuron end there, and each operation with one takes a processor up to a
// hundred cycles: a training step of a saturated network was nineteen times slower for numbers that change no result. The mode
// belongs to a thread and is put back as it was.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(__amd64__)
#include <immintrin.h>
#endif

namespace tauflow {

class FlushSubnormals {
public:
    FlushSubnormals(const FlushSubnormals &) = delete;
    FlushSubnormals &operator=(const FlushSubnormals &) = delete;

#if defined(__x86_64__) || defined(__amd64__)
    FlushSubnormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }  // results to zero, operands as zero
    ~FlushSubnormals() { _mm_setcsr(before_); }

private:
    unsigned before_;
#elif defined(__aarch64__)
    FlushSubnormals() {
        __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
        __asm__ volatile("msr fpcr, %0" : : "r"(before_ | std::uint64_t(1) << 24));
    }
    ~FlushSubnormals() { __asm__ volatile("msr fpcr, %0" : : "r"(before_)); }

private:
    std::uint64_t before_;
#else
    FlushSubnormals() {}
    ~FlushSubnormals() {}
#endif
};

}  // namespace tauflow
