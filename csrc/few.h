// A sequence of few rows by the packed cell of streams: neurons side by side in a register instead of samples. The numbers are equal to
// the bit; where a register of samples would be mostly empty it is faster.
#pragma once

#include "tauflow.h"

namespace tauflow {

// As a kernel's forward without anything saved; returns the longest dt rate of any step for euler, else 0.
template <typename Real> Real run_few(const Sequence<Real> &sequence, const StreamCell<Real> &cell);

}  // namespace tauflow
