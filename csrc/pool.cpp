// A pool of threads that sleep between calls. One fork and join serves a whole sequence, so it is kept simple.
#include "pool.h"

#include <pthread.h>

#include <atomic>
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

// Never deleted: its threads sleep until the process ends. A forked child has none of them, so it starts a pool of its own.
std::atomic<Pool *> pool{nullptr};

Pool &the_pool() {
    static const bool once = [] {
        pool.store(new Pool);
        pthread_atfork(nullptr, nullptr, [] { pool.store(new Pool); });
        return true;
    }();
    (void)once;
    return *pool.load();
}

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
    the_pool().run(count, threads, task, context);
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
