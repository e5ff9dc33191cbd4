// Threads for a call. One fork and join serves a whole sequence, so both ways are kept simple.
//
// torch's OpenMP threads spin for milliseconds after each of its parallel operations, waiting for the next, and a thread of our own
// would have to share its core with one that spins: two threads were as slow as one. So where the process has such a team
// (GNU's OpenMP, or another with its interface) the work is given to it. Elsewhere, and in a forked child, where a team
// would wait for threads that are not there, an own pool serves, whose threads sleep between calls. It serves too while the
// machine is busy: a team ends when the last of its threads does, also one that found no work and waited long for a core.
#include "pool.h"

#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace tauflow {
namespace {

class Pool {
public:
    void run(std::int64_t count, int threads, void (*task)(void *, std::int64_t), void *context) {
        std::unique_lock<std::mutex> serving(busy_, std::try_to_lock);
        const std::int64_t helpers = std::min<std::int64_t>(threads, count) - 1;
        if (helpers < 1 || !serving.owns_lock()) {
            for (std::int64_t i = 0; i < count; ++i) task(context, i);
            return;
        }
        {
            std::lock_guard<std::mutex> lock(mutex_);
            while (workers_ < helpers && add_worker()) ++workers_;
            task_ = task, context_ = context, count_ = count, places_ = helpers, failure_ = nullptr;
            next_.store(0);
        }
        wake_.notify_all();
        work(task, context, count);
        std::unique_lock<std::mutex> lock(mutex_);
        places_ = 0;  // who wakes up only now is not waited for
        done_.wait(lock, [this] { return running_ == 0; });
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    bool add_worker() {
        try {
            std::thread([this] { serve(); }).detach();
            return true;
        } catch (const std::system_error &) {
            return false;  // no more threads to be had: the ones there are do the work
        }
    }

    void serve() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return places_ > 0; });
            --places_, ++running_;
            const auto task = task_;
            void *const context = context_;
            const std::int64_t count = count_;
            lock.unlock();
            work(task, context, count);
            lock.lock();
            if (--running_ == 0) done_.notify_one();
        }
    }

    void work(void (*task)(void *, std::int64_t), void *context, std::int64_t count) {
        try {
            for (std::int64_t i; (i = next_.fetch_add(1)) < count;) task(context, i);
        } catch (...) {
            std::lock_guard<std::mutex> lock(mutex_);
            failure_ = std::current_exception();
        }
    }

    std::mutex busy_, mutex_;  // held while a call is served; held while a field below is read or written
    std::condition_variable wake_, done_;
    std::atomic<std::int64_t> next_{0};
    void (*task_)(void *, std::int64_t) = nullptr;
    void *context_ = nullptr;
    std::int64_t count_ = 0, places_ = 0, running_ = 0, workers_ = 0;
    std::exception_ptr failure_;
};

using Clock = std::chrono::steady_clock;

// A call's work, taken by the threads of a team.
struct Share {
    std::int64_t count;
    void (*task)(void *, std::int64_t);
    void *context;
    std::atomic<std::int64_t> next{0}, left{count};
    Clock::time_point done;  // when the last task was
    std::mutex mutex;
    std::exception_ptr failure;

    Share(std::int64_t count_, void (*task_)(void *, std::int64_t), void *context_) : count(count_), task(task_), context(context_) {}

    static void work(void *pointer) {
        Share &share = *static_cast<Share *>(pointer);
        try {
            for (std::int64_t i; (i = share.next.fetch_add(1)) < share.count;) {
                share.task(share.context, i);
                if (share.left.fetch_sub(1) == 1) share.done = Clock::now();
            }
        } catch (...) {
            std::lock_guard<std::mutex> lock(share.mutex);
            share.failure = std::current_exception();
        }
    }
};

// GOMP_parallel(work, data, threads, flags) runs work(data) on each thread of a team.
using Team = void (*)(void (*)(void *), void *, unsigned, unsigned);

// What the process has loaded already, torch's if torch is there: looked up, never linked. The thread sanitizer does not understand it.
Team find_team() {
#if defined(__SANITIZE_THREAD__)
    return nullptr;
#else
    return reinterpret_cast<Team>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
#endif
}

// Never deleted: its threads sleep until the process ends. A forked child has none of them, so it starts a pool of its own.
std::atomic<Pool *> pool{new Pool};
std::atomic<bool> forked{false};
const int told_of_forks = pthread_atfork(nullptr, nullptr, [] {
    pool.store(new Pool);
    forked.store(true);
});

constexpr auto LONG_WAIT = std::chrono::microseconds(300);
constexpr int CALLS_WITHOUT = 200;  // before a team that kept us waiting is tried again
std::atomic<int> without_team{0};

struct Memory {
    void *start = nullptr;
    std::size_t bytes = 0;
    ~Memory() { std::free(start); }
};

}  // namespace

void parallel(std::int64_t count, int threads, void (*task)(void *, std::int64_t), void *context) {
    if (threads <= 1 || count <= 1) {
        for (std::int64_t i = 0; i < count; ++i) task(context, i);
        return;
    }
    Pool &own = *pool.load();
    static const Team team = find_team();
    if (!team || forked.load() || without_team.fetch_sub(1) > 0) return own.run(count, threads, task, context);
    Share share(count, task, context);
    team(Share::work, &share, unsigned(threads), 0);  // always all of them: a team that shrinks ends its threads
    if (share.failure) std::rethrow_exception(share.failure);
    without_team.store(Clock::now() - share.done > LONG_WAIT ? CALLS_WITHOUT : 0);
}

void *scratch(Slot slot, std::size_t bytes) {
    thread_local Memory memory[2];
    Memory &own = memory[slot];
    if (own.bytes < bytes) {
        std::free(own.start);
        own.bytes = (bytes + 4095) / 4096 * 4096;
        own.start = std::aligned_alloc(64, own.bytes);
        if (!own.start) {
            own.bytes = 0;
            throw std::bad_alloc();
        }
    }
    return own.start;
}

}  // namespace tauflow
