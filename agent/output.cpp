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
            mend_last_line();
            return result_.status;
        }
        const std::string_view written = lines.substr(0, result_.bytes);
        const std::size_t newline = written.rfind('\n');
        broken_ = newline == std::string_view::npos ? broken_ + written.size() : written.size() - newline - 1;
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

// A reader of a file takes what is behind its last newline for a line.
void Output::mend_last_line() {
    if (broken_ != 0) {
        last_line_ = port_->take_back_output(broken_) ? LastLine::kTakenBack : LastLine::kBroken;
    }
}

}  // namespace aegis::agent
