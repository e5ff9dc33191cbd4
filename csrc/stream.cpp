// A sample through the chain of cells.
#include "stream.h"

#include "door.h"
#include "flush.h"

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

namespace tauflow {

namespace {

// As LARGEST in validate.py.
template <typename Real> constexpr Real limit = sizeof(Real) == 4 ? Real(1e30) : Real(1e300);

constexpr std::align_val_t ALIGNED{64};

std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

// The first that is larger than the limit, or NaN; n when there is none.
template <typename Real> std::size_t find_beyond(const Real *x, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        if (!(x[i] <= limit<Real> && x[i] >= -limit<Real>)) return i;
    return n;
}

// y w + b, rounded twice, as torch does
template <typename Real> bool affine(const std::vector<Real> &w, const std::vector<Real> &b, const Real *x, Real *y) {
    Real rest = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const Real product = x[i] * w[i];
        y[i] = product + b[i];
        rest += y[i] - y[i];  // NaN as soon as one isn't finite
    }
    return rest == 0;
}

}  // namespace

Memory allocate(std::size_t bytes) { return Memory(::operator new(rounded(bytes), ALIGNED)); }
void Free::operator()(void *memory) const { ::operator delete(memory, ALIGNED); }

// Everything that Stream::step relies on, asked once: who makes a network may be anyone.
template <typename Real> void Network<Real>::check(const Stage<Real> &stage) const {
    const auto refuse = [](const std::string &what) { throw std::invalid_argument("a chain of cells: " + what); };
    const std::size_t inputs = stage.cell.inputs, shown = stage.shown.size(), neurons = place.size() + stage.cell.units;
    if (!stages.empty() && stages.back().shown.size() != inputs)
        refuse("a cell of " + std::to_string(inputs) + " inputs hears one that shows " + std::to_string(stages.back().shown.size()) + " neurons");
    if (shown == 0) refuse("a cell shows no neuron");
    for (const std::int32_t neuron : stage.shown)
        if (neuron < 0 || std::size_t(neuron) >= neurons)
            refuse("neuron " + std::to_string(neuron) + " is shown, of " + std::to_string(neurons));
    if (stage.sense_w.size() != stage.sense_b.size() || (!stage.sense_w.empty() && stage.sense_w.size() != inputs))
        refuse("the map of the inputs is not of their size");
    if (stage.read_w.size() != stage.read_b.size() || (!stage.read_w.empty() && stage.read_w.size() != shown))
        refuse("the map of the outputs is not of their size");
    if (source.size() + stage.cell.lanes > std::size_t(std::numeric_limits<std::int32_t>::max())) refuse("too many neurons");
}

// The cell of the stage gets an LSTM in front, which reads the input as it came; how the cell's own is mapped goes there too.
template <typename Real> void Network<Real>::stand_behind(Stage<Real> &stage, Recall<Real> recall) {
    const StreamCell<Real> cell = stage.cell;
    const std::size_t units = cell.units, inputs = cell.inputs;
    if (2 * units > std::size_t(MOST)) throw std::invalid_argument("a chain of cells: too many units for a memory in front");
    if (stage.sense_w.size() != stage.sense_b.size() || (!stage.sense_w.empty() && stage.sense_w.size() != inputs))
        throw std::invalid_argument("a chain of cells: the map of the inputs is not of their size");
    std::vector<Real> U(4 * units * inputs), W(4 * units * units), b(4 * units);  // rows, and columns of W, as the neurons stand in the state
    const auto place = [&](std::size_t i) { return cell.place ? std::size_t(cell.place[i]) : i; };
    for (std::size_t part = 0; part < 4; ++part)
        for (std::size_t i = 0; i < units; ++i) {
            const std::size_t from = part * units + i, to = part * units + place(i);
            b[to] = recall.b[from];
            std::copy_n(recall.U + from * inputs, inputs, &U[to * inputs]);
            for (std::size_t j = 0; j < units; ++j) W[to * units + place(j)] = recall.W[from * units + j];
        }
    const bool senses = !stage.sense_w.empty();
    recall = {U.data(), W.data(), b.data(), senses ? stage.sense_w.data() : nullptr, senses ? stage.sense_b.data() : nullptr};
    const auto pack = kernels<Real>().recall_stream;
    Memory packed = allocate(pack(cell, recall, nullptr).bytes);
    stage.cell = pack(cell, recall, packed.get());
    stage.behind = std::move(stage.packed), stage.packed = std::move(packed);
    stage.sense_w.clear(), stage.sense_b.clear();
}

