// With bind_stream.cpp and bind_program.cpp the only file that knows Python. A tensor arrives as its data_ptr() and its size: a call costs 0.2 us this way.
//
// The caller holds the tensor, and has checked its type and that it is contiguous, before it gives the address.
#include "bind.h"

#include "door.h"
#include "few.h"
#include "pool.h"

#include <array>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace nb::literals;
using tauflow::at, tauflow::needed, tauflow::product_within, tauflow::size, tauflow::within;
using tauflow::MOST, tauflow::MOST_NUMBERS;

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
    for (std::size_t i = 0; i < N; ++i)
        if (!nb::try_cast(tuple[i], values[i]))
            throw std::invalid_argument("number " + std::to_string(i) + " for a kernel is no whole number of 64 bits");
    return values;
}

using Integers = const std::int64_t *;

template <typename Real> static tauflow::Sequence<Real> sequence(Integers v, bool backward = false) {
    const std::int64_t batch = within("batch", v[0], 1, MOST_NUMBERS), time = within("time", v[1], 1, MOST_NUMBERS);
    const int inputs = size("inputs", v[2]), units = size("units", v[3]);
    const std::int64_t first = within("first", v[4], 0, units - 1), outputs = within("outputs", v[5], 1, units - first);
    const std::int64_t samples = product_within("the samples", batch, time, MOST_NUMBERS);
    product_within("the numbers of x", samples, inputs, MOST_NUMBERS), product_within("the numbers of h", samples, units, MOST_NUMBERS);
    if (v[13] % 64 != 0) throw std::invalid_argument("the memory for backward is not at a multiple of 64 bytes");
    Real *const y = backward ? at<Real>(v[11]) : needed<Real>("y", v[11]), *const last = backward ? at<Real>(v[12]) : needed<Real>("last", v[12]);
    return {batch, time, inputs, units, first, outputs, int(within("threads", v[6], 1, 1 << 16)), needed<Real>("x", v[7]),
            needed<Real>("dt", v[8]), at<std::uint8_t>(v[9]), needed<Real>("h", v[10]), y, last,
            backward ? needed<void *>("the memory for backward", v[13]) : at<void>(v[13])};
}
template <typename Real> static tauflow::SequenceGradients<Real> gradients(Integers v) {
    return {at<Real>(v[0]), at<Real>(v[1]), at<Real>(v[2]), at<Real>(v[3]), at<Real>(v[4])};
}

// A cell's struct and that of its gradients, from numbers in the order of the fields.
struct LayerFromNumbers {
    static constexpr std::size_t numbers = 8, gradients = 5;
    static constexpr std::int64_t few = 1;  // rows that are faster one by one
    static constexpr bool counts_synapses = false;
    template <typename Real> static tauflow::Layer<Real> cell(Integers v) {
        return {needed<Real>("W", v[0]), needed<Real>("U", v[1]), needed<Real>("b", v[2]), needed<Real>("rate", v[3]), at<Real>(v[4]),
                tauflow::activation(v[5]), tauflow::solver(v[6], tauflow::EULER), size("substeps", v[7])};
    }
    template <typename Real> static tauflow::LayerGradients<Real> wanted(Integers v, const tauflow::Layer<Real> &cell) {
        return {needed<Real>("the gradient of W", v[0]), needed<Real>("the gradient of U", v[1]), needed<Real>("the gradient of b", v[2]),
                needed<Real>("the gradient of rate", v[3]), cell.A ? needed<Real>("the gradient of A", v[4]) : nullptr};
    }
    template <typename Real> static int substeps(const tauflow::Layer<Real> &cell) { return cell.substeps; }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().layer_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().layer_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().layer_stream; }
};

