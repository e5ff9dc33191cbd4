// A program from Python: its steps one by one, whole sequences part by part, and many sessions at once.
#include "bind.h"

#include "door.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

using namespace nb::literals;

namespace {

using tauflow::at, tauflow::needed, tauflow::product_within, tauflow::within, tauflow::MOST, tauflow::MOST_NUMBERS;

std::vector<int> whole_numbers(const char *name, const nb::list &list) {
    std::vector<int> values;
    for (nb::handle number : list) {
        std::int64_t value = 0;
        if (!nb::try_cast(number, value)) throw std::invalid_argument(std::string(name) + " holds what is no whole number of 64 bits");
        values.push_back(int(within(name, value, -MOST, MOST)));
    }
    return values;
}

void refuse_in_use(const AnyProgram &any) {
    if (any.in_use) throw std::invalid_argument("a stream reads this program already, so it can't grow");
}

// The numbers at an address that may be null.
template <typename Real> const Real *perhaps(const char *name, std::int64_t address) {
    return address ? needed<const Real>(name, address) : nullptr;
}

void add_step(AnyProgram &any, std::int64_t kind, const nb::list &sources, std::int64_t outputs, std::int64_t memory, std::int64_t a, std::int64_t b,
              const nb::list &given) {
    refuse_in_use(any);
    const std::vector<int> options = whole_numbers("options", given);
    any.with([&](auto &program, auto real) {
        using Real = decltype(real);
        const tauflow::StepSpec<Real> spec{tauflow::StepKind(within("kind", kind, 0, tauflow::SQUASH)), 0,
                                           tauflow::size("outputs", outputs), int(within("memory", memory, 0, 2 * MOST)),
                                           perhaps<Real>("a", a), perhaps<Real>("b", b), options.data(), int(options.size())};
        program.add(whole_numbers("sources", sources), spec, tauflow::kernels<Real>().step);
    });
}

void add_chain(AnyProgram &any, std::int64_t source, nb::object chain) {
    refuse_in_use(any);
    AnyNetwork &network = nb::cast<AnyNetwork &>(chain);
    if (network.is_double != any.is_double) throw std::invalid_argument("a chain of another number type than the program's");
    const int value = int(within("source", source, 0, MOST));
    any.is_double ? any.wide->add(value, network.wide) : any.single->add(value, network.single);
    network.in_use = true;
    any.chain = std::move(chain);
}

// The rows of a sequence of so many samples, and where those of row `b` begin in an array of (B, T, width).
struct Rows {
    std::int64_t batch, time;
    Rows(std::int64_t batch_, std::int64_t time_)
        : batch(within("batch", batch_, 0, MOST_NUMBERS)), time(within("time", time_, 0, MOST_NUMBERS)) {
        product_within("the samples", batch, time, MOST_NUMBERS);
    }
    bool empty() const { return batch == 0 || time == 0; }
    template <typename Number> Number *needed_of(const char *name, std::int64_t address, std::size_t width) const {
        product_within(name, batch * time, std::int64_t(width), MOST_NUMBERS);
        return width ? needed<Number>(name, address) : nullptr;
    }
    template <typename Number> Number *of(std::int64_t b, Number *first, std::size_t width) const {
        return first ? first + b * time * std::int64_t(width) : nullptr;
    }
};

// x (B, T, I), t (B, T), real (B, T) or 0, memory (B, M), out (B, T, U). The first sample that can't be taken, counted over the batch, or -1.
std::int64_t before(AnyProgram &any, std::int64_t batch, std::int64_t time, std::int64_t x_, std::int64_t t_, std::int64_t real_,
                    std::int64_t memory_, std::int64_t out_) {
    const Rows rows(batch, time);
    return any.with([&](const auto &program, auto number) -> std::int64_t {
        using Real = decltype(number);
        tauflow::Session<Real> session(program);
        any.in_use = true;
        if (rows.empty()) return -1;
        const std::size_t inputs = std::size_t(program.inputs), read = program.read().outputs, own = program.cells().memory;
        const Real *const x = rows.needed_of<const Real>("x", x_, inputs), *const t = rows.needed_of<const Real>("t", t_, 1);
        const std::uint8_t *const real = at<const std::uint8_t>(real_);
        Real *const memory = own ? needed<Real>("memory", memory_) : nullptr, *const out = rows.needed_of<Real>("out", out_, read);
        nb::gil_scoped_release released;
        for (std::int64_t b = 0; b < batch; ++b)
            if (!session.before(std::size_t(time), rows.of(b, x, inputs), rows.of(b, t, 1), rows.of(b, real, 1), memory + b * std::int64_t(own),
                                rows.of(b, out, read)))
                return b * time + std::int64_t(session.sample);
        return -1;
    });
}

// u (B, T, U), t (B, T), real (B, T) or 0, h (B, S), y (B, T, H) or 0, states (B, T, S) or 0. What refuses: (why, row, sample, stage, index,
// value), or None.
nb::object through(AnyProgram &any, std::int64_t batch, std::int64_t time, std::int64_t u_, std::int64_t t_, std::int64_t real_, std::int64_t h_,
                   std::int64_t y_, std::int64_t states_) {
    const Rows rows(batch, time);
    return any.with([&](const auto &program, auto number) -> nb::object {
        using Real = decltype(number);
        tauflow::Session<Real> session(program);
        any.in_use = true;
        if (rows.empty()) return nb::none();
        const std::size_t read = program.read().outputs, shown = program.cells().outputs, count = program.states();
        const Real *const u = rows.needed_of<const Real>("u", u_, read), *const t = rows.needed_of<const Real>("t", t_, 1);
        const std::uint8_t *const real = at<const std::uint8_t>(real_);
        Real *const h = needed<Real>("h", h_), *const y = y_ ? rows.needed_of<Real>("y", y_, shown) : nullptr;
        Real *const states = states_ ? rows.needed_of<Real>("states", states_, count) : nullptr;
        std::int64_t b = 0;
        const auto run = [&]() -> tauflow::Refusal {
            nb::gil_scoped_release released;
            for (; b < batch; ++b) {
                const tauflow::Refusal why = session.through(std::size_t(time), rows.of(b, u, read), rows.of(b, t, 1), rows.of(b, real, 1),
                                                             h + b * std::int64_t(count), rows.of(b, y, shown), rows.of(b, states, count));
                if (why != tauflow::ACCEPTED) return why;
            }
            return tauflow::ACCEPTED;
        };
        const tauflow::Refusal why = run();
        if (why == tauflow::ACCEPTED) return nb::none();
        return nb::make_tuple(int(why), b, session.sample, session.stage, session.index, session.value);
    });
}

// y (B, T, H), u (B, T, U), statics (B, S) or 0 for none, real (B, T) or 0, memory (B, M), out (B, T, O)
void behind(AnyProgram &any, std::int64_t batch, std::int64_t time, std::int64_t y_, std::int64_t u_, std::int64_t statics_, std::int64_t real_,
            std::int64_t memory_, std::int64_t out_) {
    const Rows rows(batch, time);
    any.with([&](const auto &program, auto number) {
        using Real = decltype(number);
        tauflow::Session<Real> session(program);
        any.in_use = true;
        if (rows.empty()) return;
        const std::size_t shown = program.cells().outputs, read = program.read().outputs, own = program.remembered_behind();
        const Real *const y = rows.needed_of<const Real>("y", y_, shown), *const u = rows.needed_of<const Real>("u", u_, read);
        const Real *const statics = program.statics ? needed<const Real>("statics", statics_) : nullptr;
        if (!program.statics && statics_) throw std::invalid_argument("statics are given, but the program has none");
        const std::uint8_t *const real = at<const std::uint8_t>(real_);
        Real *const memory = own ? needed<Real>("memory", memory_) : nullptr, *const out = rows.needed_of<Real>("out", out_, session.outputs());
        nb::gil_scoped_release released;
        for (std::int64_t b = 0; b < batch; ++b) {
            if (statics) std::copy_n(statics + b * program.statics, program.statics, session.statics());
            session.behind(std::size_t(time), rows.of(b, y, shown), rows.of(b, u, read), rows.of(b, real, 1), memory + b * std::int64_t(own),
                           rows.of(b, out, session.outputs()));
        }
    });
}

// Rows of the same program, each with a state of its own.
class Sessions {
    // run(the sessions, a number of their type)
    template <typename Run> auto each(Run run) { return wide_.empty() ? run(single_, float()) : run(wide_, double()); }

public:
    Sessions(nb::object program, std::int64_t rows) : program_(std::move(program)) {
        within("rows", rows, 1, MOST);
        AnyProgram &any = nb::cast<AnyProgram &>(program_);
        for (std::int64_t i = 0; i < rows; ++i) {
            if (any.is_double) wide_.push_back(std::make_unique<tauflow::Session<double>>(*any.wide));
            else single_.push_back(std::make_unique<tauflow::Session<float>>(*any.single));
        }
        any.in_use = true;
    }
    Sessions(const Sessions &) = delete;

