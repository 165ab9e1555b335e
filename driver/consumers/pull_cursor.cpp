#include "consumers/pull_cursor.hpp"

#include <cstring>

namespace aegis::driver {
namespace {

// A producer that laps the reader again and again must not keep it in the kernel.
constexpr int kMaxLapsPerPull = 16;

bool has_full_form(std::uint16_t type) {
    return type == AEGIS_EVENT_PROCESS_CREATE || type == AEGIS_EVENT_PROCESS_EXIT;
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
    if (!has_full_form(header.Type)) {
        return event_.size();
    }
    std::memset(to + event_.size(), 0, AEGIS_PROCESS_EVENT_SIZE - event_.size());
    header.Size = AEGIS_PROCESS_EVENT_SIZE;
    std::memcpy(to, &header, sizeof(header));
    return AEGIS_PROCESS_EVENT_SIZE;
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
