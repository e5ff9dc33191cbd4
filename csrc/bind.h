// What the files that know Python share.
#pragma once

#include "program.h"

#include <nanobind/nanobind.h>

namespace nb = nanobind;

struct AnyNetwork {
    explicit AnyNetwork(bool is_double_) : is_double(is_double_) {}
    AnyNetwork(const AnyNetwork &) = delete;
    const bool is_double;
    bool in_use = false;  // by a stream
    tauflow::Network<float> single;
    tauflow::Network<double> wide;
};

struct AnyProgram {
    AnyProgram(bool is_double_, std::int64_t inputs, std::int64_t statics, double period, bool knows_missing) : is_double(is_double_) {
        if (is_double) wide = std::make_unique<tauflow::Program<double>>(inputs, statics, period, knows_missing);
        else single = std::make_unique<tauflow::Program<float>>(inputs, statics, period, knows_missing);
    }
    AnyProgram(const AnyProgram &) = delete;
    // run(the program, a number of its type)
    template <typename Run> auto with(Run run) { return is_double ? run(*wide, double()) : run(*single, float()); }
    const bool is_double;
    bool in_use = false;
    std::unique_ptr<tauflow::Program<float>> single;  // one of the two
    std::unique_ptr<tauflow::Program<double>> wide;
    nb::object chain;  // kept alive
};

void bind_program(nb::module_ &m);
nb::object stream_type();  // the Python class of streams
void call_directly(nb::type_object derived);
