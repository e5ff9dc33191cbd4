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

using Clock = std::chrono::steady_clock;
constexpr auto DEAF = std::chrono::milliseconds(100);  // how long a call goes on before the listener is asked again
constexpr auto AWAKE = std::chrono::milliseconds(1);  // how long a caller waits for others before it sleeps
std::atomic<bool (*)()> listener{nullptr};

// A call's work, taken by its threads one piece after the other. It stands in the caller's frame, which outlives them.
class Share {
public:
    Share(std::int64_t count, void (*task)(void *, std::int64_t), void *context) : count_(count), task_(task), context_(context) {}
    Share(const Share &) = delete;

    void work() {
        Share *const outer = present;
        present = this;
        try {
            for (std::int64_t i; !stopped_.load(std::memory_order_relaxed) && (i = next_.fetch_add(1)) < count_;) {
                if (i % 64 == 0) look();  // of many short tasks none is long enough to look itself
                task_(context_, i);
                if (left_.fetch_sub(1) == 1) end();
            }
        } catch (...) {
            {
                std::lock_guard<std::mutex> lock(mutex_);
                if (!failure_) failure_ = std::current_exception();
            }
            stopped_.store(true);
            end();
        }
        present = outer;
    }

    // On a team's threads. The team waits for its own end, but does not listen meanwhile, so the caller waits here first; at first as a
    // team does, without sleeping.
    void work_and_wait() {
        work();
        if (std::this_thread::get_id() != caller_) return;
        const Clock::time_point began = Clock::now();
        while (left_.load() > 0 && !stopped_.load() && Clock::now() - began < AWAKE) std::this_thread::yield();
        wait();
    }
    // What the caller does when it finds no more work. Once the call is stopped others may leave tasks undone.
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!stopped_.load() && !ended_.wait_for(lock, DEAF, [this] { return over_; })) {
            lock.unlock();
            ask();
            lock.lock();
        }
    }
    void end_with_failure() const {
        if (failure_) std::rethrow_exception(failure_);
        if (stopped_.load()) throw Stopped();
    }
    Clock::duration since_the_end() const { return Clock::now() - done_; }

    // On any thread that works on the call.
    static void look() {
        if (std::this_thread::get_id() == present->caller_) present->ask();
        if (present->stopped_.load(std::memory_order_relaxed)) throw Stopped();
    }

private:
    void ask() {
        bool (*const wants_to_stop)() = listener.load();
        if (!wants_to_stop || Clock::now() - asked_ < DEAF) return;
        if (wants_to_stop()) stopped_.store(true);
        asked_ = Clock::now();
    }
    void end() {
        std::lock_guard<std::mutex> lock(mutex_);
        done_ = Clock::now(), over_ = true;
        ended_.notify_all();
    }

    static thread_local Share *present;  // that this thread works on
    const std::int64_t count_;
    void (*const task_)(void *, std::int64_t);
    void *const context_;
    const std::thread::id caller_ = std::this_thread::get_id();
    Clock::time_point asked_ = Clock::now(), done_;  // done_: when the last task was
    std::atomic<std::int64_t> next_{0}, left_{count_};
    std::atomic<bool> stopped_{false};
    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
    std::exception_ptr failure_;
};
thread_local Share *Share::present = nullptr;

class Pool {
public:
    // False where another call is served already.
    bool run(std::int64_t helpers, Share &share) {
        std::unique_lock<std::mutex> serving(busy_, std::try_to_lock);
        if (!serving.owns_lock()) return false;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            while (workers_ < helpers && add_worker()) ++workers_;
            share_ = &share, places_ = helpers;
        }
        wake_.notify_all();
        share.work();
        share.wait();
        std::unique_lock<std::mutex> lock(mutex_);
        places_ = 0;  // who wakes up only now is not waited for
        done_.wait(lock, [this] { return running_ == 0; });
        return true;
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
            Share &share = *share_;
            lock.unlock();
            share.work();
            lock.lock();
            if (--running_ == 0) done_.notify_one();
        }
    }

    std::mutex busy_, mutex_;  // held while a call is served; held while a field below is read or written
    std::condition_variable wake_, done_;
    Share *share_ = nullptr;
    std::int64_t places_ = 0, running_ = 0, workers_ = 0;
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

void ask_whether_to_stop(bool (*wants_to_stop)()) { listener.store(wants_to_stop); }
void Patience::look() {
    left_ = MOST;
    Share::look();
}

void parallel(std::int64_t count, int threads, void (*task)(void *, std::int64_t), void *context) {
    Share share(count, task, context);
    if (threads <= 1 || count <= 1) {
        share.work();
        return share.end_with_failure();
    }
    Pool &own = *pool.load();
    static const Team team = find_team();
    if (!team || forked.load() || without_team.fetch_sub(1) > 0) {
        if (!own.run(std::min<std::int64_t>(threads, count) - 1, share)) share.work();
    } else {
        // Always all of its threads: a team that shrinks ends them.
        team([](void *pointer) { static_cast<Share *>(pointer)->work_and_wait(); }, &share, unsigned(threads), 0);
        without_team.store(share.since_the_end() > LONG_WAIT ? CALLS_WITHOUT : 0);
    }
    share.end_with_failure();
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