struct CfcFromNumbers {
    static constexpr std::size_t numbers = 20, gradients = 16;
    static constexpr std::int64_t few = 4;  // rows that are faster one by one
    static constexpr bool counts_synapses = false;
    // The arrays that a cell of so many layers and of this mode has; the others stay null.
    template <typename Real, typename Pointers> static void point(Integers v, int layers, tauflow::CfcMode mode, Pointers &c) {
        for (int i = 0; i < layers; ++i) c.W[i] = needed<Real>("W", v[2 * i]), c.b[i] = needed<Real>("b", v[2 * i + 1]);
        for (int i = 0; i < (mode == tauflow::PURE ? 1 : 4); ++i)
            c.head_W[i] = needed<Real>("head_W", v[6 + 2 * i]), c.head_b[i] = needed<Real>("head_b", v[7 + 2 * i]);
        if (mode == tauflow::PURE) c.w_tau = needed<Real>("w_tau", v[14]), c.A = needed<Real>("A", v[15]);
    }
    template <typename Real> static tauflow::Cfc<Real> cell(Integers v) {
        tauflow::Cfc<Real> c{};
        c.layers = int(within("layers", v[16], 0, 3)), c.width = int(within("width", v[17], c.layers > 0, MOST));
        c.activation = tauflow::activation(v[18]), c.mode = tauflow::CfcMode(within("mode", v[19], tauflow::DEFAULT, tauflow::PURE));
        point<Real>(v, c.layers, c.mode, c);
        return c;
    }
    template <typename Real> static tauflow::CfcGradients<Real> wanted(Integers v, const tauflow::Cfc<Real> &cell) {
        tauflow::CfcGradients<Real> c{};
        point<Real>(v, cell.layers, cell.mode, c);
        return c;
    }
    template <typename Real> static int substeps(const tauflow::Cfc<Real> &) { return 1; }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().cfc_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().cfc_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().cfc_stream; }
};

struct GruodeFromNumbers {
    static constexpr std::size_t numbers = 5, gradients = 3;
    static constexpr std::int64_t few = 1;  // rows that are faster one by one
    static constexpr bool counts_synapses = false;
    template <typename Real> static tauflow::Gruode<Real> cell(Integers v) {
        return {needed<Real>("W", v[0]), needed<Real>("U", v[1]), needed<Real>("b", v[2]), tauflow::solver(v[3], tauflow::EULER),
                size("substeps", v[4])};
    }
    template <typename Real> static tauflow::GruodeGradients<Real> wanted(Integers v, const tauflow::Gruode<Real> &) {
        return {needed<Real>("the gradient of W", v[0]), needed<Real>("the gradient of U", v[1]), needed<Real>("the gradient of b", v[2])};
    }
    template <typename Real> static int substeps(const tauflow::Gruode<Real> &cell) { return cell.substeps; }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().gruode_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().gruode_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().gruode_stream; }
};

struct LtcFromNumbers {
    static constexpr std::size_t numbers = 15, gradients = 13;
    static constexpr std::int64_t few = 4;  // rows that are faster one by one
    static constexpr bool counts_synapses = true;  // in an int
    template <typename Real> static tauflow::Ltc<Real> cell(Integers v) {
        const auto synapses = [](Integers w) -> tauflow::Synapses<Real> {
            return {needed<Real>("w", w[0]), needed<Real>("sigma", w[1]), needed<Real>("mu", w[2]), needed<Real>("erev", w[3]),
                    needed<std::uint8_t>("exists", w[4])};
        };
        return {synapses(v), synapses(v + 5), needed<Real>("current", v[10]), needed<Real>("conductance", v[11]),
                needed<Real>("elastance", v[12]), tauflow::solver(v[13], tauflow::EXPONENTIAL_MIDPOINT), size("substeps", v[14])};
    }
    template <typename Real> static tauflow::LtcGradients<Real> wanted(Integers v, const tauflow::Ltc<Real> &) {
        const auto synapses = [](Integers w) -> tauflow::SynapsesGradients<Real> {
            return {needed<Real>("the gradient of w", w[0]), needed<Real>("the gradient of sigma", w[1]),
                    needed<Real>("the gradient of mu", w[2]), needed<Real>("the gradient of erev", w[3])};
        };
        return {synapses(v), synapses(v + 5), needed<Real>("the gradient of current", v[10]),
                needed<Real>("the gradient of conductance", v[11]), needed<Real>("the gradient of elastance", v[12])};
    }
    template <typename Real> static int substeps(const tauflow::Ltc<Real> &cell) { return cell.substeps; }
    template <typename Real> static auto forward() { return tauflow::kernels<Real>().ltc_forward; }
    template <typename Real> static auto backward() { return tauflow::kernels<Real>().ltc_backward; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().ltc_stream; }
};

