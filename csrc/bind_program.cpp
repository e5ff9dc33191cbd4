// A program from Python: its steps one by one, whole sequences of what stands before and behind the chain, and many sessions at once.
#include "bind.h"

#include "door.h"

#include <cstring>
#include <stdexcept>
#include <string>

using namespace nb::literals;

namespace {

using tauflow::at;

template <typename Number> std::vector<Number> vector_of(const nb::handle &list) {
    std::vector<Number> values;
    for (nb::handle number : nb::list(list)) values.push_back(nb::cast<Number>(number));
    return values;
}

// What only who writes Python against the core could get wrong, asked once.
void check(bool fine, const char *what) {
    if (!fine) throw std::invalid_argument(std::string("a program: ") + what);
}

template <typename Real> int width(const tauflow::Program<Real> &program, const std::vector<int> &sources) {
    std::size_t total = 0;
    for (int source : sources) {
        check(source >= 0 && std::size_t(source) < program.entries.size(), "a step reads a value that is not made before it");
        total += program.entries[std::size_t(source)].outputs;
    }
    check(!sources.empty() && total < (1u << 30), "a step reads nothing, or too much");
    return int(total);
}

void add_step(AnyProgram &any, int kind, const nb::list &sources_, int outputs, int memory, std::int64_t a, std::int64_t b,
              const nb::list &options_) {
    const std::vector<int> sources = vector_of<int>(sources_), options = vector_of<int>(options_);
    check(!any.in_use, "a stream reads it already, so it can't grow");
    check(kind >= 0 && kind <= tauflow::SQUASH && outputs > 0 && memory >= 0, "a step that does not exist");
    const auto add = [&](auto &program, auto real) {
        using Real = decltype(real);
        const tauflow::StepSpec<Real> spec{tauflow::StepKind(kind), width(program, sources), outputs, memory, at<const Real>(a),
                                           at<const Real>(b), options.data()};
        program.add(sources, spec, tauflow::kernels<Real>().step);
    };
    any.is_double ? add(*any.wide, double()) : add(*any.single, float());
}

void add_chain(AnyProgram &any, int source, nb::object chain) {
    AnyNetwork &network = nb::cast<AnyNetwork &>(chain);
    check(!any.in_use, "a stream reads it already, so it can't grow");
    check(network.is_double == any.is_double, "a chain of another number type");
    const auto add = [&](auto &program, const auto &cells) {
        check(program.chain == 0 && !cells.stages.empty(), "a second chain, or one without cells");
        check(width(program, {source}) == cells.stages.front().cell.inputs, "the chain reads a value of another width");
        program.add(source, cells);
    };
    any.is_double ? add(*any.wide, network.wide) : add(*any.single, network.single);
    network.in_use = true;
    any.chain = std::move(chain);
}

// A part of the program over rows of a batch: x (B, T, I), t (B, T), real (B, T) or 0, memory (B, M), out (B, T, U). The first sample
// that can't be taken, counted over the batch, or -1.
std::int64_t before(const AnyProgram &any, std::int64_t batch, std::int64_t time, std::int64_t x, std::int64_t t, std::int64_t real,
                    std::int64_t memory, std::int64_t out) {
    const auto run = [&](const auto &program, auto number) -> std::int64_t {
        using Real = decltype(number);
        tauflow::Session<Real> session(program);
        const auto &cells = program.entries[program.chain];
        const std::size_t wide = program.entries[std::size_t(cells.sources[0])].outputs;
        for (std::int64_t b = 0; b < batch; ++b) {
            const std::int64_t row = b * time;
            if (!session.before(std::size_t(time), at<Real>(x) + row * program.inputs, at<Real>(t) + row,
                                real ? at<std::uint8_t>(real) + row : nullptr, at<Real>(memory) + b * std::int64_t(cells.memory),
                                at<Real>(out) + row * std::int64_t(wide)))
                return row + std::int64_t(session.index);
        }
        return -1;
    };
    nb::gil_scoped_release released;
    return any.is_double ? run(*any.wide, double()) : run(*any.single, float());
}

// The chain over rows: u (B, T, U), t (B, T), real (B, T) or 0, h (B, S), y (B, T, H) or 0, states (B, T, S) or 0. What refuses: (why, row,
// sample, value), why 0 for nothing.
nb::tuple through(const AnyProgram &any, std::int64_t batch, std::int64_t time, std::int64_t u, std::int64_t t, std::int64_t real,
                  std::int64_t h, std::int64_t y, std::int64_t states) {
    int why = 0;
    std::int64_t row = 0;
    std::size_t sample = 0;
    double value = 0;
    const auto run = [&](const auto &program, auto number) {
        using Real = decltype(number);
        tauflow::Session<Real> session(program);
        const auto &cells = program.entries[program.chain];
        const std::int64_t wide = cells.chain->stages.front().cell.inputs, shown = std::int64_t(cells.outputs);
        const std::int64_t count = std::int64_t(cells.chain->place.size());
        for (row = 0; row < batch && !why; ++row) {
            const std::int64_t first = row * time;
            why = session.through(std::size_t(time), at<Real>(u) + first * wide, at<Real>(t) + first,
                                  real ? at<std::uint8_t>(real) + first : nullptr, at<Real>(h) + row * count,
                                  y ? at<Real>(y) + first * shown : nullptr, states ? at<Real>(states) + first * count : nullptr);
            sample = session.index, value = session.value;
        }
    };
    {
        nb::gil_scoped_release released;
        any.is_double ? run(*any.wide, double()) : run(*any.single, float());
    }
    return nb::make_tuple(why, row - 1, sample, value);
}

// y (B, T, H), u (B, T, U), statics (B, S) or 0, real (B, T) or 0, memory (B, M), out (B, T, O)
void behind(const AnyProgram &any, std::int64_t batch, std::int64_t time, std::int64_t y, std::int64_t u, std::int64_t statics,
            std::int64_t real, std::int64_t memory, std::int64_t out) {
    const auto run = [&](const auto &program, auto number) {
        using Real = decltype(number);
        tauflow::Session<Real> session(program);
        const auto &cells = program.entries[program.chain];
        const std::int64_t wide = std::int64_t(program.entries[std::size_t(cells.sources[0])].outputs), shown = std::int64_t(cells.outputs);
        const std::int64_t outputs = std::int64_t(session.outputs()), own = std::int64_t(program.memory - cells.memory);
        for (std::int64_t b = 0; b < batch; ++b) {
            const std::int64_t row = b * time;
            for (int s = 0; s < program.statics; ++s) session.statics()[s] = at<Real>(statics)[b * program.statics + s];
            session.behind(std::size_t(time), at<Real>(y) + row * shown, at<Real>(u) + row * wide,
                           real ? at<std::uint8_t>(real) + row : nullptr, at<Real>(memory) + b * own, at<Real>(out) + row * outputs);
        }
    };
    nb::gil_scoped_release released;
    any.is_double ? run(*any.wide, double()) : run(*any.single, float());
}

// Rows of the same program, each with a state of its own.
struct Sessions {
    Sessions(nb::object program_, std::size_t rows) : program(std::move(program_)) {
        AnyProgram &any = nb::cast<AnyProgram &>(program);
        check(rows > 0, "no rows");
        any.in_use = true;
        for (std::size_t i = 0; i < rows; ++i) {
            if (any.is_double) wide.push_back(std::make_unique<tauflow::Session<double>>(*any.wide));
            else single.push_back(std::make_unique<tauflow::Session<float>>(*any.single));
        }
    }
    Sessions(const Sessions &) = delete;
    template <typename Run> auto each(Run run) { return wide.empty() ? run(single, float()) : run(wide, double()); }

