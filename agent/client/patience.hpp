// How long the agent waits for a driver that does not answer.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace aegis::agent {

// After a request to end, how long a driver may still take to answer what was or is asked.
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

  private:
    std::chrono::nanoseconds request_;
    std::optional<Clock::time_point> end_;
};

}  // namespace aegis::agent
