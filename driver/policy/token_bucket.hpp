// How many events of a type are let through: so many a second, and bursts of so many.
//
// One word holds the moment at which the bucket will be full again; a token taken moves it on by the time that one
// takes to come back. So nothing has to be refilled, and no lock is needed.
#pragma once

#include <atomic>
#include <cstdint>

namespace aegis::driver {

class TokenBucket {
  public:
    // A full bucket. `per_second` 0: no limit. `now`, here and below, in 100 ns. Before anybody takes.
    void initialize(std::uint32_t per_second, std::uint32_t burst, std::int64_t now) {
        start_ = now;
        interval_ = per_second == 0 ? 0 : kTicksPerSecond / per_second;
        window_ = interval_ * burst;
        full_at_.store(0, std::memory_order_relaxed);
    }

    // False when there is no token. A clock that is set back finds a full bucket. Relaxed: the word is all there is.
    // A lost race is another's token, so the loop ends. Any IRQL.
    bool take(std::int64_t now) {
        if (interval_ == 0) {
            return true;
        }
        const std::int64_t ticks = since_start(now);
        std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
        for (;;) {
            const bool is_full = full_at <= ticks || full_at - ticks > window_;
            const std::int64_t next = (is_full ? ticks : full_at) + interval_;
            if (next - ticks > window_) {
                return false;
            }
            if (full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) {
                return true;
            }
        }
    }

  private:
    // 1024 ticks in 100 ns, so that a million tokens a second are still exact to one in ten thousand.
    static constexpr std::int64_t kTicks = 1024;
    static constexpr std::int64_t kTicksPerSecond = 10'000'000 * kTicks;
    // Of 100 ns: fourteen years. What is further off counts as that far.
    static constexpr std::int64_t kFarthest = std::int64_t{1} << 52;

    std::int64_t since_start(std::int64_t now) const {
        const auto distance =
            static_cast<std::int64_t>(static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(start_));
        if (distance > kFarthest) {
            return kFarthest * kTicks;
        }
        return (distance < -kFarthest ? -kFarthest : distance) * kTicks;
    }

    std::int64_t start_ = 0;
    std::int64_t interval_ = 0;  // ticks that one token takes; 0: no limit
    std::int64_t window_ = 0;    // ticks that the whole burst takes
    std::atomic<std::int64_t> full_at_ = 0;
};

}  // namespace aegis::driver
