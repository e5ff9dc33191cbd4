// The kernels and their streams under libFuzzer: it makes up calls, chains and networks, keeps those that reach new code, and stops at the first that fails a check.
//
//   make fuzz SECONDS=600
#include "chain.h"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size) {
    const std::string wrong = native::check_input({bytes, size});
    if (wrong.empty()) return 0;
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
}
