// Whether a kernel callback is registered and what it has seen: one row of the query reply.
#pragma once

#include <atomic>
#include <cstdint>

#include "aegis/ioctl.h"
#include "nt/nt.hpp"

namespace aegis::driver {

class CallbackHealth {
  public:
    // Notes the outcome of a registration and what the callback does not see (AEGIS_CALLBACK_NO_…). Before the callback
    // can run, or when it failed to register. Any IRQL.
    void registered(NTSTATUS status, std::uint32_t flags = 0) {
        flags_.store(flags, std::memory_order_relaxed);
        status_.store(status, std::memory_order_relaxed);
        registered_.store(NT_SUCCESS(status), std::memory_order_relaxed);
    }

    void reset() {
        registered_.store(false, std::memory_order_relaxed);
        status_.store(STATUS_NOT_FOUND, std::memory_order_relaxed);
        calls_.store(0, std::memory_order_relaxed);
        last_call_.store(0, std::memory_order_relaxed);
    }

    void unregistered() { registered_.store(false, std::memory_order_relaxed); }

    bool is_registered() const { return registered_.load(std::memory_order_relaxed); }

    // Notes one call. Relaxed: several processors count, and nothing is read because of it. Any IRQL.
    void called(std::int64_t now) {
        calls_.fetch_add(1, std::memory_order_relaxed);
        last_call_.store(now, std::memory_order_relaxed);
    }

    void describe(std::uint32_t kind, AEGIS_CALLBACK_HEALTH* row) const {
        row->Kind = kind;
        row->Registered = is_registered() ? 1 : 0;
        row->Status = status_.load(std::memory_order_relaxed);
        row->Flags = flags_.load(std::memory_order_relaxed);
        row->Events = calls_.load(std::memory_order_relaxed);
        row->LastEventTime = last_call_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<bool> registered_ = false;
    std::atomic<NTSTATUS> status_ = STATUS_NOT_FOUND;
    std::atomic<std::uint32_t> flags_ = 0;
    std::atomic<std::uint64_t> calls_ = 0;
    std::atomic<std::int64_t> last_call_ = 0;
};

}  // namespace aegis::driver
