// Threads and work memory, shared by all kernels and compiled once, for every processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tauflow {

// Calls task(context, i) for i in 0 .. count-1, the caller's thread and up to threads - 1 others taking the next i in turn, and
// returns when all are done. Which thread does which i is left open, so a task's result must not depend on it.
// Safe from several threads at once, and after fork.
void parallel(std::int64_t count, int threads, void (*task)(void *, std::int64_t), void *context);

// Work memory of this thread, aligned to 64 bytes, kept for the next call and grown when it is too small.
// Slot 0 is for the one who calls parallel(), slot 1 for a task.
enum Slot { FOR_CALL = 0, FOR_TASK = 1 };
void *scratch(Slot slot, std::size_t bytes);

}  // namespace tauflow
