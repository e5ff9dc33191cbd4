// One call of a kernel, forward and backward, described by some bytes and checked as a whole.
//
// fuzz.cpp takes the bytes from libFuzzer, drive.cpp from a generator of random numbers. check() makes the arrays that the
// description asks for, each between two guard zones, calls the kernel twice, and says which of these does not hold:
//
//   guards     nothing is written, and under the address sanitizer nothing is read, in front of or behind an array
//   repeated   one thread and several give the same bits, work memory and outputs filled with NaN before the first call and
//              with small numbers before the second: so no number is read that the call did not write
//   finite     a bounded cell gives finite states and gradients for finite inputs
//   streamed   without a mask, the same samples one by one through a packed cell give the same bits
//   still      where every sample is masked, the state leaves as it came
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace native {

enum Kernel { LAYER, GATED, CFC, GRUODE, LTC, KERNELS };
enum Gaps { EVEN, SOME_ZERO, ALL_ZERO, WILD };  // WILD: from 1e-30 to 1e30
enum Mask { NONE, RANDOM, NOTHING_KEPT };

struct Call {
    Kernel kernel;
    bool is_double, saves;  // saves: with what backward needs, and then backward
    int batch, time, inputs, units, first, outputs, threads;
    int solver, substeps, activation, mode, layers, width;  // as far as the kernel has them
    Gaps gaps;
    Mask mask;
    int missing;               // synapses of eight that do not exist
    int given;                 // bits: the gradients of y, last that are given, those of x, dt, h that are wanted
    bool large;                // inputs up to 1e30
    std::uint64_t seed;        // of all numbers
};

// A source of choices; bytes that are not there count as zero.
struct Bytes {
    const std::uint8_t *bytes;
    std::size_t size, used = 0;
    int pick(int low, int high) { return low + (used < size ? bytes[used++] : 0) % (high - low + 1); }
};

// Every byte string is a call.
Call read(Bytes bytes);
std::string describe(const Call &call);

// What does not hold, or an empty string. results: the output, the last state and all gradients, for a comparison of two machines.
std::string check(const Call &call, std::vector<double> *results = nullptr);

// Random numbers, the same on every machine.
struct Random {
    std::uint64_t state;
    std::uint64_t next() {  // splitmix64
        std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    double uniform(double low, double high) { return low + (high - low) * (double(next() >> 40) / double(1 << 24)); }
};

}  // namespace native
