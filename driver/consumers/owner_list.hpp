// Which processes own a consumer, or protect themselves: for the exit of any process on the machine to look at without
// a lock.
//
// Changed under the handle table's lock only. A process that ends finds itself here if it has to, because only threads
// of its own could have entered it, and they have ended; whoever removes it has undone its setup before.
#pragma once

#include <atomic>

#include "aegis/ioctl.h"
#include "nt/nt.hpp"

namespace aegis::driver {

class OwnerList {
  public:
    // While nobody looks. Any IRQL.
    void clear() {
        for (std::atomic<HANDLE>& entry : entries_) {
            entry.store(nullptr, std::memory_order_relaxed);
        }
    }

    // One entry for each consumer and each protection of the process. A handle is one of either at most, so there is a
    // place. Caller holds the table's lock. Any IRQL.
    void add(HANDLE process_id) { replace(nullptr, process_id); }
    void remove(HANDLE process_id) { replace(process_id, nullptr); }

    // Without a lock, by a thread of the process that ends: no entry of its own comes up any more. Relaxed: who finds
    // one takes the lock before anything else. Any IRQL.
    bool contains(HANDLE process_id) const {
        bool found = false;
        for (const std::atomic<HANDLE>& entry : entries_) {
            found = found || entry.load(std::memory_order_relaxed) == process_id;
        }
        return found;
    }

  private:
    void replace(HANDLE old_id, HANDLE new_id) {
        for (std::atomic<HANDLE>& entry : entries_) {
            if (entry.load(std::memory_order_relaxed) == old_id) {
                entry.store(new_id, std::memory_order_relaxed);
                return;
            }
        }
    }

    std::atomic<HANDLE> entries_[2 * AEGIS_MAX_HANDLES] = {};
};

}  // namespace aegis::driver
