// Threads and work memory, shared by all kernels and compiled once, for every processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>

namespace tauflow {

// Calls task(context, i) for i in 0 .. count-1, the caller's thread and up to threads - 1 others taking the next i in turn, and
// returns when all are done. Which thread does which i is left open, so a task's result must not depend on it.
// An exception of a task, on whatever thread, comes out of this call once no thread works on it any more; tasks may then be left undone.
// Safe from several threads at once, and after fork.
void parallel(std::int64_t count, int threads, void (*task)(void *, std::int64_t), void *context);

// Whoever calls may want a long call to stop, for Ctrl-C. The listener says so; it is asked a few times a second, on the thread that
// called parallel() alone. The call then ends with Stopped.
void ask_whether_to_stop(bool (*listener)());
struct Stopped : std::exception {
    const char *what() const noexcept override { return "stopped"; }
};

// A task spends its patience and then looks whether its call was stopped. It costs an addition a step.
class Patience {
public:
    // operations: about as many, each on all lanes of a block
    void spend(std::int64_t operations) {
        if ((left_ -= operations) < 0) look();
    }

private:
    void look();
    static constexpr std::int64_t MOST = 1 << 20;  // a millisecond
    std::int64_t left_ = MOST;
};

// Work memory of this thread, aligned to 64 bytes, kept for the next call and grown when it is too small.
// Slot 0 is for the one who calls parallel(), slot 1 for a task.
enum Slot { FOR_CALL = 0, FOR_TASK = 1 };
void *scratch(Slot slot, std::size_t bytes);

}  // namespace tauflow
