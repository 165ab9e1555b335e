// Handles that are about to be made: what is known of them before, for the event that follows them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/event.h"

namespace aegis::driver {

struct PendingHandle {
    AEGIS_HANDLE_PAYLOAD told{};
    std::int64_t time = 0;

  private:
    friend class PendingHandles;
    std::atomic<bool> taken_ = false;
};

// A fixed number of places, so that no callback allocates. A place is taken for the time between the two callbacks of
// one operation: as many are in use as threads are just there.
class PendingHandles {
  public:
    static constexpr std::size_t kPlaces = 128;

    // Null when all are taken. `hint`: where to look first; something that differs from thread to thread. Any IRQL.
    PendingHandle* take(std::uint32_t hint) {
        for (std::size_t i = 0; i < kPlaces; ++i) {
            PendingHandle& place = places_[(hint + i) % kPlaces];
            // Acquire: pairs with give_back(): what the one before wrote there is over.
            if (!place.taken_.exchange(true, std::memory_order_acquire)) {
                return &place;
            }
        }
        return nullptr;
    }

    void give_back(PendingHandle* place) {
        // Release: pairs with take().
        place->taken_.store(false, std::memory_order_release);
    }

  private:
    PendingHandle places_[kPlaces];
};

}  // namespace aegis::driver
