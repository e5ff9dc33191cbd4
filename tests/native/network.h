// A whole network under sessions, described by some bytes: Program and Session of csrc/program.h.
//
//   refused    a step whose numbers were changed is refused, or runs within arrays of the sizes that its options say; a sample that can't be
//              taken leaves the state
//   sequence   before, through and behind over the samples, some of them masked, give the bits of step after step
//   rows       sessions together give the bits of each alone, and where one refuses none has moved
//   saved      a state that is saved and loaded by another session goes on with the same bits
#pragma once

#include "call.h"

namespace native {

// What does not hold, or an empty string.
std::string check_network(Bytes bytes);

}  // namespace native
