// The kernels under libFuzzer: it makes up calls, keeps those that reach new code, and stops at the first that fails a check.
//
//   make fuzz SECONDS=600
#include "call.h"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size) {
    const native::Call call = native::read(bytes, size);
    const std::string wrong = native::check(call);
    if (!wrong.empty()) {
        std::fprintf(stderr, "%s: %s\n", native::describe(call).c_str(), wrong.c_str());
        std::abort();
    }
    return 0;
}
