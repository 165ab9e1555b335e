// How processes started, where their end has to go the same way: by pid, until they end.
//
// Fixed places, so that a notification never allocates: eight to a cache line, and a process's line follows from its
// pid. No lock: NT reports a process's start before its end and before anything that it does.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/ring_layout.h"

namespace aegis::driver {

enum class ProcessMark : std::uint8_t {
    kNone,
    kReported,  // by a rule
    kDropped,   // by a rule
    kExcluded,  // its image: neither it nor anything that it does is reported
    kRefused,
};

class ProcessMarks {
  public:
    // While nobody looks.
    void clear() {
        for (Line& line : lines_) {
            for (std::atomic<std::uint64_t>& place : line.places) {
                place.store(0, std::memory_order_relaxed);
            }
        }
        used_.store(0, std::memory_order_relaxed);
    }

    // In place of what the pid had before. False when there is no room: it then has no mark. Any IRQL.
    bool set(std::uint32_t process_id, ProcessMark mark) {
        take(process_id);
        if (mark == ProcessMark::kNone) {
            return true;
        }
        const std::uint64_t wanted = entry(process_id, mark);
        for (std::atomic<std::uint64_t>& place : line_of(process_id).places) {
            std::uint64_t free = 0;
            if (place.compare_exchange_strong(free, wanted, std::memory_order_relaxed)) {
                used_.fetch_add(1, std::memory_order_relaxed);
                return true;
            }
        }
        return false;
    }

    // Any IRQL.
    ProcessMark look(std::uint32_t process_id) {
        if (used_.load(std::memory_order_relaxed) == 0) {
            return ProcessMark::kNone;
        }
        for (const std::atomic<std::uint64_t>& place : line_of(process_id).places) {
            const std::uint64_t found = place.load(std::memory_order_relaxed);
            if (found >> kMarkBits == process_id && found != 0) {
                return static_cast<ProcessMark>(found & kMarkMask);
            }
        }
        return ProcessMark::kNone;
    }

    // The mark, and removes it. Any IRQL.
    ProcessMark take(std::uint32_t process_id) {
        if (used_.load(std::memory_order_relaxed) == 0) {
            return ProcessMark::kNone;
        }
        for (std::atomic<std::uint64_t>& place : line_of(process_id).places) {
            const std::uint64_t found = place.load(std::memory_order_relaxed);
            if (found >> kMarkBits == process_id && found != 0) {
                place.store(0, std::memory_order_relaxed);
                used_.fetch_sub(1, std::memory_order_relaxed);
                return static_cast<ProcessMark>(found & kMarkMask);
            }
        }
        return ProcessMark::kNone;
    }

  private:
    static constexpr unsigned kMarkBits = 8;
    static constexpr std::uint64_t kMarkMask = 0xFF;
    static constexpr std::size_t kLines = 512;
    static constexpr std::size_t kPlacesInLine = AEGIS_CACHE_LINE / sizeof(std::uint64_t);

    struct alignas(AEGIS_CACHE_LINE) Line {
        std::atomic<std::uint64_t> places[kPlacesInLine];
    };

    static std::uint64_t entry(std::uint32_t process_id, ProcessMark mark) {
        return std::uint64_t{process_id} << kMarkBits | static_cast<std::uint64_t>(mark);
    }

    // Windows' pids are multiples of 4, Linux's are not: a multiplication spreads either.
    Line& line_of(std::uint32_t process_id) { return lines_[process_id * 0x9E3779B1U >> 23]; }

    Line lines_[kLines] = {};
    std::atomic<std::uint32_t> used_ = 0;
};

}  // namespace aegis::driver
