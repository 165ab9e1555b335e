// The events that end a client's waits.
#pragma once

#include <windows.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <initializer_list>

#include "agent/client/win32/wait_time.hpp"

namespace aegis::client {

// Handles of manual-reset events, owned by others; any thread.
class Interrupts {
  public:
    static constexpr std::size_t kMost = 3;

    // At most kMost; a null handle is none.
    Interrupts(std::initializer_list<HANDLE> events) {
        for (const HANDLE event : events) {
            if (event != nullptr) {
                events_[count_++] = event;
            }
        }
    }

    // Waits for `first`, unless it is null, and for every interrupt, at most `timeout`. Returns WAIT_OBJECT_0 for
    // `first`, which wins over the others, WAIT_OBJECT_0 + 1 for an interrupt, or another value of
    // WaitForMultipleObjects.
    DWORD wait(HANDLE first, Timeout timeout) const {
        std::array<HANDLE, kMost + 1> handles = {};
        DWORD count = 0;
        if (first != nullptr) {
            handles[count++] = first;
        }
        const DWORD behind = count;
        for (std::size_t i = 0; i < count_; ++i) {
            handles[count++] = events_[i];
        }
        const DWORD result = WaitForMultipleObjects(count, handles.data(), FALSE, wait_milliseconds(timeout));
        return result >= WAIT_OBJECT_0 + behind && result < WAIT_OBJECT_0 + count ? WAIT_OBJECT_0 + 1 : result;
    }

  private:
    std::array<HANDLE, kMost> events_ = {};
    std::size_t count_ = 0;
};

}  // namespace aegis::client
