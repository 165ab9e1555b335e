#include "driver/host/server/line_report.hpp"

#include <fmt/format.h>

#include <utility>

namespace aegis::host::server {

void LineReport::operator()(std::string_view line) {
    const std::lock_guard guard(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - interval_begin_ >= kInterval) {
        interval_begin_ = now;
        lines_ = 0;
    }
    if (lines_ == kLinesAtOnce) {
        ++suppressed_;
        return;
    }
    ++lines_;
    const std::uint64_t suppressed = std::exchange(suppressed_, 0);
    write_(suppressed == 0 ? line : fmt::format("{} (and {} more lines like these before it)", line, suppressed));
}

}  // namespace aegis::host::server
