#include "channel/callback_health.hpp"

namespace aegis::driver {

void CallbackHealth::registered(NTSTATUS status, std::uint32_t flags) {
    flags_.store(flags, std::memory_order_relaxed);
    status_.store(status, std::memory_order_relaxed);
    registered_.store(NT_SUCCESS(status), std::memory_order_relaxed);
}

void CallbackHealth::reset() {
    registered_.store(false, std::memory_order_relaxed);
    status_.store(STATUS_NOT_FOUND, std::memory_order_relaxed);
    for (std::atomic<std::uint64_t>& count : counts_) {
        count.store(0, std::memory_order_relaxed);
    }
    last_time_.store(0, std::memory_order_relaxed);
}

void CallbackHealth::describe(std::uint32_t kind, AEGIS_CALLBACK_HEALTH* reported) const {
    reported->Kind = kind;
    reported->Registered = registered_.load(std::memory_order_relaxed) ? 1 : 0;
    reported->Status = status_.load(std::memory_order_relaxed);
    reported->Flags = flags_.load(std::memory_order_relaxed);
    reported->LastEventTime = last_time_.load(std::memory_order_relaxed);
    reported->Published = counted(Outcome::kPublished);
    reported->Filtered = counted(Outcome::kFiltered);
    reported->Limited = counted(Outcome::kLimited);
    reported->Merged = counted(Outcome::kMerged);
    reported->Lost = counted(Outcome::kLost);
    // Of what this row says, not of counts that have gone on since.
    reported->Seen = reported->Published + reported->Filtered + reported->Limited + reported->Merged + reported->Lost;
}

}  // namespace aegis::driver