template <typename Real> void Network<Real>::append(Stage<Real> &stage) {
    check(stage);
    stages.reserve(stages.size() + 1);  // first, so that who runs out of memory has the network that was there before
    place.reserve(place.size() + stage.cell.units), source.reserve(source.size() + stage.cell.lanes);
    stage.first = source.size();
    const std::size_t units = stage.cell.units, before = place.size();
    place.resize(before + units), source.resize(stage.first + stage.cell.lanes);
    for (std::size_t i = 0; i < units; ++i) {
        place[before + i] = std::int32_t(stage.first + (stage.cell.place ? stage.cell.place[i] : i));
        source[place[before + i]] = std::int32_t(before + i);
    }
    for (std::size_t lane = stage.first + units; lane < source.size(); ++lane) source[lane] = source[stage.first + units - 1];
    stage.in_a_row = true;
    for (std::size_t k = 0; k < stage.shown.size(); ++k) {
        stage.shown[k] = place[stage.shown[k]];
        stage.in_a_row = stage.in_a_row && stage.shown[k] == stage.shown[0] + std::int32_t(k);
    }
    stage.work = work, work += rounded(stage.cell.work * sizeof(Real)) / sizeof(Real);
    stages.push_back(std::move(stage));
}

template <typename Real>
Stream<Real>::Stream(const Network<Real> &network) : network_(network), lanes_(network.source.size()) {
    std::size_t inputs = 0, shown = 0;
    for (const auto &stage : network.stages) {
        inputs = std::max(inputs, std::size_t(stage.cell.inputs));
        shown = std::max(shown, stage.shown.size());
    }
    const std::size_t sizes[] = {inputs, inputs, shown, shown, lanes_, lanes_, network.work};
    Real **const arrays[] = {&x_, &sensed_, &shown_, &y_, &now_, &next_, &work_};
    std::size_t bytes = 0;
    for (std::size_t size : sizes) bytes += rounded(size * sizeof(Real));
    memory_ = allocate(bytes);
    char *at = static_cast<char *>(memory_.get());
    std::fill_n(static_cast<Real *>(memory_.get()), bytes / sizeof(Real), std::numeric_limits<Real>::quiet_NaN());
    for (int i = 0; i < 7; ++i) {
        *arrays[i] = reinterpret_cast<Real *>(at);
        at += rounded(sizes[i] * sizeof(Real));
    }
}

template <typename Real> Refusal Stream<Real>::refuse(Refusal why, std::size_t where, std::size_t which, double what) {
    stage = where, index = which, value = what;
    return why;
}

template <typename Real> Refusal Stream<Real>::arrive(std::size_t i, Real dt, bool &moves) {
    const Stage<Real> &at = network_.stages[i];
    const StreamCell<Real> &cell = at.cell;
    reading_ = x_;
    if (at.checked) {
        const std::size_t bad = find_beyond(x_, cell.inputs);
        if (bad < std::size_t(cell.inputs)) return refuse(BAD_INPUT, i, bad, x_[bad]);
    }
    moves = !(at.holds && dt == 0);
    if (!moves) std::copy_n(now_ + at.first, cell.lanes, next_ + at.first);
    else if (!at.sense_w.empty()) affine(at.sense_w, at.sense_b, x_, sensed_), reading_ = sensed_;
    return ACCEPTED;
}

template <typename Real> Refusal Stream<Real>::leave(std::size_t i, const Moved<Real> &moved, Real *y) {
    const Stage<Real> &at = network_.stages[i];
    if (!(moved.longest <= 1)) return refuse(LONG_STEP, i, 0, moved.longest);
    if (!moved.finite) return refuse(STATE_OVERFLOW, i, 0, 0);
    // The outputs of the last stage go into y only when nothing can be refused any more; x_ is free once its cell has read it.
    const Real *const shown = shown_of(at, next_);
    if (!shown) return refuse(STATE_OVERFLOW, i, 0, 0);
    std::copy_n(shown, at.shown.size(), i + 1 < network_.stages.size() ? x_ : y);
    return ACCEPTED;
}

