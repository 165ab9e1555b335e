#include "agent/app/malformed.hpp"

#include <fmt/format.h>

namespace aegis::agent {

void MalformedReporter::report(std::uint64_t sequence, const AEGIS_EVENT_HEADER& header, DecodeError error,
                               std::chrono::steady_clock::time_point now) {
    const std::scoped_lock lock(mutex_);
    if (now - interval_start_ >= kInterval) {
        tell_hidden();
        interval_start_ = now;
        lines_ = 0;
    }
    if (lines_ == kLinesPerInterval) {
        ++hidden_;
        return;
    }
    ++lines_;
    log_->warning(fmt::format("skipped malformed event #{}: type {}, size {}: {}", sequence, header.Type, header.Size,
                              describe(error)));
}

void MalformedReporter::finish() {
    const std::scoped_lock lock(mutex_);
    tell_hidden();
}

void MalformedReporter::tell_hidden() {
    if (hidden_ != 0) {
        log_->warning(fmt::format("skipped {} more malformed events", hidden_));
        hidden_ = 0;
    }
}

}  // namespace aegis::agent