    // x (rows, I), dt (rows), y (rows, O); moved (rows) or 0: a row whose byte is 0 stays, and its y is left. What refuses: (why, row,
    // stage, index, value), or None.
    nb::object step(std::int64_t x_, std::int64_t dt_, std::int64_t moved_, std::int64_t y_) {
        return each([&](auto &sessions, auto number) -> nb::object {
            using Real = decltype(number);
            const Real *const x = needed<const Real>("x", x_), *const dt = needed<const Real>("dt", dt_);
            const std::uint8_t *const moved = at<const std::uint8_t>(moved_);
            Real *const y = needed<Real>("y", y_);
            const std::size_t inputs = std::size_t(sessions[0]->inputs()), outputs = sessions[0]->outputs();
            std::vector<typename tauflow::Session<Real>::Row> rows;
            rows.reserve(sessions.size());
            for (std::size_t k = 0; k < sessions.size(); ++k) {
                if (moved && !moved[k]) continue;
                std::copy_n(x + k * inputs, inputs, sessions[k]->x());
                rows.push_back({sessions[k].get(), dt[k], y + k * outputs});
            }
            if (rows.empty()) return nb::none();
            std::size_t row = 0;
            const tauflow::Refusal why = tauflow::Session<Real>::step_all(rows.data(), rows.size(), row);
            if (why == tauflow::ACCEPTED) return nb::none();
            const auto &refused = *rows[row].session;
            return nb::make_tuple(int(why), std::size_t(rows[row].y - y) / outputs, refused.stage, refused.index, refused.value);
        });
    }
    // dt (rows); false, and no row waits, where one of them can't be waited
    bool skip(std::int64_t dt_) {
        return each([&](auto &sessions, auto number) {
            using Real = decltype(number);
            const Real *const dt = needed<const Real>("dt", dt_);
            for (std::size_t k = 0; k < sessions.size(); ++k)
                if (!sessions[k]->can_skip(dt[k])) return false;
            for (std::size_t k = 0; k < sessions.size(); ++k) sessions[k]->skip(dt[k]);
            return true;
        });
    }
    void skipped(std::int64_t dt_) {
        each([&](auto &sessions, auto number) {
            auto *const dt = needed<decltype(number)>("dt", dt_);
            for (std::size_t k = 0; k < sessions.size(); ++k) dt[k] = sessions[k]->skipped();
        });
    }
    void save(std::int64_t h_) {
        each([&](auto &sessions, auto number) {
            auto *const h = needed<decltype(number)>("h", h_);
            for (std::size_t k = 0; k < sessions.size(); ++k) sessions[k]->save(h + k * sessions[k]->states());
        });
    }
    // h (rows, states); chosen (rows): which rows go on from there
    void load(std::int64_t h_, std::int64_t chosen_) {
        const std::uint8_t *const chosen = needed<const std::uint8_t>("chosen", chosen_);
        each([&](auto &sessions, auto number) {
            const auto *const h = needed<const decltype(number)>("h", h_);
            for (std::size_t k = 0; k < sessions.size(); ++k)
                if (chosen[k]) sessions[k]->load(h + k * sessions[k]->states());
        });
    }
    // statics (rows, count)
    void begin(std::int64_t statics_, std::int64_t count) {
        each([&](auto &sessions, auto number) {
            if (sessions[0]->static_count() == 0) throw std::invalid_argument("statics are given, but the program has none");
            within("count", count, sessions[0]->static_count(), sessions[0]->static_count());
            const auto *const statics = needed<const decltype(number)>("statics", statics_);
            for (std::size_t k = 0; k < sessions.size(); ++k) std::copy_n(statics + k * std::size_t(count), count, sessions[k]->statics());
        });
    }

private:
    nb::object program_;
    std::vector<std::unique_ptr<tauflow::Session<float>>> single_;  // one of the two
    std::vector<std::unique_ptr<tauflow::Session<double>>> wide_;
};

}  // namespace