template <typename Real> const Real *Stream<Real>::shown_of(const Stage<Real> &at, const Real *state) {
    const Real *shown = state + at.shown[0];
    if (!at.in_a_row) {
        for (std::size_t k = 0; k < at.shown.size(); ++k) shown_[k] = state[at.shown[k]];
        shown = shown_;
    }
    if (at.read_w.empty()) return shown;
    return affine(at.read_w, at.read_b, shown, shown_) ? shown_ : nullptr;
}

template <typename Real> void Stream<Real>::show(Real *y) {
    const Stage<Real> &last = network_.stages.back();
    const Real *const shown = shown_of(last, now_);
    std::copy_n(shown ? shown : shown_, last.shown.size(), y);
}

template <typename Real> Refusal Stream<Real>::step(Real dt, Real *y) {
    if (!(dt >= 0 && dt <= std::numeric_limits<Real>::max())) return refuse(BAD_GAP, 0, 0, dt);
    const FlushSubnormals flush;
    for (std::size_t i = 0; i < network_.stages.size(); ++i) {
        const Stage<Real> &at = network_.stages[i];
        bool moves = true;
        Refusal why = arrive(i, dt, moves);
        if (why != ACCEPTED) return why;
        Moved<Real> moved{0, true};
        if (moves) moved = at.cell.step(at.cell.cell, reading_, dt, now_ + at.first, next_ + at.first, work_ + at.work);
        why = leave(i, moved, y);
        if (why != ACCEPTED) return why;
    }
    std::swap(now_, next_);
    return ACCEPTED;
}

template <typename Real> Refusal Stream<Real>::step_all(const Row *rows, std::size_t count, std::size_t &row) {
    for (row = 0; row < count; ++row)
        if (!(rows[row].dt >= 0 && rows[row].dt <= std::numeric_limits<Real>::max())) return rows[row].stream->refuse(BAD_GAP, 0, 0, rows[row].dt);
    const FlushSubnormals flush;
    const std::size_t stages = rows[0].stream->network_.stages.size();
    for (std::size_t i = 0; i < stages; ++i)
        for (std::size_t begin = 0; begin < count; begin += ROWS_TOGETHER) {
            const Refusal why = step_some(rows + begin, std::min<std::size_t>(ROWS_TOGETHER, count - begin), i, row);
            row += begin;
            if (why != ACCEPTED) return why;
        }
    for (std::size_t k = 0; k < count; ++k) std::swap(rows[k].stream->now_, rows[k].stream->next_);
    return ACCEPTED;
}

// One stage of so many rows, at most ROWS_TOGETHER.
template <typename Real> Refusal Stream<Real>::step_some(const Row *rows, std::size_t some, std::size_t i, std::size_t &row) {
    const Stage<Real> &at = rows[0].stream->network_.stages[i];
    const Real *x[ROWS_TOGETHER], *h[ROWS_TOGETHER];
    Real *next[ROWS_TOGETHER], *work[ROWS_TOGETHER], dt[ROWS_TOGETHER];
    Moved<Real> moved[ROWS_TOGETHER];
    bool moves[ROWS_TOGETHER], all = at.cell.together && some == ROWS_TOGETHER;
    for (row = 0; row < some; ++row) {
        Stream &stream = *rows[row].stream;
        const Refusal why = stream.arrive(i, rows[row].dt, moves[row]);
        if (why != ACCEPTED) return why;
        x[row] = stream.reading_, h[row] = stream.now_ + at.first, dt[row] = rows[row].dt;
        next[row] = stream.next_ + at.first, work[row] = stream.work_ + at.work;
        moved[row] = {0, true}, all = all && moves[row];
    }
    if (all) at.cell.together(at.cell.cell, x, dt, h, next, work, moved);
    for (std::size_t k = 0; k < some && !all; ++k)
        if (moves[k]) moved[k] = at.cell.step(at.cell.cell, x[k], dt[k], h[k], next[k], work[k]);
    for (row = 0; row < some; ++row) {
        const Refusal why = rows[row].stream->leave(i, moved[row], rows[row].y);
        if (why != ACCEPTED) return why;
    }
    return ACCEPTED;
}

template <typename Real> void Stream<Real>::save(Real *h) const {
    for (std::size_t i = 0; i < network_.place.size(); ++i) h[i] = now_[network_.place[i]];
}
template <typename Real> void Stream<Real>::load(const Real *h) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) now_[lane] = h[network_.source[lane]];
}

template class Network<float>;
template class Network<double>;
template class Stream<float>;
template class Stream<double>;

}  // namespace tauflow
