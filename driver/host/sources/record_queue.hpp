// What the connector's reader hands to the thread that makes sense of it.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "driver/host/sources/connector_socket.hpp"
#include "driver/host/sources/process_details.hpp"
#include "driver/host/sources/process_files.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {

struct ActivityRecord {
    KernelEvent event;
    ImageBytes image;               // of an exec
    DetailBytes details;            // of an exec
    std::uint64_t lost_before = 0;  // events that are missing between the record before and this one
};

// A mutex whose owner runs at the priority of the most urgent thread that waits for it. The reader runs
// ahead of all ordinary threads; without this, one of them could keep it waiting behind unrelated load.
class PriorityInheritingMutex {
  public:
    PriorityInheritingMutex();
    ~PriorityInheritingMutex();
    PriorityInheritingMutex(const PriorityInheritingMutex&) = delete;
    PriorityInheritingMutex& operator=(const PriorityInheritingMutex&) = delete;

    void lock() { pthread_mutex_lock(&mutex_); }
    void unlock() { pthread_mutex_unlock(&mutex_); }

  private:
    pthread_mutex_t mutex_;
};

// First in, first out, one writer, one reader, bounded.
class RecordQueue {
  public:
    RecordQueue();

    // Takes over the content of `records`, before which `lost_before` events are missing. What does not fit is dropped
    // and counted as missing before the next record that fits; arguments that do not fit leave their record without.
    void push(std::vector<ActivityRecord>& records, std::uint64_t lost_before);

    // Readable while there is something to take, a loss alone included.
    int descriptor() const { return ready_.get(); }

    // Replaces `records` by everything that is queued, in order. Returns how many events are missing behind the last.
    std::uint64_t take(std::vector<ActivityRecord>& records);

    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

    // About 50 MB of paths: minutes of a fork bomb, and then still not the machine's memory.
    static constexpr std::size_t kCapacity = 1U << 18;
    // Of arguments. Records beyond it go without theirs.
    static constexpr std::size_t kMostArgumentBytes = std::size_t{64} << 20;

  private:
    // The caller holds mutex_.
    void make_fit(DetailBytes& details);

    PriorityInheritingMutex mutex_;  // guards what follows up to the counter
    std::vector<ActivityRecord> queued_;
    std::size_t argument_bytes_ = 0;         // in queued_
    std::uint64_t lost_pending_ = 0;         // missing behind the last of queued_
    std::atomic<std::uint64_t> dropped_{0};  // a statistic: nothing is ordered by it
    UniqueFd ready_;
};

}  // namespace aegis::host::sources
