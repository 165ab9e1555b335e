// The processes that protect themselves: entered by AEGIS_IOCTL_PROTECT, looked for by every callback on a handle that
// could hurt one.
//
// A fixed place for each handle to the device, so that no callback allocates or takes a lock. Writers hold the handle
// table's lock. A process is named by number and key: a number that is given to another process once this one has ended
// protects nobody.
#pragma once

#include <atomic>
#include <cstdint>

#include "aegis/ioctl.h"

namespace aegis::driver {

// One place of the list.
class ProtectedProcess {
  private:
    friend class ProtectedList;
    std::atomic<std::uint32_t> process_id_ = 0;  // 0: nobody's
    std::atomic<std::uint64_t> key_ = 0;
};

class ProtectedList {
  public:
    // While nobody looks. Any IRQL.
    void clear() {
        used_.store(0, std::memory_order_relaxed);
        for (ProtectedProcess& place : places_) {
            place.process_id_.store(0, std::memory_order_relaxed);
        }
    }

    // A handle protects one process at most, so there is a place. The caller holds the handle table's lock. Any IRQL.
    ProtectedProcess* add(std::uint32_t process_id, std::uint64_t key) {
        ProtectedProcess* free = places_;
        // Relaxed: nobody else stores.
        while (free->process_id_.load(std::memory_order_relaxed) != 0) {
            ++free;
        }
        free->key_.store(key, std::memory_order_relaxed);
        // Release: pairs with the load in contains(). Who sees the number sees the key that belongs to it, or a later
        // one's, which is no other process's with this number that has not ended.
        free->process_id_.store(process_id, std::memory_order_release);
        // Release: pairs with the load in is_empty(). Who sees that there is one finds it.
        used_.fetch_add(1, std::memory_order_release);
        return free;
    }

    // The same lock.
    void remove(ProtectedProcess* place) {
        // Relaxed: who still finds it comes before the end of the protection.
        used_.fetch_sub(1, std::memory_order_relaxed);
        place->process_id_.store(0, std::memory_order_relaxed);
    }

    // Acquire: pairs with add(). Whoever acts after somebody was protected, as that one can tell, finds it. Any IRQL.
    bool is_empty() const { return used_.load(std::memory_order_acquire) == 0; }

    // Whether this very process is protected. Any IRQL.
    bool contains(std::uint32_t process_id, std::uint64_t key) const {
        bool found = false;
        for (const ProtectedProcess& place : places_) {
            // Acquire: pairs with add().
            found = found || (place.process_id_.load(std::memory_order_acquire) == process_id &&
                              place.key_.load(std::memory_order_relaxed) == key);
        }
        return found;
    }

  private:
    std::atomic<std::uint32_t> used_ = 0;
    ProtectedProcess places_[AEGIS_MAX_HANDLES];
};

}  // namespace aegis::driver