struct GatesFromNumbers {  // no sequence: torch has these
    static constexpr std::size_t numbers = 6;
    static constexpr bool counts_synapses = false;
    template <typename Real> static tauflow::Gates<Real> cell(Integers v) {
        const auto kind = tauflow::GateKind(within("kind", v[5], tauflow::GATE_RNN, tauflow::GATE_LSTM));
        return {needed<Real>("U", v[0]), needed<Real>("W", v[1]), needed<Real>("the bias of the input", v[2]),
                needed<Real>("the bias of the state", v[3]), kind == tauflow::GATE_DECAY_GRU ? needed<Real>("rate", v[4]) : nullptr, kind};
    }
    template <typename Real> static int substeps(const tauflow::Gates<Real> &) { return 1; }
    template <typename Real> static auto stream() { return tauflow::kernels<Real>().gates_stream; }
};

// A cell whose sizes fit together with those of what it runs over.
template <typename C, typename Real> static auto cell_for(Integers v, std::int64_t inputs, std::int64_t units, std::int64_t time) {
    const auto cell = C::template cell<Real>(v);
    product_within("the steps", time, C::template substeps<Real>(cell), MOST_NUMBERS);
    if (C::counts_synapses) product_within("the synapses", inputs + units, units, std::numeric_limits<int>::max());
    return cell;
}

// Ctrl-C during a kernel. The listener only looks: a handler may be any code, which may call a kernel too, so it runs when the kernel
// has ended. Where it raises nothing the same call is made again, a kernel having changed nothing but what it writes, and not stopped.
static thread_local bool deaf = false;

static bool main_thread() {
#if defined(__APPLE__)
    return pthread_main_np() != 0;
#elif defined(__linux__)
    return syscall(SYS_gettid) == getpid();
#else
    return true;
#endif
}

static bool interrupted() {
    if (deaf || !main_thread()) return false;  // Python hears signals on its main thread alone
    nb::gil_scoped_acquire lock;
    if (!PyOS_InterruptOccurred()) return false;
    PyErr_SetInterrupt();  // the question took the signal away
    return true;
}

// Without Python's lock, which others may have meanwhile.
template <typename Run> static auto unlocked(Run run) {
    try {
        nb::gil_scoped_release released;
        return run();
    } catch (const tauflow::Stopped &) {
    }
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    struct Deaf {
        Deaf() { deaf = true; }
        ~Deaf() { deaf = false; }
    } no_more;
    nb::gil_scoped_release released;
    return run();
}

constexpr std::int64_t FEWEST_SAMPLES = 8;
constexpr int MOST_AT_ONCE = 256;  // substeps

template <typename C> static double forward(bool is_double, const nb::tuple &sequence_numbers, const nb::tuple &cell_numbers) {
    const auto s = numbers<14>(sequence_numbers);
    const auto c = numbers<C::numbers>(cell_numbers);
    const auto run = [&](auto real) {
        using Real = decltype(real);
        const auto seq = sequence<Real>(s.data());
        const auto cell = cell_for<C, Real>(c.data(), seq.inputs, seq.units, seq.time);
        // A step of many substeps would not hear Ctrl-C there, and of few samples the packing would be most of the work.
        if (!seq.saved && seq.batch <= C::few && seq.time >= FEWEST_SAMPLES && C::template substeps<Real>(cell) <= MOST_AT_ONCE) {
            const auto pack = C::template stream<Real>();
            const tauflow::Memory memory = tauflow::allocate(pack(int(seq.inputs), int(seq.units), cell, nullptr).bytes);
            const auto packed = pack(int(seq.inputs), int(seq.units), cell, memory.get());
            return unlocked([&] { return double(tauflow::run_few(seq, packed)); });
        }
        return unlocked([&] { return double(C::template forward<Real>()(seq, cell)); });
    };
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
        const auto seq = sequence<Real>(s.data(), true);
        const auto cell = cell_for<C, Real>(c.data(), seq.inputs, seq.units, seq.time);
        const auto wanted = C::template wanted<Real>(w.data(), cell);
        unlocked([&] { C::template backward<Real>()(seq, cell, gradients<Real>(g.data()), wanted); });
    };
    is_double ? run(double()) : run(float());
}

