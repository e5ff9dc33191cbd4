// The only file that knows Python. A tensor arrives as its data_ptr() and its size: a call costs 0.2 us this way.
//
// The caller holds the tensor, and has checked its type and that it is contiguous, before it gives the address.
#include "tauflow.h"

#include <nanobind/nanobind.h>

#include <array>
#include <stdexcept>
#include <string>

namespace nb = nanobind;
using namespace nb::literals;

static std::int64_t check_gaps(std::uintptr_t ptr, std::int64_t n, bool is_double) {
    if (n < 0) throw std::invalid_argument("check_gaps: n is negative, expected a count of numbers");
    if (n > 0 && ptr == 0) throw std::invalid_argument("check_gaps: a null pointer came with n > 0");
    return is_double ? tauflow::check_gaps(reinterpret_cast<const double *>(ptr), n)
                     : tauflow::check_gaps(reinterpret_cast<const float *>(ptr), n);
}

// Sizes and addresses come as a tuple of whole numbers in the order of the struct's fields in tauflow.h; 0 is a null pointer.
template <std::size_t N> static std::array<std::int64_t, N> numbers(const nb::tuple &tuple) {
    if (tuple.size() != N)
        throw std::invalid_argument("a kernel got " + std::to_string(tuple.size()) + " numbers, expected " + std::to_string(N));
    std::array<std::int64_t, N> values;
    for (std::size_t i = 0; i < N; ++i) values[i] = nb::cast<std::int64_t>(tuple[i]);
    return values;
}
template <typename Real> static Real *at(std::int64_t address) { return reinterpret_cast<Real *>(static_cast<std::uintptr_t>(address)); }

template <typename Real> static tauflow::Sequence<Real> sequence(const std::array<std::int64_t, 12> &v) {
    return {v[0], v[1], v[2], v[3], int(v[4]), at<Real>(v[5]), at<Real>(v[6]), at<std::uint8_t>(v[7]), at<Real>(v[8]),
            at<Real>(v[9]), at<Real>(v[10]), at<void>(v[11])};
}
template <typename Real> static tauflow::SequenceGradients<Real> sequence_gradients(const std::array<std::int64_t, 5> &v) {
    return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2]), at<Real>(v[3]), at<Real>(v[4])};
}

// Binds run(Real()) for the number type at hand, with the GIL released.
template <typename Run> static auto with_type(bool is_double, Run run) {
    nb::gil_scoped_release released;
    return is_double ? run(double()) : run(float());
}

template <typename Real> static tauflow::Layer<Real> layer(const std::array<std::int64_t, 8> &v) {
    return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2]), at<Real>(v[3]), at<Real>(v[4]),
            tauflow::Activation(v[5]), tauflow::Solver(v[6]), int(v[7])};
}

static std::size_t layer_saved_bytes(bool is_double, const nb::tuple &seq, const nb::tuple &cell) {
    const auto s = numbers<12>(seq);
    const auto c = numbers<8>(cell);
    return with_type(is_double, [&](auto real) {
        using Real = decltype(real);
        return tauflow::kernels<Real>().layer_saved_bytes(sequence<Real>(s), layer<Real>(c));
    });
}

static double layer_forward(bool is_double, const nb::tuple &seq, const nb::tuple &cell) {
    const auto s = numbers<12>(seq);
    const auto c = numbers<8>(cell);
    return with_type(is_double, [&](auto real) {
        using Real = decltype(real);
        return double(tauflow::kernels<Real>().layer_forward(sequence<Real>(s), layer<Real>(c)));
    });
}

static void layer_backward(bool is_double, const nb::tuple &seq, const nb::tuple &cell, const nb::tuple &of_seq, const nb::tuple &of_cell) {
    const auto s = numbers<12>(seq);
    const auto c = numbers<8>(cell);
    const auto g = numbers<5>(of_seq);
    const auto w = numbers<5>(of_cell);
    with_type(is_double, [&](auto real) {
        using Real = decltype(real);
        tauflow::kernels<Real>().layer_backward(sequence<Real>(s), layer<Real>(c), sequence_gradients<Real>(g),
                                                {at<Real>(w[0]), at<Real>(w[1]), at<Real>(w[2]), at<Real>(w[3]), at<Real>(w[4])});
    });
}

NB_MODULE(_core, m) {
    m.doc() = "The C++ core of tauflow: addresses and sizes in, numbers out.";
    m.def("version", [] { return TAUFLOW_VERSION; }, "The version that this core was built from.");
    m.def("isa", &tauflow::isa, "The best instruction set that this machine runs.");
    m.def("check_gaps", &check_gaps, "ptr"_a, "n"_a, "is_double"_a, nb::call_guard<nb::gil_scoped_release>(),
          "The index of the first of n time gaps that is negative, NaN or infinite, else -1.");
    m.def("isa_in_use", &tauflow::isa_in_use, "The instruction set that the kernels use.");
    m.def("use_isa", &tauflow::use_isa, "name"_a, "Use another instruction set, for tests; False when this machine or build has none.");
    m.def("layer_saved_bytes", &layer_saved_bytes, "is_double"_a, "sequence"_a, "layer"_a);
    m.def("layer_forward", &layer_forward, "is_double"_a, "sequence"_a, "layer"_a);
    m.def("layer_backward", &layer_backward, "is_double"_a, "sequence"_a, "layer"_a, "of_sequence"_a, "of_layer"_a);
}
