// What bind.cpp and bind_stream.cpp share.
#pragma once

#include "stream.h"

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

nb::object stream_type();  // the Python class of streams
void call_directly(nb::type_object derived);
