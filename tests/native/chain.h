// A chain of cells under streams, described by some bytes: Network and Stream of csrc/stream.h against the packed cells called one by one.
//
//   streamed   each sample gives the bits that the cells give, each with work memory of its own
//   refused    what can't be taken is refused by the right name, stage and number, and leaves the state
//   saved      a state that is saved and loaded by another stream goes on with the same bits, also in between of another's samples
//   grown      a cell that does not fit the chain is refused, and the chain stays as it was
#pragma once

#include "call.h"

namespace native {

// What does not hold, or an empty string.
std::string check_chain(Bytes bytes);

// A first byte of 1 modulo 4 stands for a chain, 3 for a network, an even one is the first of a call. What does not hold, and of what.
std::string check_input(Bytes bytes);

}  // namespace native
