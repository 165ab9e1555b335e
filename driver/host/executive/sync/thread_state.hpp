// What NT keeps per thread and processor: IRQL, locks held, the process whose addresses are visible.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace aegis::host {

class Process;

struct HeldLock {
    enum class Kind { kSpinLock, kFastMutex };
    Kind kind;
    const void* lock;
    const void* queue_handle;  // of an in-stack queued spin lock, else null
    unsigned signals = 0;      // events set so far while it is held
};

struct Attachment {
    Process* process;
    const KAPC_STATE* state;
};

struct PageableRange {
    const void* address;
    std::size_t bytes;
};

struct ThreadState {
    KIRQL irql = PASSIVE_LEVEL;  // across DISPATCH_LEVEL by change_irql only
    Process* process = nullptr;  // whose system call this thread runs; null: a thread of the system process
    KPROCESSOR_MODE previous_mode = KernelMode;
    std::optional<std::uint32_t> tid;     // its number while it plays another thread
    std::vector<Attachment> attachments;  // innermost last
    std::vector<HeldLock> locks;          // in order of acquisition
    std::vector<PageableRange> pageable;  // see pageable.hpp
    unsigned critical_regions = 0;
    unsigned driver_calls = 0;                  // entry points of the driver on this stack
    std::optional<std::int64_t> replayed_time;  // the precise system time while activity is replayed

    // Nonzero and different for every living thread: what a lock records as its owner.
    ULONG_PTR token() const { return reinterpret_cast<ULONG_PTR>(this); }
    PETHREAD thread_object() { return reinterpret_cast<PETHREAD>(this); }
};

ThreadState& this_thread();

// Sets the thread's IRQL and returns the one before; pageable memory is out of reach at DISPATCH_LEVEL and above.
KIRQL change_irql(KIRQL irql);

// Stops unless the thread runs at or below `limit`.
void require_irql(KIRQL limit, const char* function);

}  // namespace aegis::host
