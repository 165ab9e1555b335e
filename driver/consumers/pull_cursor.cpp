#include "consumers/pull_cursor.hpp"

#include <cstring>

namespace aegis::driver {
namespace {

// A producer that laps the reader again and again must not keep it in the kernel.
constexpr int kMaxLapsPerPull = 16;

// Of an event in full form; 0 where a type has one form only.
std::uint16_t full_size(std::uint16_t type) {
    switch (type) {
        case AEGIS_EVENT_PROCESS_CREATE:
        case AEGIS_EVENT_PROCESS_EXIT:
            return AEGIS_PROCESS_EVENT_SIZE;
        case AEGIS_EVENT_IMAGE_LOAD:
            return AEGIS_IMAGE_EVENT_SIZE;
        case AEGIS_EVENT_REGISTRY_OP:
            return AEGIS_REGISTRY_EVENT_SIZE;
        case AEGIS_EVENT_PROCESS_DETAILS:
            return AEGIS_DETAILS_EVENT_SIZE;
        default:
            return 0;
    }
}

}  // namespace

void PullCursor::initialize(const ring::RingMemory<>& memory) {
    turn_.initialize();
    consumer_ = ring::Consumer<>(memory, ring::oldest_event(memory, ring::Headroom::kSome));
}

std::size_t PullCursor::pull(void* output, std::size_t output_bytes) {
    const FastMutexScope turn(turn_);
    auto* out = static_cast<std::byte*>(output);
    std::size_t written = 0;
    int laps = 0;
    while (output_bytes - written >= AEGIS_MAX_EVENT_SIZE && laps < kMaxLapsPerPull) {
        const ring::ReadStatus status = consumer_.read(event_);
        if (status == ring::ReadStatus::kEmpty) {
            break;
        }
        if (status == ring::ReadStatus::kLapped) {
            ++laps;
            continue;
        }
        written += write_event(out + written);
    }
    used_.store(true, std::memory_order_relaxed);
    cursor_.store(consumer_.cursor(), std::memory_order_relaxed);
    lost_.store(consumer_.lost(), std::memory_order_relaxed);
    return written;
}

std::size_t PullCursor::write_event(std::byte* to) const {
    std::memcpy(to, event_.data(), event_.size());
    AEGIS_EVENT_HEADER header = event_.header();
    const std::size_t full = full_size(header.Type);
    if (full == 0) {
        return event_.size();
    }
    std::memset(to + event_.size(), 0, full - event_.size());
    header.Size = static_cast<std::uint16_t>(full);
    std::memcpy(to, &header, sizeof(header));
    return full;
}

bool PullCursor::describe(std::uint64_t published, AEGIS_CONSUMER_INFO* row) const {
    if (!used_.load(std::memory_order_relaxed)) {
        return false;
    }
    const std::uint64_t cursor = cursor_.load(std::memory_order_relaxed);
    row->Transport = AEGIS_TRANSPORT_PULL;
    row->Cursor = cursor;
    row->Lag = published > cursor ? published - cursor : 0;
    row->Lost = lost_.load(std::memory_order_relaxed);
    return true;
}

}  // namespace aegis::driver
