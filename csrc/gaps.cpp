// Are all time gaps finite and not negative? Every sequence is asked this once, before any cell runs.
#include "tauflow.h"

#include <algorithm>
#include <limits>

namespace tauflow {

// Written so that NaN, which compares false with everything, is not fine.
template <typename Real>
static bool fine(Real gap) {
    return gap >= Real(0) && gap <= std::numeric_limits<Real>::max();
}

template <typename Real>
std::int64_t check_gaps(const Real *gaps, std::int64_t n) {
    constexpr std::int64_t block = 1024;  // branch-free inside a block, so that the compiler can use SIMD
    for (std::int64_t start = 0; start < n; start += block) {
        const std::int64_t end = std::min(start + block, n);
        int bad = 0;
        for (std::int64_t i = start; i < end; ++i) bad |= !fine(gaps[i]);
        if (bad)
            for (std::int64_t i = start; i < end; ++i)
                if (!fine(gaps[i])) return i;
    }
    return -1;
}

template std::int64_t check_gaps<float>(const float *, std::int64_t);
template std::int64_t check_gaps<double>(const double *, std::int64_t);

}  // namespace tauflow