    // x (rows, I), dt (rows), y (rows, O); moved (rows) or 0: a row whose byte is 0 stays, and its y is left. What refuses: (why, row,
    // stage, index, value), or None.
    nb::object step(std::int64_t x, std::int64_t dt, std::int64_t moved, std::int64_t y) {
        int why = tauflow::ACCEPTED;
        std::size_t row = 0, stage = 0, index = 0;
        double value = 0;
        each([&](auto &sessions, auto number) {
            using Real = decltype(number);
            using One = tauflow::Session<Real>;
            const std::size_t inputs = std::size_t(sessions[0]->inputs()), outputs = sessions[0]->outputs();
            std::vector<One *> chosen;
            std::vector<Real> gaps;
            std::vector<Real *> answers;
            std::vector<std::size_t> rows;
            for (std::size_t k = 0; k < sessions.size(); ++k) {
                if (moved && !at<std::uint8_t>(moved)[k]) continue;
                std::memcpy(sessions[k]->x(), at<Real>(x) + k * inputs, inputs * sizeof(Real));
                chosen.push_back(sessions[k].get()), gaps.push_back(at<Real>(dt)[k]);
                answers.push_back(at<Real>(y) + k * outputs), rows.push_back(k);
            }
            if (chosen.empty()) return;
            why = One::step_all(chosen.data(), chosen.size(), gaps.data(), answers.data(), row);
            if (why == tauflow::ACCEPTED) return;
            stage = chosen[row]->stage, index = chosen[row]->index, value = chosen[row]->value, row = rows[row];
        });
        return why == tauflow::ACCEPTED ? nb::object(nb::none()) : nb::make_tuple(why, row, stage, index, value);
    }
    void skip(std::int64_t dt) {
        each([&](auto &sessions, auto number) {
            using Real = decltype(number);
            for (std::size_t row = 0; row < sessions.size(); ++row) sessions[row]->skip(at<Real>(dt)[row]);
        });
    }
    void save(std::int64_t h) {
        each([&](auto &sessions, auto number) {
            using Real = decltype(number);
            for (std::size_t row = 0; row < sessions.size(); ++row) sessions[row]->save(at<Real>(h) + row * sessions[row]->states());
        });
    }
    // h (rows, states); chosen (rows): which rows go on from there
    void load(std::int64_t h, std::int64_t chosen) {
        each([&](auto &sessions, auto number) {
            using Real = decltype(number);
            for (std::size_t row = 0; row < sessions.size(); ++row)
                if (at<std::uint8_t>(chosen)[row]) sessions[row]->load(at<Real>(h) + row * sessions[row]->states());
        });
    }
    void begin(std::int64_t statics, std::size_t count) {
        each([&](auto &sessions, auto number) {
            using Real = decltype(number);
            for (std::size_t row = 0; row < sessions.size(); ++row)
                std::memcpy(sessions[row]->statics(), at<Real>(statics) + row * count, count * sizeof(Real));
        });
    }
    nb::object program;
    std::vector<std::unique_ptr<tauflow::Session<float>>> single;
    std::vector<std::unique_ptr<tauflow::Session<double>>> wide;
};

}  // namespace

