// Calls the kernels without Python: at random sizes, from several threads at once, and wrongly on purpose.
//
//   drive calls N         N random calls with each instruction set, each checked as call.h says
//   drive chains N        N random chains of cells under streams, each checked as chain.h says
//   drive networks N      N random networks under sessions, each checked as network.h says
//   drive replay FILE...  the calls, chains and networks of the fuzzer's files
//   drive throws          tasks that throw: the exception comes out of parallel(), whichever thread it was thrown on
//   drive threads N       the same from four threads at once, which share the pool
//   drive write N FILE    the results of N calls, for
//   drive compare N FILE  on another machine or instruction set: within 1e-4 (float) or 1e-9 (double) of the largest number
//   drive plant BUG       makes a bug, to see the sanitizer report it: overflow, freed, leak, integer, cast, race
#include "call.h"
#include "chain.h"
#include "network.h"
#include "pool.h"
#include "tauflow.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <thread>

namespace {

native::Call random_call(std::uint64_t number) {
    native::Random random{number};
    std::uint8_t bytes[40];
    for (std::uint8_t &byte : bytes) byte = std::uint8_t(random.next() >> 56);
    return native::read({bytes, sizeof bytes});
}

bool fine(const native::Call &call, std::vector<double> *results = nullptr) {
    const std::string wrong = native::check(call, results);
    if (!wrong.empty()) std::fprintf(stderr, "%s: %s\n", native::describe(call).c_str(), wrong.c_str());
    return wrong.empty();
}

int calls(long n) {
    for (long i = 0; i < n; ++i)
        if (!fine(random_call(i))) return 1;
    std::printf("%ld calls of the kernels for %s\n", n, tauflow::isa_in_use());
    return 0;
}

// run(n) with each instruction set of this build that this machine runs, as it is shipped.
int on_each_set(int (*run)(long), long n) {
    for (const char *isa : {"x86-64-v4", "x86-64-v3", "neon", "scalar"})
        if (tauflow::use_isa(isa) && run(n) != 0) return 1;
    return 0;
}

int each(long n, const char *what, std::string (*check)(native::Bytes)) {
    for (long i = 0; i < n; ++i) {
        native::Random random{std::uint64_t(i)};
        std::uint8_t bytes[400];
        for (std::uint8_t &byte : bytes) byte = std::uint8_t(random.next() >> 56);
        const std::string wrong = check({bytes, sizeof bytes});
        if (!wrong.empty()) return std::fprintf(stderr, "%s %ld: %s\n", what, i, wrong.c_str()), 1;
    }
    std::printf("%ld times a %s for %s\n", n, what, tauflow::isa_in_use());
    return 0;
}
int chains(long n) { return each(n, "chain", native::check_chain); }
int networks(long n) { return each(n, "network", native::check_network); }

// A file of the fuzzer's, without the fuzzer: as LLVMFuzzerTestOneInput in fuzz.cpp reads it.
int replay(int files, char **paths) {
    for (int i = 0; i < files; ++i) {
        std::FILE *const file = std::fopen(paths[i], "rb");
        if (!file) return std::perror(paths[i]), 1;
        std::uint8_t bytes[4096];
        const std::size_t size = std::fread(bytes, 1, sizeof bytes, file);
        std::fclose(file);
        const std::string wrong = native::check_input({bytes, size});
        if (!wrong.empty()) return std::fprintf(stderr, "%s: %s\n", paths[i], wrong.c_str()), 1;
    }
    std::printf("%d files of the corpus\n", files);
    return 0;
}

// Task `bad` of 40 throws; the others wait until it has begun, so that it is not always the caller's.
int throws() {
    struct Work {
        int bad;
        std::atomic<int> done{0};
    };
    for (int threads : {1, 2, 5})
        for (int bad = 0; bad < 40; ++bad) {
            Work work{bad, {}};
            bool caught = false;
            const auto task = [](void *pointer, std::int64_t i) {
                Work &w = *static_cast<Work *>(pointer);
                if (i == w.bad) throw std::bad_alloc();
                std::this_thread::yield();
                ++w.done;
            };
            try {
                tauflow::parallel(40, threads, task, &work);
            } catch (const std::bad_alloc &) {
                caught = true;
            }
            work.bad = -1, work.done = 0;
            tauflow::parallel(40, threads, task, &work);
            if (!caught || work.done != 40) return std::fprintf(stderr, "task %d of %d threads: lost\n", bad, threads), 1;
        }
    std::printf("exceptions come out of every thread\n");
    return 0;
}

int threads(long n) {
    std::atomic<long> next{0}, wrong{0};
    const auto work = [&] {
        for (long i; (i = next.fetch_add(1)) < n;) wrong += !fine(random_call(i));
    };
    std::thread callers[4];
    for (std::thread &caller : callers) caller = std::thread(work);
    for (std::thread &caller : callers) caller.join();
    std::printf("%ld calls from 4 threads, %ld wrong\n", n, wrong.load());
    return wrong != 0;
}

// Calls whose numbers another processor can repeat: steps of wild length and large inputs magnify the last digit.
native::Call tame_call(std::uint64_t number) {
    native::Call call = random_call(number);
    call.gaps = native::SOME_ZERO, call.large = false;
    if (call.kernel <= native::GATED) call.activation = tauflow::SIGMOID;
    return call;
}

int write(long n, const char *path) {
    std::FILE *const file = std::fopen(path, "wb");
    if (!file) return std::perror(path), 1;
    for (long i = 0; i < n; ++i) {
        std::vector<double> results;
        if (!fine(tame_call(i), &results)) return 1;
        std::fwrite(results.data(), sizeof(double), results.size(), file);
    }
    return std::fclose(file);
}

int compare(long n, const char *path) {
    std::FILE *const file = std::fopen(path, "rb");
    if (!file) return std::perror(path), 1;
    double worst[2] = {};
    long numbers = 0, equal = 0;
    for (long i = 0; i < n; ++i) {
        const native::Call call = tame_call(i);
        std::vector<double> results;
        if (!fine(call, &results)) return 1;
        std::vector<double> theirs(results.size());
        if (std::fread(theirs.data(), sizeof(double), theirs.size(), file) != theirs.size()) {
            std::fprintf(stderr, "%s ends before call %ld: it was written with fewer calls, or by another version\n", path, i);
            return 1;
        }
        double largest = 1e-30, apart = 0;
        for (std::size_t k = 0; k < results.size(); ++k) {
            if (std::isfinite(results[k]) != std::isfinite(theirs[k])) apart = INFINITY;
            if (!std::isfinite(results[k])) continue;
            largest = std::fmax(largest, std::fabs(results[k])), apart = std::fmax(apart, std::fabs(results[k] - theirs[k]));
            ++numbers, equal += results[k] == theirs[k];
        }
        const double error = apart / largest;
        worst[call.is_double] = std::fmax(worst[call.is_double], error);
        if (error > (call.is_double ? 1e-9 : 1e-4)) {
            std::fprintf(stderr, "%s: the results differ by %g of the largest\n", native::describe(call).c_str(), error);
            return 1;
        }
    }
    std::printf("%s: %ld calls, %ld numbers, %.1f%% equal to the bit, the others within %.1g (float) and %.1g (double)\n",
                tauflow::isa_in_use(), n, numbers, 100.0 * double(equal) / double(numbers), worst[0], worst[1]);
    return 0;
}

// CTRNN of one unit and one input with nothing saved. Each number of an array of its own, so that a sanitizer sees its end.
struct Tiny {
    std::int64_t batch = 64, time = 1000;
    std::vector<float> W{0.5f}, U{0.5f}, b{0}, rate{1}, x, dt, h, y, last;
    Tiny() : x(batch * time), dt(batch * time, 0.1f), h(batch), y(batch * time), last(batch) {}
    void run(int substeps = 1) {
        const tauflow::Sequence<float> seq{batch,     time,      1,       1,        0,        1,      4,
                                           x.data(), dt.data(), nullptr, h.data(), y.data(), last.data(), nullptr};
        const tauflow::Layer<float> cell{W.data(), U.data(), b.data(), rate.data(), nullptr, tauflow::TANH, tauflow::EXPONENTIAL, substeps};
        tauflow::kernels<float>().layer_forward(seq, cell);
    }
};

// Each bug is met in code of the library, so a report also says that the library was compiled with the sanitizer.
int plant(const std::string &bug) {
    if (bug == "overflow") {
        std::vector<float> gaps(10);
        return int(tauflow::check_gaps(gaps.data(), 11));
    }
    if (bug == "freed") {
        const float *gone;
        {
            const std::vector<float> gaps(10);
            gone = gaps.data();
        }
        return int(tauflow::check_gaps(gone, 10));
    }
    if (bug == "leak") {
        new Tiny;
        return 0;
    }
    if (bug == "integer") {
        const tauflow::Sequence<float> seq{0, 0, std::numeric_limits<int>::max(), 1, 0, 1, 1, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
        tauflow::kernels<float>().layer_forward(seq, {});
        return 0;
    }
    if (bug == "cast") {
        volatile double nan = NAN;
        return int(nan) == 1;
    }
    if (bug == "race") {
        Tiny tiny;  // two callers, one output
        std::thread other([&] { tiny.run(); });
        tiny.run();
        other.join();
        return 0;
    }
    std::fprintf(stderr, "no such bug: %s\n", bug.c_str());
    return 2;
}

}  // namespace

int main(int count, char **words) {
    const std::string command = count > 1 ? words[1] : "";
    const long n = count > 2 ? std::atol(words[2]) : 0;
    if (command == "calls" && count == 3) return on_each_set(calls, n);
    if (command == "chains" && count == 3) return on_each_set(chains, n);
    if (command == "networks" && count == 3) return on_each_set(networks, n);
    if (command == "replay") return replay(count - 2, words + 2);
    if (command == "throws" && count == 2) return throws();
    if (command == "threads" && count == 3) return threads(n);
    if (command == "write" && count == 4) return write(n, words[3]);
    if (command == "compare" && count == 4) return compare(n, words[3]);
    if (command == "plant" && count == 3) return plant(words[2]);
    std::fprintf(stderr, "usage: drive calls N | chains N | networks N | replay FILE... | throws | threads N | write N FILE | compare N FILE | plant BUG\n");
    return 2;
}