void bind_program(nb::module_ &m) {
    nb::class_<AnyProgram>(m, "Program", "A whole network as steps and a chain of cells, which streams share; each call adds a step.")
        .def(nb::init<bool, std::int64_t, std::int64_t, double, bool>(), "is_double"_a, "inputs"_a, "statics"_a, "period"_a, "knows_missing"_a)
        .def("step", &add_step, "kind"_a, "sources"_a, "outputs"_a, "memory"_a, "a"_a, "b"_a, "options"_a)
        .def("chain", &add_chain, "source"_a, "network"_a)
        .def("before", &before, "batch"_a, "time"_a, "x"_a, "t"_a, "real"_a, "memory"_a, "out"_a)
        .def("through", &through, "batch"_a, "time"_a, "u"_a, "t"_a, "real"_a, "h"_a, "y"_a, "states"_a)
        .def("behind", &behind, "batch"_a, "time"_a, "y"_a, "u"_a, "statics"_a, "real"_a, "memory"_a, "out"_a);
    nb::class_<Sessions>(m, "Sessions", "Streams of one program side by side; arrays as addresses.")
        .def(nb::init<nb::object, std::int64_t>(), "program"_a, "rows"_a)
        .def("step", &Sessions::step, "x"_a, "dt"_a, "moved"_a, "y"_a)
        .def("skip", &Sessions::skip, "dt"_a)
        .def("skipped", &Sessions::skipped, "dt"_a)
        .def("save", &Sessions::save, "h"_a)
        .def("load", &Sessions::load, "h"_a, "chosen"_a)
        .def("begin", &Sessions::begin, "statics"_a, "count"_a);
}
