// The kernels and their streams under libFuzzer: it makes up calls and chains, keeps those that reach new code, and stops at the first that fails a check.
//
//   make fuzz SECONDS=600
#include "call.h"
#include "chain.h"

#include <cstdio>
#include <cstdlib>

static int fine(const std::string &what, const std::string &wrong) {
    if (wrong.empty()) return 0;
    std::fprintf(stderr, "%s: %s\n", what.c_str(), wrong.c_str());
    std::abort();
}

// An odd first byte stands for a chain of cells under a stream, an even one is the first of a call.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size) {
    if (size > 0 && bytes[0] % 2) return fine("a chain", native::check_chain({bytes + 1, size - 1}));
    const native::Call call = native::read({bytes, size});
    return fine(native::describe(call), native::check(call));
}
