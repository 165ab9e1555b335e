#include "agent/output.hpp"

namespace aegis::agent {

WriteStatus Output::write(std::string_view lines, std::span<const std::int64_t> timestamps) {
    const std::scoped_lock lock(mutex_);
    if (result_.status != WriteStatus::kWritten) {
        return result_.status;
    }
    while (!lines.empty()) {
        result_ = port_->write_output(lines);
        if (result_.status != WriteStatus::kWritten) {
            return result_.status;
        }
        lines.remove_prefix(result_.bytes);
        progress_.fetch_add(1, std::memory_order_relaxed);
    }
    if (!timestamps.empty()) {
        const std::int64_t now = port_->system_time();
        for (const std::int64_t timestamp : timestamps) {
            latency_.add(now - timestamp);
        }
    }
    return WriteStatus::kWritten;
}

}  // namespace aegis::agent
