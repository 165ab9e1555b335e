// Whether a kernel callback is registered, what it has seen and what became of that: one row of the query reply.
//
// What is seen is counted when it is decided, by what became of it, and `seen` is the sum. So a row reconciles exactly
// whenever it is read, also while callbacks run on other processors.
#pragma once

#include <atomic>
#include <cstdint>

#include "aegis/ioctl.h"
#include "nt/nt.hpp"

namespace aegis::driver {

// What became of one thing that a callback has seen.
enum class Outcome : std::uint8_t {
    kPublished,  // it is in the ring
    kFiltered,   // nobody wants it
    kLimited,    // one of too many
    kMerged,     // another event stands for it
    kLost,       // the channel did not take it, and counted why
};

class CallbackHealth {
  public:
    // Notes the outcome of a registration and what the callback does not see (AEGIS_CALLBACK_NO_…). Any IRQL.
    void registered(NTSTATUS status, std::uint32_t flags = 0);

    // Before each load's registration. Any IRQL.
    void reset();

    void unregistered() { registered_.store(false, std::memory_order_relaxed); }

    // Nothing will call it. After registered(). Any IRQL.
    void without_source() { flags_.fetch_or(AEGIS_CALLBACK_NO_SOURCE, std::memory_order_relaxed); }

    bool is_registered() const { return registered_.load(std::memory_order_relaxed); }

    // Counts one thing seen at `time` under what became of it. Relaxed: several processors count, and nothing is read
    // because of it. Any IRQL.
    void count(Outcome outcome, std::int64_t time) {
        counts_[static_cast<unsigned>(outcome)].fetch_add(1, std::memory_order_relaxed);
        last_time_.store(time, std::memory_order_relaxed);
    }

    // Fills a row of the query reply. Any IRQL.
    void describe(std::uint32_t kind, AEGIS_CALLBACK_HEALTH* reported) const;

  private:
    static constexpr unsigned kOutcomes = 5;

    std::uint64_t counted(Outcome outcome) const {
        return counts_[static_cast<unsigned>(outcome)].load(std::memory_order_relaxed);
    }

    std::atomic<bool> registered_ = false;
    std::atomic<NTSTATUS> status_ = STATUS_NOT_FOUND;
    std::atomic<std::uint32_t> flags_ = 0;
    std::atomic<std::int64_t> last_time_ = 0;
    std::atomic<std::uint64_t> counts_[kOutcomes] = {};
};

}  // namespace aegis::driver
