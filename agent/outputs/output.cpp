#include "agent/outputs/output.hpp"

namespace aegis::agent {

Output::Written Output::write(std::string_view lines, std::span<const std::int64_t> timestamps) {
    const std::scoped_lock lock(mutex_);
    if (result_.status != WriteStatus::kWritten) {
        return {result_.status, 0};
    }
    std::size_t written = 0;
    while (written < lines.size()) {
        result_ = port_->write_output(lines.substr(written));
        if (result_.status != WriteStatus::kWritten) {
            mend_last_line();
            return {result_.status, written};
        }
        const std::string_view taken = lines.substr(written, result_.bytes);
        const std::size_t newline = taken.rfind('\n');
        broken_ = newline == std::string_view::npos ? broken_ + taken.size() : taken.size() - newline - 1;
        written += taken.size();
        progress_.fetch_add(1, std::memory_order_relaxed);
    }
    if (!timestamps.empty()) {
        const std::int64_t now = port_->system_time();
        for (const std::int64_t timestamp : timestamps) {
            latency_.add(now - timestamp);
        }
    }
    return {WriteStatus::kWritten, written};
}

// A reader of a file takes what is behind its last newline for a line.
void Output::mend_last_line() {
    if (broken_ != 0) {
        last_line_ = port_->take_back_output(broken_) ? LastLine::kTakenBack : LastLine::kBroken;
    }
}

}  // namespace aegis::agent
