// How long the agent waits for a driver that does not answer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace aegis::agent {

// For a look at a driver while the agent ends.
inline constexpr std::chrono::seconds kGraceAtTheEnd{2};

// For one request at a time, and for all of them together where there is an end to it.
class Patience {
  public:
    using Clock = std::chrono::steady_clock;

    explicit Patience(std::chrono::nanoseconds request, std::optional<Clock::time_point> end = std::nullopt)
        : request_(request), end_(end) {}

    // `most`, or what is left.
    std::chrono::nanoseconds at_most(std::chrono::nanoseconds most) const {
        return end_ ? std::clamp<std::chrono::nanoseconds>(*end_ - Clock::now(), std::chrono::nanoseconds(0), most)
                    : most;
    }
    // For a request that is made now.
    std::chrono::nanoseconds for_request() const { return at_most(request_); }

    // As aegis_options has them.
    std::uint32_t request_ms() const { return milliseconds(request_); }
    std::uint32_t open_ms() const { return end_ ? milliseconds(at_most(std::chrono::hours(24))) : 0; }

  private:
    // At least one: none is another word for the default.
    static std::uint32_t milliseconds(std::chrono::nanoseconds time) {
        const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(time).count();
        return static_cast<std::uint32_t>(std::max<std::int64_t>(rounded, 1));
    }

    std::chrono::nanoseconds request_;
    std::optional<Clock::time_point> end_;
};

}  // namespace aegis::agent
