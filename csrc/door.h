// The numbers that Python hands over, each looked at before it is narrowed or used as an address.
#pragma once

#include "tauflow.h"

#include <cstdint>
#include <stdexcept>
#include <string>

namespace tauflow {

// The most units, inputs or substeps. Products of a few of these with the lanes of a register stay within an int, and float
// holds each of them exactly.
constexpr std::int64_t MOST = std::int64_t(1) << 24;
// The most numbers of an array, and steps of a sequence: more than any memory holds, and far from what overflows 64 bits.
constexpr std::int64_t MOST_NUMBERS = std::int64_t(1) << 46;

inline std::int64_t within(const char *name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high)
        throw std::invalid_argument(std::string(name) + " is " + std::to_string(value) + ", expected a whole number from " +
                                    std::to_string(low) + " to " + std::to_string(high));
    return value;
}
inline int size(const char *name, std::int64_t value) { return int(within(name, value, 1, MOST)); }

// a times b, neither below zero
inline std::int64_t product_within(const char *name, std::int64_t a, std::int64_t b, std::int64_t most) {
    if (b != 0 && a > most / b)
        throw std::invalid_argument(std::string(name) + " are " + std::to_string(a) + " times " + std::to_string(b) +
                                    ", expected at most " + std::to_string(most));
    return a * b;
}

template <typename Number> Number *at(std::int64_t address) {
    return reinterpret_cast<Number *>(static_cast<std::uintptr_t>(address));
}
template <typename Number> Number *needed(const char *name, std::int64_t address) {
    if (address == 0) throw std::invalid_argument(std::string(name) + " is a null pointer");
    if (address % std::int64_t(alignof(Number)) != 0)
        throw std::invalid_argument(std::string(name) + " stands at an address that is none of its number type");
    return at<Number>(address);
}

inline Activation activation(std::int64_t value) { return Activation(within("activation", value, TANH, IDENTITY)); }
inline Solver solver(std::int64_t value, Solver last) { return Solver(within("solver", value, EXPONENTIAL, last)); }

}  // namespace tauflow
