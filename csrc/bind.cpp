// With bind_stream.cpp the only file that knows Python. A tensor arrives as its data_ptr() and its size: a call costs 0.2 us this way.
//
// The caller holds the tensor, and has checked its type and that it is contiguous, before it gives the address.
#include "bind.h"

#include <array>
#include <stdexcept>
#include <string>

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

using Integers = const std::int64_t *;

template <typename Real> static tauflow::Sequence<Real> sequence(Integers v) {
    return {v[0], v[1], v[2], v[3], v[4], v[5], int(v[6]), at<Real>(v[7]), at<Real>(v[8]), at<std::uint8_t>(v[9]), at<Real>(v[10]),
            at<Real>(v[11]), at<Real>(v[12]), at<void>(v[13])};
}
template <typename Real> static tauflow::SequenceGradients<Real> gradients(Integers v) {
    return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2]), at<Real>(v[3]), at<Real>(v[4])};
}

// A cell's struct and that of its gradients, from numbers in the order of the fields.
struct LayerFromNumbers {
    static constexpr std::size_t numbers = 8, gradients = 5;
    template <typename Real> static tauflow::Layer<Real> cell(Integers v) {
        return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2]), at<Real>(v[3]), at<Real>(v[4]),
                tauflow::Activation(v[5]), tauflow::Solver(v[6]), int(v[7])};
    }
    template <typename Real> static tauflow::LayerGradients<Real> wanted(Integers v) {
        return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2]), at<Real>(v[3]), at<Real>(v[4])};
    }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().layer_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().layer_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().layer_stream; }
};

struct CfcFromNumbers {
    static constexpr std::size_t numbers = 20, gradients = 16;
    template <typename Real, typename Pointers> static void point(Integers v, Pointers &c) {
        for (int i = 0; i < 3; ++i) c.W[i] = at<Real>(v[2 * i]), c.b[i] = at<Real>(v[2 * i + 1]);
        for (int i = 0; i < 4; ++i) c.head_W[i] = at<Real>(v[6 + 2 * i]), c.head_b[i] = at<Real>(v[7 + 2 * i]);
        c.w_tau = at<Real>(v[14]), c.A = at<Real>(v[15]);
    }
    template <typename Real> static tauflow::Cfc<Real> cell(Integers v) {
        tauflow::Cfc<Real> c{};
        point<Real>(v, c);
        c.layers = int(v[16]), c.width = int(v[17]), c.activation = tauflow::Activation(v[18]), c.mode = tauflow::CfcMode(v[19]);
        return c;
    }
    template <typename Real> static tauflow::CfcGradients<Real> wanted(Integers v) {
        tauflow::CfcGradients<Real> c{};
        point<Real>(v, c);
        return c;
    }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().cfc_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().cfc_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().cfc_stream; }
};

struct GruodeFromNumbers {
    static constexpr std::size_t numbers = 5, gradients = 3;
    template <typename Real> static tauflow::Gruode<Real> cell(Integers v) {
        return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2]), tauflow::Solver(v[3]), int(v[4])};
    }
    template <typename Real> static tauflow::GruodeGradients<Real> wanted(Integers v) {
        return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2])};
    }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().gruode_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().gruode_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().gruode_stream; }
};

struct LtcFromNumbers {
    static constexpr std::size_t numbers = 15, gradients = 13;
    template <typename Real> static tauflow::Ltc<Real> cell(Integers v) {
        const auto synapses = [](Integers w) -> tauflow::Synapses<Real> {
            return {at<Real>(w[0]), at<Real>(w[1]), at<Real>(w[2]), at<Real>(w[3]), at<std::uint8_t>(w[4])};
        };
        return {synapses(v), synapses(v + 5), at<Real>(v[10]), at<Real>(v[11]), at<Real>(v[12]), tauflow::Solver(v[13]), int(v[14])};
    }
    template <typename Real> static tauflow::LtcGradients<Real> wanted(Integers v) {
        const auto synapses = [](Integers w) -> tauflow::SynapsesGradients<Real> {
            return {at<Real>(w[0]), at<Real>(w[1]), at<Real>(w[2]), at<Real>(w[3])};
        };
        return {synapses(v), synapses(v + 5), at<Real>(v[10]), at<Real>(v[11]), at<Real>(v[12])};
    }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().ltc_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().ltc_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().ltc_stream; }
};

template <typename C> static double forward(bool is_double, const nb::tuple &sequence_numbers, const nb::tuple &cell_numbers) {
    const auto s = numbers<14>(sequence_numbers);
    const auto c = numbers<C::numbers>(cell_numbers);
    const auto run = [&](auto real) {
        using Real = decltype(real);
        return double(C::template forward<Real>()(sequence<Real>(s.data()), C::template cell<Real>(c.data())));
    };
    nb::gil_scoped_release released;
    return is_double ? run(double()) : run(float());
}

