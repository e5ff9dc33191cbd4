// Which instruction set the machine runs, asked once at run time, and the kernels compiled for it.
//
// The levels are those of the x86-64 psABI. Each line asks for the features that tell a level from the one
// below; no processor has these without the rest of the level.
#include "tauflow.h"

#include <cstdlib>
#include <cstring>

namespace tauflow {

// Built by CMake for the processor's family, best first: X(namespace, name)
#if defined(TAUFLOW_X86)
#define EACH_ISA(X) X(v4, "x86-64-v4") X(v3, "x86-64-v3") X(scalar, "scalar")
#elif defined(__aarch64__)
#define EACH_ISA(X) X(neon, "neon")
#else
#define EACH_ISA(X) X(scalar, "scalar")
#endif

#define DECLARE(ISA, NAME) \
    namespace ISA { template <typename Real> const Kernels<Real> &table(); }
EACH_ISA(DECLARE)
#undef DECLARE

namespace {

struct Choice {
    const char *name;
    const Kernels<float> &(*single)();
    const Kernels<double> &(*wide)();
};

const Choice choices[] = {
#define CHOICE(ISA, NAME) {NAME, ISA::table<float>, ISA::table<double>},
    EACH_ISA(CHOICE)
#undef CHOICE
};

// Names of all sets, best first; a machine runs its own and those behind it.
int rank(const char *name) {
    const char *const names[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2", "neon", "scalar"};
    int i = 0;
    while (i < 5 && std::strcmp(names[i], name) != 0) ++i;
    return i;
}

const char *ceiling = isa();  // what this machine runs, or less where TAUFLOW_ISA says so

// The first of the choices at or below the ceiling; there is none for x86-64-v2, which adds too little to plain x86-64.
const Choice *best() {
    const Choice *choice = choices;
    while (rank(choice->name) < rank(ceiling)) ++choice;
    return choice;
}

const Choice *in_use = best();

}  // namespace

const char *isa() {
#if defined(TAUFLOW_X86)
    const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    return v4 ? "x86-64-v4" : v3 ? "x86-64-v3" : v2 ? "x86-64-v2" : "scalar";
#elif defined(__aarch64__)
    return "neon";
#else
    return "scalar";
#endif
}

const char *isa_in_use() { return in_use->name; }

bool use_isa(const char *name) {
    for (const Choice &choice : choices)
        if (std::strcmp(choice.name, name) == 0 && rank(name) >= rank(ceiling)) {
            in_use = &choice;
            return true;
        }
    return false;
}

const char *hold_to_asked_isa() {
    const char *name = std::getenv("TAUFLOW_ISA");
    if (!name || !*name) return nullptr;
    if (!use_isa(name)) return name;
    ceiling = in_use->name;
    return nullptr;
}

template <> const Kernels<float> &kernels<float>() { return in_use->single(); }
template <> const Kernels<double> &kernels<double>() { return in_use->wide(); }

}  // namespace tauflow
