// What a step of each kind reads and makes: as steps.cpp runs it, asked once before it is packed.
#include "door.h"
#include "program.h"

namespace tauflow {

namespace {

// In the order of StepKind.
const char *const NAMES[] = {"standardize", "affine", "carry", "waves", "dense", "convolve", "lookup", "pool",
                             "slice", "add", "average", "quantiles", "positive", "log_softmax", "squash"};

template <typename Real> class Asked {
public:
    explicit Asked(const StepSpec<Real> &spec) : spec_(spec), name_(NAMES[spec.kind]) {}

    [[noreturn]] void refuse(const std::string &what) const { throw std::invalid_argument(name_ + ": " + what); }
    void equal(const char *what, std::int64_t came, std::int64_t expected) const {
        if (came != expected) refuse(std::string(what) + " is " + std::to_string(came) + ", expected " + std::to_string(expected));
    }
    // The next of the options.
    std::int64_t option(const char *what, std::int64_t low, std::int64_t high) {
        if (used_ == spec_.option_count) refuse("there are " + std::to_string(used_) + " options, and " + what + " is none of them");
        return within((name_ + ": " + what).c_str(), spec_.options[used_++], low, high);
    }
    // a times b, a product that is a size itself
    std::int64_t times(const char *what, std::int64_t a, std::int64_t b) const { return product_within((name_ + ": " + what).c_str(), a, b, MOST); }
    void no_more_options() const { equal("the number of options", spec_.option_count, used_); }
    void weight(const char *what, const Real *given, bool needed) const {
        if (needed && !given) refuse(std::string(what) + " is a null pointer");
        if (!needed && given) refuse(std::string(what) + " is given, but there is none");
    }

private:
    const StepSpec<Real> &spec_;
    const std::string name_;
    int used_ = 0;
};

// The numbers that a convolution makes, by its options.
template <typename Real> std::int64_t convolved(Asked<Real> &asked, std::int64_t inputs) {
    asked.option("the activation", TANH, SILU);
    const std::int64_t filters = asked.option("filters", 1, MOST), channels = asked.option("channels", 1, MOST);
    std::int64_t size[2], kernel[2], stride[2], padding[2], made = filters;
    for (auto &one : size) one = asked.option("the size", 1, MOST);
    for (auto &one : kernel) one = asked.option("the kernel", 1, MOST);
    for (auto &one : stride) one = asked.option("the stride", 1, MOST);
    for (auto &one : padding) one = asked.option("the padding", 0, MOST);
    asked.times("the numbers of a patch", asked.times("the numbers of a kernel", kernel[0], kernel[1]), channels);
    asked.equal("the width of the sources", inputs, asked.times("the numbers of an image", asked.times("its points", size[0], size[1]), channels));
    for (int i = 0; i < 2; ++i) {
        const std::int64_t room = size[i] + 2 * padding[i] - kernel[i];
        if (room < 0) asked.refuse("a kernel of " + std::to_string(kernel[i]) + " is larger than what it runs over");
        made = asked.times("the numbers made", made, room / stride[i] + 1);
    }
    return made;
}

}  // namespace

template <typename Real> void check_step(const StepSpec<Real> &s) {
    Asked<Real> asked(s);
    const std::int64_t inputs = s.inputs;
    std::int64_t outputs = inputs, memory = 0;  // of most kinds
    bool a = false, b = false;
    size("outputs", s.outputs);
    switch (s.kind) {
        case STANDARDIZE:
        case SCALE_BACK:
        case SQUASH: a = b = true; break;
        case CARRY: outputs = 3 * inputs, memory = 2 * inputs; break;
        case WAVES: {
            const std::int64_t periods = asked.option("the number of periods", 0, MOST), columns = asked.option("the number of columns", 0, inputs);
            for (std::int64_t i = 0; i < columns; ++i) asked.option("a column", 0, inputs - 1);
            outputs = inputs + 1 + 2 * asked.times("the waves", 1 + columns, periods), a = periods > 0;
            break;
        }
        case DENSE: asked.option("the activation", TANH, SILU), outputs = s.outputs, a = b = true; break;
        case CONVOLVE: outputs = convolved(asked, inputs), a = b = true; break;
        case LOOKUP:
            asked.option("the number of rows", 1, MOST), asked.equal("the width of the sources", inputs, 1);
            outputs = s.outputs, a = true;
            break;
        case POOL: {
            const std::int64_t how = asked.option("the kind of pool", LAST, ATTENTION);
            memory = inputs + (how == MEAN ? 1 : how == ATTENTION ? 2 : 0), a = how == ATTENTION;
            break;
        }
        case SLICE: asked.option("the first number", 0, inputs - s.outputs), outputs = s.outputs; break;
        case AVERAGE: {
            const std::int64_t how = asked.option("the kind of average", OF_NUMBERS, OF_NORMALS);
            const std::int64_t columns = asked.option("the number of columns", 1, MOST);
            if (how == OF_NORMALS) asked.equal("outputs", s.outputs, 2 * columns);
            [[fallthrough]];
        }
        case ADD:
            if (inputs % s.outputs != 0) asked.refuse(std::to_string(inputs) + " numbers are no vectors of " + std::to_string(s.outputs));
            outputs = s.outputs;
            break;
        case QUANTILES: {
            const std::int64_t columns = asked.option("the number of columns", 1, inputs);
            if (inputs % columns != 0) asked.refuse(std::to_string(inputs) + " numbers are no levels of " + std::to_string(columns));
            asked.option("the middle level", 0, inputs / columns - 1);
            break;
        }
        case POSITIVE: a = asked.option("the first number", 0, inputs) < inputs; break;
        case LOG_SOFTMAX: break;
    }
    asked.no_more_options();
    asked.equal("outputs", s.outputs, outputs), asked.equal("memory", s.memory, memory);
    asked.weight("a", s.a, a), asked.weight("b", s.b, b);
}
template void check_step(const StepSpec<float> &);
template void check_step(const StepSpec<double> &);

}  // namespace tauflow
