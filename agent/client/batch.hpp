// What aegis_next_batch fills: the caller's items, and the memory behind them for their events.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "aegis/client.h"
#include "agent/client/structs.hpp"

namespace aegis::client {

class Batch {
  public:
    // `size`: aegis_item as the caller has it, larger than this library's where its release is newer; a multiple of 8.
    // `memory` is aligned to 8, and AEGIS_MAX_EVENT_SIZE bytes long at least.
    Batch(aegis_item* items, std::uint32_t size, void* memory, std::uint32_t bytes)
        : item_(items), size_(size), place_(static_cast<std::byte*>(memory)), end_(place_ + bytes) {}

    // Where the next event may be put: there is room for the largest one.
    std::byte* place() const { return place_; }

    // The next item: an event of so many bytes that lies at place(). False: there is no room for another one.
    bool add_event(std::uint64_t sequence, std::uint32_t bytes) {
        aegis_item* const item = next_item();
        *item = {.size = size_,
                 .kind = AEGIS_ITEM_EVENT,
                 .sequence = sequence,
                 .last = sequence,
                 .count = 1,
                 .reason = 0,
                 .bytes = bytes,
                 .data = place_};
        // The one behind it is aligned as well.
        place_ += (bytes + 7U) & ~std::size_t{7};
        return has_room();
    }

    // Any other item; or an event that lies elsewhere. One that says that it is larger than events are is cut: it is
    // malformed.
    bool add(const aegis_item& from) {
        if (from.kind == AEGIS_ITEM_EVENT) {
            const std::uint32_t bytes = std::min<std::uint32_t>(from.bytes, AEGIS_MAX_EVENT_SIZE);
            std::memcpy(place_, from.data, bytes);
            return add_event(from.sequence, bytes);
        }
        aegis_item* const item = next_item();
        *item = from;
        item->size = size_;
        return has_room();
    }

  private:
    bool has_room() const { return place_ < end_ && static_cast<std::size_t>(end_ - place_) >= AEGIS_MAX_EVENT_SIZE; }

    // The caller's next one, its newer fields empty.
    aegis_item* next_item() {
        aegis_item* const item = item_;
        // All of this library's fields are of release 1.0.
        static_assert(sizeof(aegis_item) == kFirstItem);
        if (size_ != sizeof(aegis_item)) {
            std::memset(item + 1, 0, size_ - sizeof(aegis_item));
        }
        item_ = reinterpret_cast<aegis_item*>(reinterpret_cast<std::byte*>(item) + size_);
        return item;
    }

    aegis_item* item_;
    std::uint32_t size_;
    std::byte* place_;
    std::byte* end_;
};

}  // namespace aegis::client