void bind_program(nb::module_ &m) {
    nb::class_<AnyProgram>(m, "Program", "A whole network as steps and a chain of cells, which streams share; each call adds a step.")
        .def(nb::init<bool, int, int, double, bool>(), "is_double"_a, "inputs"_a, "statics"_a, "period"_a, "knows_missing"_a)
        .def("step", &add_step, "kind"_a, "sources"_a, "outputs"_a, "memory"_a, "a"_a, "b"_a, "options"_a)
        .def("chain", &add_chain, "source"_a, "network"_a)
        .def("before", &before, "batch"_a, "time"_a, "x"_a, "t"_a, "real"_a, "memory"_a, "out"_a)
        .def("through", &through, "batch"_a, "time"_a, "u"_a, "t"_a, "real"_a, "h"_a, "y"_a, "states"_a)
        .def("behind", &behind, "batch"_a, "time"_a, "y"_a, "u"_a, "statics"_a, "real"_a, "memory"_a, "out"_a);
    nb::class_<Sessions>(m, "Sessions", "Streams of one program side by side; arrays as addresses.")
        .def(nb::init<nb::object, std::size_t>(), "program"_a, "rows"_a)
        .def("step", &Sessions::step, "x"_a, "dt"_a, "moved"_a, "y"_a)
        .def("skip", &Sessions::skip, "dt"_a)
        .def("save", &Sessions::save, "h"_a)
        .def("load", &Sessions::load, "h"_a, "chosen"_a)
        .def("begin", &Sessions::begin, "statics"_a, "count"_a);
}