template <typename Number> static std::vector<Number> vector_of(const nb::handle &list) {
    std::vector<Number> values;
    for (nb::handle number : nb::list(list)) {
        if constexpr (std::is_integral_v<Number>)
            values.push_back(Number(within("a neuron that is shown", nb::cast<std::int64_t>(number), 0, std::numeric_limits<Number>::max())));
        else
            values.push_back(Number(nb::cast<double>(number)));
    }
    return values;
}

// The fields of Stage in their order, up to read_b.
template <typename Real> static tauflow::Stage<Real> stage_of(const nb::tuple &around) {
    if (around.size() != 7) throw std::invalid_argument("a stage has 7 fields, not " + std::to_string(around.size()));
    return {nb::cast<bool>(around[0]), nb::cast<bool>(around[1]), vector_of<Real>(around[2]), vector_of<Real>(around[3]),
            vector_of<std::int32_t>(around[4]), vector_of<Real>(around[5]), vector_of<Real>(around[6]), {}, {}, {}, 0, 0, false};
}

// The LSTM of a MixedMemory, which stands in front of a cell.
template <typename Real> static tauflow::Recall<Real> recall_of(const nb::tuple &memory) {
    const auto v = numbers<3>(memory);
    return {needed<Real>("U of the memory", v[0]), needed<Real>("W of the memory", v[1]), needed<Real>("b of the memory", v[2]), nullptr, nullptr};
}

template <typename C>
static void add(AnyNetwork &network, std::int64_t inputs, std::int64_t units, const nb::tuple &cell_numbers, const nb::tuple &around,
                const nb::tuple &memory) {
    if (network.in_use) throw std::invalid_argument("a stream reads this network already, so it can't grow");
    const auto c = numbers<C::numbers>(cell_numbers);
    const auto add_to = [&](auto &chain, auto real) {
        using Real = decltype(real);
        auto stage = stage_of<Real>(around);
        const int I = size("inputs", inputs), H = size("units", units);
        const tauflow::Recall<Real> recall = memory.size() ? recall_of<Real>(memory) : tauflow::Recall<Real>{};
        chain.add(stage, I, H, cell_for<C, Real>(c.data(), I, H, 1), C::template stream<Real>(), memory.size() ? &recall : nullptr);
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
        .def("layer", &add<LayerFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a, "memory"_a = nb::tuple())
        .def("cfc", &add<CfcFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a, "memory"_a = nb::tuple())
        .def("gruode", &add<GruodeFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a, "memory"_a = nb::tuple())
        .def("ltc", &add<LtcFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a, "memory"_a = nb::tuple())
        .def("gates", &add<GatesFromNumbers>, "inputs"_a, "units"_a, "cell"_a, "around"_a, "memory"_a = nb::tuple());
    bind_program(m);
    m.attr("Stream") = stream_type();
    m.def("call_directly", &call_directly, "derived"_a, "Let calls of a class derived from Stream go as directly as its own.");
    m.attr("BAD_INPUT") = int(tauflow::BAD_INPUT), m.attr("BAD_GAP") = int(tauflow::BAD_GAP), m.attr("LONG_STEP") = int(tauflow::LONG_STEP);
    tauflow::ask_whether_to_stop(interrupted);
    bind<LayerFromNumbers>(m, "layer");
    bind<CfcFromNumbers>(m, "cfc");
    bind<GruodeFromNumbers>(m, "gruode");
    bind<LtcFromNumbers>(m, "ltc");
}