template <typename C>
static void backward(bool is_double, const nb::tuple &sequence_numbers, const nb::tuple &cell_numbers, const nb::tuple &of_sequence,
                     const nb::tuple &of_cell) {
    const auto s = numbers<14>(sequence_numbers);
    const auto c = numbers<C::numbers>(cell_numbers);
    const auto g = numbers<5>(of_sequence);
    const auto w = numbers<C::gradients>(of_cell);
    const auto run = [&](auto real) {
        using Real = decltype(real);
        C::template backward<Real>()(sequence<Real>(s.data()), C::template cell<Real>(c.data()), gradients<Real>(g.data()),
                                     C::template wanted<Real>(w.data()));
    };
    nb::gil_scoped_release released;
    is_double ? run(double()) : run(float());
}

template <typename Number> static std::vector<Number> vector_of(const nb::handle &list) {
    std::vector<Number> values;
    for (nb::handle number : nb::list(list)) values.push_back(Number(nb::cast<double>(number)));
    return values;
}

// The fields of Stage in their order, up to read_b.
template <typename Real> static tauflow::Stage<Real> stage_of(const nb::tuple &around) {
    if (around.size() != 7) throw std::invalid_argument("a stage has 7 fields, not " + std::to_string(around.size()));
    return {nb::cast<bool>(around[0]), nb::cast<bool>(around[1]), vector_of<Real>(around[2]), vector_of<Real>(around[3]),
            vector_of<std::int32_t>(around[4]), vector_of<Real>(around[5]), vector_of<Real>(around[6]), {}, {}, 0, false};
}

template <typename C>
static void add(AnyNetwork &network, int inputs, int units, const nb::tuple &cell_numbers, const nb::tuple &around) {
    if (network.in_use) throw std::invalid_argument("a stream reads this network already, so it can't grow");
    const auto c = numbers<C::numbers>(cell_numbers);
    const auto add_to = [&](auto &chain, auto real) {
        using Real = decltype(real);
        auto stage = stage_of<Real>(around);
        chain.add(stage, inputs, units, C::template cell<Real>(c.data()), C::template stream<Real>());
    };
    network.is_double ? add_to(network.wide, double()) : add_to(network.single, float());
}

template <typename C> static void bind(nb::module_ &m, const std::string &name) {
    m.def((name + "_forward").c_str(), &forward<C>, "is_double"_a, "sequence"_a, "cell"_a);
    m.def((name + "_backward").c_str(), &backward<C>, "is_double"_a, "sequence"_a, "cell"_a, "of_sequence"_a, "of_cell"_a);
}

NB_MODULE(_core, m) {
    m.doc() = "The C++ core of tauflow: addresses and sizes in, numbers out.";
    if (const char *name = tauflow::hold_to_asked_isa())
        throw std::runtime_error("TAUFLOW_ISA is '" + std::string(name) + "', expected an instruction set that this machine runs and the core "
                                 "was built for, such as '" + tauflow::isa_in_use() + "' or 'scalar'; leave it out to have the best");
    m.def("version", [] { return TAUFLOW_VERSION; }, "The version that this core was built from.");
    m.def("isa", &tauflow::isa, "The best instruction set that this machine runs.");
    m.def("check_gaps", &check_gaps, "ptr"_a, "n"_a, "is_double"_a, nb::call_guard<nb::gil_scoped_release>(),
          "The index of the first of n time gaps that is negative, NaN or infinite, else -1.");
    m.def("isa_in_use", &tauflow::isa_in_use, "The instruction set that the kernels use.");
    m.def("use_isa", &tauflow::use_isa, "name"_a, "Use another instruction set, for tests; False when this machine or build has none.");
    nb::class_<AnyNetwork>(m, "Network", "A chain of packed cells that streams share; each call adds a cell.")
        .def(nb::init<bool>(), "is_double"_a)
        .def("layer", &add<LayerFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a)
        .def("cfc", &add<CfcFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a)
        .def("gruode", &add<GruodeFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a)
        .def("ltc", &add<LtcFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a);
    m.attr("Stream") = stream_type();
    m.def("call_directly", &call_directly, "derived"_a, "Let calls of a class derived from Stream go as directly as its own.");
    m.attr("BAD_INPUT") = int(tauflow::BAD_INPUT), m.attr("BAD_GAP") = int(tauflow::BAD_GAP), m.attr("LONG_STEP") = int(tauflow::LONG_STEP);
    bind<LayerFromNumbers>(m, "layer");
    bind<CfcFromNumbers>(m, "cfc");
    bind<GruodeFromNumbers>(m, "gruode");
    bind<LtcFromNumbers>(m, "ltc");
}
